"""Drive times from Valhalla: ``POST /sources_to_targets`` as its matrix API reference has it."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from adapters.circuit import Circuit
from adapters.eta_router import BUDGET_S, RouterTables
from domain.rides.model import Place
from domain.rides.ports import EtaProvider, Etas


class ValhallaEta:
    """An ``EtaProvider`` that asks the Valhalla at ``url`` (``http://host:8002``), else ``fallback``."""

    def __init__(
        self,
        url: str,
        fallback: EtaProvider,
        costing: str = "auto",
        circuit: Circuit | None = None,
        budget_s: float = BUDGET_S,
    ) -> None:
        self._tables = RouterTables(_ValhallaApi(url, costing), fallback, circuit, budget_s)

    def table(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        """Return the seconds from each origin (rows) to each destination (columns)."""
        return self._tables.table(origins, destinations)

    def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        """Return the seconds of each ``origins[i]`` to ``destinations[i]``."""
        return self._tables.pairs(origins, destinations)

    def close(self) -> None:
        """Close all connections."""
        self._tables.close()


class _ValhallaApi:
    """Two lists of places; the answer has a row for each source with an object for each target."""

    source = "valhalla"

    def __init__(self, url: str, costing: str) -> None:
        self._url = f"{url.rstrip('/')}/sources_to_targets"
        self._costing = costing

    def request(self, origins: Sequence[Place], destinations: Sequence[Place]) -> requests.Request:
        question = {"sources": _locations(origins), "targets": _locations(destinations), "costing": self._costing}
        return requests.Request("POST", self._url, json=question)

    def rows(self, answer: object) -> object:
        if not isinstance(answer, dict):
            raise TypeError("the answer is no object")
        return [[drive["time"] for drive in row] for row in answer["sources_to_targets"]]


def _locations(places: Sequence[Place]) -> list[dict[str, float]]:
    return [{"lat": round(place.latitude, 6), "lon": round(place.longitude, 6)} for place in places]
