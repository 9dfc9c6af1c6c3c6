"""Checks request bodies against the contract's schemas: what no rule is about must fit, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from mockserver.http import Breach


class BodySchema:
    """One operation's body schema, compiled."""

    def __init__(self, schema: Mapping[str, Any], document: Mapping[str, Any]) -> None:
        components = {"schemas": _without_nullable(document["components"]["schemas"])}
        self._validator = jsonschema_rs.Draft4Validator(
            {"allOf": [_without_nullable(schema)], "components": components}
        )

    def breach(self, body: Any) -> Breach | None:
        """How a body does not fit the schema, or None if it fits."""
        for error in self._validator.iter_errors(body):
            path = "".join(
                f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path
            )
            return Breach(_sentence(error.message), "See /openapi.json.", path.lstrip(".") or None)
        return None


def _sentence(message: str, limit: int = 200) -> str:
    return message if len(message) <= limit else message[: limit - 1] + "…"


def _without_nullable(schema: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` as JSON Schema writes it."""
    if isinstance(schema, list):
        return [_without_nullable(entry) for entry in schema]
    if not isinstance(schema, Mapping):
        return schema
    plain = {key: _without_nullable(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True and "type" in plain:
        plain["type"] = [plain["type"], "null"]
    return plain
