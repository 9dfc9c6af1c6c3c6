"""Checks success bodies against the contract's schemas, with the contract's tolerances."""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import islice
from typing import Any, NamedTuple

import jsonschema_rs
from cart_spec.contract import Contract
from jsonschema.protocols import Validator
from openapi_schema_validator import OAS30ReadValidator, oas30_format_checker

# The contract allows more than its schema here: a list of identifiers may be longer than the one
# that was sent.
_LEFT_OUT = frozenset({"maxItems"})


_OBJECTS = frozenset({"links", "meta", "page", "relationships", "results", "timestamps"})
"""Members that are objects wherever they are published."""


class _Validators(NamedTuple):
    """Two validators of a schema: a fast one, and an exact one that decides."""

    quick: jsonschema_rs.Draft4Validator
    thorough: Validator


_MOST = 100
"""How many problems of an answer are compared, to name the first."""


class Schemas:
    """The validators of one contract, created when first needed."""

    def __init__(self, contract: Contract) -> None:
        """Take the schemas from ``contract``."""
        self._document = contract.document
        self._operations = contract.operations
        self._components = {"schemas": _without(contract.document["components"]["schemas"])}
        self._validators = cache(self._make)

    def is_published(self, operation: str, status: int) -> bool:
        """Return whether the contract contains that success for that operation."""
        method, path = self._operations[operation]
        responses = self._document["paths"][path][method.lower()]["responses"]
        return 200 <= status < 300 and str(status) in responses

    def problem(self, operation: str, status: int, body: Any) -> str | None:
        """Return the problem with a success body in one line, or None.

        The result is also None if the contract has no schema for that operation and status.
        """
        validators = self._validators(operation, status)
        if validators is None:
            return None
        # Most answers are valid as they are. To copy one takes longer than to send its request.
        if validators.quick.is_valid(body):
            return None
        value = _lenient(body)
        if validators.quick.is_valid(value):
            return None
        # A hostile answer may have a million of them, which take gigabytes.
        errors = islice(validators.thorough.iter_errors(value), _MOST)
        error = min(errors, key=lambda e: list(map(str, e.path)), default=None)
        if error is None:
            return None
        where = ".".join(str(part) for part in error.absolute_path) or "the body"
        return f"{where}: {error.message}"[:300]

    def _make(self, operation: str, status: int) -> _Validators | None:
        method, path = self._operations[operation]
        responses = self._document["paths"][path][method.lower()]["responses"]
        content = responses.get(str(status), {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return None
        root = {"allOf": [schema], "components": self._components}
        return _Validators(
            jsonschema_rs.Draft4Validator(_with_null(root), validate_formats=True),
            OAS30ReadValidator(root, format_checker=oas30_format_checker),
        )


@lru_cache(maxsize=4)
def schemas_of(contract: Contract) -> Schemas:
    """Return the validators of a contract; all runs of a process share them."""
    return Schemas(contract)


def _without(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _without(value) for name, value in schema.items() if name not in _LEFT_OUT}
    if isinstance(schema, list):
        return [_without(value) for value in schema]
    return schema


def _with_null(schema: Any) -> Any:
    """Return a schema in which what is ``nullable`` has null among its types."""
    if isinstance(schema, list):
        return [_with_null(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _with_null(value) for name, value in schema.items()}
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def _lenient(value: Any, key: str = "") -> Any:
    """Return ``value`` without nulls, and with one form of an empty relation: both are optional.

    Members that are published as objects stay, because null is not an object.
    """
    if isinstance(value, list):
        if key in ("customers", "accounts", "items", "relationships", "contact") and not value:
            return {}
        return [_lenient(entry) if isinstance(entry, dict | list) else entry for entry in value]
    if isinstance(value, dict):
        return {
            name: _lenient(entry, name) if isinstance(entry, dict | list) else entry
            for name, entry in value.items()
            if entry is not None or name in _OBJECTS
        }
    return value
