"""Reads request bodies: JSON and forms, compressed or not."""

from __future__ import annotations

import codecs
import zlib
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_BOM = codecs.BOM_UTF8
_decode = msgspec.json.Decoder().decode


class Malformed(Exception):
    """A body that cannot be read. The message says why in a few words."""


class EncodingUnsupported(Exception):
    """The body has a content encoding that is not known; the message names it."""


class TooLarge(Exception):
    """The body opens to more than the limit."""


ENCODINGS: Final = "gzip, deflate, br"
"""The content encodings that bodies may have."""
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_LAYERS = 3
"""How many encodings a body may have, one around the other."""


def opened(body: bytes, content_encoding: bytes, limit: int) -> bytes:
    """Return a body without its content encodings, of at most ``limit`` bytes.

    Raises EncodingUnsupported, TooLarge, Malformed.
    """
    names = [name.strip().lower() for name in content_encoding.decode("latin-1").split(",")]
    names = [name for name in names if name not in ("", "identity")]
    for name in names:
        if name not in ("gzip", "x-gzip", "deflate", "br") or len(names) > _LAYERS:
            raise EncodingUnsupported(content_encoding.decode("latin-1")[:100])
    for name in reversed(names):
        if name == "deflate":
            # The name means zlib's format; some clients send what is inside of it.
            is_zlib = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
            body = _inflated(body, _ZLIB if is_zlib else _RAW, limit, name)
        elif name == "br":
            body = _from_brotli(body, limit)
        else:
            body = _inflated(body, _GZIP, limit, "gzip")
    return body


def _inflated(body: bytes, form: int, limit: int, name: str) -> bytes:
    content = b""
    while True:  # one member of a gzip file after the other
        inflater = zlib.decompressobj(form)
        try:
            content += inflater.decompress(body, limit + 1 - len(content))
        except zlib.error as error:
            raise Malformed(f"it is not {name}") from error
        if len(content) > limit:
            raise TooLarge
        if not inflater.eof:
            raise Malformed(f"its {name} is not whole")
        body = inflater.unused_data
        if not body:
            return content
        if form != _GZIP:
            raise Malformed(f"something follows its {name}")


def _from_brotli(body: bytes, limit: int) -> bytes:
    # Imported here: few clients compress their requests, and fewer in this way.
    import brotli

    opener = brotli.Decompressor()
    try:
        content: bytes = opener.process(body, output_buffer_limit=limit + 1)
    except brotli.error as error:
        raise Malformed("it is not br") from error
    if len(content) > limit:
        raise TooLarge
    if not opener.is_finished():
        raise Malformed("its br is not whole")
    return content


_DEEPEST = 200
"""How many levels of a JSON value are read. More could be, and would end in a recursion that is too
deep for what works on it later."""


def read_json(body: bytes) -> Any:
    """Return the JSON value in a body. Raises Malformed."""
    if not body:
        raise Malformed("it is empty")
    if body[:1] == _BOM[:1]:
        body = body.removeprefix(_BOM)
    try:
        value = _decode(body)
    except RecursionError as error:
        raise Malformed(_TOO_DEEP) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error).removeprefix("JSON is malformed: ")) from error
    if body.count(b"[") + body.count(b"{") > _DEEPEST and _is_too_deep(value):
        raise Malformed(_TOO_DEEP)
    return value


_TOO_DEEP = f"it is nested more than {_DEEPEST} levels deep"


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST + 1):
        lists = [each.values() if isinstance(each, dict) else each
                 for each in level if isinstance(each, dict | list)]  # fmt: skip
        if not lists:
            return False
        level = [child for children in lists for child in children]
    return True


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
