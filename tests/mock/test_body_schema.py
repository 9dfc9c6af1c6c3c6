"""The answer to a body that violates its schema, with the extra ``speed`` and without it."""

from __future__ import annotations

from typing import Any

import pytest
from cart_mock.rules import body_schemas
from cart_mock.rules.body_schemas import BodySchema

DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Name": {"type": "string", "maxLength": 5},
            "Note": {"type": "string", "nullable": True},
        }
    }
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"$ref": "#/components/schemas/Name"},
        "notes": {"type": "array", "items": {"$ref": "#/components/schemas/Note"}},
    },
}
BODIES: list[tuple[Any, str | None]] = [
    ({}, None),
    ({"name": "gifts", "notes": ["one", None]}, None),
    ({"name": 5}, "name"),
    ({"name": "too long"}, "name"),
    ({"notes": ["one", {}]}, "notes[1]"),
]


@pytest.mark.parametrize(("body", "source"), BODIES)
def test_both_validators_find_the_same_violation(
    monkeypatch: pytest.MonkeyPatch, body: Any, source: str | None
) -> None:
    found = []
    for fast in (True, False):
        monkeypatch.setattr(body_schemas, "_FAST", fast)
        found.append(BodySchema(SCHEMA, DOCUMENT).violation(body))
    assert found[0] == found[1]
    assert (found[0] is None) == (source is None)
    if found[0] is not None:
        assert found[0].source == source


def test_violation_is_worded_in_a_sentence_of_limited_length() -> None:
    violation = BodySchema({"type": "string"}, DOCUMENT).violation(["x" * 500])
    assert violation is not None
    assert len(violation.reason) == 200
    assert violation.reason.endswith("…")
