"""The limits of a run: what was asked for, completed by the language's defaults, within the server's bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from domain.code_runs.languages import Language
from domain.code_runs.model import Limits


class LimitsOutOfBoundsError(ValueError):
    """A limit is above what the language allows; ``violations`` maps the field to the sentence about it."""

    def __init__(self, violations: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field} {detail}" for field, detail in violations.items()))
        self.violations = dict(violations)


def limits_of(language: Language, asked: Mapping[str, float]) -> Limits:
    """Return the limits of each case: ``asked`` where given, the language's defaults elsewhere.

    Who asks for more CPU without naming a wall limit gets a wall limit that grows with it, as far as it may.

    Raises:
        LimitsOutOfBoundsError: something asked for is above the language's maximum.
    """
    maximum = asdict(language.max_limits)
    violations = {
        field: f"must be at most {maximum[field]} for {language.name}"
        for field, value in asked.items()
        if value > maximum[field]
    }
    if violations:
        raise LimitsOutOfBoundsError(violations)
    limits = asdict(language.limits) | dict(asked)
    if "cpu_s" in asked and "wall_s" not in asked:
        ratio = max(1.0, asked["cpu_s"] / language.limits.cpu_s)
        limits["wall_s"] = min(language.limits.wall_s * ratio, language.max_limits.wall_s)
    return Limits(**limits)
