"""Scores of a GEO set are read as Redis reads them."""

import numpy as np
import pytest

from adapters.driver_index.geohash import decode


def test_the_scores_of_redis_documentation_are_its_places() -> None:
    # Palermo and Catania, as GEOADD's documentation adds them and ZSCORE shows them.
    latitudes, longitudes = decode(["3479099956230698", "3479447370796909"])

    assert latitudes == pytest.approx([38.115556, 37.502669], abs=4e-6)
    assert longitudes == pytest.approx([13.361389, 15.087269], abs=4e-6)


def test_the_ends_of_the_range_are_the_ends_of_the_map() -> None:
    latitudes, longitudes = decode(["0", str((1 << 52) - 1)])

    assert latitudes == pytest.approx([-85.05112878, 85.05112878], abs=3e-6)
    assert longitudes == pytest.approx([-180, 180], abs=3e-6)


def test_nothing_is_decoded_to_nothing() -> None:
    latitudes, longitudes = decode([])

    assert latitudes.shape == longitudes.shape == (0,)
    assert latitudes.dtype == np.float64
