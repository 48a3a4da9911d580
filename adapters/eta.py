"""Who says how long a drive takes: a router if one was named, else the estimate."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.eta_osrm import OsrmApi
from adapters.eta_router import Router, RouterEta
from adapters.eta_valhalla import ValhallaApi
from domain.rides.cities import City
from domain.rides.eta import HaversineEta
from domain.rides.ports import EtaProvider


def create_etas(cities: Mapping[str, City], osrm_url: str | None, valhalla_url: str | None) -> dict[str, EtaProvider]:
    """Return what each city's drives are timed by; OSRM goes first where both are named.

    All cities ask one router over the same connections, and when it is away they find that out together.
    """
    estimates = {name: HaversineEta(city) for name, city in cities.items()}
    if osrm_url:
        router = Router(OsrmApi(osrm_url))
    elif valhalla_url:
        router = Router(ValhallaApi(valhalla_url))
    else:
        return {**estimates}
    return {name: RouterEta(router, estimate) for name, estimate in estimates.items()}
