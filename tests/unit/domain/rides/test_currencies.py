"""Amounts are written with the decimals of their currency."""

from __future__ import annotations

import pytest

from domain.rides.currencies import decimal_of


@pytest.mark.parametrize(
    ("minor_units", "currency", "shown"),
    [
        (0, "EUR", "0.00"),
        (5, "EUR", "0.05"),
        (123456, "BRL", "1234.56"),
        (1234, "JPY", "1234"),
        (0, "KRW", "0"),
        (1234, "KWD", "1.234"),
        (7, "TND", "0.007"),
        (12345, "CLF", "1.2345"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(minor_units: int, currency: str, shown: str) -> None:
    assert decimal_of(minor_units, currency) == shown
