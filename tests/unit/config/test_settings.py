from __future__ import annotations

import re
from pathlib import Path

import pytest

from config import settings
from config.settings import (
    REPOSITORY,
    SettingsError,
    load,
    load_api,
    load_client,
    load_process,
    load_servers,
    load_stack,
)

SERVERS = {"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x"}


def test_a_missing_server_is_named() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL is not set"):
        load({"REDIS_URL": "redis://x"})


def test_everything_but_the_servers_has_a_default() -> None:
    loaded = load(SERVERS)

    assert loaded.sandbox == "auto"
    assert loaded.docker_host is None


@pytest.mark.parametrize("raw", ["0", "-1", "many", "1.5", "nan"])
def test_a_size_that_is_no_positive_number_is_refused_by_name(raw: str) -> None:
    with pytest.raises(SettingsError, match=r"SANDBOX_POOL_SIZE .* not '"):
        load(SERVERS | {"SANDBOX_POOL_SIZE": raw})


def test_an_unknown_choice_is_refused_with_the_choices() -> None:
    with pytest.raises(SettingsError, match="SANDBOX must be one of auto, docker, namespace, not 'jail'"):
        load(SERVERS | {"SANDBOX": "jail"})


@pytest.mark.parametrize("name", ["OSRM_URL", "VALHALLA_URL"])
@pytest.mark.parametrize(
    "raw",
    [
        "router.local",
        "osrm:5000",
        "http://",
        "http://[x",
        "ftp://osrm/",
        "http:/osrm",
        "http://osrm:port",
        "http://osrm:70000",
        "http://os rm/",
    ],
)
def test_a_router_without_an_address_is_refused_by_name(name: str, raw: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be an address"):
        load(SERVERS | {name: raw})


def test_a_router_has_an_address_or_is_none() -> None:
    loaded = load(SERVERS | {"OSRM_URL": "https://osrm.example/eu", "VALHALLA_URL": ""})

    assert (loaded.osrm_url, loaded.valhalla_url) == ("https://osrm.example/eu", None)


def test_content_is_kept_in_the_home_unless_another_store_is_named() -> None:
    kept = load(SERVERS | {"YARDMASTER_HOME": "/srv/yard"})
    elsewhere = load(SERVERS | {"BLOB_STORE_URL": "s3://bucket", "BLOB_STORE_ENDPOINT": "http://minio:9000"})

    assert (kept.blob_store_url, kept.blob_store_endpoint) == ("file:///srv/yard/blobs", None)
    assert (elsewhere.blob_store_url, elsewhere.blob_store_endpoint) == ("s3://bucket", "http://minio:9000")
    assert load_stack({"YARDMASTER_HOME": "/srv/yard"}).blob_store_url == kept.blob_store_url
    with pytest.raises(SettingsError, match="BLOB_STORE_ENDPOINT must be an address"):
        load(SERVERS | {"BLOB_STORE_ENDPOINT": "minio"})


def test_the_secret_of_the_edge_is_long_and_is_not_shown() -> None:
    assert load(SERVERS).edge_secret is None
    assert load_stack({"EDGE_SECRET": "0123456789abcdef"}).edge_secret == "0123456789abcdef"
    with pytest.raises(SettingsError, match=r"EDGE_SECRET must have at least 16 characters$"):
        load(SERVERS | {"EDGE_SECRET": "0123456789"})


def test_an_engine_behind_tls_needs_a_folder_of_certificates(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DOCKER_CERT_PATH is not set"):
        load(SERVERS | {"DOCKER_TLS_VERIFY": "1"})

    with pytest.raises(SettingsError, match="DOCKER_CERT_PATH must be a path that exists"):
        load(SERVERS | {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/no/certs"})

    found = load(SERVERS | {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)})
    assert found.docker_cert_path == tmp_path
    assert load(SERVERS | {"DOCKER_CERT_PATH": "/certs"}).docker_cert_path is None


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_stack({"DATABASE_URL": "", "API_PORT": ""}).database_url is None
    assert load_stack({"DATABASE_URL": "", "API_PORT": ""}).api_port is None


def test_a_port_beyond_the_last_is_refused() -> None:
    with pytest.raises(SettingsError, match="API_PORT must be a port number"):
        load_stack({"API_PORT": "65536"})


def test_a_home_under_a_tilde_becomes_absolute() -> None:
    assert load_client({"YARDMASTER_HOME": "~/yard"}).home == Path.home() / "yard"


def test_languages_are_parted_by_commas_and_none_means_all() -> None:
    assert load_stack({"API_LANGUAGES": "python, c,"}).languages == ("python", "c")
    assert load_stack({"API_LANGUAGES": ""}).languages == ()
    assert load_api({"API_LANGUAGES": "python,c"}).languages == {"python", "c"}
    assert load_api({}).languages is None


def test_programs_of_other_servers_must_be_there(tmp_path: Path) -> None:
    assert load_servers({"POSTGRES_BIN_DIR": str(tmp_path)}).postgres_bin_dir == tmp_path
    with pytest.raises(SettingsError, match="REDIS_SERVER_BINARY must be a path that exists, not '/no/redis-server'"):
        load_servers({"REDIS_SERVER_BINARY": "/no/redis-server"})


@pytest.mark.parametrize("name", ["CITIES_DIR", "SANDBOX_IMAGES_DIR"])
def test_a_folder_must_be_there_and_be_one(name: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    assert getattr(load(SERVERS | {name: str(tmp_path)}), name.lower()) == tmp_path
    with pytest.raises(SettingsError, match=f"{name} must be a path that exists, not '/no/folder'"):
        load(SERVERS | {name: "/no/folder"})
    with pytest.raises(SettingsError, match=f"{name} must be a folder"):
        load(SERVERS | {name: str(file)})


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("DATABASE_URL", "mysql://secret"),
        ("DATABASE_URL", "secret"),
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "postgresql://a:secret@host:port/x"),
        ("DATABASE_URL", "postgresql://a:secret@host:70000/x"),
        ("DATABASE_URL", "postgresql://a:secret@[::1/x"),
        ("REDIS_URL", "http://secret"),
        ("REDIS_URL", "redis://:secret@host:port"),
    ],
)
def test_a_server_of_another_kind_is_refused_by_name_and_its_password_not_shown(name: str, raw: str) -> None:
    for read in (load, load_stack):
        with pytest.raises(SettingsError, match=rf"^{name} must be a URL like \w+://") as refused:
            read(SERVERS | {name: raw})
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("DATABASE_URL", "postgresql://a:p/w#?[:x@[::1]:5432/x?sslmode=require"),
        ("DATABASE_URL", "postgresql:///x?host=/run/postgresql"),
        ("DATABASE_URL", "postgres://a:b@db.example/x"),
        ("REDIS_URL", "rediss://:secret@host:6380/1"),
    ],
)
def test_a_server_is_taken_as_it_is_named(name: str, raw: str) -> None:
    loaded = load(SERVERS | {name: raw})

    assert raw in (loaded.database_url, loaded.redis_url)


def test_flower_has_no_default_password() -> None:
    assert load_process({}).flower_password is None


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    code = Path(settings.__file__).read_text(encoding="utf-8")
    page = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")

    read = set(re.findall(r'(?:read|self)\.\w+\(\s*"([A-Z_]+)"', code))
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))

    assert read == documented
