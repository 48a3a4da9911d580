"""A city for tests of rides: Berlin's shape."""

from __future__ import annotations

from domain.rides.cities import City, Fare, Product
from domain.rides.model import Place

DEMO_CITY = City(
    name="demo",
    title="Demo City",
    centre=Place(52.52, 13.405),
    radius_km=30,
    currency="EUR",
    timezone="Europe/Berlin",
    products=(
        Product("standard", "Standard", 4, Fare(base=250, per_km=115, per_minute=28, minimum=600, booking_fee=90)),
        Product("comfort", "Comfort", 4, Fare(base=350, per_km=155, per_minute=38, minimum=900, booking_fee=90)),
        Product("van", "Van", 6, Fare(base=450, per_km=185, per_minute=45, minimum=1200, booking_fee=120)),
    ),
    # Night, morning rush, day, evening rush, evening.
    speeds_km_per_h=(*[36.0] * 6, 30.0, *[22.0] * 3, *[26.0] * 6, *[21.0] * 3, *[28.0] * 3, *[33.0] * 2),
)
