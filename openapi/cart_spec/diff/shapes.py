"""Brings schemas of OpenAPI 3.0 and 3.1 into one form, in which they can be compared.

Every keyword of a schema ends in one place: in a field of :class:`Shape` that the comparison
classes, in ``wording`` or in ``others``, which are reported if they differ. So no keyword can be
forgotten: one that is unknown, or that has a value of the wrong type, is among the ``others``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cart_spec.document import OpenApiDocument
from cart_spec.source import pointer_of

Placed = tuple[Any, str]
"""A value and its pointer."""

Form = tuple[Placed, ...]
"""Schemas that all hold, such as those that several ``allOf`` branches give one property."""

WORDING = frozenset(
    {"title", "description", "example", "examples", "externalDocs", "summary", "$comment"}
)
"""Keywords that explain and allow or forbid nothing."""

NO_EFFECT = frozenset(
    {"$schema", "$id", "$anchor", "$dynamicAnchor", "$vocabulary", "$defs", "definitions"}
)
"""Keywords that name a schema, or hold others for references to them."""

_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_RANGES = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
_MAX_MERGED = 50


@dataclass
class Shape:
    """What a schema allows. None and empty mean that it does not say.

    ``pointer`` is that of the last schema, ``key`` the pointers of all. ``exclusive`` says that
    only one of the ``alternatives`` may fit, ``nullable`` that OpenAPI 3.0 allows null as well.
    ``wording`` and ``others`` are further keywords, each with its values in the order in which they
    were found.
    """

    pointer: str
    key: str = ""
    types: frozenset[str] | None = None
    enum: dict[str, Any] | None = None
    properties: dict[str, Form] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    additional: bool | Form = True
    items: Form = ()
    alternatives: list[Placed] = field(default_factory=list)
    exclusive: bool = False
    nullable: bool = False
    lower: dict[str, tuple[float, bool]] = field(default_factory=dict)
    upper: dict[str, tuple[float, bool]] = field(default_factory=dict)
    patterns: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    multiples: frozenset[float] = frozenset()
    unique: bool = False
    wording: dict[str, list[Placed]] = field(default_factory=dict)
    others: dict[str, list[Placed]] = field(default_factory=dict)


class Plain(dict[str, Any]):
    """A schema without its alternatives, which differs from the one at its pointer."""


def key_of(schemas: Form) -> str:
    """Return the key of a form, which differs from those of other forms of the document."""
    return " ".join(f"{at}*" if isinstance(each, Plain) else at for each, at in schemas)


def shape_of(document: OpenApiDocument, schemas: Form) -> Shape:
    """Return what all of the schemas allow together, with references and ``allOf`` followed."""
    resolved = tuple(document.resolved(*schema) for schema in schemas)
    # In OpenAPI 3.1 something may stand next to a reference. Then the schema is not its target.
    own = tuple(
        target if document.is_30 or not _has_siblings(schema[0]) else schema
        for schema, target in zip(schemas, resolved, strict=True)
    )
    shape = Shape(resolved[-1][1], key_of(own))
    _fill(document, schemas, shape)
    _fold_alternatives(document, shape)
    if shape.nullable:
        _allow_null(shape)
    _reduce(shape)
    return shape


def _fill(document: OpenApiDocument, schemas: Form, shape: Shape) -> None:
    """Add what the schemas demand to a shape."""
    for schema, at in _parts(document, schemas, shape):
        for keyword, value in schema.items():
            if not _add(shape, keyword, (value, f"{at}{pointer_of(keyword)}"), schema, document):
                place = shape.wording if keyword in WORDING else shape.others
                place.setdefault(keyword, []).append((value, f"{at}{pointer_of(keyword)}"))


def without_alternatives(schema: Any) -> Any:
    """Return a schema without its ``oneOf`` and ``anyOf``."""
    if not isinstance(schema, Mapping):
        return schema
    return Plain((key, value) for key, value in schema.items() if key not in ("oneOf", "anyOf"))


def _has_siblings(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "$ref" in schema and len(schema) > 1


def _parts(
    document: OpenApiDocument, schemas: Form, shape: Shape
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the schemas, what they refer to and their ``allOf``, each once, as mappings."""
    waiting, seen = list(schemas), set[str]()
    while waiting:
        schema, pointer = waiting.pop(0)
        if pointer in seen:
            continue
        seen.add(pointer)
        if isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
            waiting.insert(0, document.resolved_once(schema["$ref"]))
            # OpenAPI 3.0 ignores what stands next to a reference.
            schema = {} if document.is_30 else {k: v for k, v in schema.items() if k != "$ref"}
        if len(seen) > _MAX_MERGED:
            shape.others.setdefault("allOf", []).append((schema, pointer))
            continue
        if not isinstance(schema, Mapping):
            schema = {} if schema is True else {"not": {}} if schema is False else {"": schema}
        if document.is_30 and _is_nullable_by_idiom(schema):
            shape.nullable = True
        branches = schema.get("allOf")
        if isinstance(branches, list):
            waiting += [(branch, f"{pointer}/allOf/{at}") for at, branch in enumerate(branches)]
            schema = {key: value for key, value in schema.items() if key != "allOf"}
        yield schema, pointer


def _add(
    shape: Shape,
    keyword: str,
    placed: Placed,
    schema: Mapping[str, Any],
    document: OpenApiDocument,
) -> bool:
    """Add a keyword to the fields of a shape; return whether it has a place there."""
    if keyword in NO_EFFECT:
        return True
    if _add_texts(shape, keyword, placed[0]):
        return True
    for add in (_add_values, _add_bounds, _add_members):
        if add(shape, keyword, placed, schema):
            return True
    return keyword == "nullable" and document.is_30 and isinstance(placed[0], bool)


def _add_values(shape: Shape, keyword: str, placed: Placed, schema: Mapping[str, Any]) -> bool:
    value = placed[0]
    if keyword == "type":
        types = _types(schema)
        if types is not None:
            shape.types = types if shape.types is None else _common(shape.types, types)
        return types is not None
    if keyword in ("enum", "const"):
        values = [value] if keyword == "const" else value
        if not isinstance(values, list):
            return False
        listed = {json.dumps(_canonical(each), sort_keys=True): each for each in values}
        before = shape.enum
        shape.enum = (
            listed
            if before is None
            else {key: each for key, each in before.items() if key in listed}
        )
        return True
    return False


def _add_bounds(shape: Shape, keyword: str, placed: Placed, schema: Mapping[str, Any]) -> bool:
    value = placed[0]
    if keyword in _COUNTS and _is_number(value):
        if not (keyword.startswith("min") and value == 0):
            _tighten(shape, keyword, (value, False))
        return True
    if keyword in _RANGES and _is_number(value):
        exclusive = schema.get(_RANGES[keyword])
        _tighten(shape, keyword, (value, exclusive is True))
        return True
    for name, exclusive in _RANGES.items():
        if keyword == exclusive:
            # A flag in 3.0, read with its bound above; a bound of its own in 3.1.
            if _is_number(value):
                _tighten(shape, name, (value, True))
            return _is_number(value) or (isinstance(value, bool) and _is_number(schema.get(name)))
    return False


def _tighten(shape: Shape, name: str, bound: tuple[float, bool]) -> None:
    is_lower = name.startswith("min")
    bounds = shape.lower if is_lower else shape.upper
    before = bounds.get(name)
    sign = 1 if is_lower else -1
    if before is None or (sign * bound[0], bound[1]) > (sign * before[0], before[1]):
        bounds[name] = bound


def _add_texts(shape: Shape, keyword: str, value: Any) -> bool:
    if keyword == "pattern" and isinstance(value, str):
        shape.patterns |= {value}
    elif keyword == "format" and isinstance(value, str):
        shape.formats |= {value}
    elif keyword == "multipleOf" and _is_number(value):
        shape.multiples |= {value}
    elif keyword == "uniqueItems" and isinstance(value, bool):
        shape.unique = shape.unique or value
    elif keyword in ("deprecated", "readOnly", "writeOnly"):
        return value is False  # which says nothing
    else:
        return False
    return True


def _add_members(shape: Shape, keyword: str, placed: Placed, schema: Mapping[str, Any]) -> bool:
    value, pointer = placed
    if keyword == "properties" and isinstance(value, Mapping):
        if shape.types is None and "type" not in schema:
            shape.types = frozenset({"object"})
        for name, member in value.items():
            at = pointer + pointer_of(name)
            shape.properties[name] = (*shape.properties.get(name, ()), (member, at))
    elif keyword == "required" and isinstance(value, list):
        shape.required |= {str(name) for name in value}
    elif keyword in ("oneOf", "anyOf") and not shape.alternatives and isinstance(value, list):
        shape.alternatives = [(each, f"{pointer}/{at}") for at, each in enumerate(value)]
        shape.exclusive = keyword == "oneOf"
    elif keyword in ("items", "additionalProperties"):
        return _add_schema_of_members(shape, keyword, placed)
    else:
        return False
    return True


def _add_schema_of_members(shape: Shape, keyword: str, placed: Placed) -> bool:
    value = placed[0]
    if value is True or value == {}:
        return True  # which allows everything
    if not isinstance(value, Mapping | bool):
        return False
    if keyword == "items":
        shape.items = (*shape.items, placed)
    elif value is False:
        shape.additional = False
    elif shape.additional is not False:
        others = shape.additional if isinstance(shape.additional, tuple) else ()
        shape.additional = (*others, placed)
    return True


def _is_nullable_by_idiom(schema: Mapping[str, Any]) -> bool:
    """Return whether a schema of 3.0 allows null without a type of its own, as many write it."""
    return schema.get("nullable") is True and "type" not in schema and len(schema) > 1


def _fold_alternatives(document: OpenApiDocument, shape: Shape) -> None:
    """Take alternatives that are one form and null, or only types, into the shape itself."""
    folded: set[str] = set()
    while shape.alternatives:
        others = [each for each in shape.alternatives if not _is_null(document, each)]
        has_null = len(others) < len(shape.alternatives)
        if len(others) == 1 and has_null and others[0][1] not in folded:
            folded.add(others[0][1])
            was = shape.types
            shape.alternatives = []
            _fill(document, tuple(others), shape)
            if was is None or "null" in was:
                shape.nullable = True
            continue
        types = [_only_type(schema) for schema, _ in shape.alternatives]
        if None not in types and len({"number", "integer"} & set(types)) < 2 <= len(types):
            found = frozenset(str(each) for each in types)
            if len(found) == len(types):
                shape.types = found if shape.types is None else _common(shape.types, found)
                shape.alternatives = []
        return


def _only_type(schema: Any) -> str | None:
    """Return the type of a schema that says nothing else."""
    if (
        isinstance(schema, Mapping)
        and schema.keys() == {"type"}
        and isinstance(schema["type"], str)
    ):
        return schema["type"]
    return None


def _allow_null(shape: Shape) -> None:
    """Make null a type, a value and an alternative, as far as the shape has these."""
    if shape.types is not None:
        shape.types |= {"null"}
    if shape.enum is not None:
        shape.enum = {**shape.enum, "null": None}
    if shape.alternatives:
        shape.alternatives = [*shape.alternatives, ({"type": "null"}, f"{shape.pointer}/nullable")]


def _reduce(shape: Shape) -> None:
    """Bring what can be written in several ways into one: types of listed values, whole bounds."""
    if shape.enum is not None:
        if shape.types is not None:
            types = shape.types
            shape.enum = {k: v for k, v in shape.enum.items() if _type_of(v) in types
                          or (_type_of(v) == "integer" and "number" in types)}  # fmt: skip
        shape.types = frozenset(_type_of(value) for value in shape.enum.values())
    if shape.types is not None and shape.types <= {"integer", "null"}:
        for bounds, sign in ((shape.lower, 1), (shape.upper, -1)):
            for name in bounds.keys() & _RANGES.keys():
                bounds[name] = (_whole(*bounds[name], sign), False)


def _whole(bound: float, excluded: bool, sign: int) -> float:
    """Return the first integer within a bound; ``sign`` is 1 for a lower one, -1 for an upper."""
    inside = sign * math.ceil(sign * bound)
    return inside + sign if excluded and inside == bound else inside


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    names = {str: "string", int: "integer", list: "array", type(None): "null"}
    return names.get(type(value), "object")


def _canonical(value: Any) -> Any:
    """Return a JSON value in which 1.0 is 1, which JSON Schema takes for one value."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _canonical(each) for key, each in value.items()}
    return value


def _is_null(document: OpenApiDocument, placed: Placed) -> bool:
    schema = document.resolve(placed[0])
    return isinstance(schema, Mapping) and (
        schema.get("type") in ("null", ["null"])
        or schema.get("enum") == [None]
        or ("const" in schema and schema["const"] is None)
    )


def _common(first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
    common = first & second
    if "integer" in first | second and "number" in first | second:
        common |= {"integer"}
    return common


def _types(schema: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the types, with ``null``: ``nullable`` in 3.0, an entry in the list in 3.1."""
    written = schema["type"]
    if isinstance(written, list) and all(isinstance(each, str) for each in written):
        types = frozenset(written)
    elif isinstance(written, str):
        types = frozenset({written})
    else:
        return None
    return types | {"null"} if schema.get("nullable") is True else types


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
