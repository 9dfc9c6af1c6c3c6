"""Money in the smallest unit of a currency: whole numbers only, so that every sum is exact."""

from __future__ import annotations

MOST = 2**53 - 1
"""The largest amount. JSON numbers beyond it lose digits in JavaScript."""
_DECIMALS = {
    **dict.fromkeys(
        (
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
            "VND", "VUV", "XAF", "XOF", "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip
"""The decimals of the currencies of ISO 4217 that do not have two."""
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def formatted(amount: int, currency: str) -> str:
    """Return an amount as people read it; without a currency, the bare number."""
    if not currency:
        return str(amount)
    decimals = _DECIMALS.get(currency, 2)
    whole, part = divmod(abs(amount), 10**decimals)
    number = f"{whole:,}.{part:0{decimals}}" if decimals else f"{whole:,}"
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    return f"{'-' if amount < 0 else ''}{symbol}{number}"


def price(amount: int, currency: str) -> dict[str, int | str]:
    """Return an amount as the API renders it."""
    return {"amount": amount, "currency": currency, "formatted": formatted(amount, currency)}
