"""For administrators: how deep the queues are; pausing and resuming them."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from jobs.kinds import KINDS
from store import statistics
from store.jobs import dispatching, reads
from web import guards
from web.answers import answers, problems
from web.job_views import json_response
from web.platform import platform
from web.problems import NotFoundError

blueprint = APIBlueprint("queues", __name__, url_prefix="/v1/queues", tag="Queues")
blueprint.before_request(guards.require_key)
blueprint.before_request(guards.require_admin)


class QueueOut(BaseModel):
    """A queue: its jobs by state, how long its oldest due job has waited, and who works on it.

    ``scheduled`` jobs are queued for later; ``queued`` has those that are due.
    """

    name: str
    is_paused: bool
    queued: int
    scheduled: int
    dispatched: int
    running: int
    oldest_age_s: float
    workers: int
    slots: int


class QueuesOut(BaseModel):
    """All queues."""

    queues: list[QueueOut]


@blueprint.get("")
@blueprint.output(QueuesOut, description="All queues.")
@blueprint.doc(operation_id="listQueues", responses=answers(problems(403)))
def list_queues() -> Response:
    """List the queues (administrators)."""
    with platform().sessions() as session:
        return json_response({"queues": list(_show(session).values())})


@blueprint.post("/<name>/pause")
@blueprint.output(QueueOut, description="The paused queue.")
@blueprint.doc(operation_id="pauseQueue", responses=answers(problems(403, 404)))
def pause_queue(name: str) -> Response:
    """Start no more jobs of a queue (administrators).

    Those that run go on, and new ones are accepted.
    """
    return _set_paused(name, is_paused=True)


@blueprint.post("/<name>/resume")
@blueprint.output(QueueOut, description="The resumed queue.")
@blueprint.doc(operation_id="resumeQueue", responses=answers(problems(403, 404)))
def resume_queue(name: str) -> Response:
    """Start the jobs of a paused queue again (administrators)."""
    return _set_paused(name, is_paused=False)


def _set_paused(name: str, *, is_paused: bool) -> Response:
    if name not in _names():
        raise NotFoundError("there is no such queue")
    with platform().sessions() as session:
        dispatching.set_paused(session, name, is_paused=is_paused)
        return json_response(_show(session)[name])


def _names() -> list[str]:
    return sorted(kind.queue for kind in KINDS.values())


def _show(session: Session) -> dict[str, dict[str, object]]:
    counts = {(count.queue, count.state): count for count in reads.queue_counts(session)}
    workers = {count.queue: count for count in statistics.living_workers(session)}
    paused = set(dispatching.paused_queues(session))
    queues: dict[str, dict[str, object]] = {}
    for name in _names():
        states = {state: counts.get((name, state)) for state in ("queued", "scheduled", "dispatched", "running")}
        queued = states["queued"]
        queues[name] = {
            "name": name,
            "is_paused": name in paused,
            **{state: 0 if count is None else count.jobs for state, count in states.items()},
            "oldest_age_s": 0.0 if queued is None else queued.oldest_age_s,
            "workers": workers[name].workers if name in workers else 0,
            "slots": workers[name].slots if name in workers else 0,
        }
    return queues
