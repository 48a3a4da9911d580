"""Drive times from Valhalla: ``POST /sources_to_targets`` as its matrix API reference has it."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from domain.rides.model import Place


class ValhallaApi:
    """The ``RouterApi`` of the Valhalla at ``url`` (``http://host:8002``).

    Two lists of places; the answer has a row for each source with an object for each target.
    """

    source = "valhalla"

    def __init__(self, url: str, costing: str = "auto") -> None:
        self._url = f"{url.rstrip('/')}/sources_to_targets"
        self._costing = costing

    def request(self, origins: Sequence[Place], destinations: Sequence[Place]) -> requests.Request:
        """Return the call for the whole table."""
        question = {"sources": _locations(origins), "targets": _locations(destinations), "costing": self._costing}
        return requests.Request("POST", self._url, json=question)

    def rows(self, answer: object) -> object:
        """Return the rows of seconds; what is not there raises."""
        if not isinstance(answer, dict):
            raise TypeError("the answer is no object")
        return [[drive["time"] for drive in row] for row in answer["sources_to_targets"]]


def _locations(places: Sequence[Place]) -> list[dict[str, float]]:
    return [{"lat": round(place.latitude, 6), "lon": round(place.longitude, 6)} for place in places]
