"""Each kind of change is found, and classed for clients and for servers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cart_spec.cli import main
from cart_spec.contract import CATALOGUE_KEY, CONTRACT_PATH
from cart_spec.diff import KINDS, TooEntangledError, compare
from cart_spec.document import OpenApiDocument, parse
from click.testing import CliRunner

from tests.openapi.documents import contract_document, edited, rule_of

Data = dict[str, Any]
Edit = Callable[[Data], None]


def op(data: Data, path: str = "/v2/carts", method: str = "get") -> Data:
    found: Data = data["paths"][path][method]
    return found


def schema(data: Data, name: str) -> Data:
    found: Data = data["components"]["schemas"][name]
    return found


def prop(data: Data, name: str, member: str) -> Data:
    found: Data = schema(data, name)["properties"][member]
    return found


def set_(owner: Callable[[Data], Any], key: Any, value: Any) -> Edit:
    return lambda data: owner(data).__setitem__(key, value)


def pop(owner: Callable[[Data], Any], key: Any) -> Edit:
    return lambda data: owner(data).pop(key)


def rule(rule_id: str) -> Callable[[Data], Data]:
    return lambda data: rule_of(data, rule_id)


def catalogue(data: Data) -> Data:
    found: Data = data[CATALOGUE_KEY]
    return found


def add_rule(level: str, **fields: Any) -> Edit:
    document = "overview" if level == "documented" else "interpretation"
    new = {
        "id": "brand-new",
        "group": "cart",
        "level": level,
        "operations": ["getCarts"],
        "condition": "It is new.",
        "source": {"document": document, "page": "A page", "sentence": "A sentence."},
        **fields,
    }
    return lambda data: catalogue(data)["rules"].append(new)


def swap_rules(data: Data) -> None:
    rules = catalogue(data)["rules"]
    rules[0], rules[1] = rules[1], rules[0]


def header(data: Data) -> None:
    answer = op(data)["responses"]["200"]
    answer["headers"] = {"X-Total": {"description": "T.", "schema": {"type": "integer"}}}


def body_of(path: str, method: str) -> Callable[[Data], Data]:
    return lambda data: op(data, path, method)["requestBody"]


def edit_operations(data: Data, edit: Callable[[list[str]], list[str]]) -> None:
    """Edit the operations of every rule; a rule for two kinds of owner has two lists."""
    for each in catalogue(data)["rules"]:
        written = each["operations"]
        each["operations"] = (
            {owner: edit(names) for owner, names in written.items()}
            if isinstance(written, dict)
            else edit(written)
        )


def drop_operation(data: Data) -> None:
    path = "/v2/authentication-realms/{authenticationRealmID}/password-profiles"
    del data["paths"][path]["get"]
    edit_operations(data, lambda names: [o for o in names if o != "getPasswordProfiles"])


def rename_operation(data: Data) -> None:
    op(data)["operationId"] = "listCarts"
    edit_operations(data, lambda names: [o.replace("getCarts", "listCarts") for o in names])


def add_scheme(data: Data) -> None:
    data["components"]["securitySchemes"]["key"] = {"type": "apiKey", "in": "header", "name": "K"}
    op(data)["security"] = [{"bearerToken": [], "key": []}]


NEW_PARAMETER = {"name": "sort", "in": "query", "schema": {"type": "string"}}
CUSTOMER_TOKEN = lambda data: data["components"]["parameters"]["CustomerToken"]  # noqa: E731
REFUSAL = {"status": 400, "text": "New", "example": "last-cart"}

# What is done to the contract, the kind of change that is then found, and the one that is found
# when the two documents change places (None: not in this table).
CHANGES: list[tuple[str, Edit, str, str | None]] = [
    ("drop an operation", drop_operation, "operation-removed",
     "operation-added"),
    ("rename an operation", rename_operation, "operation-renamed",
     "operation-renamed"),
    ("deprecate", set_(op, "deprecated", True), "operation-deprecated", None),
    ("need no token", set_(op, "security", []), "security-changed", "security-added"),
    ("another scheme", lambda d: d["components"]["securitySchemes"]["bearerToken"].update(
        type="apiKey", name="X-Key"), "security-changed", "security-changed"),
    ("a server", set_(lambda d: d["servers"][0], "url", "https://api.example.com"),
     "server-changed", "server-changed"),
    ("an extension", set_(op, "x-mine", 1), "extension-changed", "extension-changed"),
    ("a callback", set_(op, "callbacks", {"done": {}}), "other-changed", "other-changed"),
    ("a scheme less", set_(op, "security", [{"bearerToken": []}, {}]), "security-changed",
     "security-added"),
    ("one more demanded", add_scheme, "security-narrower", "security-changed"),
    ("another example of a rule", set_(rule("last-cart"), "example", "cart-not-found"),
     "rule-other-changed", "rule-other-changed"),
    ("another summary", set_(op, "summary", "All carts"), "wording-changed", "wording-changed"),
    ("an optional parameter", lambda d: op(d)["parameters"].append(NEW_PARAMETER),
     "parameter-added", "parameter-removed"),
    ("a required parameter", lambda d: op(d)["parameters"].append(
        {**NEW_PARAMETER, "required": True}), "parameter-added-required", "parameter-removed"),
    ("require a parameter", set_(CUSTOMER_TOKEN, "required", True), "parameter-required",
     "parameter-optional"),
    ("no request body", pop(lambda d: op(d, "/v2/carts", "post"), "requestBody"), "body-removed",
     "body-required"),
    ("an optional request body", set_(op, "requestBody", {"content": {}}), "body-added",
     "body-removed"),
    ("an optional body", set_(body_of("/v2/carts", "post"), "required", False), "body-optional",
     "body-required"),
    ("a longer name", set_(lambda d: schema(d, "CartName"), "maxLength", 300), "request-wider",
     "request-narrower"),
    ("a new request member", set_(lambda d: schema(d, "CartCreate")["properties"], "colour",
     {"type": "string"}), "request-wider-maybe", "request-narrower-maybe"),
    ("a required request member", lambda d: schema(d, "CartCreate")["required"].append("id"),
     "request-narrower", "request-wider"),
    ("a number for a string", set_(lambda d: prop(d, "CartCreate", "description"), "type",
     "integer"), "request-different", "request-different"),
    ("another pattern", set_(lambda d: schema(d, "SafeId"), "pattern", "^[a-z]+$"),
     "request-different-maybe", "request-different-maybe"),
    ("a new success", set_(lambda d: op(d)["responses"], "206", {"description": "Some."}),
     "success-added", "success-removed"),
    ("a range of answers", lambda d: op(d)["responses"].update(
        {"2XX": op(d)["responses"].pop("200")}), "success-wider", "success-narrower"),
    ("a new error", set_(lambda d: op(d)["responses"], "410", {"description": "Gone."}),
     "error-added", "error-removed"),
    ("an answer without a body", pop(lambda d: op(d)["responses"]["200"], "content"),
     "answer-body-removed", "answer-body-added"),
    ("a new header", header, "header-added", "header-removed"),
    ("a nullable answer", set_(lambda d: prop(d, "Cart", "name"), "nullable", True),
     "response-wider", "response-narrower"),
    ("a new enum value", lambda d: prop(d, "AccessToken", "token_type")["enum"].append("DPoP"),
     "response-wider-maybe", "response-narrower"),
    ("any name", pop(lambda d: prop(d, "Cart", "name"), "type"), "response-wider-maybe",
     "response-narrower-maybe"),
    ("a new member", set_(lambda d: schema(d, "Cart")["properties"], "colour", {"type": "string"}),
     "response-property-added", "response-wider-maybe"),
    ("a number in an answer", set_(lambda d: prop(d, "AccessToken", "access_token"), "type",
     "integer"), "response-different", "response-different"),
    ("another format", set_(lambda d: prop(d, "Timestamps", "created_at"), "format", "date"),
     "response-different-maybe", "response-different-maybe"),
    ("a documented refusal", add_rule("documented", **REFUSAL), "rule-added", "rule-removed"),
    ("a documented effect", add_rule("documented"), "rule-added-effect", "rule-removed-effect"),
    ("an interpretation", add_rule("interpretation", **REFUSAL), "rule-added-advice",
     "rule-removed"),
    ("another status", set_(rule("cart-unknown"), "status", 410), "rule-status-changed",
     "rule-status-changed"),
    ("one more status", set_(rule("cart-unknown"), "statuses", [404, 410]), "rule-statuses-wider",
     "rule-statuses-narrower"),
    ("another published text", set_(rule("last-cart"), "text", "The last"), "rule-text-changed",
     "rule-text-changed"),
    ("another text of ours", set_(rule("cart-unknown"), "text", "None such"),
     "rule-text-changed-advice", "rule-text-changed-advice"),
    ("a surer rule", set_(rule("cart-unknown"), "level", "documented"), "rule-level-raised",
     "rule-level-lowered"),
    ("one operation more", lambda d: rule_of(d, "cart-unknown")["operations"].append("getACart"),
     "rule-operation-added", "rule-operation-removed"),
    ("another condition", set_(rule("cart-unknown"), "condition", "None such."),
     "rule-condition-changed", "rule-condition-changed"),
    ("another freedom", set_(rule("cart-unknown"), "freedom", "Anything."), "rule-freedom-changed",
     "rule-freedom-changed"),
    ("another source", set_(lambda d: rule_of(d, "cart-unknown")["source"], "page", "Elsewhere"),
     "rule-source-changed", "rule-source-changed"),
    ("another order", swap_rules, "rule-order-changed", "rule-order-changed"),
    ("another protocol error", set_(lambda d: catalogue(d)["protocol_errors"][0], "text", "Not it"),
     "protocol-error-changed", "protocol-error-changed"),
    ("one protocol error less", pop(lambda d: catalogue(d)["protocol_errors"], 0),
     "protocol-error-changed", "protocol-error-changed"),
    ("another decision", set_(lambda d: catalogue(d)["disagreements"][0], "decision", "Other."),
     "disagreement-changed", "disagreement-changed"),
    ("one disagreement less", pop(lambda d: catalogue(d)["disagreements"], 0),
     "disagreement-changed", "disagreement-changed"),
]  # fmt: skip


def kinds(old: OpenApiDocument, new: OpenApiDocument) -> set[str]:
    return {change.kind for change in compare(old, new).changes}


def test_a_contract_does_not_differ_from_itself() -> None:
    assert compare(contract_document(), contract_document()).changes == ()


def test_every_kind_of_change_is_exercised() -> None:
    assert {kind for change in CHANGES for kind in change[2:] if kind} == set(KINDS)


@pytest.mark.parametrize("name", [change[0] for change in CHANGES])
def test_a_change_is_found_in_both_directions(name: str) -> None:
    _, edit, kind, back = next(change for change in CHANGES if change[0] == name)
    new = edited(edit)
    assert kind in kinds(contract_document(), new)
    reverse = kinds(new, contract_document())
    assert back in reverse if back else kind not in reverse


@pytest.mark.parametrize(
    ("kind", "clients", "servers"),
    [
        ("operation-removed", "breaking", "safe"),
        ("operation-added", "safe", "breaking"),
        ("request-narrower", "breaking", "safe"),
        ("request-wider", "safe", "breaking"),
        ("response-wider", "breaking", "safe"),
        ("response-narrower", "safe", "breaking"),
        ("response-property-added", "safe", "safe"),
        ("rule-text-changed", "breaking", "breaking"),
        ("rule-source-changed", "safe", "safe"),
    ],
)
def test_what_a_change_means_to_clients_and_to_servers(
    kind: str, clients: str, servers: str
) -> None:
    assert (KINDS[kind].clients, KINDS[kind].servers) == (clients, servers)


def test_a_change_in_a_shared_schema_is_told_once_with_its_operations() -> None:
    new = edited(set_(lambda d: prop(d, "Error", "title"), "nullable", True))
    (change,) = compare(contract_document(), new).changes
    assert set(change.about) == {operation.id for operation in contract_document().operations}


def test_only_what_the_request_may_hold_changes_where_a_schema_is_only_sent() -> None:
    new = edited(set_(lambda d: schema(d, "CartName"), "maxLength", 300))
    assert kinds(contract_document(), new) == {"request-wider"}


# ---- A document that is not ours ----

FOREIGN: Data = {
    "openapi": "3.1.0",
    "info": {"title": "Somebody's carts", "version": "1"},
    "servers": [{"url": "https://api.example.com/v2"}],
    "paths": {
        "/carts": {
            "get": {
                "parameters": [
                    {"name": "x-moltin-customer-token", "in": "header",
                     "schema": {"type": "string"}}
                ],
                "security": [{"anyName": []}],
                "responses": {
                    "200": {
                        "description": "Carts.",
                        "content": {"application/json": {"schema": {"allOf": [
                            {"$ref": "#/components/schemas/Page"},
                            {"properties": {"data": {"items": {"properties": {
                                "name": {"type": ["string", "null"]}}}}}},
                        ]}}},
                    }
                },
            }
        },
        "/carts/{id}/relationships/customers": {
            "post": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "responses": {"200": {"description": "Done."}},
            }
        },
        "/no-such-things": {"get": {"responses": {"200": {"description": "Orders."}}}},
    },
    "components": {
        "securitySchemes": {"anyName": {"type": "http", "scheme": "Bearer"}},
        "schemas": {"Page": {"required": ["data"], "properties": {"data": {"type": "array"}}}},
    },
}  # fmt: skip


def foreign() -> OpenApiDocument:
    return parse(yaml.safe_dump(FOREIGN), "foreign.yaml")


def test_a_foreign_document_is_compared_as_far_as_its_operations_overlap() -> None:
    comparison = compare(foreign(), contract_document())
    assert comparison.foreign
    assert comparison.compared == 2
    assert comparison.only_old == ("GET /no-such-things",)
    assert len(comparison.only_new) == len(contract_document().operations) - 2


def test_of_a_foreign_document_only_what_it_says_counts() -> None:
    found = kinds(foreign(), contract_document())
    unasked = {"operation-removed", "operation-added", "operation-renamed", "wording-changed"}
    assert not found & unasked
    assert not {kind for kind in found if kind.startswith("rule-")}
    assert "security-added" in found  # its POST has no security
    messages = {change.message for change in compare(foreign(), contract_document()).changes}
    assert "The 200 answer.data[].name may no longer be null." in messages


def test_names_of_path_parameters_and_cases_of_headers_do_not_matter() -> None:
    about = [
        change.message
        for change in compare(foreign(), contract_document()).changes
        if change.kind in {"parameter-removed", "parameter-added-required"}
    ]
    assert about == []


def test_null_is_the_same_in_3_0_and_3_1() -> None:
    head: Data = {"info": {"title": "T", "version": "1"}}
    old: Data
    new: Data
    old, new = ({**head, "openapi": version} for version in ("3.0.3", "3.1.0"))
    for data, written in (
        (old, {"type": "string", "nullable": True, "minimum": 1, "exclusiveMinimum": True}),
        (new, {"type": ["string", "null"], "exclusiveMinimum": 1}),
    ):
        data["paths"] = {
            "/a": {"get": {"responses": {"200": {
                "description": "A.", "content": {"application/json": {"schema": written}}}}}}
        }  # fmt: skip
    documents = [parse(yaml.safe_dump(data), "null") for data in (old, new)]
    found = compare(documents[0], documents[1]).changes
    assert found == ()


def nested(depth: int, tail: str) -> OpenApiDocument:
    """Schemas that each refer twice to the next: written out, 2 to the power of ``depth``."""
    schemas: Data = {
        f"S{n}": {
            "properties": {
                side: {"$ref": f"#/components/schemas/S{n + 1}"} for side in ("left", "right")
            }
        }
        for n in range(depth)
    }
    schemas[f"S{depth}"] = {"type": tail}
    schemas["Loop"] = {"properties": {"loop": {"$ref": "#/components/schemas/Loop"}}}
    root = {"oneOf": [{"$ref": "#/components/schemas/S0"}, {"$ref": "#/components/schemas/Loop"}]}
    answer = {"description": "A.", "content": {"application/json": {"schema": root}}}
    data = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": answer}}}},
        "components": {"schemas": schemas},
    }
    return parse(yaml.safe_dump(data), "nested.yaml")


def test_schemas_that_contain_themselves_or_each_other_often_are_compared() -> None:
    found = compare(nested(40, "string"), nested(40, "integer")).changes
    assert {change.kind for change in found} == {"response-different"}


def test_alternatives_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cart_spec.diff.schemas._MAX_PAIRS", 10)
    with pytest.raises(TooEntangledError, match=r"nested\.yaml: line \d+"):
        compare(nested(40, "string"), nested(40, "integer"))


# ---- The command ----


@pytest.mark.parametrize(
    ("audience", "edit", "status"),
    [
        ("both", set_(op, "summary", "List carts"), 0),
        ("both", set_(op, "summary", "All"), 0),
        ("both", set_(lambda d: schema(d, "CartName"), "maxLength", 300), 1),
        ("servers", set_(lambda d: schema(d, "CartName"), "maxLength", 300), 1),
        ("clients", set_(lambda d: schema(d, "CartName"), "maxLength", 300), 0),
        ("clients", set_(lambda d: schema(d, "CartName"), "maxLength", 200), 1),
        ("servers", set_(lambda d: schema(d, "CartName"), "maxLength", 200), 0),
    ],
)
def test_the_exit_status_says_whether_anything_breaks(
    audience: str, edit: Edit, status: int, tmp_path: Path
) -> None:
    data = copy.deepcopy(dict(contract_document().data))
    edit(data)
    new = tmp_path / "new.yaml"
    new.write_text(yaml.safe_dump(data, sort_keys=False))
    arguments = ["diff", str(CONTRACT_PATH), str(new), "--for", audience, "--format", "json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, result.stderr
    report = json.loads(result.stdout)
    assert (report["counts"]["error"] > 0) == (status == 1)
    assert all(set(each["facts"]) == {"clients", "servers"} for each in report["findings"])
