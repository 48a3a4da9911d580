"""How far a ride has gone, from what the driver's phone told on the way.

Phones send fixes late, twice, in any order, and some of them lie. A fix counts when it is newer than the last one by
half a second at least, good to 50 m, and reachable at 50 m/s. Fixes of one batch are put in order first: they have
arrived, so nothing is won by dropping them. A fix from the future is refused, not clamped to the present: a whole
batch of a phone whose clock is fast would fall on one moment. A wrong fix that passes is got over as soon as the way
from there to where the driver really is takes less than 50 m/s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.rides.cities import DETOUR
from domain.rides.geo import distance_m
from domain.rides.model import Fix

MAX_ACCURACY_M = 50
MAX_SPEED_M_PER_S = 50
MIN_MOVE_M = 10
"""A phone at rest wanders by this much; what is less is no move."""
GAP_S = 60
"""Silence for longer hides a way that was no straight line."""
MIN_INTERVAL_S = 0.5
"""Phones know where they are once a second. More often is a row for nothing, a hundred of them in each push."""
MAX_CLOCK_SKEW = timedelta(seconds=5)


class DropReason(StrEnum):
    """Why a fix was not believed."""

    IN_FUTURE = "in_future"
    INACCURATE = "inaccurate"
    OUT_OF_ORDER = "out_of_order"
    DUPLICATE = "duplicate"
    TOO_SOON = "too_soon"
    TOO_FAST = "too_fast"


@dataclass(frozen=True, slots=True)
class Odometer:
    """What a ride's row keeps of its way.

    ``last_fix`` has the time of the last accepted fix and the place up to which the distance is counted: moves that
    are too small to count add up until they are. Each leg is rounded to whole metres, so that it does not matter
    in which batches the fixes come.
    """

    distance_m: int = 0
    gaps: int = 0
    last_fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """What a batch did: the new state, the fixes that were believed, in order, and how many were not, by reason."""

    odometer: Odometer
    accepted: tuple[Fix, ...]
    dropped: Mapping[DropReason, int]


def advance(odometer: Odometer, fixes: Iterable[Fix], now: datetime, detour: float = DETOUR) -> Advance:
    """Take a batch of fixes; after more than ``GAP_S`` of silence the way was ``detour`` times the straight line."""
    accepted: list[Fix] = []
    dropped: Counter[DropReason] = Counter()
    for fix in sorted(fixes, key=lambda fix: fix.at):
        if reason := _fault(odometer.last_fix, fix, now):
            dropped[reason] += 1
        else:
            odometer = _take(odometer, fix, detour)
            accepted.append(fix)
    return Advance(odometer, tuple(accepted), dropped)


def _fault(last: Fix | None, fix: Fix, now: datetime) -> DropReason | None:
    if fix.at > now + MAX_CLOCK_SKEW:
        return DropReason.IN_FUTURE
    if fix.accuracy_m > MAX_ACCURACY_M:
        return DropReason.INACCURATE
    return None if last is None else _fault_after(last, fix)


def _fault_after(last: Fix, fix: Fix) -> DropReason | None:
    elapsed_s = (fix.at - last.at).total_seconds()
    if elapsed_s <= 0:
        return DropReason.DUPLICATE if elapsed_s == 0 else DropReason.OUT_OF_ORDER
    if elapsed_s < MIN_INTERVAL_S:
        return DropReason.TOO_SOON
    # The last place may lag behind by a move that was too small to count.
    if distance_m(last.place, fix.place) > MAX_SPEED_M_PER_S * elapsed_s + MIN_MOVE_M:
        return DropReason.TOO_FAST
    return None


def _take(odometer: Odometer, fix: Fix, detour: float) -> Odometer:
    last = odometer.last_fix
    if last is None:
        return replace(odometer, last_fix=fix)
    move_m = distance_m(last.place, fix.place)
    if move_m < MIN_MOVE_M:
        return replace(odometer, last_fix=replace(fix, place=last.place))
    is_gap = (fix.at - last.at).total_seconds() > GAP_S
    return Odometer(
        distance_m=odometer.distance_m + round(move_m * detour if is_gap else move_m),
        gaps=odometer.gaps + is_gap,
        last_fix=fix,
    )
