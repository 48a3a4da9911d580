"""A driver's life: sign on, wander about, look for an offer, answer it, drive."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict

from cli.simulation.agenda import Script
from cli.simulation.ground import Car
from cli.simulation.phone import Call, Phone, persist
from cli.simulation.plans import DriverPlan, Leg, Reply
from cli.simulation.trips import BEAT_S, Dashboard, Trip
from cli.simulation.views import OfferView, read_offer
from cli.simulation.world import World
from domain.rides.model import DriverStatus

OPENING_S = 10.0
"""Drivers sign on one after another in the first seconds; passengers arrive after these."""
STANDING_PUSH_S = 20.0
"""A phone that lies still tells so less often, but before it is taken for lost (60 s)."""
ON_DUTY, DRIVING = "drivers on duty", "drivers on a ride"


class Driver:
    """One driver with a phone and a car. ``life`` ends when the world is leaving and no ride is left."""

    def __init__(self, driver_id: str, plan: DriverPlan, phone: Phone, world: World) -> None:
        self._id = driver_id
        self._plan = plan
        self._phone = phone
        self._world = world
        self._car = Car(plan.start, plan.speed_mps * world.speed_up)
        self._dashboard = Dashboard(driver_id, self._car, phone, world, plan.accuracy_m)
        self._leg: Leg | None = None
        self._leaves_at_s = 0.0
        self._turns = 0
        self._offers = 0
        self._rides = 0
        self._left_alone: str | None = None
        """The offer that is being ignored; it is shown until it expires."""

    def life(self) -> Script:
        """Sign on, work, sign off."""
        if self._world.is_leaving or not (yield from self._sign_on()):
            return
        self._world.tally.count(ON_DUTY)
        while not self._world.is_leaving:
            self._wander()
            offer = self._look_for_offer()
            if offer is None:
                yield BEAT_S
            else:
                yield from self._consider(offer)
        yield from persist(self._phone, _status_call(DriverStatus.UNAVAILABLE))
        self._world.tally.count(ON_DUTY, -1)

    def _sign_on(self) -> Generator[float, None, bool]:
        plan = self._plan
        profile = {
            "name": plan.name,
            "vehicle": asdict(plan.vehicle),
            "product": plan.product,
            "city": plan.city.name,
        }
        registered = yield from persist(self._phone, Call("register", "PUT", "/v1/drivers/me", profile))
        if not registered.is_ok:
            return False
        # The position first: a driver who is available and nowhere cannot be offered anything.
        self._dashboard.push()
        return (yield from persist(self._phone, _status_call(DriverStatus.AVAILABLE))).is_ok

    def _wander(self) -> None:
        """Stand, then drive somewhere else, again and again, telling the position as a phone does."""
        now_s = self._world.clock()
        self._car.move(now_s)
        if self._car.target is None:
            self._plan_a_leg(now_s)
        is_moving = self._car.target is not None
        if now_s - self._dashboard.pushed_at_s >= (BEAT_S if is_moving else STANDING_PUSH_S) - 0.5:
            ride_id = self._dashboard.push()
            if ride_id is not None:
                self._world.ledger.told_of(self._id, ride_id)

    def _plan_a_leg(self, now_s: float) -> None:
        if self._leg is None:
            self._leg = self._plan.leg(self._turns)
            self._turns += 1
            self._leaves_at_s = now_s + self._world.real_s(self._leg.stand_s)
        if now_s >= self._leaves_at_s:
            self._car.head_for(self._leg.target, now_s)
            self._leg = None

    def _look_for_offer(self) -> OfferView | None:
        # Without waiting for one: a few hundred long polls would need as many threads of the API, which bounds them.
        answer = self._phone.ask(Call("offer?", "GET", "/v1/drivers/me/offer"))
        if answer.status != 200:
            return None
        offer = read_offer(answer.body)
        return None if offer.id == self._left_alone else offer

    def _consider(self, offer: OfferView) -> Generator[float, None, None]:
        tally, decision = self._world.tally, self._plan.answer(self._offers)
        self._offers += 1
        tally.count("offers received")
        yield decision.after_s
        if decision.reply is Reply.IGNORE:
            self._left_alone = offer.id
            tally.count("offers left to expire")
        elif decision.reply is Reply.DECLINE or self._world.is_leaving:
            yield from persist(self._phone, Call("decline", "POST", f"/v1/offers/{offer.id}/decline"))
            tally.count("offers declined")
        elif (yield from self._accept(offer)):
            tally.count(DRIVING)
            trip = Trip(self._dashboard, offer, self._plan.boarding_s(self._rides), gives_back=decision.gives_back)
            yield from trip.life()
            self._rides += 1
            tally.count(DRIVING, -1)

    def _accept(self, offer: OfferView) -> Generator[float, None, bool]:
        ledger, tally = self._world.ledger, self._world.tally
        ledger.accepting(self._id, offer.ride_id)
        answer = yield from persist(self._phone, Call("accept", "POST", f"/v1/offers/{offer.id}/accept"))
        if answer.is_ok:
            tally.count("offers accepted")
            ledger.accepted(self._id, offer.ride_id)
        else:
            tally.count("offers accepted too late")
        return answer.is_ok


def _status_call(status: DriverStatus) -> Call:
    body: Mapping[str, object] = {"status": status.value}
    return Call("status", "PUT", "/v1/drivers/me/status", body)
