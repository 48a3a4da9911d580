"""Canaries: jobs that do nothing, sent to prove that a job which is submitted gets finished.

A payload ``{"sleep_s": 0.5}`` makes one take that long, which drills and fault tests use.
"""

from __future__ import annotations

import threading

from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError

MAX_SLEEP_S = 300.0


def sing(payload: dict[str, object], context: JobContext) -> Outcome:
    """Do nothing, for as long as ``sleep_s`` says.

    Raises:
        JobFailedError: ``sleep_s`` is no number from 0 to ``MAX_SLEEP_S``.
        TransientJobError: the sleep was interrupted.
    """
    sleep_s = payload.get("sleep_s", 0)
    if not isinstance(sleep_s, int | float) or not 0 <= sleep_s <= MAX_SLEEP_S:
        raise JobFailedError(f"sleep_s must be a number from 0 to {MAX_SLEEP_S:g}")
    if sleep_s:
        stopped = threading.Event()
        context.on_stop(stopped.set)
        if stopped.wait(sleep_s):
            raise TransientJobError("interrupted")
    return Outcome({"attempt": context.attempt})
