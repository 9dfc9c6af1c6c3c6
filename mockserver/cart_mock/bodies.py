"""Reads request bodies: JSON and forms."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_decode = msgspec.json.Decoder().decode


class Malformed(Exception):
    """A body that cannot be read. The message says why in a few words."""


def read_json(body: bytes) -> Any:
    """Return the JSON value in a body. Raises Malformed."""
    if not body:
        raise Malformed("it is empty")
    try:
        return _decode(body)
    except RecursionError as error:
        raise Malformed("it is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error).removeprefix("JSON is malformed: ")) from error


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form, the first of each name. Raises Malformed."""
    fields: dict[str, str] = {}
    try:
        for name, value in parse_qsl(body.decode(), keep_blank_values=True, errors="strict"):
            fields.setdefault(name, value)
    except (UnicodeDecodeError, ValueError) as error:
        raise Malformed("it is not a form in UTF-8") from error
    return fields


def media_type(content_type: bytes) -> str:
    """Return the media type of a Content-Type header, without its parameters, in lower case."""
    return content_type.split(b";", 1)[0].strip().lower().decode("latin-1")


def is_json(media: str) -> bool:
    """Return whether a media type says JSON."""
    return media == JSON or media.endswith("+json")
