"""A passenger's life: order a ride, look after it, lose patience or be driven."""

from __future__ import annotations

from collections.abc import Generator

from cli.simulation.agenda import Script
from cli.simulation.phone import Answer, Call, Phone, persist
from cli.simulation.plans import PassengerPlan
from cli.simulation.tally import Outcome
from cli.simulation.views import ANY_SURGE, RideView, read_ride, show_place
from cli.simulation.world import World
from domain.rides.model import RideStatus, SearchStatus

MIN_PAUSE_S = 0.05
WAITING, RIDING = "passengers waiting", "passengers with a driver"
"""Counts that go up and down: what the progress table shows."""


class Passenger:
    """One passenger with a phone. ``life`` ends with the ride."""

    def __init__(self, plan: PassengerPlan, phone: Phone, world: World) -> None:
        self._plan = plan
        self._phone = phone
        self._world = world
        self._etag: str | None = None
        self._ordered_at_s = 0.0
        self._matched_at_s: float | None = None
        self._has_edited = plan.edit is None
        self._has_searched_again = not plan.searches_again
        self._ending: tuple[Outcome, str] | None = None
        """Why the passenger cancelled, once that has been done."""

    def life(self) -> Script:
        """Order the ride and stay with it to its end."""
        if self._world.is_leaving:
            return
        ride = yield from self._order()
        if ride is None:
            return
        shown = self._show(None, ride)
        while ride.status.is_active:
            yield self._pause_s(ride)
            ride = yield from self._look(ride)
            shown = self._show(shown, ride)
            if ride.status.is_active:
                ride = yield from self._decide(ride)
                shown = self._show(shown, ride)
        self._end(ride)

    def _order(self) -> Generator[float, None, RideView | None]:
        plan = self._plan
        body = {
            "product": plan.product,
            "pickup": show_place(plan.pickup),
            "destination": show_place(plan.destination),
            "max_surge": ANY_SURGE,
        }
        # With a key of its own, a ride whose answer was lost is not ordered twice.
        call = Call("create", "POST", "/v1/rides", body, {"Idempotency-Key": f"ride-{plan.number}"})
        answer = yield from persist(self._phone, call)
        self._ordered_at_s = self._world.clock()
        if not answer.is_ok:
            if answer.code == "current_trip_exists":
                self._world.ledger.violate(f"passenger {plan.number} is said to have a ride before the first one")
            self._world.tally.end(Outcome.LOST, f"refused: {answer.status} {answer.code}".strip())
            return None
        return self._saw(answer, must_be_finished=False)

    def _look(self, ride: RideView) -> Generator[float, None, RideView]:
        # Asked before the read: what was finished by now must be shown.
        must_be_finished = self._world.ledger.has_finished(ride.id)
        headers = {"If-None-Match": self._etag} if self._etag else {}
        answer = yield from persist(self._phone, Call("look", "GET", f"/v1/rides/{ride.id}", headers=headers))
        if answer.is_ok:
            self._etag = answer.etag
            return self._saw(answer, must_be_finished=must_be_finished)
        if answer.status == 304:
            self._world.ledger.saw(ride, must_be_finished=must_be_finished)
        elif answer.status == 404:
            self._world.ledger.violate(f"ride {ride.id} is not there for its passenger")
        return ride

    def _decide(self, ride: RideView) -> Generator[float, None, RideView]:
        now_s = self._world.clock()
        if ride.status is RideStatus.CREATED:
            return (yield from self._decide_while_waiting(ride, now_s))
        if ride.status is RideStatus.MATCHED:
            if self._world.is_leaving:
                return (yield from self._cancel(ride, Outcome.CUT_OFF))
            if self._regrets_at_s() <= now_s:
                return (yield from self._cancel(ride, Outcome.CANCELLED, "changed their mind"))
        if self._edits_at_s() <= now_s:
            return (yield from self._edit(ride))
        return ride

    def _decide_while_waiting(self, ride: RideView, now_s: float) -> Generator[float, None, RideView]:
        if self._world.is_leaving:
            return (yield from self._cancel(ride, Outcome.CUT_OFF))
        if self._gives_up_at_s() <= now_s:
            return (yield from self._cancel(ride, Outcome.LOST, "lost patience"))
        if ride.search_status is SearchStatus.NO_DRIVERS_AVAILABLE:
            if self._has_searched_again:
                return (yield from self._cancel(ride, Outcome.LOST, "no drivers available"))
            self._has_searched_again = True
            self._world.tally.count("searches begun again")
            yield from persist(self._phone, Call("search", "POST", f"/v1/rides/{ride.id}/search"))
            return ride
        if self._edits_at_s() <= now_s:
            return (yield from self._edit(ride))
        return ride

    def _cancel(self, ride: RideView, outcome: Outcome, reason: str = "") -> Generator[float, None, RideView]:
        answer = yield from persist(self._phone, Call("cancel", "POST", "/v1/rides/current/cancel"))
        if not answer.is_ok:
            return ride  # It has gone on meanwhile; the next look tells.
        self._ending = (outcome, reason)
        return self._saw(answer, must_be_finished=False)

    def _edit(self, ride: RideView) -> Generator[float, None, RideView]:
        self._has_edited, edit = True, self._plan.edit
        if edit is None or (edit.pickup and ride.status not in (RideStatus.CREATED, RideStatus.MATCHED)):
            return ride
        places = {"pickup": edit.pickup, "destination": edit.destination}
        body: dict[str, object] = {name: show_place(place) for name, place in places.items() if place}
        body["max_surge"] = ANY_SURGE
        answer = yield from persist(self._phone, Call("edit", "PATCH", f"/v1/rides/{ride.id}", body))
        self._world.tally.count("rides edited", int(answer.is_ok))
        return self._saw(answer, must_be_finished=False) if answer.is_ok else ride

    def _saw(self, answer: Answer, *, must_be_finished: bool) -> RideView:
        ride = read_ride(answer.body)
        self._world.ledger.saw(ride, must_be_finished=must_be_finished)
        if ride.status is not RideStatus.MATCHED:
            self._matched_at_s = None
        elif self._matched_at_s is None:
            self._matched_at_s = self._world.clock()
        return ride

    def _pause_s(self, ride: RideView) -> float:
        """Return the time until the API wants to be asked again, or until something is to be done before."""
        deeds = [self._edits_at_s()]
        if ride.status is RideStatus.CREATED:
            deeds.append(self._gives_up_at_s())
        if ride.status is RideStatus.MATCHED:
            deeds.append(self._regrets_at_s())
        return max(MIN_PAUSE_S, min(ride.poll_after_s, min(deeds) - self._world.clock()))

    def _gives_up_at_s(self) -> float:
        return self._ordered_at_s + self._world.real_s(self._plan.patience_s)

    def _regrets_at_s(self) -> float:
        if self._matched_at_s is None or self._plan.regrets_after_s is None:
            return float("inf")
        return self._matched_at_s + self._world.real_s(self._plan.regrets_after_s)

    def _edits_at_s(self) -> float:
        if self._has_edited or self._plan.edit is None:
            return float("inf")
        return self._ordered_at_s + self._world.real_s(self._plan.edit.after_s)

    def _show(self, shown: str | None, ride: RideView) -> str | None:
        """Keep the progress table's counts."""
        state = WAITING if ride.status is RideStatus.CREATED else RIDING
        now = state if ride.status.is_active else None
        if now != shown:
            for name, number in ((shown, -1), (now, 1)):
                if name is not None:
                    self._world.tally.count(name, number)
        return now

    def _end(self, ride: RideView) -> None:
        tally = self._world.tally
        tally.note_wait(_seconds(ride, "matched_at"), _seconds(ride, "started_at"))
        if ride.status is RideStatus.FINISHED:
            tally.end(Outcome.SERVED)
        elif self._ending is not None:
            tally.end(*self._ending)
        else:
            tally.end(Outcome.LOST, "cancelled by somebody else")


def _seconds(ride: RideView, moment: str) -> float | None:
    at = ride.matched_at if moment == "matched_at" else ride.started_at
    return None if at is None else (at - ride.created_at).total_seconds()
