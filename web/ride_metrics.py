"""Metrics of rides that the database knows: what is under way, what the last minute brought, and what is wrong."""

from __future__ import annotations

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy.orm import Session

from domain.rides.model import OfferStatus
from store.rides import statistics


def ride_families(session: Session) -> list[GaugeMetricFamily]:
    """Return the metrics of rides; ``docs/operations.md`` says what to do about each."""
    return [*_now(session), *_ticks(session), _offers(session), *_times(session), *_rules(session)]


def _now(session: Session) -> list[GaugeMetricFamily]:
    rides = GaugeMetricFamily("rides", "Active rides.", labels=["status"])
    ages = GaugeMetricFamily(
        "rides_oldest_age_seconds",
        "How long ago the oldest of them was ordered, matched or started.",
        labels=["status"],
    )
    for group in statistics.active_rides(session):
        rides.add_metric([group.status], group.rides)
        ages.add_metric([group.status], group.oldest_age_s)
    searches = GaugeMetricFamily("ride_searches", "Open searches.", labels=["city", "search_status"])
    for open_ in statistics.open_searches(session):
        searches.add_metric([open_.city, open_.search_status], open_.searches)
    drivers = GaugeMetricFamily(
        "drivers_available", "Drivers who say that they are available, on a ride or not.", labels=["city"]
    )
    for city, count in statistics.available_drivers(session).items():
        drivers.add_metric([city], count)
    findable = GaugeMetricFamily(
        "drivers_findable",
        "Drivers who could be offered rides at the last healing: available, without a ride, seen within 60 s.",
        labels=["city"],
    )
    for city, count in statistics.findable_drivers(session).items():
        findable.add_metric([city], count)
    return [rides, ages, searches, drivers, findable]


def _ticks(session: Session) -> list[GaugeMetricFamily]:
    labels = ["city"]
    families = {
        "ticks": GaugeMetricFamily(
            "ride_ticks_last_minute", "Ticks that ended within the last minute.", labels=labels
        ),
        "index_away": GaugeMetricFamily(
            "ride_ticks_index_away_last_minute",
            "Those of them that matched nothing because the driver index was away.",
            labels=labels,
        ),
        "offers": GaugeMetricFamily("ride_offers_sent_last_minute", "Offers that they made.", labels=labels),
        "given_up": GaugeMetricFamily(
            "ride_searches_given_up_last_minute", "Searches that they gave up.", labels=labels
        ),
        "greedy_rides": GaugeMetricFamily(
            "ride_searches_greedy_last_minute",
            "Searches given out in turn, by policy or because the solver had no time.",
            labels=labels,
        ),
        "unserved_max": GaugeMetricFamily(
            "ride_searches_unserved_max", "The most searches that one of them had no driver for.", labels=labels
        ),
        "solver_s_max": GaugeMetricFamily(
            "ride_solver_seconds_max", "The longest that one of them took to solve.", labels=labels
        ),
    }
    for ticks in statistics.ticks_lately(session):
        for field, family in families.items():
            family.add_metric([ticks.city], getattr(ticks, field))
    return list(families.values())


def _offers(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "ride_offers_resolved_last_minute",
        "Offers of which something became within the last minute.",
        labels=["status"],
    )
    resolved = statistics.offers_resolved_lately(session)
    # All of them, so that shares can be computed.
    for status in OfferStatus:
        if status is not OfferStatus.PENDING:
            family.add_metric([status], resolved.get(status, 0))
    return family


def _times(session: Session) -> list[GaugeMetricFamily]:
    times = statistics.times_lately(session)
    first, match, error = times["first_offer"], times["match"], times["pickup_eta_error"]
    # Where nothing happened there is no time, which is not the same as none at all.
    return [
        GaugeMetricFamily(
            "ride_first_offer_seconds_p50", "From the search's begin to its first offer, median.", first.p50_s
        ),
        GaugeMetricFamily("ride_first_offer_seconds_p95", "The same, 95th percentile.", first.p95_s),
        GaugeMetricFamily(
            "ride_match_seconds_p50", "From the search's begin to the accepted offer, median.", match.p50_s
        ),
        GaugeMetricFamily("ride_match_seconds_p95", "The same, 95th percentile.", match.p95_s),
        GaugeMetricFamily(
            "ride_pickup_eta_error_seconds_p50",
            "By how much drivers arrived later than the offer said, median; negative: earlier.",
            error.p50_s,
        ),
        GaugeMetricFamily("ride_pickup_eta_error_seconds_p95", "The same, 95th percentile.", error.p95_s),
    ]


def _rules(session: Session) -> list[GaugeMetricFamily]:
    check = statistics.rules_checked(session)
    return [
        GaugeMetricFamily("ride_violations", "Breaches of the rules about rides at the last look.", check.violations),
        GaugeMetricFamily(
            "ride_violations_age_seconds", "How long ago that was; an hour where it is more.", check.age_s
        ),
    ]
