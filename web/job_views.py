"""A job as JSON, with the headers that go with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from flask import Response

from jobs.model import FINAL_STATES, JobState
from store.jobs.records import Job

MAX_RETRY_HINT_S = 30
# A job that ended well never changes again. A failed one may be run again by hand, and its batch with it.
_CACHE_ENDED = "private, max-age=60"
_CACHE_LIVE = "private, no-cache"


def is_final(job: Job) -> bool:
    """Tell whether the job has ended."""
    return job.state in FINAL_STATES


def job_etag(job: Job) -> str:
    """Return the strong entity tag, without quotes: a job's version grows with every visible change."""
    return f"{job.id.hex}-{job.version}"


def job_response(job: Job, status: int, child_states: Mapping[UUID, str] | None = None) -> Response:
    """Answer with one job, its ``ETag``, and while it lives the time after which asking again makes sense."""
    response = json_response(show_job(job, child_states=child_states), status)
    response.set_etag(_etag_with_children(job, child_states))
    response.headers["Vary"] = "Authorization"
    is_over = job.state == "succeeded" and job.children_total is None
    response.headers["Cache-Control"] = _CACHE_ENDED if is_over else _CACHE_LIVE
    if not is_final(job):
        response.headers["Retry-After"] = str(_retry_hint_s(job))
    return response


def json_response(body: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(body), status=status, mimetype="application/json")


def show_job(
    job: Job, *, has_result: bool = True, child_states: Mapping[UUID, str] | None = None
) -> dict[str, object]:
    """Return the job's JSON, in the shape of ``web.schemas.jobs.JobOut``."""
    shown: dict[str, object] = {
        "id": str(job.id),
        "kind": job.kind,
        "owner": job.owner,
        "state": job.state,
        "priority": job.priority,
        "attempt": job.attempt,
        "crashes": job.crashes,
        "max_attempts": job.max_attempts,
        "progress": job.progress,
        "error": job.error,
        "parent_id": None if job.parent_id is None else str(job.parent_id),
        "children": _show_children(job, child_states),
        "created_at": show_moment(job.created_at),
        "run_at": show_moment(job.run_at),
        "deadline": show_moment(job.deadline),
        "started_at": show_moment(job.started_at),
        "finished_at": show_moment(job.finished_at),
        "links": _links(job),
    }
    return shown | {"result": job.result} if has_result else shown


def _show_children(job: Job, states: Mapping[UUID, str] | None) -> dict[str, object] | None:
    if job.children_total is None or job.pending_children is None:
        return None
    if states is None:
        return {"total": job.children_total, "finished": job.children_total - job.pending_children}
    ended = _count_ended(states)
    counts = {"total": job.children_total, "finished": sum(ended.values()), **ended}
    return counts | {"ids": [str(each) for each in states]}


def _count_ended(states: Mapping[UUID, str]) -> dict[str, int]:
    counts = Counter(states.values())
    return {state.value: counts[state] for state in JobState if state.is_final}


def show_moment(moment: datetime | None) -> str | None:
    """Return a moment as JSON has it: in UTC."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _etag_with_children(job: Job, states: Mapping[UUID, str] | None) -> str:
    # A batch that was cancelled keeps its version when one of its children runs again; what it shows changes.
    if states is None or not is_final(job):
        return job_etag(job)
    return "-".join([job_etag(job), *map(str, _count_ended(states).values())])


def _links(job: Job) -> dict[str, str]:
    links = {"self": f"/v1/jobs/{job.id}", "events": f"/v1/jobs/{job.id}/events"}
    return links if job.children_total is None else links | {"children": f"/v1/jobs?parent={job.id}"}


def _retry_hint_s(job: Job) -> int:
    # Most jobs take a second or two; one that has been there for long will not end in the next second.
    age_s = (datetime.now(UTC) - job.created_at).total_seconds()
    return min(MAX_RETRY_HINT_S, max(1, int(age_s / 10)))
