"""What a trip would cost and how soon a car could be there, in Uber's words; for operators, how that comes about."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from apiflask import APIBlueprint
from flask import Response

from domain.rides.cities import City, Product
from domain.rides.currencies import decimal_of
from domain.rides.model import Place
from domain.rides.ports import NearestQuery
from domain.rides.pricing import Trip
from web import guards
from web.answers import answers, problems
from web.job_views import json_response
from web.platform import platform
from web.problems import FieldError, InvalidFieldsError
from web.ride_quotes import IN_QUERY, city_at, products_of, quote
from web.schemas.rides import (
    HeatMapOut,
    HeatMapQuery,
    PriceEstimatesOut,
    PriceQuery,
    TimeEstimatesOut,
    TimeQuery,
)

# The nearest by the straight line need not be the first one there; among a few of them is who is.
CANDIDATES = 5

blueprint = APIBlueprint("estimates", __name__, url_prefix="/v1", tag="Estimates")
blueprint.before_request(guards.require_key)


@blueprint.get("/estimates/price")
@blueprint.input(PriceQuery, location="query", arg_name="query")
@blueprint.output(PriceEstimatesOut, description="A price for each product.")
@blueprint.doc(operation_id="estimatePrice", responses=answers(problems(404, 422)))
def estimate_price(query: PriceQuery) -> Response:
    """Estimate the price of a trip, with the present surge; an order agrees to it by its `max_surge`."""
    pickup = Place(query.start_latitude, query.start_longitude)
    destination = Place(query.end_latitude, query.end_longitude)
    city = city_at(pickup, IN_QUERY)
    products = products_of(city, query.product, IN_QUERY)
    return json_response({"prices": [_price(city, product, pickup, destination) for product in products]})


@blueprint.get("/estimates/time")
@blueprint.input(TimeQuery, location="query", arg_name="query")
@blueprint.output(TimeEstimatesOut, description="A time for each product.")
@blueprint.doc(operation_id="estimateTime", responses=answers(problems(404, 422)))
def estimate_time(query: TimeQuery) -> Response:
    """Estimate how soon a driver could be at a place."""
    pickup = Place(query.start_latitude, query.start_longitude)
    city = city_at(pickup, IN_QUERY)
    products = products_of(city, query.product, IN_QUERY)
    return json_response({"times": list(_times(city, products, pickup))})


@blueprint.get("/rides/heat-map")
@blueprint.input(HeatMapQuery, location="query", arg_name="query")
@blueprint.output(HeatMapOut, description="The cells with anybody in them.")
@blueprint.doc(operation_id="getHeatMap", responses=answers(problems(403, 422)))
def get_heat_map(query: HeatMapQuery) -> Response:
    """Show where more wait than are free (administrators)."""
    guards.require_admin()
    city = platform().cities.get(query.city)
    if city is None:
        detail = f"is not one of {', '.join(sorted(platform().cities))}"
        raise InvalidFieldsError("the request has invalid fields", errors=[FieldError("parameter", "city", detail)])
    return json_response({"city": city.name, "cells": list(_cells(city))})


def _price(city: City, product: Product, pickup: Place, destination: Place) -> dict[str, object]:
    priced = quote(city, Trip(product.name, pickup, destination), IN_QUERY)
    low, high = (decimal_of(price, priced.currency) for price in (priced.price_low, priced.price_high))
    return {
        "product_id": product.name,
        "display_name": product.title,
        "currency_code": priced.currency,
        "estimate": f"{low}-{high} {priced.currency}",
        "low_estimate": float(low),
        "high_estimate": float(high),
        "surge_multiplier": priced.surge,
        "distance": priced.distance_m,
        "distance_unit": "metre",
        "duration": priced.duration_s,
    }


def _times(city: City, products: Sequence[Product], pickup: Place) -> Iterator[dict[str, object]]:
    # One question to the index and one to the router for all products: a router that is late is waited for once.
    index = platform().driver_index
    found = index.nearest(city.name, [NearestQuery(product.name, pickup, CANDIDATES) for product in products])
    positions = index.last_positions(city.name, [driver_id for nearest in found for driver_id, _ in nearest])
    drives = [
        (product.name, positions[driver_id].place)
        for product, nearest in zip(products, found, strict=True)
        for driver_id, _ in nearest
        if driver_id in positions
    ]
    etas = platform().etas[city.name].pairs([place for _, place in drives], [pickup] * len(drives))
    best: dict[str, float] = {}
    for (name, _), seconds in zip(drives, etas.seconds.tolist(), strict=True):
        best[name] = min(seconds, best.get(name, math.inf))
    for product in products:
        seconds = best.get(product.name, math.inf)
        is_reachable = math.isfinite(seconds)
        yield {
            "product_id": product.name,
            "display_name": product.title,
            "estimate": round(seconds) if is_reachable else None,
            "eta_source": etas.source if is_reachable else None,
        }


def _cells(city: City) -> Iterator[dict[str, object]]:
    for product in city.products:
        for cell in platform().surges.map_of(city, product.name).cells():
            yield {
                "product_id": product.name,
                "cell": cell.cell,
                "demand": cell.demand,
                "supply": cell.supply,
                "surge": cell.surge,
            }
