"""Cities are read from a folder, and a mistake is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.city_folder import CityFileError, load_cities, read_city
from config.settings import REPOSITORY
from domain.rides.cities import City, Fare, Product
from domain.rides.model import Place

CITIES = REPOSITORY / "config" / "cities"
SPEEDS = "[" + ", ".join(str(20 + hour) for hour in range(24)) + "]"
SMALLVILLE = f"""
title = "Smallville"
currency = "USD"
timezone = "America/Chicago"
centre = {{ latitude = 38.9, longitude = -99.3 }}
radius_km = 12.5
speeds_km_per_h = {SPEEDS}
detour = 1.3
max_trip_km = 80
surge_cap = 2

[products.cab]
title = "Cab"
capacity = 3
fare = {{ base = 200, per_km = 100, per_minute = 20, minimum = 500, booking_fee = 0 }}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "smallville.toml"
    path.write_text(SMALLVILLE)
    return path


def test_the_repository_holds_two_cities_with_three_products_each() -> None:
    cities = load_cities(CITIES)

    assert list(cities) == ["campo-grande", "demo"]
    for name, city in cities.items():
        assert city.name == name
        assert [product.name for product in city.products] == ["economy", "comfort", "van"]
        assert city.contains(city.centre)
        assert city.speed_m_per_s(datetime(2026, 1, 5, 12, tzinfo=UTC)) > 0


def test_a_city_is_what_its_file_says(file: Path) -> None:
    assert read_city(file) == City(
        name="smallville",
        title="Smallville",
        centre=Place(38.9, -99.3),
        radius_km=12.5,
        currency="USD",
        timezone="America/Chicago",
        products=(Product("cab", "Cab", 3, Fare(200, 100, 20, 500, 0)),),
        speeds_km_per_h=tuple(float(20 + hour) for hour in range(24)),
        detour=1.3,
        max_trip_km=80,
        surge_cap=2,
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "Smallville"', "", "title is missing"),
        ('title = "Smallville"', "title = 5", "title must be a text that is not empty"),
        ('title = "Smallville"', 'title = "Smallville"\nmayor = "Ann"', "mayor is not known"),
        ('"USD"', '"usd"', "currency must be a code of ISO 4217, three capital letters"),
        ('"America/Chicago"', '"America/Gotham"', "timezone must be a name of the time zone database"),
        ('"America/Chicago"', '"../passwd"', "timezone must be a name of the time zone database"),
        ("latitude = 38.9", "latitude = 90.1", "centre.latitude must be a number from -90 to 90"),
        ("latitude = 38.9", "latitude = nan", "centre.latitude must be a number from -90 to 90"),
        ("longitude = -99.3", "longitude = true", "centre.longitude must be a number from -180 to 180"),
        ("longitude = -99.3", "lon = -99.3", "centre.lon is not known"),
        ("radius_km = 12.5", "radius_km = 0", "radius_km must be a number from 0.1 to 500"),
        ("detour = 1.3", "detour = 0.9", "detour must be a number from 1 to 5"),
        ("surge_cap = 2", "surge_cap = '2'", "surge_cap must be a number from 1 to 10"),
        (SPEEDS, SPEEDS.replace("43", "43, 44"), "speeds_km_per_h must be a list of 24 numbers, from midnight on"),
        (SPEEDS, SPEEDS.replace("20", "0"), "speeds_km_per_h must have numbers from 1 to 200 only"),
        (SPEEDS, "30", "speeds_km_per_h must be a list of 24 numbers, from midnight on"),
        ("[products.cab]", '[products."The Cab"]', "products.The Cab must be named by lower-case letters"),
        ("capacity = 3", "capacity = 0", "products.cab.capacity must be a whole number from 1 to 100"),
        ("per_km = 100", "per_km = 1.15", "products.cab.fare.per_km must be a whole number from 0 to 2147483647"),
        ("per_km = 100", "per_mile = 100", "products.cab.fare.per_mile is not known"),
        ("minimum = 500, ", "", "products.cab.fare.minimum is missing"),
        ("max_trip_km = 80", f"max_trip_km = {10**400}", "max_trip_km must be a number from 1 to 2000"),
        ("base = 200", f"base = {2**31}", "products.cab.fare.base must be a whole number from 0 to 2147483647"),
        (
            "per_km = 100",
            "per_km = 20_000_000",
            "products.cab.fare makes a trip of max_trip_km at surge_cap cost more",
        ),
    ],
)
def test_a_mistake_is_named_with_the_file_and_the_key(file: Path, old: str, new: str, complaint: str) -> None:
    assert old in SMALLVILLE
    file.write_text(SMALLVILLE.replace(old, new))

    with pytest.raises(CityFileError) as error:
        read_city(file)

    assert str(error.value).startswith(f"{file}: {complaint}")


def test_a_city_without_products_is_a_mistake(file: Path) -> None:
    file.write_text(SMALLVILLE.split("[products", maxsplit=1)[0] + "[products]\n")

    with pytest.raises(CityFileError, match="products must not be empty"):
        read_city(file)


def test_a_file_that_is_no_toml_or_not_there_is_named(file: Path) -> None:
    file.write_text("title = ")

    with pytest.raises(CityFileError, match=r"smallville\.toml: "):
        load_cities(file.parent)
    with pytest.raises(CityFileError, match=r"gotham\.toml: "):
        read_city(file.parent / "gotham.toml")


def test_a_name_that_no_key_can_bear_is_refused(file: Path) -> None:
    with pytest.raises(CityFileError, match="a city's name is lower-case letters, digits and hyphens"):
        read_city(file.rename(file.with_name("{small} ville.toml")))
