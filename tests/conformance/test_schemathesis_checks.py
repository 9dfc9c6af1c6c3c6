"""The oracle as Schemathesis checks: what is judged, how failures differ, what is sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from cart_conformance.results import Kind
from cart_conformance.schemathesis import load_schema, loading
from cart_conformance.schemathesis.checks import (
    RuleFailure,
    cart_associations,
    cart_associations_advice,
    failure_of,
)
from cart_conformance.schemathesis.fixtures import CUSTOMER_A, Fixtures
from cart_conformance.schemathesis.transport import JudgedTransport
from cart_spec import load_contract
from schemathesis import Case, Response
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.conformance.kills import serving_break
from tests.conformance.servers.reference import Call, Refusal, Reply, Service, serving

CONTRACT = load_contract()
ASSOCIATIONS = "/v2/carts/{cartID}/relationships/customers"


@contextmanager
def schema_on(service: Service) -> Iterator[OpenApiSchema]:
    """The bound contract on a server of the tests."""
    with serving(service) as url, schema_at(url) as schema:
        yield schema


@contextmanager
def schema_at(url: str) -> Iterator[OpenApiSchema]:
    """The bound contract on the server at a URL; its fixtures are removed afterwards."""
    schema = load_schema(url, "a-store", "a secret", seed=1)
    try:
        yield schema
    finally:
        loading.close(schema)


def fixtures_of(schema: OpenApiSchema) -> Fixtures:
    transport = schema.transport
    assert isinstance(transport, JudgedTransport)
    return transport.fixtures


def associate(
    schema: OpenApiSchema,
    body: Any,
    *,
    cart: str | None = None,
    method: str = "POST",
    **headers: str,
) -> Case[Any]:
    """One exact request, as the administrator unless ``headers`` say otherwise."""
    case: Case[Any] = schema[ASSOCIATIONS][method].Case(
        path_parameters={"cartID": cart or fixtures_of(schema).carts.free},
        headers={"Authorization": "Bearer administrator", **headers},
        body=body,
        media_type="application/json",
    )
    return case


def entry(customer: str, type_: str = "customer") -> Any:
    return {"data": [{"type": type_, "id": customer}]}


def failures(case: Case[Any], response: Response, *checks: Any) -> set[tuple[str, Kind]]:
    """The rules and kinds of what the checks object to."""
    try:
        case.validate_response(response, checks=list(checks or (cart_associations,)))
    except FailureGroup as group:
        return {
            (failure.rule, failure.finding.kind)
            for failure in group.exceptions
            if isinstance(failure, RuleFailure)
        }
    return set()


def test_check_right_answers_pass() -> None:
    with schema_on(Service()) as schema:
        ada = fixtures_of(schema).customers[0].id
        bodies: list[Any] = [entry(ada), entry(ada, "person"), {"data": {}}, {"data": []}]
        for body in bodies:
            case = associate(schema, body)
            assert failures(case, case.call(), cart_associations, cart_associations_advice) == set()


def test_check_rule_that_is_not_enforced_fails_with_its_own_class() -> None:
    with (
        serving_break("more-than-one-customer:accepted-on-post") as url,
        schema_at(url) as schema,
    ):
        people = [each.id for each in fixtures_of(schema).customers]
        case = associate(schema, {"data": [*entry(people[0])["data"], *entry(people[1])["data"]]})
        with pytest.raises(FailureGroup) as caught:
            case.call_and_validate()
    (failure,) = caught.value.exceptions
    assert type(failure) is failure_of("more-than-one-customer")
    assert failure.title == "more-than-one-customer: not refused"
    assert failure.operation == f"POST {ASSOCIATIONS}"
    assert CONTRACT.rule("more-than-one-customer").source.sentence in failure.message


class _TwoDefects(Service):
    def refuse(self, call: Call, broken: str, status: int, text: str) -> None:
        if broken in {"type-not-customer", "more-than-one-customer"}:
            raise Refusal(broken, 418, text)
        super().refuse(call, broken, status, text)


def test_check_two_broken_rules_are_two_failures() -> None:
    """Schemathesis keeps one failure of each class and operation."""
    found = set()
    with schema_on(_TwoDefects()) as schema:
        ada = fixtures_of(schema).customers[0].id
        for body in (entry(ada, "person"), {"data": entry(ada)["data"] * 2}):
            case = associate(schema, body)
            with pytest.raises(FailureGroup) as caught:
                case.call_and_validate()
            found |= set(caught.value.exceptions)
    assert {type(failure).__name__ for failure in found} == {
        "TypeNotCustomer",
        "MoreThanOneCustomer",
    }
    assert len(found) == 2


def test_check_what_a_refused_request_changed_fails() -> None:
    """The cart is looked at after the request, and the failure is that request's."""
    with (
        serving_break("refusal-changes-nothing:type-not-customer") as url,
        schema_at(url) as schema,
    ):
        case = associate(schema, entry(fixtures_of(schema).customers[0].id, "person"))
        found = failures(case, case.call())
    assert ("refusal-changes-nothing", Kind.EFFECT) in found


def test_check_fixtures_are_put_back_in_order() -> None:
    with schema_on(Service()) as schema:
        fixtures = fixtures_of(schema)
        ada = fixtures.customers[0].id
        case = associate(schema, entry(ada))
        # 200 says that the association is new, 204 that it exists already.
        assert [case.call().status_code for _ in range(2)] == [200, 200]
        assert fixtures.client.known.owners_of(fixtures.carts.free) == set()


def test_check_judges_what_was_sent_and_not_the_case() -> None:
    """A hook, or a header of the call, may have changed the case after it was generated."""
    with schema_on(Service()) as schema:
        ada = fixtures_of(schema).customers[0].id
        case = associate(schema, entry(ada))
        response = case.call(headers={"Authorization": "Bearer nobody-issued-this"})
        assert response.status_code == 401
        assert response.request.headers["Authorization"] == "Bearer nobody-issued-this"
        assert failures(case, response) == set()


@pytest.mark.parametrize(("status", "deviates"), [(400, False), (200, True), (500, True)])
def test_check_response_of_another_transport_is_judged_by_what_it_says(
    status: int, deviates: bool
) -> None:
    """Without fixtures nothing is known of carts and tokens, and yet this is not an array."""
    rule = CONTRACT.rule("payload-not-array")
    document = {"errors": [{"status": status, "title": rule.text}]}
    sent = requests.Request(
        "POST",
        "https://store.example/v2/carts/one/relationships/customers",
        headers={"Content-Type": "application/json", "Authorization": "Bearer some-token-or-other"},
        data=json.dumps({"data": {"type": "customer", "id": "ada"}}),
    ).prepare()
    response = Response(
        status_code=rule.statuses[0] if status == 400 else status,
        headers={"content-type": ["application/json"]},
        content=json.dumps(document).replace("400", str(rule.statuses[0])).encode(),
        request=sent,
        elapsed=0.0,
        verify=True,
    )
    with schema_on(Service()) as schema:
        found = failures(associate(schema, {}), response)
    assert ("payload-not-array" in {rule for rule, _ in found}) is deviates


def test_check_interpretation_fails_the_check_of_advice_only() -> None:
    """Another status than 404 for an unknown customer is against an interpretation."""
    rule = CONTRACT.rule("customer-not-found")
    assert rule.level == "interpretation"

    class Other(Service):
        def refuse(self, call: Call, broken: str, status: int, text: str) -> None:
            super().refuse(call, broken, 418 if broken == rule.id else status, text)

    with schema_on(Other()) as schema:
        case = associate(schema, entry(fixtures_of(schema).absent_customer))
        response = case.call()
        assert failures(case, response, cart_associations) == set()
        found = failures(case, response, cart_associations_advice)
    assert found == {(rule.id, Kind.WRONG_STATUS)}


class _Drops(Service):
    """Takes a request, does what it asks for, and closes the connection without an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: Counter[str] = Counter()

    def associate(self, call: Call, cart: dict[str, list[str]], customer: str) -> Reply:
        self.taken[call.cart_id or ""] += 1
        if self.taken.total() > 2:  # the fixtures are to be made
            raise ConnectionAbortedError(call.path)
        return super().associate(call, cart, customer)


def test_transport_changing_request_without_an_answer_is_sent_once() -> None:
    """Schemathesis' own transport sends it once more on a fresh connection."""
    service = _Drops()
    with schema_on(service) as schema:
        fixtures = fixtures_of(schema)
        case = associate(schema, entry(fixtures.customers[0].id))
        with pytest.raises(requests.ConnectionError):
            case.call()
        assert service.taken[fixtures.carts.free] == 1


def test_transport_cases_carry_no_token() -> None:
    """What stands for a token is replaced when the request is sent, and not before."""
    with schema_on(Service()) as schema:
        customer = fixtures_of(schema).customers[0]
        case = associate(schema, entry(customer.id), **{"X-Moltin-Customer-Token": CUSTOMER_A})
        response = case.call()
        assert response.request.headers["X-Moltin-Customer-Token"] == customer.token
        assert case.headers["X-Moltin-Customer-Token"] == CUSTOMER_A
        assert str(customer.token) not in repr(case)
        assert str(customer.token) not in case.as_curl_command()


class _Echoes(Service):
    """Echoes the received token in its refusals."""

    def refuse(self, call: Call, broken: str, status: int, text: str) -> None:  # noqa: ARG002  # as the base has it
        raise Refusal(broken, status, f"no: {call.headers.get('authorization')}")


def test_failure_message_has_no_token_that_the_server_echoed() -> None:
    """Schemathesis filters by name; the messages of these checks are redacted by value."""
    with schema_on(_Echoes()) as schema:
        case = associate(schema, {"data": []})
        response = case.call()
        token = response.request.headers["Authorization"].removeprefix("Bearer ")
        assert token.encode() in response.content
        with pytest.raises(FailureGroup) as caught:
            case.validate_response(response, checks=[cart_associations, cart_associations_advice])
    assert [token in failure.message for failure in caught.value.exceptions] == [False]
    assert "[redacted]" in caught.value.exceptions[0].message


def test_load_schema_removes_everything_that_it_made() -> None:
    service = Service()
    with schema_on(service) as schema:
        case = schema["/v2/carts"]["POST"].Case(
            headers={"Authorization": "Bearer administrator"},
            body={"data": {"name": "A cart"}},
            media_type="application/json",
        )
        assert case.call().status_code == 201
        # The session's A, B and C, and one that requests may change.
        assert len(service.customers) == 4
        assert set(service.carts) > {fixtures_of(schema).carts.free}
    assert (service.carts, service.customers) == ({}, {})


def test_state_machine_follows_the_links_of_the_contract() -> None:
    """Created, associated, associated again, taken back, read: each is a link."""
    with schema_on(Service()) as schema:
        machine = schema.as_state_machine()
        followed = {
            (link.source.label.split()[0], link.name)
            for transitions in machine._transitions.operations.values()  # type: ignore[attr-defined]  # links are not public
            for link in transitions.outgoing
        }
    assert followed >= {
        ("POST", "createCustomerCartAssociation"),
        ("POST", "deleteCustomerCartAssociation"),
        ("POST", "getACart"),
        ("DELETE", "getACart"),
        ("DELETE", "createCustomerCartAssociation"),
    }
