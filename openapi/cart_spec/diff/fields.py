"""Reports the fields of OpenAPI objects that differ and that nothing compares in detail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.diff.changes import NAME
from cart_spec.diff.sameness import same
from cart_spec.diff.schemas import EXTENSION_CHANGED, WORDING_CHANGED, Step
from cart_spec.diff.shapes import WORDING, Placed
from cart_spec.document import OpenApiDocument
from cart_spec.source import pointer_of

_WORDING = WORDING | {"tags", "info"}
_ABSENT: tuple[Any, ...] = (None, False, [], {})


def field_steps(
    old: OpenApiDocument,
    was: Placed,
    new: OpenApiDocument,
    now: Placed,
    name: str,
    compared: frozenset[str],
) -> Iterator[Step]:
    """Yield a step for each field that differs and is not among the ``compared`` ones.

    Texts and examples are safe; servers, extensions and everything else need a look. A false or
    empty field is as good as an absent one.
    """
    (before, was_at), (after, now_at) = was, now
    for key in sorted({*_mapping(before), *_mapping(after)} - compared):
        values = _mapping(before).get(key), _mapping(after).get(key)
        if same(old, values[0], new, values[1]) or _both_absent(values):
            continue
        at = pointer_of(key)
        side, pointer = ("new", now_at + at) if key in _mapping(after) else ("old", was_at + at)
        words = f"{key} of {NAME} changed."
        yield Step(_kind(key), "new" if side == "new" else "old", pointer, words, name)


def _kind(key: str) -> str:
    if key in _WORDING:
        return WORDING_CHANGED
    if key.startswith("x-"):
        return EXTENSION_CHANGED
    return "server-changed" if key == "servers" else "other-changed"


def _both_absent(values: tuple[Any, Any]) -> bool:
    return all(any(value is each or value == each for each in _ABSENT) for value in values)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
