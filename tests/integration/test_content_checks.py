"""The job that looks at a content set by the clock: servers are told only of what is whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from adapters.blob_store import create_blob_store
from cli.stack.servers import HOST, free_port
from domain.content.sets import DamagedSetError
from jobs import schedules
from jobs.kinds import KINDS
from jobs.model import JobFailedError, NewJob, TransientJobError
from jobs.submit import submit
from store.content import PUBLISHED
from store.notifications import Ear
from tests.blob_stores import BUCKET, CREDENTIALS
from tests.integration.content_world import eventually, make_questions, publish_questions, store_of
from tests.integration.jobs_world import World, running_lifecycle
from workers.tasks.content_sets import SetChecker


def check(checker: SetChecker, name: object = "questions") -> dict[str, object]:
    return checker({"set": name}, None).result  # type: ignore[arg-type]  # It does not look at its context.


def test_a_set_that_is_whole_is_told_to_the_servers_when_the_job_ends(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    jobs, store = World(engine), store_of(tmp_path)
    pointer = publish_questions(store, make_questions())
    ear = Ear(database_url, (PUBLISHED,))
    assert ear.hear(5) is None
    with jobs.session() as session:
        job = submit(session, NewJob("content_sets", "system", {"set": "questions"})).job

    with running_lifecycle(jobs, SetChecker(store), KINDS["content_sets"]) as lifecycle:
        lifecycle.run("content_sets", job.id)
        eventually(lambda: jobs.state(job.id) == "succeeded")

    assert [each.payload for each in ear.hear(5) or []] == ["questions"]
    ear.close()
    assert jobs.get(job.id).result == {"set": "questions", "revision": pointer.manifest.revision, "records": 10}


def test_a_set_that_was_never_published_is_nothing_to_tell(tmp_path: Path) -> None:
    outcome = SetChecker(store_of(tmp_path))({"set": "titles"}, None)  # type: ignore[arg-type]  # As above.

    assert (outcome.result, outcome.effects) == ({"set": "titles", "revision": None}, ())


@pytest.mark.parametrize("damage", [b"", b"[]", b"[" * 100])
def test_a_damaged_set_fails_the_job_and_nobody_is_told(tmp_path: Path, damage: bytes) -> None:
    store = store_of(tmp_path)
    pointer = publish_questions(store, make_questions())
    store.put(f"questions/{pointer.manifest.revision}/data.json", damage)

    with pytest.raises(JobFailedError, match="is not what was published") as raised:
        check(SetChecker(store))
    assert isinstance(raised.value.__cause__, DamagedSetError)


def test_a_store_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    checker = SetChecker(create_blob_store(f"s3://{BUCKET}", f"http://{HOST}:{free_port()}"))

    with pytest.raises(TransientJobError, match="the blob store is away"):
        check(checker)


@pytest.mark.parametrize("name", ["videos", None, 7, "../questions"])
def test_there_are_no_other_sets(tmp_path: Path, name: object) -> None:
    with pytest.raises(JobFailedError, match="there is no set"):
        check(SetChecker(store_of(tmp_path)), name)


def test_questions_are_looked_at_every_half_an_hour_and_titles_daily(engine: Engine) -> None:
    jobs = World(engine)
    schedules.install(engine)
    jobs.execute("UPDATE schedules SET next_at = now() - interval '1 second' WHERE kind = 'content_sets'")
    jobs.execute("UPDATE schedules SET next_at = now() + interval '1 hour' WHERE kind <> 'content_sets'")

    assert schedules.tick(engine) == 2
    assert schedules.tick(engine) == 0

    assert jobs.count("SELECT count(*) FROM jobs WHERE kind = 'content_sets' AND payload->>'set' = 'questions'") == 1
    assert jobs.count("SELECT extract(epoch FROM every) FROM schedules WHERE name = 'questions_refresh'") == 1800
    assert jobs.count("SELECT extract(epoch FROM every) FROM schedules WHERE name = 'titles_refresh'") == 86400
