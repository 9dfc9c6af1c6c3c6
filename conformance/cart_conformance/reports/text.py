"""Makes text that a server chose safe to show, and shows a request as a ``curl`` line."""

from __future__ import annotations

import re

from cart_spec.curl import curl_line

from cart_conformance.results import Exchange

BODY_LIMIT = 4000
"""Characters of a body that a report keeps; the rest is counted."""

TEXT_LIMIT = 2000
"""Characters of any other text that a report keeps: a reason, what was expected, what came."""

_SURROGATES = re.compile("[\ud800-\udfff]")
# What XML 1.0 cannot hold, what a terminal would obey, and what reorders the text around it.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_CONTROL_PICTURES = 0x2400


def whole(text: str) -> str:
    """Return ``text`` without lone surrogates, which no encoding can hold."""
    return _SURROGATES.sub("\ufffd", text)


def clip(text: str, limit: int) -> str:
    """Return ``whole(text)``, cut to ``limit`` characters with a note of the full length."""
    if len(text) <= limit:
        return whole(text)
    return f"{whole(text[:limit])}\n… (cut after {limit:,} of {len(text):,} characters)"


def visible(text: str) -> str:
    """Return ``text`` with a picture or an escape for each invisible character.

    Newlines and tabs stay. The result can stand in XML and HTML, and a terminal does not obey it.
    """
    return _INVISIBLE.sub(_picture, whole(text).replace("\r\n", "\n"))


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return "\u2421" if code == 0x7F else f"\\u{code:04x}"


def one_line(text: str, limit: int = 200) -> str:
    """Return ``visible(text)`` with white space folded, cut to ``limit`` characters."""
    folded = " ".join(visible(text[: 4 * limit]).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


def curl(exchange: Exchange) -> str:
    """Return a ``curl`` line for bash that sends the request again, once secrets are filled in.

    What a report cuts short is cut here too.
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
