"""The form of ids and emails, and of values in error details."""

from __future__ import annotations

import re
from typing import Any

import msgspec

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The exceptions of parsing bytes that are not JSON, or are nested too deeply."""

MAX_NAME = 255
"""Maximum length of a cart's name, in characters."""

NAME_LIMIT = 255
"""How many characters a ``client_id`` may have."""

SAFE_ID = re.compile(r"[0-9A-Za-z_-]+")
UNSAFE_CHARACTER = re.compile(r"[^0-9A-Za-z_-]")

# The pattern that browsers use for <input type="email">, with at least one dot in the domain.
EMAIL = re.compile(r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+", re.ASCII)

_KINDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def kind(value: Any) -> str:
    """Return the kind of a JSON value, with its article."""
    return _KINDS[type(value)]


def format_value(value: Any, limit: int = 60) -> str:
    """Format a JSON value for error details: on one line, cut at ``limit``."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"
