"""Reads a large seed in a thread, so that the event loop never waits for it.

A parser of JSON does not let other threads go on before it has read the whole text, which takes a
second for 100,000 carts. Here the lists of a seed are read in slices.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from cart_mock.formats import NOT_JSON
from cart_mock.state.seed import Seed

_SLICE = 256
"""How many entries of a list are read in one turn."""
_value_at = json.JSONDecoder().raw_decode
_decode = msgspec.json.Decoder(Seed).decode
_end_of_space = re.compile(r"[ \t\r\n]*").match


class _Unexpected(ValueError):
    """The text is not the JSON of an object."""


def large_seed(content: bytes) -> Seed | None:
    """Return the seed in a JSON text. None if anything is wrong with it: ``seed_of`` says what."""
    fields: dict[str, Any] = {}
    try:
        for name, part in _parts(content.decode()):
            value = getattr(_decode(part), name)
            if isinstance(value, tuple):
                fields.setdefault(name, []).extend(value)
            else:
                fields[name] = value
            time.sleep(0)  # lets the thread that waits for the interpreter go on
    except (*NOT_JSON, ValueError, IndexError, AttributeError):
        return None
    read: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in fields.items()}
    seed = Seed(**read)
    return None if seed.problems() else seed


def _parts(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of a JSON object, each with the JSON of an object that has only a part.

    A long list has several parts. Raises ValueError or IndexError if it is not an object, or if a
    field stands twice.
    """
    seen: set[str] = set()
    at = _past(text, 0, "{")
    while text[at] != "}":
        if seen:
            at = _past(text, at, ",")
        name, at = _value_at(text, at)
        if not isinstance(name, str) or name in seen:
            raise _Unexpected
        seen.add(name)
        field = json.dumps(name)
        at = _past(text, at, ":")
        if text[at] == "[":
            at = _past(text, at, "[")
            is_first = True
            while is_first or text[at] != "]":
                start, at, end = at, *_end_of_entries(text, at)
                yield name, f"{{{field}:[{text[start:end]}]}}".encode()
                is_first = False
            at = _past(text, at, "]")
        else:
            start = at
            _, at = _value_at(text, start)
            yield name, f"{{{field}:{text[start:at]}}}".encode()
            at = _skip(text, at)
    if _skip(text, at + 1) != len(text):
        raise _Unexpected


def _end_of_entries(text: str, at: int) -> tuple[int, int]:
    """Return where to go on after the next entries of a list, and where the last of them ends."""
    end = at
    for _ in range(_SLICE):
        if text[at] == "]":
            break
        _, end = _value_at(text, at)
        at = _skip(text, end)
        if text[at] == "]":
            break
        at = _past(text, at, ",")
        if text[at] == "]":
            raise _Unexpected
    return at, end


def _past(text: str, at: int, expected: str) -> int:
    """Return where the next value begins after white space and an expected character."""
    at = _skip(text, at)
    if text[at] != expected:
        raise _Unexpected
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _end_of_space(text, at)
    assert found is not None
    return found.end()
