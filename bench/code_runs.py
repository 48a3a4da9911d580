"""``python -m bench code_runs``: the sandbox, and code runs through the whole product."""

from __future__ import annotations

from collections.abc import Sequence

from bench import http_runs, sandbox
from bench.figures import Figure


def measure() -> Sequence[Figure]:
    """Return every figure of code runs."""
    return [*sandbox.measure(), *http_runs.measure()]
