"""What rides ought to do, in a page of Python without a database: the tests compare the two, call by call."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.rides.model import (
    CurrentTripExistsError,
    DriverBusyError,
    InvalidTransitionError,
    OfferExpiredError,
    OfferStatus,
    RideError,
    RideNotFoundError,
    RideStatus,
    RideTakenError,
    SearchStatus,
)

Refusal = type[RideError] | None
"""What a call is refused with; ``None``: it is not."""

UNDER_WAY = (RideStatus.STARTED, RideStatus.IN_PROGRESS)
OPEN = (SearchStatus.SEARCHING, SearchStatus.OFFERED)


@dataclass(eq=False)
class ModelOffer:
    """An offer, and what became of it."""

    ride: ModelRide
    driver: ModelDriver
    status: OfferStatus = OfferStatus.PENDING


@dataclass(eq=False)
class ModelRide:
    """A ride. ``trip`` stands for its places."""

    trip: tuple[object, object]
    search: SearchStatus
    passenger_id: str = ""
    city: str = "demo"
    status: RideStatus = RideStatus.CREATED
    driver: ModelDriver | None = None
    offer: ModelOffer | None = None
    excluded: set[str] = field(default_factory=set)
    has_arrived: bool = False
    version: int = 1

    def change(self, **changes: object) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self.version += 1

    def end_offer(self, status: OfferStatus) -> None:
        if self.offer is not None:
            self.offer.status = status
            self.offer = None

    def lose_offer(self, status: OfferStatus) -> None:
        """End the pending offer on its driver's side."""
        assert self.offer is not None
        self.excluded.add(self.offer.driver.id)
        self.end_offer(status)
        self.change(search=SearchStatus.SEARCHING)


@dataclass(eq=False)
class ModelPassenger:
    """A passenger and the last ride."""

    id: str
    ride: ModelRide | None = None

    def create(self, trip: tuple[object, object], city: str, *, is_searching: bool) -> Refusal:
        if self.ride is not None and self.ride.status.is_active:
            return CurrentTripExistsError
        search = SearchStatus.SEARCHING if is_searching else SearchStatus.IDLE
        self.ride = ModelRide(trip, search, self.id, city)
        return None

    def search(self) -> Refusal:
        ride = self._ride()
        if ride.status is not RideStatus.CREATED:
            return InvalidTransitionError
        if ride.search not in OPEN:
            ride.excluded.clear()
            ride.change(search=SearchStatus.SEARCHING)
        return None

    def edit(self, trip: tuple[object, object]) -> Refusal:
        ride = self._ride()
        if trip == ride.trip:
            return None
        if not ride.status.is_active or (trip[0] != ride.trip[0] and ride.status in UNDER_WAY):
            return InvalidTransitionError
        if ride.search in OPEN:
            ride.end_offer(OfferStatus.WITHDRAWN)
            ride.excluded.clear()
            ride.search = SearchStatus.SEARCHING
        ride.change(trip=trip, has_arrived=ride.has_arrived and trip[0] == ride.trip[0])
        return None

    def cancel(self, *, by_operator: bool = False) -> Refusal:
        ride = self._ride()
        if ride.status is RideStatus.CANCELLED:
            return None
        may_cancel = ride.status.is_active if by_operator else ride.status in (RideStatus.CREATED, RideStatus.MATCHED)
        if not may_cancel:
            return InvalidTransitionError
        ride.end_offer(OfferStatus.WITHDRAWN)
        search = SearchStatus.IDLE if ride.search in OPEN else ride.search
        ride.change(status=RideStatus.CANCELLED, search=search)
        return None

    def be_forgotten(self) -> None:
        ride = self._ride()
        if ride.status is RideStatus.CREATED and ride.search not in OPEN:
            ride.change(status=RideStatus.CANCELLED)

    def give_up(self) -> None:
        ride = self._ride()
        if ride.search is SearchStatus.SEARCHING:
            ride.change(search=SearchStatus.NO_DRIVERS_AVAILABLE)

    def _ride(self) -> ModelRide:
        assert self.ride is not None
        return self.ride


@dataclass(eq=False)
class ModelDriver:
    """A driver, the last offer, and the ride that was accepted last."""

    id: str
    is_available: bool = False
    product: str = "standard"
    city: str = "demo"
    offer: ModelOffer | None = None
    ride: ModelRide | None = None

    @property
    def is_busy(self) -> bool:
        return self.ride is not None and self.ride.driver is self and self.ride.status.has_driver

    @property
    def is_asked(self) -> bool:
        return self.offer is not None and self.offer.status is OfferStatus.PENDING

    def may_be_offered(self, ride: ModelRide) -> bool:
        return (
            ride.search is SearchStatus.SEARCHING
            and self.is_available
            and not self.is_busy
            and not self.is_asked
            and (self.city, self.product) == (ride.city, "standard")
            and self.id not in (*ride.excluded, ride.passenger_id)
        )

    def be_offered(self, ride: ModelRide) -> None:
        self.offer = ride.offer = ModelOffer(ride, self)
        ride.change(search=SearchStatus.OFFERED)

    def leave(self) -> Refusal:
        if self.is_busy:
            return DriverBusyError
        self.is_available = False
        if self.is_asked:
            self._offer().ride.lose_offer(OfferStatus.WITHDRAWN)
        return None

    def be_silent(self) -> bool:
        """Say nothing for a day; return whether that ends the wait."""
        is_waiting = self.is_available and not self.is_busy
        if is_waiting:
            self.leave()
        return is_waiting

    def change(self, product: str, city: str) -> Refusal:
        if (product, city) == (self.product, self.city):
            return None
        if self.is_busy:
            return DriverBusyError
        self.product, self.city = product, city
        if self.is_asked:
            self._offer().ride.lose_offer(OfferStatus.WITHDRAWN)
        return None

    def accept(self) -> Refusal:
        offer = self._offer()
        ride = offer.ride
        if offer.status is OfferStatus.ACCEPTED and ride.driver is self and ride.status is not RideStatus.CANCELLED:
            return None
        if ride.status is not RideStatus.CREATED:
            return RideTakenError
        if not self.is_asked:
            return DriverBusyError if self.is_busy else OfferExpiredError
        ride.end_offer(OfferStatus.ACCEPTED)
        ride.change(status=RideStatus.MATCHED, search=SearchStatus.MATCHED, driver=self)
        self.ride = ride
        return None

    def decline(self) -> Refusal:
        if self.is_asked:
            self._offer().ride.lose_offer(OfferStatus.DECLINED)
        return None if self._offer().status is OfferStatus.DECLINED else OfferExpiredError

    def let_expire(self) -> None:
        if self.is_asked:
            self._offer().ride.lose_offer(OfferStatus.EXPIRED)

    def arrive(self) -> Refusal:
        ride = self._ride()
        if ride.driver is self and ride.status is RideStatus.MATCHED and not ride.has_arrived:
            ride.change(has_arrived=True)
            return None
        return self._repeated(is_done=ride.has_arrived)

    def start(self) -> Refusal:
        ride = self._ride()
        if ride.driver is self and ride.status is RideStatus.MATCHED:
            ride.change(status=RideStatus.STARTED)
            return None
        return self._repeated(is_done=ride.status in (*UNDER_WAY, RideStatus.FINISHED))

    def push(self) -> None:
        if self.is_busy and self._ride().status is RideStatus.STARTED:
            self._ride().change(status=RideStatus.IN_PROGRESS)

    def finish(self) -> Refusal:
        ride = self._ride()
        if ride.driver is self and ride.status in UNDER_WAY:
            ride.change(status=RideStatus.FINISHED)
            return None
        return self._repeated(is_done=ride.status is RideStatus.FINISHED)

    def give_back(self) -> Refusal:
        ride = self._ride()
        if ride.driver is not self:
            return None
        if ride.status is not RideStatus.MATCHED:
            return InvalidTransitionError
        ride.excluded = {self.id}
        ride.change(status=RideStatus.CREATED, search=SearchStatus.SEARCHING, driver=None, has_arrived=False)
        return None

    def _repeated(self, *, is_done: bool) -> Refusal:
        ride = self._ride()
        if ride.driver is not self:
            return RideNotFoundError
        return None if is_done and ride.status is not RideStatus.CANCELLED else InvalidTransitionError

    def _offer(self) -> ModelOffer:
        assert self.offer is not None
        return self.offer

    def _ride(self) -> ModelRide:
        assert self.ride is not None
        return self.ride
