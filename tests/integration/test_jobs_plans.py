"""Plans that were made while the tables were empty, and are kept, look jobs up when history is long."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine

from store import workers
from store.jobs import dispatching, reads, sweeping, transitions
from store.prepared import Prepared
from tests.plans import explain, index_scans

TABLES = ("jobs", "job_events")
ONCE = {
    "nobody has looked at the table yet": (),
    "the table was seen empty": ("VACUUM ANALYZE jobs",),
    "the table was seen with one row": ("SELECT 1", "ANALYZE jobs"),
}
_JOBS = """
INSERT INTO jobs (id, kind, queue, owner, state, payload, priority, max_attempts, run_at, finished_at)
SELECT gen_random_uuid(), 'canaries', 'canaries', 'ann', 'succeeded', '{}', 0, 1, now(), now()
FROM generate_series(1, %s) n
"""
VALUES: dict[str, object] = {
    "after": 0,
    "delay_s": 1.0,
    "epoch": 1,
    "error": "{}",
    "held": "[]",
    "id": uuid4(),
    "ids": [uuid4(), uuid4()],
    "job_id": uuid4(),
    "last_owner": "ann",
    "lease_s": 60.0,
    "limit": 500,
    "max_crashes": 3,
    "max_doublings": 6,
    "max_jobs": 200,
    "owner": "ann",
    "owners": 64,
    "patience_s": 60.0,
    "progress": "{}",
    "queue": "canaries",
    "queues": ["canaries"],
    "result": "{}",
    "window_per_slot": 2.0,
    "worker": uuid4(),
}
ONE = {"jobs_pkey"}
# What is marked with * has only jobs that are on their way, and may be walked from end to end.
IN_FLIGHT = {"jobs_pkey", "jobs_in_flight_idx*", "jobs_in_flight_idx"}
INDEXES: dict[str, tuple[Prepared, set[str]]] = {
    "the next jobs are picked": (dispatching._PICK, {"jobs_pkey", "jobs_queued_idx", "jobs_in_flight_idx"}),
    "jobs go back that were not sent": (dispatching._UNPICK, ONE),
    "a job is claimed": (transitions._CLAIM, ONE),
    "a job succeeds": (transitions._SUCCEED[0], ONE),
    "a batch's child succeeds": (transitions._SUCCEED[1], ONE),
    "a job fails": (transitions._FAIL[0], ONE),
    "a batch's child fails": (transitions._FAIL[1], ONE),
    "a job is tried again later": (transitions._RETRY_LATER, ONE),
    "jobs are released": (transitions._RELEASE, ONE),
    "a job is given back": (transitions._RETURN, ONE),
    "progress is shown": (transitions._PROGRESS, ONE),
    "a job is cancelled": (transitions._CANCEL, ONE),
    "a batch is cancelled": (transitions._CANCEL_BATCH, {"jobs_pkey", "jobs_parent_idx"}),
    "a job runs again": (transitions._RERUN, {"jobs_pkey", "jobs_dead_letters_idx"}),
    "a job is followed": (transitions._FOLLOW, ONE),
    "jobs are rescued": (sweeping._RESCUE, IN_FLIGHT),
    "jobs are condemned": (sweeping._CONDEMN, IN_FLIGHT),
    "a suspect may run": (sweeping._UNPARK, {"jobs_pkey", "jobs_suspects_idx*"}),
    "late messages are sent again": (sweeping._REDISPATCH_LATE, IN_FLIGHT),
    "all messages are sent again": (sweeping._REDISPATCH_ALL, IN_FLIGHT),
    "messages of some queues are sent again": (sweeping._REDISPATCH_QUEUES, IN_FLIGHT),
    "jobs expire": (sweeping._EXPIRE, {"jobs_pkey", "jobs_deadline_idx"}),
    "a job is read": (reads._JOB, ONE),
    "an owner's job is read": (reads._OWNED_JOB, {"jobs_pkey", "jobs_owner_idx"}),
    "a job's events are read": (reads._EVENTS, {"job_events_job_id_id_idx"}),
    "leases are renewed": (workers._RENEW, ONE),
}


@pytest.mark.parametrize("once", ONCE)
def test_a_plan_that_was_made_early_looks_jobs_up(engine: Engine, once: str) -> None:
    with engine.connect() as connection:
        _prepare_early(connection, once)

        connection.exec_driver_sql(_JOBS, (10_000,))

        for meaning, (prepared, allowed) in INDEXES.items():
            assert set(index_scans(explain(connection, prepared, VALUES), TABLES)) <= allowed, meaning


def _prepare_early(connection: Connection, once: str) -> None:
    if "one row" in once:
        connection.exec_driver_sql(_JOBS, (1,))
    for statement in ONCE[once]:
        connection.exec_driver_sql(statement)
    for prepared, _ in INDEXES.values():
        connection.exec_driver_sql(prepared._prepare())
        explain(connection, prepared, VALUES)
