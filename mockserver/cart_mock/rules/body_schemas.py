"""Checks request bodies against the contract's schemas, also in fields without a rule.

Connexion brings ``jsonschema``, which words the answers. ``jsonschema-rs``, of the extra ``speed``,
finds valid bodies faster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cart_mock.messages import Violation

if TYPE_CHECKING:
    from jsonschema import Draft4Validator, ValidationError

_FAST = find_spec("jsonschema_rs") is not None


class BodySchema:
    """One operation's body schema, compiled when it is first needed."""

    def __init__(self, schema: Mapping[str, Any], document: Mapping[str, Any]) -> None:
        self._schema = schema
        self._document = document

    @cached_property
    def _plain(self) -> dict[str, Any]:
        components = {"schemas": _without_nullable(self._document["components"]["schemas"])}
        return {"allOf": [_without_nullable(self._schema)], "components": components}

    @cached_property
    def _validator(self) -> Draft4Validator:
        from jsonschema import Draft4Validator

        return Draft4Validator(self._plain)

    @cached_property
    def _is_valid(self) -> Callable[[Any], bool]:
        if _FAST:
            import jsonschema_rs

            return jsonschema_rs.Draft4Validator(self._plain).is_valid
        return self._validator.is_valid

    def violation(self, body: Any) -> Violation | None:
        """Return how a body violates the schema, or None if it is valid."""
        if self._is_valid(body):
            return None
        for found in self._validator.iter_errors(body):
            error = _innermost(found)
            path = "".join(
                f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
            )
            return Violation(
                _sentence(error.message), "See /openapi.json.", path.lstrip(".") or None
            )
        return None


def _innermost(error: ValidationError) -> ValidationError:
    """Return the error of the only branch of a ``oneOf`` that has the right type of value."""
    while error.context:
        first_of_branch: dict[object, ValidationError] = {}
        for each in error.context:
            first_of_branch.setdefault(each.relative_schema_path[0], each)
        near = [
            each
            for each in first_of_branch.values()
            if each.absolute_path != error.absolute_path or each.validator != "type"
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
