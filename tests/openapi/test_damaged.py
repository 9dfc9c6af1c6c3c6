"""Whatever is damaged in a document, a command ends in findings or in one line."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from cart_spec.cli import _refusals
from cart_spec.cli_errors import InputError
from cart_spec.contract import CATALOGUE_KEY
from cart_spec.diff import compare
from cart_spec.document import OpenApiDocument, parse
from cart_spec.errors import RefusedInputError
from cart_spec.implementations import Evidence
from cart_spec.lint import CHECKS, Subject, check_document

from tests.openapi.small import Data, small

ODD: list[Any] = [
    None, 5, 0, -1.5, True, "", "x", "[a-", [], {}, [None], [[]], {"": None}, {"$ref": "#/info"},
    {"$ref": 5}, {"type": "zzz"}, {"pattern": "("}, "#/components/schemas/Thing", "\U0001f600",
]  # fmt: skip


def full() -> Data:
    """The small document with a part of everything."""
    data = small(default="x", example="y", pattern="^[a-z]+$", enum=["a", "b"])
    thing = data["components"]["schemas"]["Thing"]
    thing["required"] = ["name"]
    thing["properties"]["more"] = {
        "oneOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}],
        "items": {"allOf": [{"type": "integer", "minimum": 1}, {"multipleOf": 2}]},
        "additionalProperties": {"type": "string", "format": "date"},
    }
    thing["properties"]["size"] = {
        "type": "integer", "multipleOf": 2, "minimum": 2, "default": 4, "minLength": 0, "example": 6
    }  # fmt: skip
    data.update(openapi="3.1.0", tags=[{"name": "a", "description": "A"}], security=[{"key": []}])
    data["servers"] = [{"url": "https://{host}/v1", "variables": {"host": {"default": "a"}}}]
    data["components"].update(
        securitySchemes={"key": {"type": "apiKey", "in": "header", "name": "K"}},
        examples={"refused": {"value": {"errors": [{"status": 400, "title": "No such thing"}]}}},
        parameters={"Q": {"name": "q", "in": "query", "schema": {"type": "string"}, "example": 1}},
        links={"next": {"operationId": "getThings"}},
    )
    operation = data["paths"]["/things"]["get"]
    operation.update(tags=["a"], parameters=[{"$ref": "#/components/parameters/Q"}])
    operation["responses"]["400"] = {
        "description": "No.",
        "headers": {"X": {"schema": {"type": "integer"}}},
        "content": {"application/json": {"examples": {"refused": {
            "$ref": "#/components/examples/refused"}}}},
        "links": {"next": {"$ref": "#/components/links/next"}},
    }  # fmt: skip
    source = {"document": "page", "page": "A page", "sentence": "`No such thing`.",
              "read": "2026-11-20"}  # fmt: skip
    data[CATALOGUE_KEY] = {
        "documents": {"page": {"title": "A page", "level": "documented"}},
        "rules": [{
            "id": "thing-unknown", "group": "cart", "level": "documented",
            "operations": ["getThings"], "condition": "It is not there.", "source": source,
            "status": 400, "text": "No such thing", "documented_text": True, "example": "refused",
        }],
        "protocol_errors": [],
        "disagreements": [{"id": "one", "topic": "T", "published": ["a", "b"], "decision": "D",
                           "rules": ["thing-unknown"]}],
    }  # fmt: skip
    return data


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a value with each of its keys or indexes."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        owner = waiting.pop()
        keys = owner if isinstance(owner, dict) else range(len(owner))
        for key in keys:
            found.append((owner, key))
            if isinstance(owner[key], dict | list):
                waiting.append(owner[key])
    return found


def damaged(rng: random.Random) -> Data:
    data = full()
    for _ in range(rng.choice([1, 1, 2, 4])):
        owner, key = rng.choice(places(data))
        action = rng.random()
        if action < 0.7:
            owner[key] = copy.deepcopy(rng.choice(ODD))
        elif action < 0.85:
            del owner[key]
        else:
            other, at = rng.choice(places(data))
            owner[key] = copy.deepcopy(other[at])
    return data


def document(data: Data) -> OpenApiDocument:
    return parse(json.dumps(data), "damaged.json")


def test_the_undamaged_document_passes_the_checks_of_rules() -> None:
    subject = Subject(document(full()), Evidence())
    assert subject.contract is not None
    for check_id in ("openapi-invalid", "catalogue-invalid", "rule-text-misquoted"):
        assert list(CHECKS[check_id].run(subject)) == []


@pytest.mark.parametrize("seed", range(6))
def test_commands_end_without_a_traceback_whatever_is_damaged(seed: int) -> None:
    rng = random.Random(seed)
    whole = document(full())
    refused: list[str] = []
    for _ in range(10):
        data = damaged(rng)
        try:
            new = document(data)
        except RefusedInputError as error:
            refused.append(str(error))
            continue
        check_document(new, Evidence())
        try:
            with _refusals([new]):
                compare(whole, new)
                compare(new, whole)
        except InputError as error:
            refused.append(error.message)
    assert all(len(message.splitlines()) == 1 for message in refused)
