"""``yardmaster content`` on a folder, a store and a database: checked, compared, published, told, and back again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from cli.content import content
from cli.stack.content import publish_shipped
from cli.stack.servers import free_port
from config.settings import load_stack
from store.content import PUBLISHED
from store.notifications import Ear
from tests.blob_stores import BUCKET, CREDENTIALS, lying_server, s3_server
from tests.integration.content_world import write_question


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YARDMASTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATABASE_URL", "")
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(5):
        write_question(tmp_path / "content", f"q-{number}")
    write_title(tmp_path / "content", "t-1")
    return tmp_path / "content"


def write_title(folder: Path, name: str) -> None:
    (folder / "titles").mkdir(parents=True, exist_ok=True)
    fields = (
        'name = "A film"\ndescription = "Of a yard."\nreleased_on = 2026-01-01\nminutes = 90\ngenres = ["drama"]\n'
    )
    (folder / "titles" / f"{name}.toml").write_text(fields)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(content, [str(each) for each in arguments])


def pointer(home: Path, name: str = "questions") -> dict[str, object]:
    return dict(json.loads((home / "blobs" / name / "current.json").read_text()))


def revision(home: Path, name: str = "questions") -> str:
    manifest = pointer(home, name)["manifest"]
    assert isinstance(manifest, dict)
    return str(manifest["revision"])


def test_a_dry_run_shows_what_would_change_and_publishes_nothing(folder: Path, home: Path) -> None:
    done = run("publish", folder, "--dry-run")

    assert done.exit_code == 0
    assert "questions: 0 records before, 5 in the folder\n  added    q-0\n" in done.output
    assert not (home / "blobs" / "questions").exists()


def test_what_is_published_says_who_did_it_and_the_next_time_what_changes(folder: Path, home: Path) -> None:
    assert run("publish", folder, "--by", "ada").exit_code == 0
    first, first_revision = pointer(home), revision(home)
    write_question(folder, "q-1", "Another sum")
    write_question(folder, "q-9")
    (folder / "questions" / "q-2" / "prompt.md").unlink()
    (folder / "questions" / "q-2" / "question.toml").unlink()
    (folder / "questions" / "q-2").rmdir()

    done = run("publish", folder)

    assert done.exit_code == 0, done.output
    assert first["published_by"] == "ada"
    assert "  added    q-9\n  changed  q-1\n  removed  q-2\n" in done.output
    assert "titles: 1 records before, 1 in the folder\n  nothing changes\n" in done.output
    assert "@" in str(pointer(home)["published_by"])
    assert pointer(home)["previous"] == first_revision


def test_all_mistakes_are_told_at_once_and_nothing_is_published(folder: Path, home: Path) -> None:
    (folder / "questions" / "q-0" / "prompt.md").unlink()
    (folder / "titles" / "t-1.toml").write_text("name = 1")

    done = run("publish", folder)

    assert done.exit_code == 1
    assert "prompt.md: is missing" in done.output
    assert "t-1.toml: minutes: Field required" in done.output
    assert not (home / "blobs").exists()


def test_a_set_that_shrinks_is_refused_unless_it_is_meant(folder: Path, home: Path) -> None:
    run("publish", folder)
    before = revision(home)
    for number in (3, 4):
        for file in (folder / "questions" / f"q-{number}").iterdir():
            file.unlink()
        (folder / "questions" / f"q-{number}").rmdir()

    warned = run("publish", folder, "--dry-run")
    refused = run("publish", folder)
    unchanged = revision(home)
    expected = run("publish", folder, "--dry-run", "--allow-shrink")
    meant = run("publish", folder, "--allow-shrink")

    assert refused.exit_code == 1
    reason = "questions would shrink from 5 records to 3, which takes --allow-shrink"
    assert f"Error: {reason}; nothing was published" in refused.output
    assert (warned.exit_code, expected.exit_code) == (1, 0)
    assert f"Error: would be refused: {reason}" in warned.output
    assert "titles: " in warned.output
    assert unchanged == before
    assert meant.exit_code == 0
    assert revision(home) != before


def test_one_set_alone_is_published_when_asked_for(folder: Path, home: Path) -> None:
    assert run("publish", folder, "--set", "titles").exit_code == 0

    assert (home / "blobs" / "titles").exists()
    assert not (home / "blobs" / "questions").exists()


def test_an_earlier_revision_is_served_again_by_its_first_characters(folder: Path, home: Path) -> None:
    run("publish", folder)
    first = revision(home)
    write_question(folder, "q-1", "Another sum")
    run("publish", folder)
    second = revision(home)

    done = run("rollback", "questions", first[:8], "--by", "bob")

    assert done.exit_code == 0, done.output
    assert (revision(home), pointer(home)["published_by"]) == (first, "bob")
    listed = json.loads(run("revisions", "questions", "--json").output)
    assert {each["revision"]: each["is_served"] for each in listed} == {first: True, second: False}
    unknown = run("rollback", "questions", "0" * 64)
    assert (unknown.exit_code, revision(home)) == (1, first)


def test_status_shows_what_is_published_even_when_no_server_answers(folder: Path, home: Path) -> None:
    run("publish", folder, "--set", "questions", "--by", "ada")

    done = CliRunner().invoke(content, ["status", "--json"])

    assert done.exit_code == 0
    assert "What the servers serve is not known" in done.stderr
    sets = {each["set"]: each for each in json.loads(done.stdout)["sets"]}
    assert (sets["questions"]["revision"], sets["questions"]["published_by"]) == (revision(home), "ada")
    assert sets["titles"]["revision"] is None


def test_servers_and_edge_are_told_of_each_set(
    folder: Path, database_url: str, engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    ear = Ear(database_url, (PUBLISHED,))
    assert ear.hear(5) is None

    done = run("publish", folder, "--by", "ada")

    heard = [each.payload for _ in range(2) for each in ear.hear(5) or []]
    ear.close()
    with engine.connect() as connection:
        jobs = connection.execute(text("SELECT kind, owner, payload FROM jobs ORDER BY id")).all()
    assert done.exit_code == 0, done.output
    assert heard == ["questions", "titles"]
    assert [(job.kind, job.owner) for job in jobs] == [("cache_refreshes", "system")] * 2
    assert jobs[0].payload == {"do": "set", "set": "questions", "revision": revision(home), "by": "ada"}


def test_what_is_published_while_the_database_is_away_is_published_and_the_command_says_who_was_not_told(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    done = run("publish", folder)

    assert done.exit_code == 75
    assert (
        "The servers were not told, and the edge is not refreshed: the database of DATABASE_URL does not"
        in done.output
    )
    assert revision(home)
    assert revision(home, "titles")


def test_a_store_that_lies_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with s3_server(tmp_path) as honest, lying_server(honest) as lying:
        monkeypatch.setenv("BLOB_STORE_URL", f"s3://{BUCKET}/content")
        monkeypatch.setenv("BLOB_STORE_ENDPOINT", lying)
        refused = run("publish", folder)
        monkeypatch.setenv("BLOB_STORE_ENDPOINT", honest)
        nothing = run("revisions", "questions", "--json")
        taken = run("publish", folder)

    assert refused.exit_code == 1
    assert "overwrites what it was told to leave alone" in refused.output
    assert json.loads(nothing.output) == []
    assert taken.exit_code == 0, taken.output


def test_a_damaged_revision_is_mended_by_publishing_it_again(folder: Path, home: Path) -> None:
    run("publish", folder)
    data = home / "blobs" / "questions" / revision(home) / "data.json"
    whole = data.read_bytes()
    data.write_bytes(whole[:100])

    done = run("publish", folder)

    assert "cannot be compared with" in done.output
    assert done.exit_code == 0
    assert data.read_bytes() == whole


def test_a_new_platform_publishes_what_comes_along_and_leaves_alone_what_was_published(
    folder: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_stack()
    run("publish", folder, "--set", "titles", "--by", "ada")
    titles_before = pointer(home, "titles")
    write_title(folder, "t-2")

    publish_shipped(settings, folder)
    first = pointer(home)
    write_question(folder, "q-1", "Another sum")
    publish_shipped(settings, folder)

    assert first["published_by"] == "yardmaster up"
    assert pointer(home) == first
    assert pointer(home, "titles") == titles_before
    assert capsys.readouterr().err == ""


def test_a_platform_starts_although_the_blob_store_is_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BLOB_STORE_URL", f"s3://{BUCKET}")
    monkeypatch.setenv("BLOB_STORE_ENDPOINT", f"http://127.0.0.1:{free_port()}")

    publish_shipped(load_stack(), folder)

    assert "could not be published" in capsys.readouterr().err
