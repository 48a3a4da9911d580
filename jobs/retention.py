"""Forget what nobody needs any more, a batch at a time so that nobody waits for it: jobs, rides, keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from jobs.kinds import BATCHES, DAY_S, KINDS, Kind
from store import api_keys
from store.db import sessions
from store.jobs import sweeping
from store.rides import retention as ride_retention

BATCH = 500
MAX_BATCHES = 20
KEEP_KEYS_S = DAY_S
KEEP_EXPIRED_S = 30 * DAY_S
"""For how long API keys are still listed after their time is over."""
KEEP_RIDES_S = 400 * DAY_S
"""For how long rides are kept after their end, with their offers and events: a year, and what is asked about it."""
KEEP_FIXES_S = 30 * DAY_S
"""For how long the positions of rides are kept after their end: as long as anybody may argue about the distance."""


def prune(engine: Engine, kinds: Mapping[str, Kind] = KINDS) -> int:
    """Delete old finished jobs, rides and keys; return how many jobs. Safe to run by many at once."""
    longest = max(kinds.values(), key=lambda kind: kind.keep_s)
    pruned = 0
    with sessions(engine)() as session:
        for kind in (*kinds.values(), replace(longest, name=BATCHES)):
            pruned += _in_batches(partial(_prune_jobs, session, kind))
        sweeping.prune_keys(session, KEEP_KEYS_S, BATCH * MAX_BATCHES)
        _in_batches(partial(ride_retention.prune_fixes, session, KEEP_FIXES_S, BATCH))
        _in_batches(partial(ride_retention.prune, session, KEEP_RIDES_S, BATCH))
        _in_batches(partial(api_keys.prune, session, KEEP_EXPIRED_S, BATCH))
    return pruned


def _prune_jobs(session: Session, kind: Kind) -> int:
    return len(sweeping.prune(session, kind.name, kind.keep_s, BATCH))


def _in_batches(prune_batch: Callable[[], int]) -> int:
    """Call ``prune_batch`` until it finds less than a full batch, or had its share; return how many are gone."""
    pruned = 0
    for _ in range(MAX_BATCHES):
        gone = prune_batch()
        pruned += gone
        if gone < BATCH:
            break
    return pruned
