"""Holding a request until its job has ended or changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from jobs import submit
from store.jobs import reads
from store.jobs.records import Job
from web.job_views import is_final
from web.platform import platform


def wait_until_final(job: Job, seconds: float) -> Job | None:
    """Return the job as it is once it has ended, or after ``seconds``, capped; ``None`` if nobody could wait."""
    return wait_until(job.id, None, seconds)


def wait_until(
    job_id: UUID, owner: str | None, seconds: float, is_enough: Callable[[Job], bool] | None = None
) -> Job | None:
    """Return the job once it ``is_enough`` (default: has ended), or as it is after ``seconds``, capped by the server.

    ``None`` says that all places for waiting are taken; the job was not read then.

    Raises:
        JobNotFoundError: there is no such job of that ``owner``, or it was pruned while we waited.
    """
    tools = platform()
    deadline = time.monotonic() + min(seconds, tools.bounds.max_wait_s)
    with tools.waiters.take() as has_place:
        if not has_place:
            return None
        # Subscribed before the read: what changes after it is heard.
        watching = tools.hub.watch(str(job_id), only_end=is_enough is None)
        with tools.metrics.waiting("jobs").track_inprogress(), watching as watch:
            if is_enough is not None:
                read_job(job_id, owner)  # Nobody marks what is not theirs.
                follow_job(job_id)
            while True:
                job = read_job(job_id, owner)
                if (is_enough or is_final)(job) or not watch.wait(deadline - time.monotonic()):
                    return job


def follow_job(job_id: UUID) -> None:
    """Have this process woken by every change of the job, not only by its end."""
    with platform().sessions() as session:
        submit.follow(session, job_id)


def read_child_states(job: Job) -> dict[UUID, str] | None:
    """Return the state of each of a batch's children, in the order of its runs; ``None``: it is no batch."""
    if job.children_total is None:
        return None
    with platform().sessions() as session:
        return reads.child_states(session, job.id)


def read_job(job_id: UUID, owner: str | None) -> Job:
    """Return the job as it is now, holding a connection no longer than the statement takes.

    Raises:
        JobNotFoundError: there is no such job of that ``owner``.
    """
    with platform().sessions() as session:
        return submit.get(session, job_id, owner)
