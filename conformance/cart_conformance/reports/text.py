"""Makes text from a server safe to display, and formats a request as a ``curl`` line."""

from __future__ import annotations

import re

from cart_spec.curl import curl_line

from cart_conformance.results import Exchange

BODY_LIMIT = 4000
"""Maximum number of characters of a body in a report; the rest is only counted."""

TEXT_LIMIT = 2000
"""Maximum number of characters of any other text in a report, such as a reason."""

_SURROGATES = re.compile("[\ud800-\udfff]")
# Characters that XML 1.0 forbids, that control a terminal, or that reorder surrounding text.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_CONTROL_PICTURES = 0x2400


def whole(text: str) -> str:
    """Return ``text`` without lone surrogates, which no encoding can represent."""
    return _SURROGATES.sub("\ufffd", text)


def clip(text: str, limit: int) -> str:
    """Return ``whole(text)``, cut to ``limit`` characters with a note of the full length."""
    if len(text) <= limit:
        return whole(text)
    return f"{whole(text[:limit])}\n… (cut after {limit:,} of {len(text):,} characters)"


def visible(text: str) -> str:
    """Return ``text`` with a symbol or an escape for each invisible character.

    Newlines and tabs stay. The result is allowed in XML and HTML, and cannot control a terminal.
    """
    return _INVISIBLE.sub(_picture, whole(text).replace("\r\n", "\n"))


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return "\u2421" if code == 0x7F else f"\\u{code:04x}"


def one_line(text: str, limit: int = 200) -> str:
    """Return ``visible(text)`` with runs of white space collapsed, cut to ``limit`` characters."""
    folded = " ".join(visible(text[: 4 * limit]).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


def curl(exchange: Exchange) -> str:
    """Return a ``curl`` line for bash that repeats the request after secrets are filled in.

    A body that the report shortens is shortened here too.
    """
    headers = [
        (name, clip(value, TEXT_LIMIT) if value else value)
        for name, value in exchange.request_headers
    ]
    body = exchange.request_body
    return curl_line(
        exchange.method,
        clip(exchange.url, TEXT_LIMIT),
        headers,
        None if body is None else clip(body, BODY_LIMIT),
        show_head=True,
    )
