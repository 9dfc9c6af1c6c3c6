"""Brings schemas of OpenAPI 3.0 and 3.1 into one form, in which they can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cart_spec.document import OpenApiDocument
from cart_spec.source import pointer_of

Placed = tuple[Any, str]
"""A schema and its pointer."""

_BOUNDS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_MAX_MERGED = 50


@dataclass
class Shape:
    """What a schema allows. None and empty mean that it does not say."""

    pointer: str
    types: frozenset[str] | None = None
    enum: dict[str, Any] | None = None
    properties: dict[str, Placed] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    additional: bool = True
    items: Placed | None = None
    alternatives: list[Placed] = field(default_factory=list)
    lower: dict[str, tuple[float, bool]] = field(default_factory=dict)
    upper: dict[str, tuple[float, bool]] = field(default_factory=dict)
    pattern: str | None = None
    format: str | None = None


def shape_of(document: OpenApiDocument, placed: Placed) -> Shape:
    """Return the shape of a schema, with its reference followed and its ``allOf`` merged."""
    schema, pointer = document.resolved(*placed)
    shape = Shape(pointer)
    for each, at in _parts(document, (schema, pointer)):
        _add(shape, each, at)
    return shape


def _parts(document: OpenApiDocument, placed: Placed) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the schema and the branches of its ``allOf``, each once even if it contains itself."""
    waiting, seen = [placed], set[str]()
    while waiting and len(seen) < _MAX_MERGED:
        schema, pointer = document.resolved(*waiting.pop(0))
        if not isinstance(schema, Mapping) or pointer in seen:
            continue
        seen.add(pointer)
        yield schema, pointer
        branches = schema.get("allOf")
        for index, branch in enumerate(branches if isinstance(branches, list) else ()):
            waiting.append((branch, f"{pointer}/allOf/{index}"))


def _add(shape: Shape, schema: Mapping[str, Any], pointer: str) -> None:
    shape.types = _both(shape.types, _types(schema))
    enum = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(enum, list):
        shape.enum = {json.dumps(value, sort_keys=True): value for value in enum}
    properties = schema.get("properties")
    for name, value in (properties if isinstance(properties, Mapping) else {}).items():
        shape.properties[name] = (value, pointer + pointer_of("properties", name))
    if isinstance(schema.get("required"), list):
        shape.required |= {str(name) for name in schema["required"]}
    if schema.get("additionalProperties") is False:
        shape.additional = False
    if isinstance(schema.get("items"), Mapping):
        shape.items = (schema["items"], pointer + "/items")
    for key in ("oneOf", "anyOf"):
        branches = schema.get(key)
        for index, branch in enumerate(branches if isinstance(branches, list) else ()):
            shape.alternatives.append((branch, f"{pointer}/{key}/{index}"))
    for name in _BOUNDS:
        if _is_number(schema.get(name)):
            bounds = shape.lower if name.startswith("min") else shape.upper
            bounds[name] = (schema[name], False)
    _add_range(shape.lower, schema, "minimum", "exclusiveMinimum")
    _add_range(shape.upper, schema, "maximum", "exclusiveMaximum")
    shape.pattern = schema.get("pattern", shape.pattern)
    shape.format = schema.get("format", shape.format)


def _both(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    if first is None or second is None:
        return second if first is None else first
    return first & second or second


def _types(schema: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the types, with ``null``: ``nullable`` in 3.0, an entry in the list in 3.1."""
    written = schema.get("type")
    if isinstance(written, list):
        types = frozenset(str(each) for each in written)
    elif isinstance(written, str):
        types = frozenset({written})
    elif "properties" in schema:
        types = frozenset({"object"})
    else:
        return None
    if schema.get("nullable") is True:
        types |= {"null"}
    return types


def _add_range(
    bounds: dict[str, tuple[float, bool]], schema: Mapping[str, Any], name: str, exclusive: str
) -> None:
    """Add a bound; ``exclusive`` is a flag in 3.0 and a bound of its own in 3.1."""
    if _is_number(schema.get(exclusive)):
        bounds[name] = (schema[exclusive], True)
    elif _is_number(schema.get(name)):
        bounds[name] = (schema[name], schema.get(exclusive) is True)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
