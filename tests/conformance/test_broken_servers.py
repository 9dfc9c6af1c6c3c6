"""Servers that do not implement the API: right exit status, in bounded time, no vacuous verdict."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cart_conformance.results import CleanupFinished, ExitStatus, Kind, Verdict

from tests.conformance.kills import serving_break
from tests.conformance.runs import run
from tests.conformance.servers import broken
from tests.conformance.servers.reference import Call, Handler, Service, serving, serving_handler


@pytest.mark.parametrize(
    "handler",
    [
        broken.Always200,
        broken.Always500,
        broken.Html,
        broken.HtmlErrors,
        broken.Hangs,
        broken.Trickles,
        broken.Closes,
        broken.CutsOff,
        broken.Redirects,
        broken.NotHttp,
        broken.AnotherApi,
        broken.UnsendableToken,
        broken.Refuses,
        broken.TooMany,
    ],
)
def test_what_cannot_be_talked_to_is_no_deviation_and_conforms_to_nothing(
    handler: type[BaseHTTPRequestHandler], tmp_path: Path
) -> None:
    with serving_handler(handler) as url:
        made = run(url, tmp_path, timeout=0.5)
    assert made.status == ExitStatus.COULD_NOT_RUN
    assert made.finished.problem
    assert {each.verdict for each in made.finished.verdicts} == {Verdict.ERROR, Verdict.SKIPPED}


def test_nobody_listening_is_no_deviation(tmp_path: Path) -> None:
    made = run("http://127.0.0.1:9", tmp_path, timeout=1)
    assert made.status == ExitStatus.COULD_NOT_RUN
    assert "could not be reached" in str(made.finished.problem)


def test_a_yes_to_everything_passes_nothing(tmp_path: Path) -> None:
    with serving_handler(broken.AlwaysToken) as url:
        made = run(url, tmp_path, owners=("customers",))  # the cases of accounts are the same
    assert made.status == ExitStatus.DEVIATES
    assert made.with_verdict(Verdict.CONFORMS) == []


class _HalfPairs(Service):
    """Ids of customers have half a surrogate pair in them."""

    def createCustomer(self, call: Call) -> tuple[int, object]:  # noqa: N802 - an operation's name
        status, document = super().createCustomer(call)
        customer = self.customers.pop(document["data"]["id"])
        customer["id"] += "\ud800"
        self.customers[customer["id"].replace("\ud800", "?")] = customer
        return status, {"data": self.show_customer(customer)}


def test_ids_that_nobody_can_send_end_no_run(tmp_path: Path) -> None:
    with serving(_HalfPairs()) as url:
        made = run(url, tmp_path, rules=("type-not-customer",))
    assert made.status in (ExitStatus.DEVIATES, ExitStatus.INCOMPLETE)


def test_a_fault_of_the_suite_ends_a_run_with_its_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise LookupError("by a mistake")

    monkeypatch.setattr("cart_conformance.target.session.Session.provision", fails)
    monkeypatch.setattr("cart_conformance.run.engine.clean_up", fails)
    with serving(Service()) as url:
        made = run(url, tmp_path)
    assert made.status == ExitStatus.COULD_NOT_RUN
    assert "by a mistake" in str(made.finished.problem)
    (cleaned,) = made.of(CleanupFinished)
    assert cleaned.problems == ("clean-up itself failed: LookupError: by a mistake",)


class _HangsLater(Service):
    """One operation hangs."""

    def handle(self, call: Call) -> tuple[int, object]:
        if call.method == "PUT":
            time.sleep(3)
        return super().handle(call)


def test_a_server_that_hangs_in_one_place_is_left_alone_there(tmp_path: Path) -> None:
    with serving(_HangsLater()) as url:
        made = run(url, tmp_path, timeout=1, rules=("cart-name-missing", "carts-need-an-owner"))
    assert made.status == ExitStatus.INCOMPLETE
    assert made.with_verdict(Verdict.ERROR) == ["cart-name-missing"]
    assert "carts-need-an-owner" in made.with_verdict(Verdict.CONFORMS)


class _DropsSome(Handler):
    """Every tenth connection is dropped before its answer, and every request gets its own."""

    count = 0

    def reply(self, status: int, document: object) -> None:
        type(self).count += 1
        self.close_connection = True
        if type(self).count % 10:
            super().reply(status, document)

    def end_headers(self) -> None:
        # Announced, so that the only connections that end without warning are the dropped ones.
        self.send_header("Connection", "close")
        super().end_headers()


def test_dropped_connections_are_no_deviation(tmp_path: Path) -> None:
    handler = type("Bound", (_DropsSome,), {"service": Service()})
    with serving_handler(handler) as url:
        made = run(url, tmp_path, rules=("type-not-customer",))
    assert made.status in (ExitStatus.CONFORMS, ExitStatus.INCOMPLETE)
    assert made.with_verdict(Verdict.DEVIATES, Verdict.ADVICE) == []


def test_a_spent_budget_leaves_the_run_incomplete(tmp_path: Path) -> None:
    with serving(Service()) as url:
        made = run(url, tmp_path, max_requests=40, rules=("type-not-customer",))
    assert made.status == ExitStatus.INCOMPLETE
    assert made.with_verdict(Verdict.UNTESTABLE) == ["type-not-customer"]
    assert any("budget" in str(result.reason) for result in made.results)


def test_html_errors_are_a_matter_of_the_envelope_alone(tmp_path: Path) -> None:
    with serving_break("error-envelope:html") as url:
        made = run(url, tmp_path, rules=("type-not-customer", "last-cart"))
    assert made.with_verdict(Verdict.DEVIATES) == ["error-envelope"]
    kinds = {d.kind for each in made.finished.verdicts for d in each.deviations}
    assert kinds == {Kind.ENVELOPE}
