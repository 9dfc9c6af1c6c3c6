"""Every difference between two documents is reported, and what means the same is not."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from cart_spec.contract import ContractError
from cart_spec.diff import compare
from cart_spec.diff.compare import Comparison
from cart_spec.document import OpenApiDocument

from tests.openapi.documents import contract_document

Data = dict[str, Any]


OBJECT: Data = {"type": "object", "properties": {"a": {"type": "string"}}}


def document(
    request: Any = True, answer: Any = True, version: str = "3.1.0", **extra: Any
) -> OpenApiDocument:
    """A small document with a schema that is sent and one that is answered."""
    operation: Data = {
        "requestBody": {"content": {"application/json": {"schema": request}}},
        "responses": {
            "200": {
                "description": "Done.",
                "content": {"application/json": {"schema": answer}},
            }
        },
        **extra.pop("operation", {}),
    }
    data = {
        "openapi": version,
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"post": operation}},
        "components": {"schemas": {"S": {"type": "string"}, "T": {"type": "string"}, "O": OBJECT}},
        **extra,
    }
    return OpenApiDocument("small.yaml", data, {})


def kinds(comparison: Comparison) -> set[str]:
    return {change.kind for change in comparison.changes}


SCHEMAS: list[tuple[Any, Any, str]] = [
    ({"additionalProperties": {"type": "string"}}, {"additionalProperties": {"type": "integer"}},
     "different"),
    ({"additionalProperties": True}, {"additionalProperties": {"type": "string"}}, "narrower"),
    ({"type": "object"}, {"type": "object", "required": ["a"]}, "narrower"),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}, "narrower"),
    ({"type": "array"}, {"type": "array", "items": {"type": "string"}}, "narrower"),
    ({"type": "integer"}, {"type": "integer", "multipleOf": 5}, "narrower"),
    ({"multipleOf": 3}, {"multipleOf": 5}, "different"),
    ({}, {"not": {"type": "string"}}, "different"),
    ({}, False, "different"),
    ({}, {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, "different"),
    ({}, {"dependentRequired": {"a": ["b"]}}, "different"),
    ({}, {"patternProperties": {"^a": {"type": "string"}}}, "different"),
    ({"prefixItems": [{"type": "string"}]}, {"prefixItems": [{"type": "integer"}]}, "different"),
    ({}, {"contains": {"type": "string"}}, "different"),
    ({"default": 20}, {"default": 25}, "different"),
    ({}, {"readOnly": True}, "different"),
    ({}, {"deprecated": True}, "different"),
    ({}, {"discriminator": {"propertyName": "a"}}, "different"),
    ({}, {"madeUp": 1}, "different"),
    ({}, {"properties": ["not", "a", "mapping"]}, "different"),
    ({"$ref": "#/components/schemas/S"},
     {"$ref": "#/components/schemas/S", "maxLength": 3}, "narrower"),
    ({"allOf": [{"pattern": "a"}, {"pattern": "c"}]},
     {"allOf": [{"pattern": "b"}, {"pattern": "c"}]}, "different"),
    ({"allOf": [{"maxLength": 5}, {"maxLength": 9}]},
     {"allOf": [{"maxLength": 4}, {"maxLength": 9}]}, "narrower"),
    ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, {"enum": ["b", "c"]}, "wider"),
    ({"allOf": [{"oneOf": [{"type": "string"}]}, {"oneOf": [{"type": "string"}]}]},
     {"allOf": [{"oneOf": [{"type": "string"}]}, {"oneOf": [{"type": "integer"}]}]}, "different"),
    ({"oneOf": [{"type": "object"}, {"type": "string"}], "maxProperties": 3},
     {"oneOf": [{"type": "object"}, {"type": "string"}], "maxProperties": 2}, "narrower"),
    ({"anyOf": [{"type": "string"}, {"type": "integer"}]},
     {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}, "wider"),
    ({"type": "string"}, {"oneOf": [{"type": "string"}, {"type": "integer"}]}, "wider"),
    ({"oneOf": [{"maxLength": 5}, {"pattern": "^a"}]},
     {"anyOf": [{"maxLength": 5}, {"pattern": "^a"}]}, "wider"),
    ({"$ref": "#/components/schemas/O"},
     {"anyOf": [{"$ref": "#/components/schemas/O"}, {"type": "null"}]}, "wider"),
    ({"exclusiveMinimum": 0}, {"minimum": 0}, "wider"),
    ({"format": "int64"}, {"format": "int32"}, "narrower"),
    ({"multipleOf": 10}, {"multipleOf": 5}, "wider"),
    ({"type": "string", "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}, "wider"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "effect"), SCHEMAS)
def test_compare_schemas_that_differ_reports_only_the_right_effect(
    old: Any, new: Any, effect: str
) -> None:
    for direction, documents in (
        ("request", (document(old), document(new))),
        ("response", (document(True, old), document(True, new))),
    ):
        found = kinds(compare(*documents))
        assert {kind.removesuffix("-maybe") for kind in found} == {f"{direction}-{effect}"}


SAME: list[tuple[Any, Any]] = [
    ({"type": "string", "minLength": 0}, {"type": "string"}),
    ({"type": ["string", "null"]}, {"oneOf": [{"type": "string"}, {"type": "null"}]}),
    ({"type": ["string", "null"]}, {"anyOf": [{"type": "null"}, {"type": "string"}]}),
    ({"type": ["string", "null"]},
     {"oneOf": [{"$ref": "#/components/schemas/S"}, {"type": "null"}]}),
    ({"oneOf": [{"type": "string"}, {"type": "integer"}]},
     {"oneOf": [{"type": "integer"}, {"type": "string"}]}),
    ({"enum": ["a", "b"]}, {"enum": ["b", "a"]}),
    ({"const": "a"}, {"enum": ["a"]}),
    ({"additionalProperties": {}}, {}),
    ({"items": True}, {}),
    ({"required": []}, {}),
    ({"deprecated": False, "uniqueItems": False}, {}),
    ({"$ref": "#/components/schemas/S"}, {"$ref": "#/components/schemas/T"}),
    ({"$anchor": "here"}, {}),
    ({"allOf": [{"type": "string"}, {"maxLength": 3}]}, {"type": "string", "maxLength": 3}),
    ({"$ref": "#/components/schemas/O"},
     {"allOf": [{"type": "object"}, {"properties": {"a": {"type": "string"}}}]}),
    ({"type": ["object", "null"], "properties": {"a": {"type": "string"}}},
     {"anyOf": [{"$ref": "#/components/schemas/O"}, {"type": "null"}]}),
    ({"type": ["string", "null"], "maxLength": 5},
     {"oneOf": [{"type": "string", "maxLength": 5}, {"enum": [None]}]}),
    ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
    ({"oneOf": [{"$ref": "#/components/schemas/S"}, {"$ref": "#/components/schemas/O"}]},
     {"anyOf": [{"$ref": "#/components/schemas/S"}, {"$ref": "#/components/schemas/O"}]}),
    ({"const": 1}, {"type": "integer", "enum": [1.0]}),
    ({"type": ["string", "null"], "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
    ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
    ({"default": 1}, {"default": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SAME)
def test_compare_schemas_that_mean_the_same_reports_nothing(old: Any, new: Any) -> None:
    for documents in (
        (document(old), document(new)),
        (document(True, old), document(True, new)),
        (document(True, new), document(True, old)),
    ):
        assert compare(*documents).changes == ()


NULLABLE: list[tuple[Any, Any]] = [
    ({"type": "string"}, {"oneOf": [{"type": "string"}, {"type": "null"}]}),
    ({"allOf": [{"$ref": "#/components/schemas/O"}]},
     {"anyOf": [{"$ref": "#/components/schemas/O"}, {"type": "null"}]}),
    ({"oneOf": [{"$ref": "#/components/schemas/S"}, {"$ref": "#/components/schemas/O"}]},
     {"oneOf": [{"$ref": "#/components/schemas/S"}, {"$ref": "#/components/schemas/O"},
                {"type": "null"}]}),
    ({"enum": ["a"]}, {"enum": ["a", None]}),
]  # fmt: skip


@pytest.mark.parametrize(("written", "new"), NULLABLE)
def test_compare_nullable_of_3_0_is_null_of_3_1(written: Any, new: Any) -> None:
    old = document(True, {**written, "nullable": True}, "3.0.3")
    assert compare(old, document(True, new)).changes == ()
    without = compare(old, document(True, written, "3.0.3"))
    assert {kind.removesuffix("-maybe") for kind in kinds(without)} == {"response-narrower"}


@pytest.mark.parametrize(
    ("mark", "request_kinds", "answer_kinds"),
    [("readOnly", set(), {"response-narrower"}), ("writeOnly", {"request-narrower"}, set())],
)
def test_compare_required_member_counts_only_in_its_direction(
    mark: str, request_kinds: set[str], answer_kinds: set[str]
) -> None:
    old = {"type": "object", "properties": {"a": {"type": "string", mark: True}}}
    new = {**old, "required": ["a"]}
    assert kinds(compare(document(old), document(new))) == request_kinds
    assert kinds(compare(document(True, old), document(True, new))) == answer_kinds


QUERY = {"name": "q", "in": "query", "schema": {"type": "array"}}
OPERATIONS: list[tuple[Data, Data, set[str]]] = [
    ({"parameters": [QUERY]}, {"parameters": [{**QUERY, "explode": False}]}, {"other-changed"}),
    ({"parameters": [QUERY]}, {"parameters": [{**QUERY, "style": "form"}]}, set()),
    ({"parameters": [QUERY]}, {"parameters": [{**QUERY, "deprecated": True}]}, {"other-changed"}),
    ({}, {"parameters": [{"name": "Accept", "in": "header", "required": True}]}, set()),
    ({}, {"callbacks": {"a": {}}}, {"other-changed"}),
    ({}, {"servers": [{"url": "https://b.example.com"}]}, {"server-changed"}),
    ({}, {"tags": ["a"], "summary": "S"}, {"wording-changed"}),
    ({"operationId": "a"}, {"operationId": "b"}, {"operation-renamed"}),
    ({"security": [{"a": []}, {"b": []}]}, {"security": [{"a": []}]}, {"security-narrower"}),
    ({"security": [{"a": []}]}, {"security": [{"a": [], "b": []}]},
     {"security-narrower"}),
    ({"security": [{"a": ["read"]}]}, {"security": [{"a": ["read", "write"]}]},
     {"security-narrower"}),
    ({"security": [{"a": []}]}, {"security": [{"a": []}, {"b": []}]}, {"security-changed"}),
    ({"requestBody": {"content": {"application/json": {}}}},
     {"requestBody": {"content": {"application/json; charset=utf-8": {}}}}, set()),
    ({"requestBody": {"content": {"application/json": {}}}},
     {"requestBody": {"content": {"application/json": {"encoding": {"a": {}}}}}},
     {"other-changed"}),
    ({"requestBody": {"content": {}}}, {"requestBody": {"content": {}, "required": True}},
     {"body-required"}),
    ({"responses": {"200": {"headers": {"X": {"schema": {"type": "string"}}}}}},
     {"responses": {"200": {"headers": {"X": {"schema": {"type": "integer"}}}}}},
     {"response-different"}),
    ({"parameters": [QUERY]},
     {"parameters": [{"name": "q", "in": "query",
                      "content": {"application/json": {"schema": {"type": "array"}}}}]},
     {"request-different"}),
    ({"requestBody": {"content": {"application/json": {}}}},
     {"requestBody": {"content": {"*/*": {}}}}, {"request-wider-maybe"}),
    ({"requestBody": {"content": {"application/*": {}}}},
     {"requestBody": {"content": {"application/json": {}}}}, {"request-narrower"}),
    ({"responses": {"200": {"content": {"*/*": {}}}}},
     {"responses": {"200": {"content": {"text/plain": {}}}}}, {"response-narrower-maybe"}),
    ({"responses": {"200": {"headers": {"Content-Type": {}}}}}, {"responses": {"200": {}}}, set()),
    ({"responses": {"200": {}}}, {"responses": {"200": {"links": {"a": {"operationId": "b"}}}}},
     {"other-changed"}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), OPERATIONS)
def test_compare_operations_reports_the_kinds(old: Data, new: Data, expected: set[str]) -> None:
    assert kinds(compare(document(operation=old), document(operation=new))) == expected


def scheme(**fields: Any) -> Data:
    """The part of a document that has a security scheme."""
    return {"components": {"securitySchemes": {"a": {"type": "oauth2", **fields}}}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"servers": [{"url": "https://a"}]}, {"servers": [{"url": "https://b"}]},
         {"server-changed"}),
        ({}, {"webhooks": {"a": {}}}, {"other-changed"}),
        ({}, {"info": {"title": "T", "version": "2"}}, {"wording-changed"}),
        ({}, {"paths": {}}, {"operation-removed"}),
        ({"paths": {}}, {}, {"operation-added"}),
        ({}, {"x-mine": 1}, {"extension-changed"}),
        (scheme(flows={"password": {"tokenUrl": "https://a"}}),
         scheme(flows={"password": {"tokenUrl": "https://b"}}), {"other-changed"}),
        (scheme(openIdConnectUrl="https://a"), scheme(openIdConnectUrl="https://b"),
         {"other-changed"}),
        (scheme(description="A."), scheme(description="B."), {"wording-changed"}),
    ],
)  # fmt: skip
def test_compare_documents_without_catalogues_reports_the_kinds(
    old: Data, new: Data, expected: set[str]
) -> None:
    assert kinds(compare(document(**old), document(**new))) == expected


def mappings(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield pointer, value
        for key, item in value.items():
            yield from mappings(item, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from mappings(item, f"{pointer}/{index}")


def edited(value: Any) -> Any:
    """Another value of the same type."""
    if value is None:
        return "added"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, list):
        return value[1:] or ["added"]
    return dict(list(value.items())[1:]) or {"added": 1}


def random_edit(data: Data, rng: random.Random) -> str | None:
    """Edit a document in one place and return its pointer; None if the edit means nothing."""
    pointer, owner = rng.choice([each for each in mappings(data) if each[1]])
    key = rng.choice(list(owner))
    at = f"{pointer}/{key}"
    if "$ref" in owner:
        return None  # its neighbours are ignored in 3.0, and another target may not be there
    action = rng.choice(["drop", "change", "add"])
    value = owner[key]
    if (key == "type" and "properties" in owner) or (
        action == "change" and isinstance(value, dict) and {"type", "properties"} <= value.keys()
    ):
        return None  # an object, with its type or without
    if pointer.count("/") < 3 and pointer.startswith("/components"):
        return None  # components are compared in their users
    if action == "drop":
        del owner[key]
    elif action == "change":
        owner[key] = edited(owner[key])
    else:
        at = f"{pointer}/added"
        owner["added"] = {"some": "value"}
    return at


@pytest.mark.parametrize("seed", range(8))
def test_compare_the_contract_with_a_random_edit_of_it_never_reports_nothing(seed: int) -> None:
    rng = random.Random(seed)
    old = contract_document()
    for _ in range(12):
        data = copy.deepcopy(dict(old.data))
        at = random_edit(data, rng)
        if at is None:
            continue
        try:
            comparison = compare(old, OpenApiDocument("edited", data, {}))
        except (ContractError, KeyError, TypeError, AttributeError):
            continue  # no longer a contract, or no longer OpenAPI: refused, not silent
        assert comparison.changes, at
