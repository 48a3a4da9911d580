"""Drive times from OSRM: ``GET /table/v1/{profile}/…`` as its ``docs/http.md`` (5.x) has it."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from domain.rides.model import Place


class OsrmApi:
    """The ``RouterApi`` of the OSRM at ``url`` (``http://host:5000``).

    One list of coordinates, longitude first, and the numbers of those that are sources and destinations.
    """

    source = "osrm"

    def __init__(self, url: str, profile: str = "driving") -> None:
        self._url = f"{url.rstrip('/')}/table/v1/{profile}/"

    def request(self, origins: Sequence[Place], destinations: Sequence[Place]) -> requests.Request:
        """Return the call for the whole table."""
        places = ";".join(f"{place.longitude:.6f},{place.latitude:.6f}" for place in (*origins, *destinations))
        sources = ";".join(map(str, range(len(origins))))
        ends = ";".join(map(str, range(len(origins), len(origins) + len(destinations))))
        # Hints are for asking about the same places again, and longer than all the rest.
        query = f"?sources={sources}&destinations={ends}&generate_hints=false"
        return requests.Request("GET", self._url + places + query)

    def rows(self, answer: object) -> object:
        """Return the rows of seconds; what is not there raises."""
        if not isinstance(answer, dict) or answer["code"] != "Ok":
            raise ValueError("the code is not Ok")
        return answer["durations"]
