"""Reading, waiting for, cancelling and repeating jobs of every kind."""

from __future__ import annotations

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError

from jobs import submit
from jobs.model import FINAL_STATES
from store.jobs import reads
from store.jobs.reads import JobFilter
from store.jobs.records import Job, JobEvent
from web import guards
from web.answers import answers, header_parameter, headers, json_of, problems
from web.cursors import decode_cursor, next_page, page_response
from web.job_views import is_final, job_etag, job_response, show_job
from web.job_waits import follow_job, read_child_states, read_job, wait_until
from web.platform import platform
from web.schemas.jobs import JobOut, JobPage, ListQuery, WaitQuery
from web.sse import Message, Reader
from web.streams import LAST_EVENT_ID, last_event_id, open_stream, stream_of

blueprint = APIBlueprint("jobs", __name__, url_prefix="/v1/jobs", tag="Jobs")
blueprint.before_request(guards.require_key)

_NO_CHANGE = {"description": "The job has not changed since the version in If-None-Match."}
_NO_EVENTS = {"description": "The job has ended, and every event of it has been seen."}
_STREAM = stream_of("job_id, at, state, attempt, detail")


@blueprint.get("/<uuid:job_id>")
@blueprint.input(WaitQuery, location="query", arg_name="query")
@blueprint.output(JobOut, description="The job.")
@blueprint.doc(
    operation_id="getJob",
    responses=answers(
        {
            200: {"headers": headers(ETag="The job's version.", Retry_After="While it lives: when to ask again.")},
            304: _NO_CHANGE,
        },
        problems(404, 422),
    ),
    extensions={"x-parameters": [header_parameter("If-None-Match", "An ETag: 304 when the job is still that.")]},
)
def get_job(job_id: UUID, query: WaitQuery) -> Response:
    """Read a job.

    With `?wait=N` the answer comes when the job has ended, or with `If-None-Match` as soon as it has changed.
    """
    owner, known = guards.visible_owner(), request.if_none_match

    def is_news(job: Job) -> bool:
        return is_final(job) or not known.contains(job_etag(job))

    job = wait_until(job_id, owner, query.wait, is_news if known else None) if query.wait else None
    job = job or read_job(job_id, owner)
    response = job_response(job, 200, read_child_states(job))
    # It gives back the response itself, of which its type says less.
    return response.make_conditional(request) if known else response  # type: ignore[return-value]


@blueprint.get("")
@blueprint.input(ListQuery, location="query", arg_name="query")
@blueprint.output(JobPage, description="One page.")
@blueprint.doc(
    operation_id="listJobs",
    responses=answers(
        {200: {"headers": headers(Link="rel=next: the following page, if there is one.")}}, problems(422)
    ),
)
def list_jobs(query: ListQuery) -> Response:
    """List jobs, the newest first.

    `state=failed` lists the dead letters.
    """
    wanted = JobFilter(guards.visible_owner(), query.kind, query.state, query.parent)
    before = decode_cursor(query.cursor)
    with platform().sessions() as session:
        found = reads.list_jobs(session, wanted, query.limit + 1, before)
    page = found[: query.limit]
    following = next_page("/v1/jobs", query, page[-1].id) if len(found) > query.limit else None
    return page_response("jobs", [show_job(job, has_result=query.include == "result") for job in page], following)


@blueprint.delete("/<uuid:job_id>")
@blueprint.output(JobOut, description="The cancelled job.")
@blueprint.doc(operation_id="cancelJob", responses=answers(problems(404, 409)))
def cancel_job(job_id: UUID) -> Response:
    """Cancel a job, or a batch with all its jobs.

    Works while it waits and while it runs: its processes are killed. Cancelling twice is no error.
    """
    with platform().sessions() as session:
        job = submit.cancel(session, job_id, guards.visible_owner())
    return job_response(job, 200, read_child_states(job))


@blueprint.post("/<uuid:job_id>/retry")
@blueprint.output(JobOut, 202, description="The job, queued again.")
@blueprint.doc(
    operation_id="retryJob",
    responses=answers(
        {202: json_of("JobOut", "The job, queued again.", Location="The job.")}, problems(403, 404, 409, 429)
    ),
)
def retry_job(job_id: UUID) -> Response:
    """Run a failed job again, as if it were new."""
    owner = guards.visible_owner()
    read_job(job_id, owner)
    guards.charge(1)
    with platform().sessions() as session:
        job = submit.retry(session, job_id, owner)
    response = job_response(job, 202)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return response


@blueprint.get("/<uuid:job_id>/events")
@blueprint.doc(
    operation_id="streamJobEvents",
    responses=answers({200: _STREAM, 204: _NO_EVENTS}, problems(400, 404)),
    extensions={"x-parameters": [LAST_EVENT_ID]},
)
def stream_events(job_id: UUID) -> Response:
    """Follow a job's events as they happen (server-sent events).

    The stream ends after the event that ended the job. Comments keep the connection alive.
    """
    last_id = last_event_id()

    def begin() -> Reader | None:
        job = read_job(job_id, guards.visible_owner())
        follow_job(job_id)
        read_after = _event_reader(job_id)
        return None if is_final(job) and not read_after(last_id) else read_after

    return open_stream(str(job_id), begin, last_id)


def _event_reader(job_id: UUID) -> Reader:
    sessions = platform().sessions

    def read_after(last_id: int) -> list[Message] | None:
        try:
            with sessions() as session:
                return [_message(event) for event in reads.events_after(session, job_id, last_id)]
        except SQLAlchemyError:
            return None  # The stream ends; the client comes back with the id of the last event that it saw.

    return read_after


def _message(event: JobEvent) -> Message:
    data: dict[str, object] = {
        "job_id": str(event.job_id),
        "at": event.at.isoformat(),
        "state": event.state,
        "attempt": event.attempt,
        "detail": event.detail,
    }
    return Message(event.id, event.name, data, is_last=event.state in FINAL_STATES)
