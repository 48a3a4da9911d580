"""Drive times from OSRM: ``GET /table/v1/{profile}/…`` as its ``docs/http.md`` (5.x) has it."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from adapters.circuit import Circuit
from adapters.eta_router import BUDGET_S, RouterTables
from domain.rides.model import Place
from domain.rides.ports import EtaProvider, Etas


class OsrmEta:
    """An ``EtaProvider`` that asks the OSRM at ``url`` (``http://host:5000``), else ``fallback``."""

    def __init__(
        self,
        url: str,
        fallback: EtaProvider,
        profile: str = "driving",
        circuit: Circuit | None = None,
        budget_s: float = BUDGET_S,
    ) -> None:
        self._tables = RouterTables(_OsrmApi(url, profile), fallback, circuit, budget_s)

    def table(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        """Return the seconds from each origin (rows) to each destination (columns)."""
        return self._tables.table(origins, destinations)

    def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        """Return the seconds of each ``origins[i]`` to ``destinations[i]``."""
        return self._tables.pairs(origins, destinations)

    def close(self) -> None:
        """Close all connections."""
        self._tables.close()


class _OsrmApi:
    """One list of coordinates, longitude first, and the numbers of those that are sources and destinations."""

    source = "osrm"

    def __init__(self, url: str, profile: str) -> None:
        self._url = f"{url.rstrip('/')}/table/v1/{profile}/"

    def request(self, origins: Sequence[Place], destinations: Sequence[Place]) -> requests.Request:
        places = ";".join(f"{place.longitude:.6f},{place.latitude:.6f}" for place in (*origins, *destinations))
        sources = ";".join(map(str, range(len(origins))))
        ends = ";".join(map(str, range(len(origins), len(origins) + len(destinations))))
        # Hints are for asking about the same places again, and longer than all the rest.
        query = f"?sources={sources}&destinations={ends}&generate_hints=false"
        return requests.Request("GET", self._url + places + query)

    def rows(self, answer: object) -> object:
        if not isinstance(answer, dict) or answer["code"] != "Ok":
            raise ValueError("the code is not Ok")
        return answer["durations"]
