"""Parses JSON as strictly as its standard, and detects texts that parsers read differently."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_LONGEST_NUMBER = 300
"""Number of digits from which parsers may reject a number or round it to infinity."""


@dataclass(frozen=True, slots=True)
class JsonText:
    """A text read as JSON.

    ``malformed`` says that no parser may accept it; ``ambiguous`` that parsers may disagree
    (a byte order mark, a duplicate name, ``NaN``, half a surrogate pair, extreme depth).
    """

    value: Any = None
    malformed: bool = False
    ambiguous: bool = False


def read_json(body: bytes) -> JsonText:
    """Read a body. It never raises."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return JsonText(malformed=True)
    doubts: list[str] = ["byte order mark"] if text.startswith("\ufeff") else []
    try:
        value = json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=lambda pairs: _object(pairs, doubts),
            parse_constant=doubts.append,
            parse_int=lambda digits: _number(digits, doubts),
            parse_float=lambda digits: _number(digits, doubts),
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return JsonText(value, ambiguous=True)
    except RecursionError:
        return JsonText(ambiguous=True)
    except ValueError:
        return JsonText(malformed=True)
    return JsonText(value, ambiguous=bool(doubts))


def _object(pairs: list[tuple[str, Any]], doubts: list[str]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        doubts.append("a name that comes twice")
    return found


def _number(digits: str, doubts: list[str]) -> float:
    if len(digits) > _LONGEST_NUMBER:
        doubts.append("a very long number")
        return 0
    try:
        return int(digits)
    except ValueError:
        number = float(digits)
    if number in {float("inf"), float("-inf")}:
        doubts.append("a number beyond every float")
    return number
