"""The part of the workers' composition root that only those load who match rides."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from adapters.city_folder import load_cities
from adapters.driver_index import RedisDriverIndex, create_index_client
from adapters.eta import create_etas
from config.settings import Settings
from domain.rides.matching import MatchingRules, Policy
from store.rides.transactions import RideTransactions
from workers.tasks.ride_matches import CityTools, RideMatcher


def create_matcher(settings: Settings, engine: Engine) -> tuple[RideMatcher, Callable[[], None]]:
    """Build the handler of ``ride_matches`` jobs; the function that comes with it closes what it has opened.

    Raises:
        CityFileError: a city's file is wrong.
    """
    client = create_index_client(settings.redis_url)
    cities = load_cities(settings.cities_dir)
    etas = create_etas(cities, settings.osrm_url, settings.valhalla_url)
    tools = {name: CityTools(city, etas[name]) for name, city in cities.items()}
    rules = MatchingRules(Policy(settings.ride_matching))
    return RideMatcher(RideTransactions(engine), RedisDriverIndex(client), tools, rules), client.close
