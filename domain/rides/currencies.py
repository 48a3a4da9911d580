"""How many decimals an amount of each currency has.

Source: ISO 4217, list one, "minor unit" (https://www.six-group.com/en/products-services/financial-information/data-standards.html).
"""

from __future__ import annotations

from collections.abc import Mapping

USUAL_DIGITS = 2

_DIGITS: Mapping[str, int] = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def decimal_of(minor_units: int, currency: str) -> str:
    """Return an amount, which is not negative, as a decimal number: 1234 is 12.34 EUR, 1234 JPY, 1.234 KWD."""
    digits = _DIGITS.get(currency, USUAL_DIGITS)
    if digits == 0:
        return str(minor_units)
    return f"{minor_units // 10**digits}.{minor_units % 10**digits:0{digits}}"
