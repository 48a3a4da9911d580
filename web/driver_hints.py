"""Telling the driver index what was committed, and asking it where drivers are.

PostgreSQL decides, the index suggests. So it is told after the commit and never before, and what it cannot be told is
counted, but fails no request: the index is rebuilt every minute.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from domain.rides.model import Driver, DriverStatus, Fix
from domain.rides.ports import AvailableDriver, DriverFix, DriverIndexError, LastPosition
from store.rides import drivers
from web.platform import platform

T = TypeVar("T")

_LOG = logging.getLogger(__name__)


def mark_busy(city: str, driver_id: str) -> None:
    """Take a driver out of the candidates, who has just got a ride or gone."""
    _try("set_unavailable", lambda: platform().driver_index.set_unavailable(city, driver_id))


def refresh(driver_id: str) -> None:
    """Make a driver a candidate or none, as the database has it now: after whatever may have freed the driver."""
    try:
        with platform().sessions() as session:
            driver = drivers.find_driver(session, driver_id)
            is_riding = drivers.active_ride_of_driver(session, driver_id) is not None
    except SQLAlchemyError as error:
        # What was asked for is committed; an answer that says otherwise would have it asked for again.
        _count_failure("refresh", error)
        return
    if driver is None:
        return
    if is_riding or driver.status is not DriverStatus.AVAILABLE:
        mark_busy(driver.city, driver.id)
    else:
        free = AvailableDriver(driver.id, driver.product)
        _try("set_available", lambda: platform().driver_index.set_available(driver.city, free))


def push(driver: Driver, fixes: Sequence[Fix]) -> list[bool] | None:
    """Push a driver's fixes and say of each whether it was news; ``None``: the index is away."""
    pushed = [DriverFix(driver.id, fix) for fix in fixes]
    return _try("push", lambda: platform().driver_index.push(driver.city, pushed))


def last_position(city: str, driver_id: str) -> LastPosition | None:
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
