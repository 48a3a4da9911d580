"""The compose file keeps its promises: checked by docker-compose itself, then read as data."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from config.settings import REPOSITORY, inherit
from domain.cache_refreshes.pops import control_key

SECRETS = {
    "POSTGRES_PASSWORD": "one",
    "REDIS_PASSWORD": "two",
    "FLOWER_PASSWORD": "three",
    "EDGE_SECRET": "four",
    "POP_KEY": "five",
}
PUBLISHED = {"proxy", "pop"}
ENGINE_CLIENTS = {"worker-code", "images"}
ONE_OFF = {"migrate", "images"}


def compose_config(secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed")
    blank = dict.fromkeys(SECRETS, "")  # Overrides what an .env file of this folder may say.
    return subprocess.run(
        ["docker-compose", "config"],
        cwd=REPOSITORY,
        env=inherit(blank | secrets),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, object]]:
    rendered = compose_config(SECRETS)
    assert rendered.returncode == 0, rendered.stderr
    return dict(yaml.safe_load(rendered.stdout)["services"])


def names(services: dict[str, dict[str, object]], key: str, value: str) -> set[str]:
    return {name for name, service in services.items() if value in str(service.get(key, ""))}


def networks(services: dict[str, dict[str, object]], name: str) -> set[str]:
    found = services[name]["networks"]
    assert isinstance(found, dict | list)
    return set(found)


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_a_secret_that_is_missing_stops_compose_with_its_name(missing: str) -> None:
    rendered = compose_config({name: value for name, value in SECRETS.items() if name != missing})

    assert rendered.returncode != 0
    assert missing in rendered.stderr


def test_any_service_but_what_the_world_comes_to_can_be_scaled(services: dict[str, dict[str, object]]) -> None:
    for name, service in services.items():
        assert "container_name" not in service
        assert (name in PUBLISHED) == ("ports" in service)


def test_whoever_times_drives_reaches_a_router_outside(services: dict[str, dict[str, object]]) -> None:
    reach_it = {name for name in services if "routing" in networks(services, name)}

    assert reach_it == {"api", "worker-general"}


def test_the_cities_of_a_folder_of_the_host_are_those_of_whoever_reads_them() -> None:
    for folder, expected in ("", REPOSITORY / "config" / "cities"), ("/srv/cities", "/srv/cities"):
        rendered = compose_config(SECRETS | {"CITIES_DIR": folder})
        services = yaml.safe_load(rendered.stdout)["services"]

        assert names(services, "environment", "CITIES_DIR") == {"api", "worker-general"}
        assert names(services, "volumes", str(expected)) == {"api", "worker-general"}
        for name in ("api", "worker-general"):
            assert services[name]["environment"]["CITIES_DIR"] == "/etc/yardmaster/cities"
            assert services[name]["volumes"][0].endswith(":/etc/yardmaster/cities:ro")


def test_the_pop_is_driven_by_the_workers_alone_and_reaches_nothing_but_its_origin(
    services: dict[str, dict[str, object]],
) -> None:
    pop = services["pop"]
    met = {
        network: {name for name in services if network in networks(services, name)} - {"pop"}
        for network in networks(services, "pop")
    }

    assert met == {"viewers": set(), "origin": {"proxy"}, "control": {"worker-general"}}
    assert set(pop["environment"]) >= {"POP_KEY", "POP_NAME"}
    assert not {"EDGE_SECRET", "DATABASE_URL", "REDIS_URL"} & set(pop["environment"])


def test_the_network_that_may_purge_is_the_control_network_and_no_other() -> None:
    rendered = yaml.safe_load(compose_config(SECRETS | {"POP_CONTROL_NETWORK": "10.9.8.0/24"}).stdout)

    assert rendered["networks"]["control"] == {"internal": True, "ipam": {"config": [{"subnet": "10.9.8.0/24"}]}}
    assert rendered["services"]["pop"]["environment"]["POP_CONTROL_NETWORKS"] == "127.0.0.1/32,10.9.8.0/24"


def test_the_shipped_line_makes_the_key_that_the_platform_makes(tmp_path: Path) -> None:
    head = (REPOSITORY / "docker-compose.yml").read_text().splitlines()
    (line,) = [line.removeprefix("#   ") for line in head if "POP_KEY=$(" in line]
    (tmp_path / ".env").write_text("EDGE_SECRET=of the tests\n".replace(" ", "-"))

    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)

    assert (tmp_path / ".env").read_text().splitlines()[1] == f"POP_KEY={control_key('of-the-tests', 'local')}"
    assert line in (REPOSITORY / "README.md").read_text()


def test_only_the_worker_and_the_image_build_reach_the_sandbox_engine(services: dict[str, dict[str, object]]) -> None:
    reach_it = {name for name in services if "sandbox" in networks(services, name)}

    assert reach_it == ENGINE_CLIENTS | {"sandbox-engine"}
    assert names(services, "volumes", "sandbox-client") == ENGINE_CLIENTS | {"sandbox-engine"}
    assert names(services, "environment", "DOCKER_HOST") == ENGINE_CLIENTS


def test_no_service_holds_the_hosts_docker_socket(services: dict[str, dict[str, object]]) -> None:
    assert names(services, "volumes", "docker.sock") == set()


def test_only_the_engine_is_privileged_and_the_platform_has_no_capabilities(
    services: dict[str, dict[str, object]],
) -> None:
    for name, service in services.items():
        assert bool(service.get("privileged")) == (name == "sandbox-engine")
        if service["image"] == "yardmaster":
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
            assert service["read_only"] is True


def test_the_engine_shares_no_network_with_the_api_or_the_databases(services: dict[str, dict[str, object]]) -> None:
    engine = networks(services, "sandbox-engine")

    for name in ("api", "postgres", "redis", "proxy", "flower"):
        assert engine.isdisjoint(networks(services, name))


def test_every_service_that_stays_has_a_health_check(services: dict[str, dict[str, object]]) -> None:
    assert {name for name, service in services.items() if "healthcheck" not in service} == ONE_OFF


def test_the_images_user_may_write_to_its_home(services: dict[str, dict[str, object]]) -> None:
    dockerfile = (REPOSITORY / "config" / "container" / "Dockerfile").read_text()

    assert "--uid 10001 --home-dir /var/lib/yardmaster" in dockerfile
    assert "/var/lib/yardmaster:uid=10001,mode=0700" in str(services["api"]["tmpfs"])


def test_whoever_serves_or_proves_content_shares_the_blobs(services: dict[str, dict[str, object]]) -> None:
    dockerfile = (REPOSITORY / "config" / "container" / "Dockerfile").read_text()

    assert names(services, "volumes", "/var/cache/yardmaster-blobs") == {"api", "worker-general", "worker-media"}
    for name in ("api", "worker-general", "worker-media"):
        assert "file:///var/cache/yardmaster-blobs" in str(services[name]["environment"])
    # A volume takes its owner from the folder in the image, which the image's user has to be able to write to.
    assert re.search(r"install --directory --owner=yardmaster .*/var/cache/yardmaster-blobs\b", dockerfile)


def test_what_is_started_by_the_test_is_the_shipped_file_but_for_its_images(
    services: dict[str, dict[str, object]],
) -> None:
    override = yaml.safe_load((REPOSITORY / "tests" / "e2e" / "compose" / "docker-compose.yml").read_text())

    assert set(override["services"]) == set(services)
    assert {key for service in override["services"].values() for key in service} == {"image", "build"}


def test_redis_keeps_what_it_accepted(services: dict[str, dict[str, object]]) -> None:
    command = str(services["redis"]["command"])

    assert "appendonly yes" in command
    assert "maxmemory-policy noeviction" in command
