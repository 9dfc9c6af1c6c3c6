"""The lint finds each fault by its id, at its place, and none in the contract itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cart_spec.contract import CATALOGUE_KEY, load_contract
from cart_spec.document import OpenApiDocument, parse
from cart_spec.implementations import Evidence
from cart_spec.lint import CHECKS, Subject, check_document

from tests.openapi.documents import changed, contract_document, edited, example_error, rule_of

CONTRACT = load_contract()
RULES = CONTRACT.rules
COMPLETE = Evidence(
    frozenset(rule.id for rule in RULES if rule.is_refusal),
    {rule.id: ("a case",) for rule in RULES},
)
ASSOCIATIONS = "/v2/carts/{cartID}/relationships/customers"
AT = "/paths/~1v2~1carts~1{cartID}~1relationships~1customers"

Data = dict[str, Any]


def post(data: Data) -> Data:
    operation: Data = data["paths"][ASSOCIATIONS]["post"]
    return operation


def schemas(data: Data) -> Data:
    found: Data = data["components"]["schemas"]
    return found


def examples(data: Data) -> Data:
    found: Data = data["components"]["examples"]
    return found


def responses(data: Data) -> Data:
    found: Data = data["components"]["responses"]
    return found


def put(owner: Callable[[Data], Data], key: str, value: Any) -> Callable[[Data], None]:
    return lambda data: owner(data).__setitem__(key, value)


def drop(owner: Callable[[Data], Data], key: str) -> Callable[[Data], None]:
    return lambda data: owner(data).__delitem__(key)


def rule(rule_id: str) -> Callable[[Data], Data]:
    return lambda data: rule_of(data, rule_id)


def number(rule_id: str) -> int:
    """The position of the entry in the catalogue that states a rule."""
    return CONTRACT.rule(rule_id).entry


FAULTS: list[tuple[str, Callable[[Data], None], str]] = [
    (
        "rule-text-misquoted",
        put(rule("payload-not-array"), "text", "Invalid jason payload"),
        f"/{CATALOGUE_KEY}/rules/{number('payload-not-array')}/text",
    ),
    (
        "source-read-missing",
        put(lambda data: data[CATALOGUE_KEY]["documents"]["overview"], "read", "2026-02-30"),
        f"/{CATALOGUE_KEY}/documents/overview/read",
    ),
    ("openapi-invalid", put(post, "responses", []), f"{AT}/post/responses"),
    ("info-incomplete", drop(lambda data: data["info"], "license"), "/info"),
    ("tag-incomplete", drop(lambda data: data["tags"][0], "description"), "/tags/0"),
    ("tag-incomplete", put(post, "tags", ["unheard-of"]), f"{AT}/post/tags/0"),
    ("operation-incomplete", drop(post, "summary"), f"{AT}/post"),
    ("operation-incomplete", drop(post, "operationId"), f"{AT}/post"),
    ("operation-incomplete", put(post, "operationId", "Create_It"), f"{AT}/post/operationId"),
    (
        "parameter-incomplete",
        drop(lambda data: data["components"]["parameters"]["PageLimit"], "example"),
        "/components/parameters/PageLimit",
    ),
    (
        "parameter-incomplete",
        put(lambda data: data["components"]["parameters"]["CustomerID"], "name", "id"),
        "/components/parameters/CustomerID",
    ),
    (
        "description-missing",
        drop(lambda data: schemas(data)["Error"]["properties"]["title"], "description"),
        "/components/schemas/Error/properties/title",
    ),
    (
        "description-missing",
        put(lambda data: responses(data)["CartUnknown"], "description", " "),
        "/components/responses/CartUnknown",
    ),
    (
        "security-scheme-unknown",
        put(post, "security", [{"bearerToken": []}, {"unheard-of": []}]),
        f"{AT}/post/security/1/unheard-of",
    ),
    (
        "link-target-unknown",
        put(lambda data: data["components"]["links"]["getACart"], "operationId", "unheardOf"),
        "/components/links/getACart/operationId",
    ),
    (
        "operation-id-duplicate",
        put(lambda data: data["paths"]["/v2/customers"]["get"], "operationId", "getCarts"),
        "/paths/~1v2~1customers/get/operationId",
    ),
    (
        "path-parameter-undeclared",
        lambda data: data["paths"].update({"/v2/a/{b}": data["paths"].pop("/v2/carts")}),
        "/paths/~1v2~1a~1{b}/get",
    ),
    (
        "schema-pattern-invalid",
        put(lambda data: schemas(data)["SafeId"], "pattern", "(["),
        "/components/schemas/SafeId/pattern",
    ),
    (
        "schema-value-invalid",
        put(lambda data: data["components"]["parameters"]["PageLimit"]["schema"], "default", "x"),
        "/components/parameters/PageLimit/schema/default",
    ),
    (
        "schema-value-invalid",
        put(lambda data: schemas(data)["Cart"]["properties"]["id"], "example", 5),
        "/components/schemas/Cart/properties/id/example",
    ),
    ("component-unused", put(schemas, "Left", {"type": "object"}), "/components/schemas/Left"),
    (
        "example-missing",
        drop(
            lambda data: data["components"]["requestBodies"]["Association"]["content"][
                "application/json"
            ],
            "examples",
        ),
        "/components/requestBodies/Association/content/application~1json",
    ),
    (
        "example-missing",
        put(post, "responses", {"200": {"description": "Only this."}}),
        f"{AT}/post/responses",
    ),
    (
        "example-invalid",
        drop(lambda data: example_error(data, "last-cart"), "title"),
        "/components/examples/last-cart/value",
    ),
    (
        "example-invalid",
        put(lambda data: data["components"]["parameters"]["PageLimit"], "example", 101),
        "/components/parameters/PageLimit/example",
    ),
    (
        "error-status-mismatch",
        put(lambda data: example_error(data, "last-cart"), "status", 409),
        "/components/examples/last-cart/value/errors/0",
    ),
    ("catalogue-invalid", lambda data: data.__delitem__(CATALOGUE_KEY), ""),
    (
        "catalogue-invalid",
        put(rule("last-cart"), "operations", ["deleteEverything"]),
        f"/{CATALOGUE_KEY}/rules/{number('last-cart')}",
    ),
    (
        "catalogue-invalid",
        put(rule("last-cart"), "example", "no-such-example"),
        f"/{CATALOGUE_KEY}/rules/{number('last-cart')}",
    ),
    (
        "catalogue-invalid",
        put(rule("last-cart"), "id", "cart-of-others"),
        f"/{CATALOGUE_KEY}/rules/{number('last-cart')}",
    ),
    (
        "catalogue-invalid",
        put(rule("last-cart"), "condition", ["a list"]),
        f"/{CATALOGUE_KEY}/rules/{number('last-cart')}/condition",
    ),
    (
        "catalogue-invalid",
        put(rule("last-cart"), "freedm", "A misspelt field."),
        f"/{CATALOGUE_KEY}/rules/{number('last-cart')}",
    ),
    (
        "rule-incomplete",
        put(rule("last-cart"), "operations", []),
        f"/{CATALOGUE_KEY}/rules/{number('last-cart')}",
    ),
    (
        "rule-incomplete",
        put(lambda data: rule_of(data, "last-cart")["source"], "sentence", " "),
        f"/{CATALOGUE_KEY}/rules/{number('last-cart')}/source",
    ),
    (
        "rule-incomplete",
        put(rule("last-cart"), "condition", "It is the last"),
        f"/{CATALOGUE_KEY}/rules/{number('last-cart')}/condition",
    ),
    (
        "rule-level-mismatch",
        put(rule("cart-not-found"), "level", "documented"),
        f"/{CATALOGUE_KEY}/rules/{number('cart-not-found')}/level",
    ),
    (
        "rule-freedom-missing",
        drop(rule("cart-not-found"), "freedom"),
        f"/{CATALOGUE_KEY}/rules/{number('cart-not-found')}",
    ),
    (
        "rule-text-mismatch",
        put(rule("more-than-one-customer"), "text", "Only one customer"),
        "/components/examples/more-than-one-customer/value/errors/0",
    ),
    (
        "error-rule-missing",
        put(
            lambda data: responses(data)["CartUnknown"]["content"]["application/json"]["examples"],
            "email-taken",
            {"$ref": "#/components/examples/email-taken"},
        ),
        "/components/responses/CartUnknown/content/application~1json/examples/email-taken",
    ),
    (
        "error-operation-missing",
        drop(lambda data: post(data)["responses"], "422"),
        f"/{CATALOGUE_KEY}/rules/{number('cart-has-contact-email')}/operations",
    ),
    (
        "disagreement-incomplete",
        put(lambda data: data[CATALOGUE_KEY]["disagreements"][0], "published", ["One side."]),
        f"/{CATALOGUE_KEY}/disagreements/0",
    ),
]

ELSEWHERE = {
    "duplicate-key",
    "rule-predicate-missing",
    "rule-case-missing",
    "rule-condition-missing",
    "rule-probe-missing",
    "room-not-installed",
}
"""The checks that tests of their own exercise below."""


def places(document: OpenApiDocument, check_id: str, evidence: Evidence = COMPLETE) -> list[str]:
    return [
        finding.pointer for finding in check_document(document, evidence) if finding.id == check_id
    ]


def test_the_contract_has_no_fault() -> None:
    assert check_document(contract_document(), COMPLETE) == []


def test_every_check_is_exercised() -> None:
    assert {fault[0] for fault in FAULTS} | ELSEWHERE == set(CHECKS)


@pytest.mark.parametrize(
    ("check_id", "fault", "pointer"), FAULTS, ids=[f"{f[0]}-{i}" for i, f in enumerate(FAULTS)]
)
def test_a_fault_is_found_at_its_place(
    check_id: str, fault: Callable[[Data], None], pointer: str
) -> None:
    subject = Subject(edited(fault), COMPLETE)
    assert pointer in [problem.pointer for problem in CHECKS[check_id].run(subject)]


def test_a_finding_has_the_line_and_says_what_to_do() -> None:
    document = changed(drop(rule("cart-not-found"), "freedom"))
    finding = check_document(document, COMPLETE)[0]
    assert finding.line == document.line(finding.pointer) > 1
    assert finding.message
    assert finding.advice


def test_a_key_that_stands_twice_is_found() -> None:
    text = "openapi: 3.0.3\ninfo: {title: A, title: B, version: '1'}\npaths: {}\n"
    assert places(parse(text, "twice"), "duplicate-key") == ["/info/title"]


@pytest.mark.parametrize(
    ("predicates", "told"),
    [
        ({rule.id for rule in RULES if rule.is_refusal} - {"last-cart"}, "last-cart has no"),
        ({*(COMPLETE.predicates or ()), "no-such-rule"}, "no-such-rule, which is not catalogued"),
    ],
    ids=["missing", "dangling"],
)
def test_rules_and_predicates_are_held_against_each_other(predicates: set[str], told: str) -> None:
    evidence = Evidence(frozenset(predicates), COMPLETE.cases)
    findings = check_document(contract_document(), evidence)
    assert [finding.id for finding in findings] == ["rule-predicate-missing"]
    assert told in findings[0].message


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ({**(COMPLETE.cases or {}), "last-cart": ()}, "last-cart has no case"),
        ({**(COMPLETE.cases or {}), "no-such-rule": ("a",)}, "no-such-rule, which is not"),
    ],
    ids=["missing", "dangling"],
)
def test_rules_and_cases_are_held_against_each_other(
    cases: dict[str, tuple[str, ...]], told: str
) -> None:
    findings = check_document(contract_document(), Evidence(COMPLETE.predicates, cases))
    assert [finding.id for finding in findings] == ["rule-case-missing"]
    assert told in findings[0].message


@pytest.mark.parametrize(
    ("part", "owner"), [("condition", "the oracle"), ("probe", "the mock's tests")]
)
def test_check_document_with_a_part_missing_or_too_many_reports_both(part: str, owner: str) -> None:
    ids = {each.id for each in RULES if each.is_refusal} - {"last-cart"} | {"no-such-rule"}
    evidence = (
        replace(COMPLETE, conditions=frozenset(ids))
        if part == "condition"
        else replace(COMPLETE, probes=frozenset(ids))
    )
    findings = check_document(contract_document(), evidence)
    assert [(finding.id, finding.message) for finding in findings] == [
        (
            f"rule-{part}-missing",
            f"There is a {part} in {owner} for no-such-rule, which is not catalogued.",
        ),
        (f"rule-{part}-missing", f"last-cart has no {part} in {owner}."),
    ]


def test_a_rule_beyond_any_run_needs_no_case() -> None:
    cases = {each.id: ("a case",) for each in RULES if each.beyond_run is None}
    assert check_document(contract_document(), Evidence(COMPLETE.predicates, cases)) == []


def test_rooms_that_are_not_there_are_told_as_notes() -> None:
    findings = check_document(contract_document(), Evidence())
    assert {(finding.id, finding.severity) for finding in findings} == {
        ("room-not-installed", "note")
    }
