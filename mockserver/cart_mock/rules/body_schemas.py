"""Checks request bodies against the contract's schemas, also in fields without a rule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cart_mock.messages import Violation

if TYPE_CHECKING:
    from jsonschema_rs import Draft4Validator, ValidationError


class BodySchema:
    """One operation's body schema, compiled when it is first needed."""

    def __init__(self, schema: Mapping[str, Any], document: Mapping[str, Any]) -> None:
        self._schema = schema
        self._document = document

    @cached_property
    def _validator(self) -> Draft4Validator:
        from jsonschema_rs import Draft4Validator

        components = {"schemas": _without_nullable(self._document["components"]["schemas"])}
        schema = {"allOf": [_without_nullable(self._schema)], "components": components}
        return Draft4Validator(schema)

    def violation(self, body: Any) -> Violation | None:
        """Return how a body violates the schema, or None if it is valid."""
        for found in self._validator.iter_errors(body):
            error = _innermost(found)
            path = "".join(
                f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path
            )
            return Violation(
                _sentence(error.message), "See /openapi.json.", path.lstrip(".") or None
            )
        return None


def _innermost(error: ValidationError) -> ValidationError:
    """Return the error of the only branch of a ``oneOf`` that has the right type of value."""
    while branches := getattr(error.kind, "context", None):
        path = error.instance_path
        near = [
            branch[0]
            for branch in branches
            if branch[0].instance_path != path or branch[0].kind.name != "type"
        ]
        if len(near) != 1:
            break
        error = near[0]
    return error


def _sentence(message: str, limit: int = 200) -> str:
    return message if len(message) <= limit else message[: limit - 1] + "…"


def _without_nullable(schema: Any) -> Any:
    """Convert OpenAPI 3.0's ``nullable`` to JSON Schema."""
    if isinstance(schema, list):
        return [_without_nullable(entry) for entry in schema]
    if not isinstance(schema, Mapping):
        return schema
    plain = {key: _without_nullable(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True and "type" in plain:
        plain["type"] = [plain["type"], "null"]
    return plain
