"""The platform's own Celery app, with a kind of job whose effects can be counted.

``celery --app tests.faults.worker_app:app`` builds the quick pace, ``:unhurried_app`` the one that is shipped.
"""

from __future__ import annotations

from dataclasses import replace

from celery import Celery

from jobs.kinds import KINDS
from tests.faults.effects import EFFECTS, EFFECTS_KIND, LEASE_S, run
from workers.app import Pace, Trade, create_app

QUICK_PACE = Pace(beat_s=LEASE_S / 4, sweep_every_s=0.3, patience_s=3.0, grace_s=2.0, stuck_s=5.0)


def quick_trade() -> Trade:
    """Return leases and waits of seconds, so that a fault is healed while a test waits for it."""
    kinds = {name: replace(kind, lease_s=LEASE_S) for name, kind in KINDS.items()}
    return Trade(kinds | {EFFECTS_KIND: EFFECTS}, {EFFECTS_KIND: run}, QUICK_PACE)


def unhurried_trade() -> Trade:
    """Return the leases and waits that the platform is shipped with."""
    shipped = replace(EFFECTS, lease_s=KINDS["code_runs"].lease_s)
    return Trade(dict(KINDS) | {EFFECTS_KIND: shipped}, {EFFECTS_KIND: run})


def __getattr__(name: str) -> Celery:
    if name == "app":
        return create_app(trade=quick_trade())
    if name == "unhurried_app":
        return create_app(trade=unhurried_trade())
    raise AttributeError(name)
