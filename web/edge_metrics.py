"""Metrics of the edge that the database knows: how POPs are, what they count, and which refreshes are not done."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy.orm import Session

from domain.cache_refreshes.model import OPEN_STATES
from domain.cache_refreshes.placement import MissReason
from domain.cache_refreshes.pops import PopHealth
from store import cache_refreshes, edge_objects, placements, playbacks, pops
from store.placements import Total
from store.playbacks import HIT

_LABELS = ["pop"]


def edge_families(session: Session) -> list[Metric]:
    """Return the metrics of POPs; ``docs/operations.md`` says what to do about each."""
    return [
        _up(session), *_traffic(session), _objects(session), _refreshes(session), *_placements(session)
    ]  # fmt: skip


def _up(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily("pop_up", "1 where the POP answered lately, and when last asked.", labels=_LABELS)
    healths, now = pops.health(session), datetime.now(UTC)
    for pop in pops.enabled_pops(session):
        # One that was made meanwhile has not answered yet.
        family.add_metric([pop.name], healths.get(pop.name, PopHealth()).is_healthy(now))
    return family


def _traffic(session: Session) -> list[Metric]:
    counters: dict[str, CounterMetricFamily | GaugeMetricFamily] = {
        "hits": CounterMetricFamily("pop_hits", "Requests that the POP answered itself.", labels=_LABELS),
        "misses": CounterMetricFamily("pop_misses", "Requests that it had to fetch for.", labels=_LABELS),
        "sent_bytes": CounterMetricFamily("pop_sent_bytes", "What it sent to viewers.", labels=_LABELS),
        "objects": GaugeMetricFamily("pop_objects", "Objects that it holds.", labels=_LABELS),
        "stored_bytes": GaugeMetricFamily("pop_stored_bytes", "How large they are.", labels=_LABELS),
    }
    for name, traffic in pops.traffic(session).items():
        for field, family in counters.items():
            family.add_metric([name], getattr(traffic.stats, field))
    return list(counters.values())


def _objects(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "edge_objects", "Objects that the POP should hold; verified ones it does.", labels=["pop", "state"]
    )
    for name, states in edge_objects.counts(session).items():
        for state, count in states.items():
            family.add_metric([name, state], count)
    return family


def _placements(session: Session) -> list[Metric]:
    used = GaugeMetricFamily("pop_placed_bytes", "Renditions that the POP is to hold.", labels=_LABELS)
    predicted = GaugeMetricFamily("pop_predicted_hit_ratio", "What placement promises for today.", labels=_LABELS)
    real = GaugeMetricFamily("pop_real_hit_ratio", "Renditions held, of those asked for today.", labels=_LABELS)
    asked = CounterMetricFamily(
        "pop_playbacks", "Renditions asked for since midnight UTC, when it begins again.", labels=["pop", "outcome"]
    )
    totals = placements.totals(session)
    for name in placements.plans(session):
        used.add_metric([name], totals.get(name, Total()).used_bytes)
    for today in playbacks.report(session, days=1, has_counters=False):
        if today.predicted_hit_ratio is not None:
            predicted.add_metric([today.pop], today.predicted_hit_ratio)
        if today.real_hit_ratio is not None:
            real.add_metric([today.pop], today.real_hit_ratio)
        for outcome in (HIT, *MissReason):
            asked.add_metric([today.pop, outcome], today.outcomes.get(outcome, 0))
    return [used, predicted, real, asked]


def _refreshes(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "cache_refreshes_open", "Refreshes that are not done on the POP.", labels=["pop", "state"]
    )
    open_ = {(pop, state): count for pop, state, count in cache_refreshes.open_counts(session)}
    # All of them, so that an alert on one ends when it is done.
    for pop in pops.enabled_pops(session):
        for state in sorted(OPEN_STATES):
            family.add_metric([pop.name, state], open_.get((pop.name, state), 0))
    return family
