"""Reads a large seed in a thread, so that the event loop never waits for it.

A parser of JSON does not let other threads go on before it has read the whole text, which takes a
second for 100,000 carts. Here the lists of a seed are read in slices.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from cart_mock.state.long_work import free
from cart_mock.state.seed import Seed, SeedError, problem_of, seed_of
from cart_mock.state.turns import take_turns

_SLICE = 256
"""How many entries of a list are read in one turn."""
_value_at = json.JSONDecoder().raw_decode
_decode = msgspec.json.Decoder(Seed).decode
_end_of_space = re.compile(r"[ \t\r\n]*").match


_INDEX = re.compile(r"(\w+)\[(\d+)\]")
_BYTE = re.compile(r" \(byte \d+\)")


_ALONE = "a string has a lone surrogate"
"""The reason if only Python's parser can read the end of a string."""


class NotSeed(ValueError):
    """A text is not the JSON of an object. The message has the reason."""


def large_seed(content: bytes, name: str) -> Seed:
    """Return the seed in a JSON text; ``name`` is what errors call it.

    Raises NotSeed, SeedError.
    """
    fields: dict[str, Any] = {}
    try:
        _read(content, name, fields)
        read: dict[str, Any] = {
            n: tuple(v) if isinstance(v, list) else v for n, v in fields.items()
        }
        seed = Seed(**read)
        problem = problem_of(seed, name)
        if problem is None:
            return seed
        del read, seed
        raise problem
    finally:
        free([value for value in fields.values() if isinstance(value, list)])


def _read(content: bytes, name: str, fields: dict[str, Any]) -> None:
    """Read the fields of a seed, each list as a list. Raises NotSeed, SeedError."""
    try:
        for field, part in _parts(content.decode("utf-8-sig")):
            known = fields.get(field, ())
            try:
                value = getattr(_decode(part), field)
            except (msgspec.ValidationError, AttributeError):
                _raise_problem(part, name, len(known))
            if isinstance(value, tuple):
                fields.setdefault(field, []).extend(value)
            else:
                fields[field] = value
            take_turns()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise NotSeed(f"{error.msg[:1].lower()}{error.msg[1:]}: {where}") from None
    except UnicodeDecodeError:
        raise NotSeed("it is not UTF-8") from None
    except RecursionError:
        raise NotSeed("it is nested too deeply") from None
    except msgspec.DecodeError as error:  # what only Python's parser accepts, such as NaN
        text = _BYTE.sub("", str(error)).removeprefix("JSON is malformed: ")
        raise NotSeed(_ALONE if "truncated" in text else text) from None


def _raise_problem(part: bytes, name: str, before: int) -> NoReturn:
    """Raise SeedError for a part of a seed. ``before`` entries of its list come first."""
    try:
        seed_of(msgspec.json.decode(part), name)
    except SeedError as error:

        def shifted(text: str) -> str:
            return _INDEX.sub(lambda found: f"{found[1]}[{int(found[2]) + before}]", text, count=1)

        raise SeedError(name, shifted(error.reason), shifted(error.path)) from None
    raise SeedError(name, "it has a field that is not known")


def _parts(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of a JSON object, each with the JSON of an object that has only a part.

    A long list has several parts. Raises json.JSONDecodeError if it is not an object, NotSeed if a
    field stands twice.
    """
    seen: set[str] = set()
    at = _past(text, 0, "{")
    while text[at : at + 1] != "}":
        if seen:
            at = _past(text, at, ",")
        start = at
        name, at = _value_at(text, at)
        if not isinstance(name, str):
            raise json.JSONDecodeError("Expecting property name", text, start)
        if name in seen:
            raise NotSeed(f"the field {name[:100]!r} stands twice")
        seen.add(name)
        field = json.dumps(name)
        at = _past(text, at, ":")
        if text[at : at + 1] == "[":
            at = _past(text, at, "[")
            is_first = True
            while is_first or text[at : at + 1] != "]":
                start, at, end = at, *_end_of_entries(text, at)
                yield name, f"{{{field}:[{text[start:end]}]}}".encode()
                is_first = False
            at = _past(text, at, "]")
        else:
            start = at
            _, at = _value_at(text, start)
            yield name, f"{{{field}:{text[start:at]}}}".encode()
            at = _skip(text, at)
    end = _skip(text, at + 1)
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _end_of_entries(text: str, at: int) -> tuple[int, int]:
    """Return where to go on after the next entries of a list, and where the last of them ends."""
    end = at
    for _ in range(_SLICE):
        if text[at : at + 1] == "]":
            break
        _, end = _value_at(text, at)
        at = _skip(text, end)
        if text[at : at + 1] == "]":
            break
        at = _past(text, at, ",")
        if text[at : at + 1] == "]":
            raise json.JSONDecodeError("Expecting value", text, at)
    return at, end


def _past(text: str, at: int, expected: str) -> int:
    """Return where the next value begins after white space and an expected character."""
    at = _skip(text, at)
    if text[at : at + 1] != expected:
        raise json.JSONDecodeError(f"Expecting {expected!r} delimiter", text, at)
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _end_of_space(text, at)
    assert found is not None
    return found.end()
