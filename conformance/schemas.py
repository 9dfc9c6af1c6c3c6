"""Checks success bodies against the contract's schemas, as tolerantly as the contract is."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema.protocols import Validator
from openapi_schema_validator import OAS30ReadValidator, oas30_format_checker

from openapi.contract import Contract

# What the contract leaves free in spite of a narrower schema: an identifier list may be longer
# than what was sent.
_LEFT_OUT = frozenset({"maxItems"})


class Schemas:
    """The validators of one contract, made when first needed."""

    def __init__(self, contract: Contract) -> None:
        """Take the schemas from ``contract``."""
        self._document = contract.document
        self._operations = contract.operations
        self._validator = cache(self._make)

    def is_published(self, operation: str, status: int) -> bool:
        """Whether that success stands in the contract for that operation."""
        method, path = self._operations[operation]
        responses = self._document["paths"][path][method.lower()]["responses"]
        return 200 <= status < 300 and str(status) in responses

    def problem(self, operation: str, status: int, body: Any) -> str | None:
        """What is wrong with a success body, in one line, or None.

        None too where the contract has no schema for that operation and status.
        """
        validator = self._validator(operation, status)
        if validator is None:
            return None
        errors = sorted(validator.iter_errors(_lenient(body)), key=lambda e: list(map(str, e.path)))
        if not errors:
            return None
        error = errors[0]
        where = ".".join(str(part) for part in error.absolute_path) or "the body"
        return f"{where}: {error.message}"[:300]

    def _make(self, operation: str, status: int) -> Validator | None:
        method, path = self._operations[operation]
        responses = self._document["paths"][path][method.lower()]["responses"]
        content = responses.get(str(status), {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return None
        components = _without(self._document["components"]["schemas"])
        root = {"allOf": [schema], "components": {"schemas": components}}
        validator: Validator = OAS30ReadValidator(root, format_checker=oas30_format_checker)
        return validator


def _without(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _without(value) for name, value in schema.items() if name not in _LEFT_OUT}
    if isinstance(schema, list):
        return [_without(value) for value in schema]
    return schema


def _lenient(value: Any, key: str = "") -> Any:
    """``value`` without what the contract leaves free: nulls, and how an empty relation looks."""
    if isinstance(value, list):
        if key in ("customers", "items", "relationships", "contact") and not value:
            return {}
        return [_lenient(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _lenient(entry, name) for name, entry in value.items() if entry is not None}
    return value
