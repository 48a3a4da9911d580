"""One ride as its driver lives it: to the pickup, wait, to the destination."""

from __future__ import annotations

from collections.abc import Callable, Generator

from cli.simulation.ground import Car
from cli.simulation.phone import Answer, Call, Phone, persist
from cli.simulation.views import OfferView, RideView, read_ride, show_place
from cli.simulation.world import World
from domain.rides.model import Place, RideStatus

BEAT_S = 4.0
"""How often the phone of a moving car tells where it is."""
BEATS_PER_LOOK = 3


class Dashboard:
    """What is in the car: the phone that tells its position, and the car itself."""

    def __init__(self, driver_id: str, car: Car, phone: Phone, world: World, accuracy_m: float) -> None:
        self.driver_id = driver_id
        self.car = car
        self.phone = phone
        self.world = world
        self.pushed_at_s = float("-inf")
        self._accuracy_m = accuracy_m

    def push(self) -> str | None:
        """Tell where the car is, and return the ride that the API thinks it is on."""
        now_s = self.world.clock()
        self.car.move(now_s)
        self.pushed_at_s = now_s
        fix = {
            **show_place(self.car.place),
            "at": self.world.now().isoformat(),
            "accuracy_m": self._accuracy_m,
            "bearing": round(self.car.bearing, 1),
        }
        # Not asked again when it fails: the next one is newer.
        answer = self.phone.ask(Call("push", "POST", "/v1/drivers/me/locations", {"fixes": [fix]}))
        self._count(answer)
        ride_id = answer.body.get("ride_id") if answer.is_ok else None
        return None if ride_id is None else str(ride_id)

    def _count(self, answer: Answer) -> None:
        dropped = answer.body.get("dropped")
        if answer.is_ok and isinstance(dropped, dict):
            for reason, number in dropped.items():
                if number:
                    self.world.tally.count(f"positions dropped: {reason}", int(number))
        self.world.tally.count("positions pushed", int(answer.is_ok))


class Trip:
    """A ride that was accepted. Who ``gives_back`` cancels half-way to the pickup."""

    def __init__(self, dashboard: Dashboard, offer: OfferView, boarding_s: float, *, gives_back: bool) -> None:
        self._dashboard = dashboard
        self._car, self._world = dashboard.car, dashboard.world
        self._ride_id = offer.ride_id
        self._pickup, self._destination = offer.pickup, offer.destination
        self._boarding_s = boarding_s
        self._gives_back = gives_back
        self._gives_back_at_s = float("inf")
        self._beats = 0
        self._etag: str | None = None
        self._status = RideStatus.MATCHED

    def life(self) -> Generator[float, None, None]:
        """Drive the ride to its end, whichever that is."""
        if (
            (yield from self._drive(lambda: self._pickup))
            and (yield from self._board())
            and (yield from self._drive(lambda: self._destination))
        ):
            yield from self._finish()
        self._car.stop(self._world.clock())
        self._world.ledger.giving_back(self._dashboard.driver_id, self._ride_id)

    def _drive(self, place: Callable[[], Place]) -> Generator[float, None, bool]:
        """Drive to a place that may change on the way; return false once the ride is no longer the driver's."""
        heading = place()
        self._head_for(heading)
        while self._car.left_s(self._world.clock()) > 0 and not self._is_cut_short():
            yield min(BEAT_S, self._car.left_s(self._world.clock()))
            if self._world.clock() >= self._gives_back_at_s and (yield from self._give_back()):
                return False
            if self._is_look_due(self._dashboard.push()) and not (yield from self._look()):
                return False
            if place() != heading:
                heading = place()
                self._head_for(heading)
        return True

    def _head_for(self, place: Place) -> None:
        now_s = self._world.clock()
        self._car.head_for(place, now_s)
        if self._gives_back:
            self._gives_back_at_s = now_s + self._car.left_s(now_s) / 2

    def _is_look_due(self, told_ride_id: str | None) -> bool:
        if told_ride_id not in (None, self._ride_id):
            self._world.ledger.told_of(self._dashboard.driver_id, str(told_ride_id))
        self._beats += 1
        return self._beats % BEATS_PER_LOOK == 0 or told_ride_id is None or self._world.is_leaving

    def _is_cut_short(self) -> bool:
        return self._world.is_leaving and self._status is not RideStatus.MATCHED

    def _board(self) -> Generator[float, None, bool]:
        if not (yield from self._tell("arrive")):
            return False
        yield self._world.real_s(self._boarding_s)
        if not (yield from self._tell("start")):
            return False
        self._status = RideStatus.STARTED
        self._dashboard.push()
        return True

    def _finish(self) -> Generator[float, None, None]:
        ledger = self._world.ledger
        ledger.finishing(self._ride_id)
        if (yield from self._tell("finish")):
            ledger.finished(self._ride_id)
            self._world.tally.count("rides driven to the end")

    def _tell(self, deed: str) -> Generator[float, None, bool]:
        call = Call(deed, "POST", f"/v1/rides/{self._ride_id}/{deed}")
        return (yield from persist(self._dashboard.phone, call)).is_ok

    def _give_back(self) -> Generator[float, None, bool]:
        self._gives_back, self._gives_back_at_s = False, float("inf")
        # Before the call: another driver may have the ride before this one has the answer.
        self._world.ledger.giving_back(self._dashboard.driver_id, self._ride_id)
        is_given_back = yield from self._tell("cancel")
        self._world.tally.count("rides given back", int(is_given_back))
        return is_given_back

    def _look(self) -> Generator[float, None, bool]:
        """See whether the ride is still the driver's, and whether it goes elsewhere now."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        call = Call("look (driver)", "GET", f"/v1/rides/{self._ride_id}", headers=headers)
        answer = yield from persist(self._dashboard.phone, call)
        if answer.is_ok:
            self._etag = answer.etag
            return self._take_note(read_ride(answer.body))
        return answer.status != 404

    def _take_note(self, ride: RideView) -> bool:
        self._pickup, self._destination = ride.pickup, ride.destination
        self._status = ride.status
        return ride.status.has_driver and ride.driver_id == self._dashboard.driver_id
