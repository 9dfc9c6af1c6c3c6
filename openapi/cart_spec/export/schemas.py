"""Brings schemas of OpenAPI 3.0 to the form that OpenAPI 3.1 and JSON Schema 2020-12 share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Rename = Callable[[str], str]
"""Returns the new target of a reference."""

_ONE = ("not", "items", "additionalProperties")
_MANY = ("oneOf", "anyOf", "allOf")
_NAMED = ("properties", "patternProperties")


def unchanged(reference: str) -> str:
    """Return the target of a reference as it is."""
    return reference


def modern_schema(schema: Any, rename: Rename = unchanged) -> Any:
    """Return a schema of OpenAPI 3.0 as a schema of JSON Schema 2020-12.

    ``nullable`` becomes a type, exclusive bounds become numbers, and ``example`` becomes
    ``examples``. Keywords next to ``$ref`` go: 3.0 ignores them, 2020-12 would not.
    """
    if not isinstance(schema, Mapping):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": rename(schema["$ref"])}
    result = {key: _below(key, value, rename) for key, value in schema.items()}
    _make_null_a_type(result)
    _make_bounds_numbers(result)
    if "example" in result:
        result["examples"] = [result.pop("example")]
    return result


def renamed_schema(schema: Any, rename: Rename) -> Any:
    """Return a schema of JSON Schema 2020-12 with other targets of its references."""
    if isinstance(schema, Mapping):
        return {
            key: rename(value)
            if key == "$ref" and isinstance(value, str)
            else renamed_schema(value, rename)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [renamed_schema(each, rename) for each in schema]
    return schema


def _below(key: str, value: Any, rename: Rename) -> Any:
    if key in _ONE:
        return modern_schema(value, rename)
    if key in _MANY and isinstance(value, list):
        return [modern_schema(each, rename) for each in value]
    if key in _NAMED and isinstance(value, Mapping):
        return {name: modern_schema(each, rename) for name, each in value.items()}
    return value


def _make_null_a_type(schema: dict[str, Any]) -> None:
    # Without a type next to it, `nullable` has no effect.
    if schema.pop("nullable", False) is not True or "type" not in schema:
        return
    schema["type"] = [schema["type"], "null"]
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]


def _make_bounds_numbers(schema: dict[str, Any]) -> None:
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
