"""Submitting code runs: one, or a batch. Reading them is reading jobs."""

from __future__ import annotations

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.orm import Session

from domain.code_runs import wire
from domain.code_runs.model import CodeRun
from jobs import submit
from jobs.model import NewJob, Priority
from jobs.submit import Idempotency, Submission
from web import guards
from web.answers import answers, header_parameter, json_of, problems
from web.job_views import is_final, job_response
from web.job_waits import read_child_states, wait_until_final
from web.platform import platform
from web.preferences import MAX_KEY_LENGTH, parse_idempotency_key, parse_prefer
from web.request_ids import request_id
from web.schemas.code_run_mapping import Offer, to_code_run, to_code_runs
from web.schemas.code_runs import BatchIn, CodeRunIn
from web.schemas.jobs import JobOut

KIND = "code_runs"
blueprint = APIBlueprint("code_runs", __name__, url_prefix="/v1/code-runs", tag="Code runs")
blueprint.before_request(guards.require_key)

_HEADERS = [
    header_parameter("Prefer", "wait=10 holds the request until the job has ended, for 10 s at most (RFC 7240)."),
    header_parameter(
        "Idempotency-Key",
        "Makes a repeated request safe: the same key and body give the same job.",
        minLength=1,
        maxLength=MAX_KEY_LENGTH,
        pattern="^[\\x21-\\x7e]+$",
    ),
]
_ACCEPTED = json_of(
    "JobOut",
    "Accepted; the job runs as soon as its turn comes.",
    Location="The job.",
    Retry_After="Seconds after which asking makes sense.",
    Idempotent_Replayed="true: an earlier request with this key made the job.",
)
_LIMITED = problems(400, 403, 413, 415, 422, 429)


@blueprint.before_request
def allow_larger_batches() -> None:
    """Bound a batch's body by its own setting; it is set before anything reads the body."""
    if request.endpoint == "code_runs.create_batch":
        request.max_content_length = platform().bounds.max_batch_bytes


@blueprint.post("")
@blueprint.input(CodeRunIn, arg_name="body")
@blueprint.output(JobOut, 200, description="The finished job, when it was waited for.")
@blueprint.doc(
    operation_id="createCodeRun",
    responses=answers({202: _ACCEPTED}, _LIMITED),
    extensions={"x-parameters": _HEADERS},
)
def create(body: CodeRunIn) -> Response:
    """Run a program, on cases of its own or as the answer to a question.

    With `Prefer: wait=N` the answer is the finished job (200) if it ends in time.
    """
    run = to_code_run(body, _offer([body]))
    idempotency = _idempotency(body)
    if replayed := _charge(1, idempotency):
        return _answer(replayed)
    new_job = _new_job(run, Priority.INTERACTIVE)
    with platform().sessions() as session:
        submission = submit.submit(session, new_job, idempotency)
    return _answer(submission)


@blueprint.post("/batch")
@blueprint.input(BatchIn, arg_name="body")
@blueprint.output(JobOut, 200, description="The finished batch, when it was waited for.")
@blueprint.doc(
    operation_id="createCodeRunBatch",
    responses=answers({202: _ACCEPTED}, _LIMITED),
    extensions={"x-parameters": _HEADERS},
)
def create_batch(body: BatchIn) -> Response:
    """Run up to a hundred programs as one batch.

    All are accepted or none. The answer is the batch's job; its `children.ids` are in the order of the runs. A batch
    is charged as many submissions as it has runs, and waits behind single runs.
    """
    runs = to_code_runs(body.runs, _offer(body.runs), platform().bounds.max_batch_bytes)
    idempotency = _idempotency(body)
    if replayed := _charge(len(runs), idempotency):
        return _answer(replayed)
    new_jobs = [_new_job(run, Priority.BATCH) for run in runs]
    with platform().sessions() as session:
        submission = submit.submit_batch(session, new_jobs, idempotency)
    return _answer(submission)


def _offer(runs: Sequence[CodeRunIn]) -> Offer:
    tools = platform()
    # One look, so that all runs of a batch are of one revision; and none for whoever asks for no question.
    loaded = tools.questions.current() if any(run.question is not None for run in runs) else None
    return Offer(tools.languages, loaded.records if loaded else {}, loaded.revision if loaded else "")


def _idempotency(body: CodeRunIn | BatchIn) -> Idempotency | None:
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    key = parse_idempotency_key(header)
    sent = body.model_dump(mode="json")
    runs: list[dict[str, object]] = sent.get("runs", [sent])
    for run in runs:
        # A request without a question has the fingerprint that it had before there were any.
        if run["question"] is None:
            del run["question"]
    return Idempotency(key, submit.fingerprint([request.path, sent]))


def _charge(cost: int, idempotency: Idempotency | None) -> Submission | None:
    def find_replay(session: Session) -> Submission | None:
        return None if idempotency is None else submit.find_replay(session, guards.caller().owner, idempotency)

    return guards.charge_unless_repeated(cost, find_replay)


def _new_job(run: CodeRun, priority: Priority) -> NewJob:
    return NewJob(KIND, guards.caller().owner, wire.to_payload(run), priority, request_id=request_id())


def _answer(submission: Submission) -> Response:
    prefer = parse_prefer(request.headers.get("Prefer", ""))
    job, applied = submission.job, "respond-async" if prefer.is_async else None
    if prefer.wait_s:
        waited = wait_until_final(job, prefer.wait_s)
        if waited is not None:
            job, applied = waited, f"wait={min(prefer.wait_s, platform().bounds.max_wait_s)}"
    status = 200 if prefer.wait_s and is_final(job) else 202
    response = job_response(job, status, read_child_states(job))
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    if applied:
        response.headers["Preference-Applied"] = applied
    if submission.is_replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
