"""Telling the driver index what was committed, and asking it where drivers are.

PostgreSQL decides, the index suggests. So it is told after the commit and never before, and what it cannot be told is
counted, but fails no request: the index is rebuilt every minute.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from domain.rides.model import Driver, DriverStatus, Fix
from domain.rides.ports import AvailableDriver, DriverFix, DriverIndexError
from store.rides import drivers
from web.platform import platform

T = TypeVar("T")

_TRIES = 5

_LOG = logging.getLogger(__name__)


def refresh(city: str, driver_id: str) -> Driver | None:
    """Make a driver a candidate of a city or none, as the database has it now: after whatever may have changed that.

    Of two who do so at once, one may read first and write last. So each writes what was read after a mark of the
    index, unless the index was changed since, and then reads again.

    Return the driver; ``None``: there is none, or it was not read.
    """
    driver = None
    try:
        for _ in range(_TRIES):
            mark = _try("mark", lambda: platform().driver_index.mark(city))
            if mark is None:
                break
            with platform().sessions() as session:
                driver, ride = drivers.find_with_ride(session, driver_id) or (None, None)
            free = driver if ride is None and _may_be_asked(driver, city) else None
            if _try("refresh", partial(_write, city, driver_id, free, mark)) is not False:
                break
    except SQLAlchemyError as error:
        # What was asked for is committed; an answer that says otherwise would have it asked for again.
        _count_failure("refresh", error)
    return driver


def _may_be_asked(driver: Driver | None, city: str) -> bool:
    return driver is not None and driver.city == city and driver.status is DriverStatus.AVAILABLE


def _write(city: str, driver_id: str, free: Driver | None, mark: int) -> bool:
    index = platform().driver_index
    if free is None:
        return index.set_unavailable(city, driver_id, mark)
    return index.set_available(city, AvailableDriver(free.id, free.product), mark)


def push(driver: Driver, fixes: Sequence[Fix]) -> list[bool] | None:
    """Push a driver's fixes and say of each whether it was news; ``None``: the index is away."""
    # By a clock that is ahead all of them would be of now for the index, which would keep the first and drop others.
    now = datetime.now(UTC)
    ahead = max((fix.at for fix in fixes), default=now) - now
    if ahead > timedelta():
        fixes = [replace(fix, at=fix.at - ahead) for fix in fixes]
    pushed = [DriverFix(driver.id, fix) for fix in fixes]
    return _try("push", lambda: platform().driver_index.push(driver.city, pushed))


def last_position(city: str, driver_id: str) -> Fix | None:
    """Return where a driver was last seen; ``None``: never, or the index is away."""
    found = _try("last_positions", lambda: platform().driver_index.last_positions(city, [driver_id]))
    return None if found is None else found.get(driver_id)


def _try(call: str, work: Callable[[], T]) -> T | None:
    try:
        return work()
    except DriverIndexError:
        # Counted only: the index itself tells the log when it goes and when it is back.
        platform().metrics.count_index_failure(call)
        return None


def _count_failure(call: str, error: Exception) -> None:
    platform().metrics.count_index_failure(call)
    _LOG.warning("the driver index was not reached (%s): %s", call, error)
