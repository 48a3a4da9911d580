"""Which cities there are, where each ends, and what kinds of car can be had there."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from domain.rides.cities import City
from web import guards
from web.answers import answers, problems
from web.job_views import json_response
from web.platform import platform
from web.ride_views import show_place
from web.schemas.rides import PlaceOut

blueprint = APIBlueprint("cities", __name__, url_prefix="/v1/cities", tag="Rides")
blueprint.before_request(guards.require_key)


class ProductOut(BaseModel):
    """A kind of car, for ``capacity`` passengers; ``name`` is what a ride is ordered with."""

    name: str
    title: str
    capacity: int


class CityOut(BaseModel):
    """A city. Rides begin and end within ``radius_km`` of ``centre``; prices are in ``currency``."""

    name: str
    title: str
    centre: PlaceOut
    radius_km: float
    currency: str
    products: list[ProductOut]


class CitiesOut(BaseModel):
    """All cities, by name."""

    cities: list[CityOut]


@blueprint.get("")
@blueprint.output(CitiesOut, description="All cities.")
@blueprint.doc(operation_id="listCities", responses=answers(problems()))
def list_cities() -> Response:
    """List the cities with their products."""
    cities = platform().cities
    return json_response({"cities": [_show(cities[name]) for name in sorted(cities)]})


def _show(city: City) -> dict[str, object]:
    return {
        "name": city.name,
        "title": city.title,
        "centre": show_place(city.centre),
        "radius_km": city.radius_km,
        "currency": city.currency,
        "products": [
            {"name": product.name, "title": product.title, "capacity": product.capacity} for product in city.products
        ],
    }
