"""Forget finished jobs when their kind's time is over, a batch at a time so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Engine

from jobs.kinds import BATCHES, DAY_S, KINDS, Kind
from store.db import sessions
from store.jobs import sweeping

BATCH = 500
MAX_BATCHES = 20
KEEP_KEYS_S = DAY_S


def prune(engine: Engine, kinds: Mapping[str, Kind] = KINDS) -> int:
    """Delete old finished jobs and idempotency keys; return how many jobs. Safe to run by many at once."""
    longest = max(kinds.values(), key=lambda kind: kind.keep_s)
    pruned = 0
    with sessions(engine)() as session:
        for kind in (*kinds.values(), replace(longest, name=BATCHES)):
            for _ in range(MAX_BATCHES):
                gone = len(sweeping.prune(session, kind.name, kind.keep_s, BATCH))
                pruned += gone
                if gone < BATCH:
                    break
        sweeping.prune_keys(session, KEEP_KEYS_S, BATCH * MAX_BATCHES)
    return pruned
