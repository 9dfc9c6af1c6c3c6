"""Says whether two values of two documents are the same once references are followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cart_spec.document import OpenApiDocument


def same(
    old: OpenApiDocument,
    was: Any,
    new: OpenApiDocument,
    now: Any,
    seen: set[tuple[str, str]] | None = None,
) -> bool:
    """Return whether ``was`` in the old document is equal to ``now`` in the new one.

    ``seen`` are the pairs of references that are being compared: a schema may contain itself.
    """
    seen = set() if seen is None else seen
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        references = was.get("$ref"), now.get("$ref")
        if isinstance(references[0], str) and isinstance(references[1], str):
            pair = (references[0], references[1])
            if pair in seen:
                return True
            seen.add(pair)
        if isinstance(references[0], str) or isinstance(references[1], str):
            beside = [{k: v for k, v in each.items() if k != "$ref"} for each in (was, now)]
            return (old.is_30 or beside[0] == beside[1]) and same(
                old, _followed(old, was), new, _followed(new, now), seen
            )
        return was.keys() == now.keys() and all(
            same(old, was[key], new, now[key], seen) for key in was
        )
    if isinstance(was, list) and isinstance(now, list):
        return len(was) == len(now) and all(
            same(old, before, new, after, seen) for before, after in zip(was, now, strict=True)
        )
    return type(was) is type(now) and bool(was == now)


def _followed(document: OpenApiDocument, value: Mapping[str, Any]) -> Any:
    reference = value.get("$ref")
    return document.resolved_once(reference)[0] if isinstance(reference, str) else value
