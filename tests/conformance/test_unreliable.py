"""Correct servers behind real-world trouble have no deviation: failures, lag, limits, firewalls."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from cart_conformance.config import SettingsError, read_fixtures
from cart_conformance.results import CleanupFinished, ExitStatus, Kind, Phase, Verdict
from cart_conformance.run import directed
from cart_conformance.target import cleanup, factory

from tests.conformance.runs import Run, run
from tests.conformance.servers import unreliable
from tests.conformance.servers.broken import Always200
from tests.conformance.servers.reference import Call, Reply, Service, serving, serving_handler

EFFECTS = ("association-visible", "association-deleted", "shared-cart", "type-not-customer")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directed, "PAUSE", 0.01)
    monkeypatch.setattr(directed, "RECOVERY", (0.0,) * 40)
    monkeypatch.setattr(cleanup, "PAUSES", (0.0, 0.01, 0.02, 0.05))
    monkeypatch.setattr(factory, "FIRST_PAUSE", 0.02)


def on(service: Service, tmp_path: Path, *rules: str, **changed: Any) -> Run:
    with serving(service) as url:
        return run(url, tmp_path, rules=rules, **changed)


def assert_no_deviation(made: Run) -> None:
    assert made.with_verdict(Verdict.DEVIATES, Verdict.ADVICE) == [], made.told()


# --- 5xx ---


def test_read_back_that_fails_leaves_rules_untested_and_is_reported_alone(tmp_path: Path) -> None:
    made = on(unreliable.ReadsFail(), tmp_path, *EFFECTS)
    assert made.with_verdict(Verdict.DEVIATES, Verdict.ADVICE) == ["success-answer"], made.told()
    (found,) = (each for each in made.finished.verdicts if each.id == "success-answer")
    assert {each.kind for each in found.deviations} == {Kind.SERVER_ERROR}
    assert {each.operation for each in found.deviations} == {"getACart"}
    assert set(EFFECTS) <= set(made.with_verdict(Verdict.UNTESTABLE)), made.told()
    assert [(o, s) for o, s, _ in made.finished.failures] == [("getACart", 500)]


@pytest.mark.parametrize("status", [502, 520, 527])
def test_gateway_that_answers_at_times_is_no_deviation(status: int, tmp_path: Path) -> None:
    service = unreliable.gateway(status)()
    made = on(service, tmp_path, "type-not-customer")
    assert_no_deviation(made)
    assert made.status == ExitStatus.CONFORMS, made.told()
    assert sum(count for _, count in made.finished.faults) > 3
    assert service.carts == {}
    assert service.customers == {}


@pytest.mark.parametrize("reply", [unreliable.FAILED, (500, unreliable.PAGE)])
@pytest.mark.parametrize("seed", [0, 3])
def test_failure_that_does_not_recur_is_no_deviation(
    seed: int, reply: Reply, tmp_path: Path
) -> None:
    service = unreliable.FailsAtTimes()
    service.failure, service.dice = reply, random.Random(seed)
    made = on(service, tmp_path, "association-visible", "payload-not-array")
    assert_no_deviation(made)
    assert len(made.finished.failures) > 2
    assert len(made.results) > 150


class _Crashes(Service):
    """A wrong type crashes the handler every time."""

    def refuse(self, call: Call, rule: str, status: int, text: str) -> None:
        if rule == "type-not-customer":
            super().refuse(call, rule, 500, "Internal error")
        super().refuse(call, rule, status, text)


def test_failure_that_recurs_is_a_deviation_of_the_rule(tmp_path: Path) -> None:
    made = on(_Crashes(), tmp_path, "type-not-customer", "association-visible")
    assert made.with_verdict(Verdict.DEVIATES) == ["type-not-customer"], made.told()


# --- Lag ---


def test_reads_that_lag_are_no_deviation(tmp_path: Path) -> None:
    service = unreliable.Lags()
    service.lag = 0.1
    made = on(service, tmp_path, "shared-cart", "association-repeat", "any-symbol", settle=5.0)
    assert made.status == ExitStatus.CONFORMS, made.told()
    assert_no_deviation(made)


def test_reads_that_lag_two_seconds_are_no_deviation(tmp_path: Path) -> None:
    service = unreliable.Lags()
    service.lag = 2.0
    cases = ("any-device/getCarts/a later*",)
    made = on(service, tmp_path, "any-device", cases=cases, settle=5.0)
    assert made.results
    assert made.status == ExitStatus.CONFORMS, made.told()


def test_waiting_for_what_never_comes_does_not_take_longer_each_time(tmp_path: Path) -> None:
    started = time.monotonic()
    rules = ("association-visible", "association-repeat", "shared-cart")
    made = on(unreliable.DropsAssociations(), tmp_path, *rules, settle=1.0)
    assert "association-visible" in made.with_verdict(Verdict.DEVIATES)
    assert time.monotonic() - started < 60


# --- Tokens that end ---


def test_tokens_that_end_early_are_renewed(tmp_path: Path) -> None:
    service = unreliable.ForgetsTokens()
    made = on(service, tmp_path, "type-not-customer", "association-visible")
    assert made.status == ExitStatus.CONFORMS, made.told()
    assert_no_deviation(made)
    assert service.carts == {}
    assert service.customers == {}


class _RestartsAtTheEnd(Service):
    """All tokens end when the last case is done: at the first deletion."""

    def deleteACart(self, call: Call) -> Reply:  # noqa: N802 - an operation
        return super().deleteACart(call)

    def handle(self, call: Call) -> Reply:
        if (
            call.method == "DELETE"
            and "/relationships/" not in call.path
            and self.key[:3] == b"the"
        ):
            self.key = b"another key"
        return super().handle(call)


def test_clean_up_logs_in_again(tmp_path: Path) -> None:
    service = _RestartsAtTheEnd()
    made = on(service, tmp_path, "carts-need-an-owner")
    (cleaned,) = made.of(CleanupFinished)
    assert cleaned.left == ()
    assert service.customers == {}


# --- Secrets that are words ---


def _fixtures(tmp_path: Path, service: Service, **changed: Any) -> Any:
    people = []
    for name in ("a", "b", "c"):
        customer = {
            "id": f"customer-{name}",
            "name": name,
            "email": f"{name}@shop.example",
            "password": f"the-password-of-{name}",
        } | changed
        service.customers[customer["id"]] = customer
        people.append({key: customer[key] for key in ("id", "email", "password")})
    path = tmp_path / "fixtures.json"
    path.write_text(json.dumps({"customers": people}))
    return read_fixtures(path)


@pytest.mark.parametrize("password", ["customer", "client_credentials", "Invalid json payload"])
def test_password_that_is_a_word_of_the_contract_is_no_leak(password: str, tmp_path: Path) -> None:
    service = Service()
    given = _fixtures(tmp_path, service, password=password)
    rules = ("password-never-returned", "payload-not-array")
    made = on(service, tmp_path, *rules, customers=given)
    assert_no_deviation(made)


@pytest.mark.parametrize(
    "person", [{"id": "a", "email": "a@b.example", "password": "x"}, {"id": "a", "token": "abc"}]
)
def test_secret_that_is_too_short_to_redact_is_refused(
    person: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "fixtures.json"
    path.write_text(json.dumps({"customers": [person, person]}))
    with pytest.raises(SettingsError, match="fewer than 4 characters"):
        read_fixtures(path)


# --- Fixtures ---


def test_fixtures_with_tokens_only_are_not_logged_in(tmp_path: Path) -> None:
    service = Service()
    people = []
    for name in ("a", "b", "c"):
        customer = {"id": f"c-{name}", "name": name, "email": f"{name}@b.example", "password": "x"}
        service.customers[customer["id"]] = customer
        token = service.sign({"kind": "customer", "customer": customer["id"]})
        people.append({"id": customer["id"], "token": token})
    path = tmp_path / "fixtures.json"
    path.write_text(json.dumps({"customers": people}))
    sent: list[bytes] = []

    def handle(call: Call) -> Reply:
        if call.path.endswith("/tokens"):
            sent.append(call.body)
        return Service.handle(service, call)

    service.handle = handle  # type: ignore[method-assign]  # to see what is sent
    rules = ("credentials-wrong", "success-answer", "header-names", "error-envelope")
    made = on(service, tmp_path, *rules, customers=read_fixtures(path))
    assert_no_deviation(made)
    assert not any(b"null" in body for body in sent)
    assert "credentials-wrong" in made.with_verdict(Verdict.SKIPPED), made.told()


def test_wrong_logins_lock_no_customer_of_the_fixtures(tmp_path: Path) -> None:
    service = unreliable.LocksAccounts()
    given = _fixtures(tmp_path, service)
    made = on(service, tmp_path, "credentials-wrong", "any-device", customers=given)
    assert_no_deviation(made)
    assert service.locked == []
    assert made.status == ExitStatus.CONFORMS, made.told()


def test_wrong_logins_lock_no_customer_that_other_cases_need(tmp_path: Path) -> None:
    service = unreliable.LocksAccounts()
    made = on(service, tmp_path, "credentials-wrong", "implicit-registration")
    assert made.status == ExitStatus.CONFORMS, made.told()
    assert_no_deviation(made)
    assert service.locked == []


# --- Shops that ask for more ---

CUSTOMERS = ("customer-invalid", "email-taken", "success-answer", "password-never-returned")


def test_shop_that_wants_strong_passwords_and_another_domain_conforms(tmp_path: Path) -> None:
    made = on(unreliable.IsStrict(), tmp_path, *CUSTOMERS)
    assert made.status == ExitStatus.CONFORMS, made.told()
    assert_no_deviation(made)


def test_email_domain_is_used_for_every_customer(tmp_path: Path) -> None:
    service = Service()
    seen: list[str] = []
    made_by = service.createCustomer

    def create(call: Call) -> Reply:
        seen.append(str(service.data(call).get("email")))
        return made_by(call)

    service.createCustomer = create  # type: ignore[method-assign]  # to see what is sent
    made = on(service, tmp_path, "email-taken", email_domain="tests.shop.example")
    assert made.status == ExitStatus.CONFORMS
    assert {email.lower().partition("@")[2] for email in seen} == {"tests.shop.example"}


def test_login_without_a_password_may_be_refused_as_malformed(tmp_path: Path) -> None:
    made = on(unreliable.WantsPassword(), tmp_path, "credentials-wrong")
    assert_no_deviation(made)
    assert made.status == ExitStatus.CONFORMS


def test_firewall_is_not_the_deployment(tmp_path: Path) -> None:
    rules = ("any-symbol", "new-cart-id-unsafe", "cart-id-unsafe")
    made = on(unreliable.Guarded(), tmp_path, *rules)
    assert_no_deviation(made)
    assert made.status == ExitStatus.INCOMPLETE
    assert "firewall" in made.told()


def test_firewall_is_passed_over_with_exclude(tmp_path: Path) -> None:
    left_out = tuple(
        f"any-symbol/{operation}/{variant}"
        for operation in ("createACart", "updateACart")
        for variant in ("mark-up", "ASCII punctuation")
    )
    made = on(unreliable.Guarded(), tmp_path, "any-symbol", exclude=left_out)
    assert made.status == ExitStatus.CONFORMS, made.told()


# --- The start ---


def test_gateway_at_the_first_request_is_retried(tmp_path: Path) -> None:
    made = on(unreliable.FirstFails(), tmp_path, "carts-need-an-owner")
    assert made.status == ExitStatus.CONFORMS, made.told()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((403, unreliable.PAGE), "firewall"),
        ((407, unreliable.PAGE), "HTTPS_PROXY"),
        ((401, {"errors": [{"status": 401, "title": "No"}]}), "check --client-id"),
        ((502, unreliable.PAGE), "A gateway answers"),
        ((500, unreliable.PAGE), "Its log should say why"),
        ((404, unreliable.PAGE), "Check the base URL"),
    ],
)
def test_run_that_could_not_start_names_the_cause(reply: Reply, said: str, tmp_path: Path) -> None:
    service = unreliable.NoTokens()
    service.reply = reply
    made = on(service, tmp_path)
    assert made.status == ExitStatus.COULD_NOT_RUN
    assert said in str(made.finished.problem)


def test_redirect_at_the_start_is_named_with_its_target(tmp_path: Path) -> None:
    handler = type("Bound", (unreliable.Redirects,), {"service": Service()})
    with serving_handler(handler) as url:
        made = run(url, tmp_path)
    assert "redirects (308)" in str(made.finished.problem)
    assert "give https://shop.example/api as base URL" in str(made.finished.problem)


def test_server_that_speaks_another_api_could_not_be_run(tmp_path: Path) -> None:
    with serving_handler(Always200) as url:
        made = run(url, tmp_path)
    assert "--token-url" in str(made.finished.problem)


# --- Nothing in silence ---


def test_layer_that_was_cut_is_said_and_leaves_the_run_incomplete(tmp_path: Path) -> None:
    made = on(Service(), tmp_path, "shared-cart", max_requests=60)
    assert made.status == ExitStatus.INCOMPLETE
    assert any("of the layer directed were not tried" in each for each in made.finished.cut)
    assert "budget of 60 requests" in str(made.finished.cut)


class _IsAway(Service):
    """The server is down for some requests in the middle of the run."""

    count = 0

    def handle(self, call: Call) -> Reply:
        self.count += 1
        if 60 <= self.count <= 80:
            return 502, unreliable.PAGE
        return super().handle(call)


def test_server_that_comes_back_is_tried_to_the_end(tmp_path: Path) -> None:
    made = on(_IsAway(), tmp_path, "type-not-customer")
    assert made.status == ExitStatus.CONFORMS, made.told()
    assert made.finished.cut == ()
    assert ("502 of a gateway" in dict(made.finished.faults)) is True


def test_generating_layers_survive_an_unreliable_network(tmp_path: Path) -> None:
    service = unreliable.gateway(502)()
    service.nth = 97
    made = on(service, tmp_path, layers=(Phase.MODEL,))
    assert_no_deviation(made)
    assert made.finished.cut == ()
