"""Checks of one answer: tables of answers and expected findings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cart_conformance.exchange import Answer, Request
from cart_conformance.oracle.answer_checks import envelope_problem, has_text, refusal_findings
from cart_conformance.results import Kind
from cart_spec import load_contract

CONTRACT = load_contract()
POST = "createCustomerCartAssociation"
TYPE = "The type does not exist or is not listed as customer"


def answer(status: int, document: Any = None, media_type: str = "application/json") -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    request = Request("POST", "http://127.0.0.1/", {}, b"")
    return Answer(request, status, {"Content-Type": media_type}, body, 0.0)


def error(status: int, title: str, detail: str = "", inside: object = None) -> Answer:
    entry = {"status": status if inside is None else inside, "title": title, "detail": detail}
    return answer(status, {"errors": [entry]})


@pytest.mark.parametrize(
    ("title", "detail", "found"),
    [
        (TYPE, "", True),
        ("Bad request", TYPE, True),
        (TYPE.upper(), "", True),
        (f"  {TYPE.replace(' ', '   ')}. ", "", True),
        ("Bad request", f"Sorry: {TYPE}: it is 'customers'", True),
        ("The type does not exist", "", False),
        ("Bad request", "", False),
    ],
)
def test_a_text_is_looked_for_in_title_and_detail(title: str, detail: str, found: bool) -> None:
    assert has_text(error(400, title, detail), TYPE) is found


def test_a_text_may_stand_in_any_entry() -> None:
    document = {"errors": [{"status": 400, "title": "One"}, {"status": 400, "title": TYPE}]}
    assert has_text(answer(400, document), TYPE)


@pytest.mark.parametrize(
    ("rule", "given", "kinds"),
    [
        ("type-not-customer", error(400, TYPE), []),
        ("type-not-customer", error(403, TYPE), [(Kind.WRONG_STATUS, "documented")]),
        ("type-not-customer", error(400, "Bad"), [(Kind.WRONG_TEXT, "documented")]),
        ("type-not-customer", error(500, TYPE), [(Kind.SERVER_ERROR, "documented")]),
        ("type-not-customer", answer(200, {}), [(Kind.NOT_REFUSED, "documented")]),
        ("type-not-customer", answer(302, {}), [(Kind.NOT_REFUSED, "documented")]),
        # The text of an answer without entries is for error-envelope to judge.
        ("type-not-customer", answer(400, b"<html>"), []),
        ("customer-id-missing", error(422, "Whatever"), [(Kind.WRONG_STATUS, "interpretation")]),
        ("customer-id-missing", error(400, "Whatever"), []),
        ("customer-id-missing", answer(204, {}), [(Kind.NOT_REFUSED, "documented")]),
        ("customer-token-invalid", error(401, "No"), []),
        ("customer-token-invalid", error(403, "No"), []),
        ("customer-token-required", error(403, "No"), [(Kind.WRONG_TEXT, "interpretation")]),
        ("cart-not-found", answer(200, {}), [(Kind.NOT_REFUSED, "interpretation")]),
        ("last-cart", error(400, "Last cart"), [(Kind.WRONG_TEXT, "documented")]),
    ],
)
def test_a_refusal_is_judged_at_the_level_of_what_it_lacks(
    rule: str, given: Answer, kinds: list[tuple[Kind, str]]
) -> None:
    findings = list(refusal_findings(CONTRACT.rule(rule), POST, given))
    assert [(each.kind, each.level) for each in findings] == kinds


def test_every_example_of_a_refusal_is_taken() -> None:
    for rule in CONTRACT.rules:
        if rule.is_refusal and rule.example and rule.status:
            given = answer(rule.status, CONTRACT.example(rule.example))
            assert list(refusal_findings(rule, POST, given)) == [], rule.id
            assert envelope_problem(given, rule.operations[0]) is None, rule.id


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (error(400, "Bad"), None),
        (error(400, "Bad", inside="400"), None),
        (error(400, "Bad", inside=400.0), None),
        (error(400, "Bad", inside=404), "status"),
        (error(400, "Bad", inside=True), "status"),
        (error(400, ""), "title"),
        (answer(400, {"errors": [{"title": "Bad"}]}), "status"),
        (answer(400, {"errors": [{"status": 400}]}), "title"),
        (answer(400, {"errors": []}), "empty"),
        (answer(400, {"errors": {"status": 400, "title": "Bad"}}), "array"),
        (answer(400, {"error": "Bad"}), "errors"),
        (answer(400, [{"status": 400, "title": "Bad"}]), "object"),
        (answer(400, ["text"]), "object"),
        (answer(400, b"<html>", "text/html"), "JSON"),
        (answer(400, {"errors": [{"status": 400, "title": "Bad"}]}, "text/html"), "Content-Type"),
        (answer(400, b""), "JSON"),
        (error(422, "Contact", inside=400), None),
        (error(422, "Contact", inside=422), None),
    ],
)
def test_the_envelope(given: Answer, problem: str | None) -> None:
    found = envelope_problem(given, POST)
    assert (found is None) == (problem is None), found
    assert problem is None or problem in str(found)


def test_only_contact_emails_may_have_another_status_inside() -> None:
    given = error(422, "Contact", inside=400)
    assert envelope_problem(given, "createAccountCartAssociation") is None
    assert envelope_problem(given, "updateACart") is not None
