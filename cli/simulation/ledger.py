"""What must never be seen from outside: who said yes to which ride, held against what the API shows.

Only what holds whatever the order in which answers arrive is a violation. So a driver's word counts from when it was
*sent*: another phone may see its effect before the driver's own answer is back.
"""

from __future__ import annotations

import threading

from cli.simulation.views import RideView
from domain.rides.model import RideStatus

MAX_KEPT = 50


class Ledger:
    """The promises of all people. Safe to use from several threads."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.number_of_violations = 0
        self._lock = threading.Lock()
        self._said_yes: set[tuple[str, str]] = set()
        self._driver_of: dict[str, str] = {}
        self._ride_of: dict[str, str] = {}
        self._finishing: set[str] = set()
        self._finished: set[str] = set()
        self._last_seen: dict[str, RideView] = {}

    def accepting(self, driver_id: str, ride_id: str) -> None:
        """Note that a driver is about to say yes."""
        with self._lock:
            self._said_yes.add((driver_id, ride_id))

    def accepted(self, driver_id: str, ride_id: str) -> None:
        """Note that the API gave a driver the ride."""
        with self._lock:
            if (other := self._driver_of.get(ride_id)) not in (None, driver_id):
                self._violate(f"ride {ride_id} was given to {driver_id} while {other} had it")
            if (held := self._ride_of.get(driver_id)) not in (None, ride_id):
                self._violate(f"{driver_id} was given ride {ride_id} while on ride {held}")
            self._driver_of[ride_id], self._ride_of[driver_id] = driver_id, ride_id

    def giving_back(self, driver_id: str, ride_id: str) -> None:
        """Note that a driver is about to be without the ride: by cancelling, or as it has ended."""
        with self._lock:
            if self._driver_of.get(ride_id) == driver_id:
                del self._driver_of[ride_id]
            if self._ride_of.get(driver_id) == ride_id:
                del self._ride_of[driver_id]

    def finishing(self, ride_id: str) -> None:
        """Note that a driver is about to finish the ride."""
        with self._lock:
            self._finishing.add(ride_id)

    def finished(self, ride_id: str) -> None:
        """Note that the API has taken the finish: from now on every answer must know it."""
        with self._lock:
            self._finished.add(ride_id)

    def has_finished(self, ride_id: str) -> bool:
        """Tell whether the API has taken the ride's finish; ask before a read, for ``saw``."""
        with self._lock:
            return ride_id in self._finished

    def told_of(self, driver_id: str, ride_id: str) -> None:
        """Check what ride the API thinks a driver is on."""
        with self._lock:
            if (driver_id, ride_id) not in self._said_yes:
                self._violate(f"{driver_id} is said to be on ride {ride_id} without having accepted it")

    def saw(self, ride: RideView, *, must_be_finished: bool) -> None:
        """Check what a passenger was shown."""
        with self._lock:
            before = self._last_seen.get(ride.id)
            self._last_seen[ride.id] = ride
            if before is not None:
                self._check_order(before, ride)
            if ride.driver_id is not None and (ride.driver_id, ride.id) not in self._said_yes:
                self._violate(f"ride {ride.id} shows driver {ride.driver_id}, who has not accepted it")
            if ride.status is RideStatus.FINISHED and ride.id not in self._finishing:
                self._violate(f"ride {ride.id} is finished, but its driver did not say so")
            if must_be_finished and ride.status is not RideStatus.FINISHED:
                self._violate(f"ride {ride.id} is {ride.status}, though its finish had been answered")

    def violate(self, sentence: str) -> None:
        """Note something else that must not be."""
        with self._lock:
            self._violate(sentence)

    def _check_order(self, before: RideView, ride: RideView) -> None:
        if ride.version < before.version:
            self._violate(f"ride {ride.id} went back from version {before.version} to {ride.version}")
        if ride.status is not before.status and not before.status.is_active:
            self._violate(f"ride {ride.id} was {before.status} and is {ride.status} now")
        if ride.status is not before.status and ride.version == before.version:
            self._violate(f"ride {ride.id} went from {before.status} to {ride.status} without a new version")

    def _violate(self, sentence: str) -> None:
        self.number_of_violations += 1
        if len(self.violations) < MAX_KEPT:
            self.violations.append(sentence)
