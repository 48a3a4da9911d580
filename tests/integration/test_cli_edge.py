"""The commands for the edge, against a served API."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from cli.main import cli
from domain.cache_refreshes.pops import control_key
from store.db import sessions
from tests.apis import make_key, served
from tests.integration.edge_yard import EdgeYard

SECRET = "a secret of at least sixteen characters"


def test_pops_are_added_refreshed_listed_and_removed(
    engine: Engine, database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YARDMASTER_HOME", str(tmp_path))
    monkeypatch.setenv("YARDMASTER_API_KEY", make_key(sessions(engine), "ada", is_admin=True))
    monkeypatch.setenv("EDGE_SECRET", SECRET)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)

    with served(tmp_path, database_url, redis_url) as server:
        monkeypatch.setenv("YARDMASTER_URL", server.url)
        added = run("pops", "add", "blr1", "--url", "http://blr.example", "--region", "in", "--driver", "varnish",
                    "--capacity-bytes", "1000", "--fill-window", "02:00", "14:00", "Asia/Kolkata")  # fmt: skip
        table = run("pops", "list")
        begun = run("cache", "refresh", "/v1/questions", "--reason", "a typo", "--no-wait", "--json")
        refused = run("cache", "refresh", "/a", "--tag", "b", "--reason", "both")
        wrong = run("cache", "refresh", "/a", "a b", "--pop", "blr1", "--pop", "nowhere", "--reason", "oops")
        listed = run("cache", "list", "--by", "ada")
        shown = run("cache", "show", json.loads(begun.output)["id"])
        key = run("pops", "key", "blr1")
        placement = run("cache", "placement", "--days", "1")
        as_json = run("cache", "placement", "--json", "--region", "in-south")
        threading.Timer(0.5, do_what_waits, (engine,)).start()
        populated = run("cache", "populate", "--reason", "a festival")
        removed = run("pops", "remove", "blr1")

    assert added.exit_code == 0, added.output
    assert "blr1  in      varnish  False" in table.output
    assert json.loads(begun.output)["selection"] == {"urls": ["/v1/questions"]}
    assert refused.exit_code == 1
    assert "--tag: is one too many; send one of urls, tags, prefix and set" in refused.output
    assert wrong.exit_code == 1
    assert "\n  a b: " in wrong.output
    assert "  urls /v1/questions  " in listed.output
    assert "a typo" in listed.output
    assert "blr1  queued" in shown.output
    assert key.output.strip() == control_key(SECRET, "blr1")
    assert placement.exit_code == as_json.exit_code == populated.exit_code == 0, populated.output
    assert "blr1  in      0           0           1000            -" in placement.output
    assert len(json.loads(as_json.output)["placements"][0]["days"]) == 7
    assert "0.000" not in populated.output
    assert "ada" in populated.output
    assert removed.output == "blr1 removed\n"


def do_what_waits(engine: Engine) -> None:
    """Be the worker."""
    yard = EdgeYard(engine, {})
    yard.world.execute("UPDATE jobs SET run_at = now() + interval '1 hour' WHERE payload->>'do' <> 'populate'")
    yard.work()
