"""Makes text that a server chose safe to show, and shows a request as a ``curl`` line."""

from __future__ import annotations

import re
import shlex

from cart_conformance.run.events import Exchange

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
_NEEDS_ANSI_QUOTES = re.compile("[\x00-\x1f\x7f]")
# curl writes these itself, from the URL and the body.
_IMPLIED_HEADERS = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "user-agent"}
)


def whole(text: str) -> str:
    """``text`` without lone surrogates, which no encoding can hold."""
    return _SURROGATES.sub("\ufffd", text)


def clip(text: str, limit: int) -> str:
    """``whole(text)``, cut to ``limit`` characters with a note of how many there were."""
    if len(text) <= limit:
        return whole(text)
    return f"{whole(text[:limit])}\n… (cut after {limit:,} of {len(text):,} characters)"


def visible(text: str) -> str:
    """``text`` with a picture or an escape in place of each character that shows as none.

    Newlines and tabs stay. The result can stand in XML and HTML, and a terminal does not obey it.
    """
    return _INVISIBLE.sub(_picture, whole(text).replace("\r\n", "\n"))


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return "\u2421" if code == 0x7F else f"\\u{code:04x}"


def one_line(text: str, limit: int = 200) -> str:
    """``visible(text)`` with white space folded, cut to ``limit`` characters."""
    folded = " ".join(visible(text[: 4 * limit]).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


def curl(exchange: Exchange) -> str:
    """A ``curl`` line for bash that sends the request again, once redacted values are filled in.

    What a report cuts short is cut here too.
    """
    words = ["curl", "-i"]
    if exchange.method == "HEAD":
        words.append("--head")
    elif exchange.method != ("GET" if exchange.request_body is None else "POST"):
        words += ["-X", quote(exchange.method)]
    if re.search(r"[][{}]", exchange.url):
        words.append("--globoff")
    words.append(quote(clip(exchange.url, TEXT_LIMIT)))
    for name, value in exchange.request_headers:
        if name.lower() not in _IMPLIED_HEADERS:
            # To curl "Name:" means to leave the header out; "Name;" sends it empty.
            words += ["-H", quote(clip(f"{name}: {value}" if value else f"{name};", TEXT_LIMIT))]
    if exchange.request_body is not None:
        if "content-type" not in {name.lower() for name, _ in exchange.request_headers}:
            words += ["-H", "Content-Type:"]
        words += ["--data-raw", quote(clip(exchange.request_body, BODY_LIMIT))]
    return " ".join(words)


def quote(word: str) -> str:
    """One word of a bash line. Control characters are written as escapes, in ``$'…'``."""
    word = whole(word)
    if not _NEEDS_ANSI_QUOTES.search(word):
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + _NEEDS_ANSI_QUOTES.sub(lambda m: f"\\x{ord(m.group()):02x}", escaped) + "'"
