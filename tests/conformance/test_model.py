"""The model phase against correct and broken servers."""

from __future__ import annotations

import pytest
from cart_conformance.results import CaseResult, Deviation, Verdict
from cart_conformance.schemathesis import stateful as model
from cart_conformance.target.session import Untestable
from cart_conformance.target.transport import BudgetSpent, Interruption

from tests.conformance.kills import serving_break
from tests.conformance.servers.reference import Call, Refusal, Reply, Service, serving
from tests.conformance.servers.variants import VARIANTS
from tests.conformance.sessions import session_on


@pytest.fixture(autouse=True)
def _a_short_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "ROUNDS", 1)
    monkeypatch.setattr(model, "SEQUENCES", 10)
    monkeypatch.setattr(model, "CLOSE_SEQUENCES", 2)


def deviations(results: list[CaseResult]) -> list[Deviation]:
    return [deviation for result in results for deviation in result.deviations]


def on(service: Service, *, seed: int = 1, max_requests: int = 20_000) -> list[CaseResult]:
    """Return the findings of the phase for a server."""
    with serving(service) as url, session_on(url, seed=seed, max_requests=max_requests) as session:
        return list(model.run(session))


def test_the_mock_does_not_deviate(mock_url: str) -> None:
    with session_on(mock_url, seed=7) as session:
        results = list(model.run(session))
    assert {result.verdict for result in results} == {Verdict.CONFORMS}
    examined = {pair for result in results for pair in result.examined}
    assert {rule for rule, _ in examined} >= {
        "association-visible",
        "association-deleted",
        "association-repeat",
        "any-device",
        "others-cannot-see",
        "more-than-one-customer",
        "type-not-customer",
        "payload-not-array",
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_correct_server_that_uses_its_freedom_does_not_fail(variant: str) -> None:
    found = deviations(on(Service(VARIANTS[variant])))
    assert [each for each in found if each.level == "documented"] == []


FOUND = {
    "payload-not-array:ignored-on-post": "payload-not-array",
    "more-than-one-customer:accepted-on-delete": "more-than-one-customer",
    "type-not-customer:wrong-text": "type-not-customer",
    "refusal-changes-nothing:more-than-one-customer": "refusal-changes-nothing",
    "shared-cart:delete-takes-all": "shared-cart",
}


@pytest.mark.parametrize(("broken", "rule"), FOUND.items())
def test_a_break_is_found_and_its_rule_is_named(broken: str, rule: str) -> None:
    with serving_break(broken) as url, session_on(url) as session:
        found = deviations(list(model.run(session)))
    assert rule in {each.rule for each in found}


class _ForgetsRepeats(Service):
    """A repeated association removes it."""

    def repeated(self, call: Call, cart: dict[str, list[str]], customer: str) -> Reply:
        cart["customers"].remove(customer)
        return super().repeated(call, cart, customer)


def test_a_deviation_comes_with_the_shortest_sequence() -> None:
    (deviation,) = [
        each for each in deviations(on(_ForgetsRepeats())) if each.rule == "association-repeat"
    ]
    done = [step for step in deviation.steps if "look" not in step]
    assert [step.split(" → ")[0].split(", by")[0] for step in done] == [
        "associate customer A with cart 1"
    ] * 2
    assert done[1].endswith("→ 204")


def test_the_same_seed_sends_the_same_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "SEQUENCES", 5)
    monkeypatch.setattr(model, "CLOSE_SEQUENCES", 1)

    def sent(seed: int) -> list[str]:
        lines: list[str] = []

        class Noting(Service):
            def handle(self, call: Call) -> Reply:
                lines.append(f"{call.method} {len(call.path)} {call.body.count(b'customer')}")
                return super().handle(call)

        on(Noting(), seed=seed)
        return lines

    assert sent(3) == sent(3)
    assert sent(3) != sent(4)


def test_it_ends_when_the_budget_is_spent() -> None:
    with (
        serving(Service()) as url,
        session_on(url, max_requests=100) as session,
        pytest.raises(BudgetSpent),
    ):
        list(model.run(session))


class _DropsAssociations(Service):
    def associate(self, call: Call, cart: dict[str, list[str]], customer: str) -> Reply:
        raise ConnectionAbortedError(f"{call.operation} of {customer} with {cart}")


def test_requests_without_an_answer_are_no_deviations() -> None:
    results: list[CaseResult] = []
    with (
        serving(_DropsAssociations()) as url,
        session_on(url) as session,
        pytest.raises(Interruption),
    ):
        results.extend(model.run(session))
    assert deviations(results) == []


def test_it_cannot_be_tried_without_customers() -> None:
    class NoCustomers(Service):
        def check_customer(self, call: Call, data: dict[str, object]) -> None:
            raise Refusal("customer-invalid", 405, f"{call.operation} is closed: {len(data)}")

    with (
        serving(NoCustomers()) as url,
        session_on(url) as session,
        pytest.raises(Untestable),
    ):
        list(model.run(session))


def test_what_it_made_is_in_the_journal_or_gone() -> None:
    service = Service()
    with serving(service) as url, session_on(url) as session:
        list(model.run(session))
        assert set(service.carts) <= set(session.ledger.carts)
        assert set(service.customers) == set(session.ledger.customers)
