"""The mock's answers have the form that the vendor publishes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from cart_mock.app import create_app
from cart_mock.testing import in_process
from cart_spec.book.recording import RECORDING_PATH
from cart_spec.contract import load_contract
from cart_spec.export.plans import plans_of
from cart_spec.export.steps import Step
from openapi_schema_validator import OAS31Validator

from tests.openapi.documents import contract_document
from tests.openapi.sender import send_plan
from tests.openapi.vendor import ANSWERS, ERRORS, NOTHING, Schema

CONTRACT = load_contract()
PLANS = plans_of(contract_document())

Sent = list[tuple[Step, int, Any]]
"""Steps, each with the status and the body of its answer."""


def problems(schema: Schema, body: Any) -> list[str]:
    validator = OAS31Validator(schema, format_checker=OAS31Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


@pytest.fixture(scope="module")
def sent() -> Sent:
    """Every step of the exported collections, with the answer of a fresh mock."""
    variables = {"clientID": "a-store", "clientSecret": "my-secret", "run": "1"}
    with in_process(create_app()) as client:
        return [
            (step, answer.status_code, answer.json() if answer.content else None)
            for plan in PLANS
            for step, answer in send_plan(client, plan, variables)
        ]


def test_every_step_of_the_collections_succeeds(sent: Sent) -> None:
    failed = [
        (step.name, status, body) for step, status, body in sent if status not in step.statuses
    ]
    assert failed == []
    for step, _, body in sent:
        for check in step.checks:
            assert bool(body["data"]) == check.present, step.name


def test_every_operation_has_a_schema_of_its_answers() -> None:
    assert ANSWERS.keys() == CONTRACT.operations.keys()


def test_answers_of_success_have_the_published_form(sent: Sent) -> None:
    wrong = {
        step.name: problems(ANSWERS[step.operation_id][status], body) for step, status, body in sent
    }
    assert {name: found for name, found in wrong.items() if found} == {}
    assert {step.operation_id for step, _, _ in sent} == set(CONTRACT.operations)


def test_recorded_errors_have_the_published_form() -> None:
    recorded = json.loads(RECORDING_PATH.read_text(encoding="utf-8"))["exchanges"]
    errors = [
        exchange["answer"]
        for exchanges in recorded.values()
        for exchange in exchanges
        if exchange["answer"]["status"] >= 400
    ]
    assert len(errors) >= sum(rule.is_refusal for rule in CONTRACT.rules)
    for answer in errors:
        assert problems(ERRORS, answer["body"]) == []
        assert {str(each["status"]) for each in answer["body"]["errors"]} == {str(answer["status"])}


def single_page(sent: Sent) -> dict[str, Any]:
    body: dict[str, Any] = next(
        body for step, _, body in sent if step.operation_id == "getCarts" and body["data"]
    )
    return copy.deepcopy(body)


@pytest.mark.parametrize(
    "links",
    [
        {"current": "a", "first": "a", "last": None, "next": None, "prev": None},
        {"current": "https://shop.example.com/v2/carts", "last": None},
        None,
    ],
    ids=["null", "absolute", "missing"],
)
def test_links_may_be_null_absolute_or_missing(links: Any, sent: Sent) -> None:
    body = single_page(sent)
    if links is None:
        del body["links"]
    else:
        body["links"] = links
    assert problems(ANSWERS["getCarts"][200], body) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("data", 0, "type"), "carts"),
        (("data", 0, "relationships", "customers"), None),
        (("data", 0, "relationships", "items", "data"), {}),
        (("data", 0, "meta", "timestamps", "expires_at"), "soon"),
        (("links", "next"), 1),
        (("meta", "page", "total"), "1"),
    ],
)
def test_the_schemas_notice_a_wrong_value(path: tuple[Any, ...], value: Any, sent: Sent) -> None:
    body = single_page(sent)
    inner: Any = body
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    assert problems(ANSWERS["getCarts"][200], body)
    assert problems(NOTHING, body)
