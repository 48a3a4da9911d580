"""``yardmaster videos`` brings a file through the API, and goes on where it was interrupted."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import cli.videos as commands
from cli.client import ApiClient, NotReachedError, RefusedError
from tests.apis import make_key, served
from tests.integration.content_world import publish_films
from tests.videos import Studio, make_clip


@pytest.fixture
def studio(engine, tmp_path):
    return Studio(engine, tmp_path)


@pytest.fixture
def server(database_url, redis_url, tmp_path):
    publish_films(tmp_path, "film", "my-film")
    with served(tmp_path, database_url, redis_url, API_PROCESSES="1") as running:
        yield running


@pytest.fixture
def run(server, studio, monkeypatch, tmp_path):
    monkeypatch.setenv("YARDMASTER_URL", server.url)
    monkeypatch.setenv("YARDMASTER_API_KEY", make_key(studio.sessions, "alice", is_admin=True))
    monkeypatch.setenv("YARDMASTER_HOME", str(tmp_path))
    monkeypatch.setattr(commands, "CHUNK_BYTES", 256 << 10)
    monkeypatch.setattr(commands, "POLL_S", 0.01)
    return lambda *arguments: CliRunner().invoke(commands.videos, arguments)


def test_a_file_is_uploaded_in_chunks_and_listed(run, studio, tmp_path):
    file = make_clip(tmp_path / "My Film.mp4", seconds=3)

    result = run("ingest", str(file), "--no-wait")

    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["title"], shown["state"], shown["uploaded_bytes"]) == ("my-film", "processing", file.stat().st_size)
    assert "100% uploaded" in result.stderr
    assert studio.run(studio.video(shown["id"]).job_id).state == "succeeded"
    assert "ready" in run("list").output
    assert run("remove", shown["id"]).exit_code == 0
    assert studio.video(shown["id"]).state == "removed"


def test_an_interrupted_upload_is_gone_on_with(run, studio, tmp_path, monkeypatch):
    file = make_clip(tmp_path / "film.mp4", seconds=3)
    sent, whole = [], ApiClient.upload

    def break_off(self, path, offset, chunk):
        if len(sent) == 2:
            raise NotReachedError("the line broke")
        sent.append(offset)
        return whole(self, path, offset, chunk)

    monkeypatch.setattr(ApiClient, "upload", break_off)
    result = run("ingest", str(file), "--no-wait")
    assert result.exit_code == 3
    video = result.stderr.partition("--resume ")[2].split()[0]
    monkeypatch.setattr(ApiClient, "upload", whole)

    result = run("ingest", str(file), "--resume", video, "--no-wait")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["state"] == "processing"
    assert studio.run(studio.video(video).job_id).state == "succeeded"


def test_what_is_refused_is_said(run, studio, tmp_path, server):
    (tmp_path / "film.txt").write_bytes(b"x")
    (tmp_path / "film.mp4").write_bytes(b"x")

    assert "ends in one of" in run("ingest", str(tmp_path / "film.txt")).output
    assert "/title" in run("ingest", str(tmp_path / "film.mp4"), "--title", "Über").output
    unknown = run("ingest", str(tmp_path / "film.mp4"), "--title", "nope")
    assert (unknown.exit_code, "no title 'nope' in the catalogue" in unknown.output) == (1, True)
    client = ApiClient(server.url, make_key(studio.sessions, "bob"))
    with pytest.raises(RefusedError, match="administrator"):
        client.upload("/v1/videos/01990000-0000-7000-8000-000000000000/upload", 0, b"x")
    client.close()
