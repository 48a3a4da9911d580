"""Read the cities from ``config/cities/<name>.toml``; ``config/cities/demo.toml`` explains the keys.

A wrong file stops the process at start, with the file and the key: a price that is off by a factor of hundred is not
found by anybody but the passengers.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TypeGuard
from zoneinfo import ZoneInfo

from domain.rides.cities import City, Fare, Product
from domain.rides.model import Place
from domain.rides.pricing import MAX_PRICE, highest_price

HOURS = 24
MAX_CAPACITY = 100

# Names are parts of Redis keys and of URLs.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CITY_KEYS = frozenset(
    ("title", "centre", "radius_km", "currency", "timezone", "products", "speeds_km_per_h", "detour", "max_trip_km")
) | {"surge_cap"}
_CENTRE_KEYS = frozenset(field.name for field in fields(Place))
_PRODUCT_KEYS = frozenset(("title", "capacity", "fare"))
_FARE_KEYS = frozenset(field.name for field in fields(Fare))

Values = dict[str, object]


class CityFileError(Exception):
    """A city's file is missing or wrong; the message names the file and the key."""


def load_cities(folder: Path) -> dict[str, City]:
    """Return the cities of ``folder`` by name.

    Raises:
        CityFileError: a file cannot be read, lacks a key, has one too many, or a value that cannot be.
    """
    return {path.stem: read_city(path) for path in sorted(folder.glob("*.toml"))}


def read_city(path: Path) -> City:
    """Read one city, whose name is the file's.

    Raises:
        CityFileError: as ``load_cities``.
    """
    if not _NAME.fullmatch(path.stem):
        raise CityFileError(f"{path}: a city's name is lower-case letters, digits and hyphens")
    try:
        with path.open("rb") as file:
            values: Values = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise CityFileError(f"{path}: {error}") from error
    table = _Table(path, "", values, _CITY_KEYS)
    centre = table.table("centre", _CENTRE_KEYS)
    city = City(
        name=path.stem,
        title=table.text("title"),
        centre=Place(centre.number("latitude", -90, 90), centre.number("longitude", -180, 180)),
        radius_km=table.number("radius_km", 0.1, 500),
        currency=_currency(table),
        timezone=_timezone(table),
        products=_products(table),
        speeds_km_per_h=_speeds(table),
        detour=table.number("detour", 1, 5),
        max_trip_km=table.number("max_trip_km", 1, 2000),
        surge_cap=table.number("surge_cap", 1, 10),
    )
    _check_prices(table, city)
    return city


class _Table:
    """A table of a file; its complaints name both, and the key."""

    def __init__(self, path: Path, prefix: str, values: Values, known: frozenset[str] | None) -> None:
        self.path = path
        self.prefix = prefix
        self.values = values
        if known is not None and (unknown := set(values) - known):
            raise self.error(min(unknown), "is not known")

    def error(self, key: str, complaint: str) -> CityFileError:
        return CityFileError(f"{self.path}: {self.prefix}{key} {complaint}")

    def value(self, key: str) -> object:
        if key not in self.values:
            raise self.error(key, "is missing")
        return self.values[key]

    def text(self, key: str) -> str:
        value = self.value(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, "must be a text that is not empty")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        value = self.value(key)
        if not _is_number(value) or not low <= value <= high:
            raise self.error(key, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def count(self, key: str, low: int, high: int = MAX_PRICE) -> int:
        value = self.value(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.error(key, f"must be a whole number from {low} to {high}")
        return value

    def table(self, key: str, known: frozenset[str] | None) -> _Table:
        value = self.value(key)
        if not isinstance(value, dict):
            raise self.error(key, "must be a table")
        return _Table(self.path, f"{self.prefix}{key}.", value, known)


def _currency(table: _Table) -> str:
    currency = table.text("currency")
    if not _CURRENCY.fullmatch(currency):
        raise table.error("currency", "must be a code of ISO 4217, three capital letters")
    return currency


def _timezone(table: _Table) -> str:
    timezone = table.text("timezone")
    try:
        ZoneInfo(timezone)
    except (OSError, ValueError, LookupError) as error:
        raise table.error("timezone", "must be a name of the time zone database, such as Europe/Berlin") from error
    return timezone


def _speeds(table: _Table) -> tuple[float, ...]:
    speeds = table.value("speeds_km_per_h")
    if not isinstance(speeds, list) or len(speeds) != HOURS:
        raise table.error("speeds_km_per_h", f"must be a list of {HOURS} numbers, from midnight on")
    if not all(_is_number(speed) and 1 <= speed <= 200 for speed in speeds):
        raise table.error("speeds_km_per_h", "must have numbers from 1 to 200 only")
    return tuple(map(float, speeds))


def _products(table: _Table) -> tuple[Product, ...]:
    products = table.table("products", None)
    if not products.values:
        raise table.error("products", "must not be empty")
    return tuple(_product(products, name) for name in products.values)


def _product(products: _Table, name: str) -> Product:
    if not _NAME.fullmatch(name):
        raise products.error(name, "must be named by lower-case letters, digits and hyphens")
    product = products.table(name, _PRODUCT_KEYS)
    fare = product.table("fare", _FARE_KEYS)
    return Product(
        name=name,
        title=product.text("title"),
        capacity=product.count("capacity", 1, MAX_CAPACITY),
        fare=Fare(
            base=fare.count("base", 0),
            per_km=fare.count("per_km", 0),
            per_minute=fare.count("per_minute", 0),
            minimum=fare.count("minimum", 1),
            booking_fee=fare.count("booking_fee", 0),
        ),
    )


def _check_prices(table: _Table, city: City) -> None:
    for product in city.products:
        if highest_price(city, product) > MAX_PRICE:
            complaint = f"makes a trip of max_trip_km at surge_cap cost more than {MAX_PRICE} minor units"
            raise table.error(f"products.{product.name}.fare", complaint)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
