"""What the alerts and the dashboard ask for is what the API shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from config.settings import REPOSITORY

MONITORING = REPOSITORY / "config" / "monitoring"
NOT_OURS = {"up"}
WORDS = {
    "absent", "by", "for", "histogram_quantile", "ignoring", "increase", "le", "m", "max", "on", "or", "rate", "sum",
    "sum_over_time", "unless", "and", "city", "kind", "queue", "search_status", "state", "route", "status", "tier",
    "outcome", "instance", "job", "set", "time", "pop",
}  # fmt: skip


def metrics_of(expression: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", expression)
    return set(re.findall(r"\b[a-z_]{2,}\b", bare)) - WORDS


def alert_expressions() -> list[str]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def dashboard_expressions() -> list[str]:
    panels = json.loads((MONITORING / "grafana" / "yardmaster.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def shown_metrics() -> set[str]:
    code = "".join(
        (Path(REPOSITORY) / "web" / name).read_text() for name in ("metrics.py", "ride_metrics.py", "edge_metrics.py")
    )
    gauges = set(re.findall(r'Gauge(?:MetricFamily)?\(\s*"([a-z_0-9]+)"', code))
    counters = {f"{name}_total" for name in re.findall(r'Counter(?:MetricFamily)?\(\s*"([a-z_]+)"', code)}
    histograms = {f"{name}_bucket" for name in re.findall(r'Histogram\(\s*"([a-z_]+)"', code)}
    return gauges | counters | histograms


def test_every_metric_that_an_alert_asks_for_exists() -> None:
    asked = set().union(*(metrics_of(expression) for expression in alert_expressions())) - NOT_OURS

    assert asked
    assert asked - {re.sub(r"\d", "", name) for name in shown_metrics()} == set()


def test_every_metric_on_the_dashboard_exists() -> None:
    asked = set().union(
        *(metrics_of(re.sub(r"(?<=_p)\d+", "", expression)) for expression in dashboard_expressions())
    )

    assert asked - {re.sub(r"\d", "", name) for name in shown_metrics()} == set()


def test_every_metric_of_the_edge_is_on_the_dashboard() -> None:
    asked = set().union(*(metrics_of(expression) for expression in dashboard_expressions()))
    of_edge = {name for name in shown_metrics() if re.match(r"pops?_|edge_|cache_refreshes_", name)}

    assert of_edge - asked == set()


def test_every_alert_says_how_urgent_it_is_and_what_it_means() -> None:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]

    for rule in groups[0]["rules"]:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith((".", "?"))


def test_every_alert_and_every_metric_of_rides_and_the_edge_is_explained_to_operators() -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    of_edge = {name for name in shown_metrics() if re.match(r"pops?_|edge_|cache_refreshes_", name)}
    of_rides = {name for name in shown_metrics() if re.match(r"rides?_|rides$|drivers?_|database_deadlocks", name)}

    assert len(of_rides) > 20
    assert len(of_edge) > 7
    assert {name for name in alerts | of_edge | of_rides if f"`{name}`" not in page} == set()
