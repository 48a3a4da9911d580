"""In CI a skip is a failure: a server that cannot be had there is something to repair, not to overlook.

Elsewhere skips stand with their reasons in pytest's closing summary.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest

from config.settings import is_ci

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _judged(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _judged(report)


def _judged(report: Report) -> Report:
    # What is expected to fail (xfail) is reported as skipped, too, and is no skip.
    if is_ci() and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"Nothing may be skipped in CI. {reason}"
    return report
