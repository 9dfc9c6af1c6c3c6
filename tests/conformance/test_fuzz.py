"""Coverage and fuzzing against correct and broken servers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from cart_conformance.oracle import Oracle
from cart_conformance.results import CaseResult, Deviation, Kind, Verdict
from cart_conformance.run import circuit_breaker
from cart_conformance.schemathesis import fixtures
from cart_conformance.schemathesis import fuzzing as fuzz
from cart_conformance.schemathesis.schema_binding import bound_document
from cart_conformance.target.session import Untestable
from cart_conformance.target.transport import BudgetSpent, Interruption

from tests.conformance.kills import serving_break
from tests.conformance.servers.reference import Call, Refusal, Reply, Service, serving
from tests.conformance.servers.variants import VARIANTS
from tests.conformance.sessions import CONTRACT, session_on

ASSOCIATE, DISSOCIATE = "createCustomerCartAssociation", "deleteCustomerCartAssociation"


@pytest.fixture(autouse=True)
def _few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "EXAMPLES", 8)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Limits the layer to some operations."""

    def limit(*operations: str) -> None:
        for name in ("OPERATIONS", "CUSTOMER_OPERATIONS"):
            chosen = tuple(each for each in getattr(fixtures, name) if each in operations)
            monkeypatch.setattr(fixtures, name, chosen)

    return limit


def on(service: Service, *, seed: int = 1, max_requests: int = 20_000) -> list[CaseResult]:
    """Return the findings of the phase for a server."""
    with serving(service) as url, session_on(url, seed=seed, max_requests=max_requests) as session:
        return list(fuzz.run(session))


def deviations(results: list[CaseResult]) -> list[Deviation]:
    return [deviation for result in results for deviation in result.deviations]


@pytest.mark.slow
def test_the_mock_does_not_deviate(mock_url: str) -> None:
    with session_on(mock_url, seed=11) as session:
        results = list(fuzz.run(session))
    assert {result.verdict for result in results} == {Verdict.CONFORMS}
    examined = {rule for result in results for rule, _ in result.examined}
    assert examined >= {
        "payload-not-array",
        "more-than-one-customer",
        "type-not-customer",
        "customer-id-missing",
        "entry-not-object",
        "customer-missing",
        "cart-name-missing",
        "page-out-of-range",
        "page-not-a-number",
        "customer-invalid",
        "credentials-wrong",
        "success-answer",
    }


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_correct_server_that_uses_its_freedom_does_not_fail(variant: str) -> None:
    results = on(Service(VARIANTS[variant]))
    assert [each for each in deviations(results) if each.level == "documented"] == []
    assert Verdict.ERROR not in {result.verdict for result in results}


@pytest.mark.parametrize(
    ("broken", "operations", "rule", "kind"),
    [
        (
            "payload-not-array:wrong-status-on-delete",
            (DISSOCIATE,),
            "payload-not-array",
            Kind.WRONG_STATUS,
        ),
        (
            "more-than-one-customer:accepted-on-post",
            (ASSOCIATE,),
            "more-than-one-customer",
            Kind.NOT_REFUSED,
        ),
        ("type-not-customer:wrong-text", (ASSOCIATE,), "type-not-customer", Kind.WRONG_TEXT),
        (
            "customer-id-missing:server-error",
            (ASSOCIATE,),
            "customer-id-missing",
            Kind.SERVER_ERROR,
        ),
        (
            "refusal-changes-nothing:type-not-customer",
            (ASSOCIATE,),
            "refusal-changes-nothing",
            Kind.EFFECT,
        ),
        (
            "page-out-of-range:hundred-and-one-accepted",
            ("getCarts",),
            "page-out-of-range",
            Kind.NOT_REFUSED,
        ),
        (
            "cart-name-missing:long-accepted",
            ("createACart",),
            "cart-name-missing",
            Kind.NOT_REFUSED,
        ),
    ],
)
def test_a_break_is_found_and_its_rule_is_named(
    broken: str,
    operations: tuple[str, ...],
    rule: str,
    kind: Kind,
    only: Callable[..., None],
) -> None:
    only(*operations)
    with serving_break(broken) as url, session_on(url) as session:
        found = deviations(list(fuzz.run(session)))
    assert (rule, kind) in {(each.rule, each.kind) for each in found}


def test_each_rule_has_a_result_of_its_own(only: Callable[..., None]) -> None:
    class TwoDefects(Service):
        def refuse(self, call: Call, broken: str, status: int, text: str) -> None:
            if broken in {"type-not-customer", "more-than-one-customer"}:
                raise Refusal(broken, 418, text)
            super().refuse(call, broken, status, text)

    only(ASSOCIATE)
    found = [result for result in on(TwoDefects()) if result.verdict is Verdict.DEVIATES]
    assert {result.rule for result in found} == {"type-not-customer", "more-than-one-customer"}
    assert all(deviation.rule == result.rule for result in found for deviation in result.deviations)


def test_only_what_the_run_made_is_named(only: Callable[..., None]) -> None:
    """Paths name carts and customers of the run, or ids that no cart can have."""
    named: dict[str, set[str]] = {"cart": set(), "customer": set()}

    class Noting(Service):
        def handle(self, call: Call) -> Reply:
            reply = super().handle(call)
            if call.cart_id:
                named["cart"].add(call.cart_id)
            if call.customer_id:
                named["customer"].add(call.customer_id)
            return reply

    only("getACart", "updateACart", "deleteACart", "getCustomer", "updateCustomer", ASSOCIATE)
    service = Noting()
    with serving(service) as url, session_on(url) as session:
        list(fuzz.run(session))
        foreign = {
            cart
            for cart in named["cart"] - set(session.ledger.carts)
            if re.fullmatch("[0-9A-Za-z_-]+", cart)
        }
        assert foreign == set()
        assert named["customer"] <= set(session.ledger.customers)


def test_what_is_made_is_journalled_for_clean_up(only: Callable[..., None]) -> None:
    only("createACart", "createCustomer", "deleteACart")
    service = Service()
    with serving(service) as url, session_on(url) as session:
        list(fuzz.run(session))
        assert len(service.carts) > 20
        assert set(service.carts) <= set(session.ledger.carts)
        assert set(service.customers) <= set(session.ledger.customers)
        journal = session.ledger.path.read_text()
    assert all(made in journal for made in (*service.carts, *service.customers))


def test_names_of_what_is_made_are_of_this_run(only: Callable[..., None]) -> None:
    only("createACart", "createCustomer", "updateCustomer")
    service = Service()
    with serving(service) as url, session_on(url) as session:
        list(fuzz.run(session))
        ours = f"conformance-{session.run_id}-"
    assert [cart for cart in service.carts if not cart.startswith(ours)] == []
    emails = {customer["email"] for customer in service.customers.values()}
    assert [email for email in emails if not email.startswith(ours)] == []


def test_a_fault_in_the_oracle_is_an_error_and_no_deviation(
    only: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("a fault of our own")

    with serving(Service()) as url, session_on(url) as session:
        only("getCarts")
        make_carts = fixtures.Fixtures._make_carts

        def then_break(self: Any) -> Any:
            made = make_carts(self)
            monkeypatch.setattr(Oracle, "judge", broken)
            return made

        monkeypatch.setattr(fixtures.Fixtures, "_make_carts", then_break)
        results = list(fuzz.run(session))
    assert {result.verdict for result in results} == {Verdict.ERROR}
    assert all("a fault of our own" in (result.reason or "") for result in results)


def test_it_ends_when_the_budget_is_spent_with_what_it_found(only: Callable[..., None]) -> None:
    only(ASSOCIATE)
    results: list[CaseResult] = []
    with (
        serving_break("payload-not-array:wrong-status") as url,
        session_on(url, max_requests=60) as session,
        pytest.raises(BudgetSpent),
    ):
        results.extend(fuzz.run(session))
    assert "payload-not-array" in {each.rule for each in deviations(results)}


def test_requests_without_an_answer_are_no_deviations(
    only: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST_PAUSE", 0.0)

    class Drops(Service):
        def getCarts(self, call: Call) -> Reply:  # noqa: N802 - the operation
            raise ConnectionAbortedError(call.path)

    only("getCarts")
    results: list[CaseResult] = []
    with serving(Drops()) as url, session_on(url) as session, pytest.raises(Interruption):
        results.extend(fuzz.run(session))
    assert deviations(results) == []


def test_it_cannot_be_tried_without_customers() -> None:
    class NoCustomers(Service):
        def check_customer(self, call: Call, data: dict[str, Any]) -> None:
            raise Refusal("customer-invalid", 405, f"{call.operation} is closed: {len(data)}")

    with serving(NoCustomers()) as url, session_on(url) as session, pytest.raises(Untestable):
        list(fuzz.run(session))


def test_the_same_seed_sends_the_same_requests(only: Callable[..., None]) -> None:
    def sent(seed: int) -> list[str]:
        lines: list[str] = []

        class Noting(Service):
            def handle(self, call: Call) -> Reply:
                lines.append(f"{call.method} {call.query}")
                return super().handle(call)

        on(Noting(), seed=seed)
        return lines

    only("getCarts")
    assert sent(3) == sent(3)
    assert sent(3) != sent(4)


def test_the_bound_contract_names_the_fixtures_and_nothing_else() -> None:
    document = bound_document(
        CONTRACT,
        [ASSOCIATE, "getACart"],
        carts={ASSOCIATE: ["one"], "getACart": ["two"]},
        customers=["the id of ada"],
        logins=[],
    )
    assert set(document["paths"]) == {
        "/v2/carts/{cartID}",
        "/v2/carts/{cartID}/relationships/customers",
    }
    post = document["paths"]["/v2/carts/{cartID}/relationships/customers"]["post"]
    (cart_id,) = post["parameters"]
    assert cart_id["schema"] == {"type": "string", "enum": ["one"]}
    identifier = document["components"]["schemas"]["ResourceIdentifier"]
    assert identifier["properties"]["id"] == {"type": "string", "enum": ["the id of ada"]}
    assert "the id of ada" not in str(CONTRACT.document)
