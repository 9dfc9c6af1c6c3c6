"""Says whether two values of two documents are the same once references are followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.document import OpenApiDocument


def same(old: OpenApiDocument, was: Any, new: OpenApiDocument, now: Any) -> bool:
    """Return whether ``was`` in the old document is equal to ``now`` in the new one."""
    waiting: list[tuple[Any, Any]] = [(was, now)]
    seen: set[tuple[str, str]] = set()  # pairs of references: a schema may contain itself
    while waiting:
        pair = waiting.pop()
        for each in _inner(old, new, *pair, seen):
            if each is None:
                return False
            waiting.append(each)
    return True


def _inner(
    old: OpenApiDocument, new: OpenApiDocument, was: Any, now: Any, seen: set[tuple[str, str]]
) -> Iterator[tuple[Any, Any] | None]:
    """Yield the pairs that have to be the same for this one to be; None if it is not."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        references = was.get("$ref"), now.get("$ref")
        if isinstance(references[0], str) and isinstance(references[1], str):
            pair = (references[0], references[1])
            if pair in seen:
                return
            seen.add(pair)
        if isinstance(references[0], str) or isinstance(references[1], str):
            siblings = [{k: v for k, v in each.items() if k != "$ref"} for each in (was, now)]
            equal = old.is_30 or siblings[0] == siblings[1]
            yield (_followed(old, was), _followed(new, now)) if equal else None
        elif was.keys() == now.keys():
            yield from ((was[key], now[key]) for key in was)
        else:
            yield None
    elif isinstance(was, list) and isinstance(now, list):
        if len(was) == len(now):
            yield from zip(was, now, strict=True)
        else:
            yield None
    elif isinstance(was, bool) is not isinstance(now, bool) or was != now:
        yield None  # 1 and 1.0 are one value, but 1 and true are not


def _followed(document: OpenApiDocument, value: Mapping[str, Any]) -> Any:
    reference = value.get("$ref")
    return document.resolved_once(reference)[0] if isinstance(reference, str) else value
