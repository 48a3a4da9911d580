"""Who says how long a drive takes: a router if one was named, else the estimate."""

from __future__ import annotations

from adapters.eta_osrm import OsrmApi
from adapters.eta_router import RouterEta
from adapters.eta_valhalla import ValhallaApi
from domain.rides.cities import City
from domain.rides.eta import HaversineEta
from domain.rides.ports import EtaProvider


def create_eta(city: City, osrm_url: str | None, valhalla_url: str | None) -> EtaProvider:
    """Return what a city's drives are timed by; OSRM goes first where both are named."""
    estimate = HaversineEta(city)
    if osrm_url:
        return RouterEta(OsrmApi(osrm_url), estimate)
    return RouterEta(ValhallaApi(valhalla_url), estimate) if valhalla_url else estimate
