"""Writes a document as OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from cart_spec.document import OpenApiDocument
from cart_spec.export.schemas import modern_schema

# What stands below these keys are names of the document's own.
_NAMING = frozenset(
    {"paths", "responses", "parameters", "examples", "requestBodies", "headers", "links",
     "callbacks", "securitySchemes", "content", "variables"}
)  # fmt: skip
_LITERAL = frozenset({"example", "value", "default", "enum"})


class _Dumper(yaml.SafeDumper):
    """Writes every value in full, without anchors, and long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def openapi_31(document: OpenApiDocument) -> str:
    """Return the document as OpenAPI 3.1, in YAML, with its extensions."""
    data = dict(document.data)
    if document.is_30:
        data = {key: _modern(value, key, named=False) for key, value in data.items()}
        data["openapi"] = "3.1.1"
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _modern(value: Any, key: str, *, named: bool) -> Any:
    """Return a part of a document with its schemas in the form of 3.1.

    ``named`` says that ``key`` is a name of the document's own, not one of OpenAPI.
    """
    if not named:
        if key.startswith("x-") or key in _LITERAL:
            return value
        if key == "schema":
            return modern_schema(value)
        if key == "schemas" and isinstance(value, Mapping):
            return {name: modern_schema(schema) for name, schema in value.items()}
    if isinstance(value, Mapping):
        names = not named and key in _NAMING
        return {name: _modern(item, name, named=names) for name, item in value.items()}
    if isinstance(value, list):
        return [_modern(item, "", named=False) for item in value]
    return value
