"""What all people of a simulation share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cli.simulation.ledger import Ledger
from cli.simulation.tally import Tally


@dataclass(slots=True)
class World:
    """Time, books, and whether it is over. ``clock`` says how many seconds have passed since ``began_at``."""

    clock: Callable[[], float]
    began_at: datetime
    speed_up: float = 1.0
    tally: Tally = field(default_factory=Tally)
    ledger: Ledger = field(default_factory=Ledger)
    left_at_s: float | None = None

    @property
    def is_leaving(self) -> bool:
        """Tell whether it is over: nothing new is begun, and what is under way is ended as the API lets it."""
        return self.left_at_s is not None

    def leave(self) -> None:
        """Let it be over; idempotent."""
        self.left_at_s = self.clock() if self.left_at_s is None else self.left_at_s

    def now(self) -> datetime:
        """Return the time of day."""
        return self.began_at + timedelta(seconds=self.clock())

    def real_s(self, city_s: float) -> float:
        """Return how long something takes here that takes people ``city_s``."""
        return city_s / self.speed_up
