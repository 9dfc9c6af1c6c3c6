"""Case results become one verdict for each rule, and the verdicts an exit status."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cart_conformance.results import (
    CaseResult,
    Deviation,
    ExitStatus,
    Kind,
    Phase,
    RuleVerdict,
    Verdict,
)
from cart_conformance.run.verdicts import Policy, Problem, exit_status, fold
from cart_spec import load_contract
from cart_spec.contract import Level

CONTRACT = load_contract()
POST, DELETE = "createCustomerCartAssociation", "deleteCustomerCartAssociation"
NOTHING = "refusal-changes-nothing"


def deviation(
    rule: str = "type-not-customer",
    level: Level = "documented",
    kind: Kind = Kind.NOT_REFUSED,
    about: str | None = None,
) -> Deviation:
    return Deviation(
        rule, level, kind, POST, "a case", Phase.DIRECTED, "a refusal", "204", about=about
    )


def result(
    verdict: Verdict,
    *deviations: Deviation,
    rule: str = "type-not-customer",
    operation: str = POST,
    case: str = "a case",
) -> CaseResult:
    examined = ((rule, operation),) if verdict is not Verdict.UNTESTABLE else ()
    return CaseResult(
        case, rule, operation, Phase.DIRECTED, verdict, deviations=deviations, examined=examined
    )


def verdict_of(rule: str, *results: CaseResult, policy: Policy | None = None) -> RuleVerdict:
    verdicts = fold(CONTRACT, results, policy or Policy(), optional=frozenset({"optional"}))
    return next(each for each in verdicts if each.id == rule)


def both(verdict: Verdict, *deviations: Deviation) -> tuple[CaseResult, CaseResult]:
    return result(Verdict.CONFORMS, operation=DELETE), result(verdict, *deviations)


@pytest.mark.parametrize(
    ("found", "policy", "verdict"),
    [
        (deviation(), Policy(), Verdict.DEVIATES),
        (deviation(level="interpretation"), Policy(), Verdict.ADVICE),
        (deviation(level="observed"), Policy(), Verdict.ADVICE),
        (deviation(level="observed"), Policy(strict=True), Verdict.DEVIATES),
        (deviation(kind=Kind.WRONG_TEXT), Policy(), Verdict.DEVIATES),
        (deviation(kind=Kind.WRONG_TEXT), Policy(texts="advise"), Verdict.ADVICE),
        (deviation(kind=Kind.WRONG_TEXT), Policy(texts="ignore"), Verdict.CONFORMS),
        (deviation(kind=Kind.WRONG_TEXT), Policy(strict=True, texts="advise"), Verdict.ADVICE),
        (deviation(kind=Kind.WRONG_STATUS), Policy(texts="ignore"), Verdict.DEVIATES),
    ],
)
def test_what_a_deviation_does_follows_from_its_level_and_kind(
    found: Deviation, policy: Policy, verdict: Verdict
) -> None:
    made = verdict_of("type-not-customer", *both(Verdict.DEVIATES, found), policy=policy)
    assert made.verdict is verdict


UNTESTABLE = Problem(Verdict.UNTESTABLE, "the control failed")


@pytest.mark.parametrize(
    ("found", "problem", "verdict"),
    [
        ((), None, Verdict.CONFORMS),
        ((), UNTESTABLE, Verdict.UNTESTABLE),
        ((deviation(),), None, Verdict.DEVIATES),
        ((deviation(),), UNTESTABLE, Verdict.DEVIATES),
        ((deviation(level="observed"),), None, Verdict.ADVICE),
        ((deviation("last-cart"),), None, Verdict.CONFORMS),
        ((deviation("last-cart"),), UNTESTABLE, Verdict.UNTESTABLE),
    ],
)
def test_case_verdict_is_decided_by_its_own_rule_then_by_the_problem(
    found: tuple[Deviation, ...], problem: Problem | None, verdict: Verdict
) -> None:
    assert Policy().case_verdict("type-not-customer", found, problem) is verdict


def test_every_rule_gets_exactly_one_verdict() -> None:
    verdicts = fold(CONTRACT, [], Policy())
    assert [each.id for each in verdicts] == [rule.id for rule in CONTRACT.rules]
    assert {each.verdict for each in verdicts} == {Verdict.SKIPPED}
    skipped = next(each for each in verdicts if each.id == "cart-expired")
    assert skipped.reason == CONTRACT.rule("cart-expired").beyond_run


def test_a_run_that_could_not_be_made_is_an_error_of_every_rule_it_would_have_tried() -> None:
    verdicts = fold(CONTRACT, [], Policy(), problem="nobody answers")
    assert {each.verdict for each in verdicts} == {Verdict.ERROR, Verdict.SKIPPED}


@pytest.mark.parametrize(
    ("case", "verdict"), [("a case", Verdict.UNTESTABLE), ("optional", Verdict.CONFORMS)]
)
def test_one_untestable_case_leaves_a_rule_untestable_unless_it_is_optional(
    case: str, verdict: Verdict
) -> None:
    results = [*both(Verdict.CONFORMS), result(Verdict.UNTESTABLE, case=case)]
    assert verdict_of("type-not-customer", *results).verdict is verdict


def test_advice_hides_nothing_untried_of_a_documented_rule() -> None:
    advised = result(Verdict.ADVICE, deviation(level="interpretation"))
    untried = result(Verdict.UNTESTABLE, operation=DELETE)
    assert verdict_of("type-not-customer", advised, untried).verdict is Verdict.UNTESTABLE


def test_one_reason_of_several_operations_is_given_once() -> None:
    results = [
        replace(result(Verdict.UNTESTABLE, operation=operation, case=name), reason="no time left")
        for operation in (POST, DELETE)
        for name in ("a", "b")
    ]
    found = verdict_of("type-not-customer", *results, result(Verdict.CONFORMS, case="c"))
    assert found.reason == "4 of 5 cases: no time left"


def test_a_deviation_outweighs_everything() -> None:
    results = [result(Verdict.DEVIATES, deviation()), result(Verdict.ERROR, operation=DELETE)]
    assert verdict_of("type-not-customer", *results).verdict is Verdict.DEVIATES


@pytest.mark.parametrize(
    ("rules", "blamed"),
    [
        (("type-not-customer",), True),
        (("type-not-customer", "payload-not-array"), True),
        (("type-not-customer", "payload-not-array", "customer-not-permitted"), False),
    ],
)
def test_what_many_refusals_change_is_not_the_fault_of_each(
    rules: tuple[str, ...], blamed: bool
) -> None:
    found = [deviation(NOTHING, kind=Kind.EFFECT, about=rule) for rule in rules]
    results = [*both(Verdict.CONFORMS, *found)]
    assert verdict_of(NOTHING, *results).verdict is Verdict.DEVIATES
    made = verdict_of("type-not-customer", *results)
    assert made.verdict is (Verdict.DEVIATES if blamed else Verdict.CONFORMS)


@pytest.mark.parametrize(
    ("rules", "cause"),
    [
        (("type-not-customer", "payload-not-array"), None),
        (("type-not-customer", "payload-not-array", "customer-not-permitted"), "error-envelope"),
    ],
)
def test_errors_inside_successes_of_many_rules_follow_from_the_envelope(
    rules: tuple[str, ...], cause: str | None
) -> None:
    found = [deviation(rule, kind=Kind.ERROR_INSIDE) for rule in rules]
    results = [*both(Verdict.CONFORMS, *found)]
    assert verdict_of("type-not-customer", *results).follows == cause
    envelope = verdict_of("error-envelope", *results)
    assert (envelope.verdict is Verdict.DEVIATES) == (cause is not None)
    assert envelope.follows is None


def test_a_rule_whose_refusals_change_state_follows_from_the_rule_about_that() -> None:
    found = deviation(NOTHING, kind=Kind.EFFECT, about="type-not-customer")
    results = both(Verdict.CONFORMS, found)
    assert verdict_of("type-not-customer", *results).follows == NOTHING
    accepted = both(Verdict.DEVIATES, found, deviation())
    assert verdict_of("type-not-customer", *accepted).follows is None


@pytest.mark.parametrize(
    ("kind", "cause"), [(Kind.EFFECT, "any-device"), (Kind.WRONG_STATUS, None)]
)
def test_a_general_rule_follows_from_the_specific_one(kind: Kind, cause: str | None) -> None:
    found = (deviation("any-device", kind=Kind.EFFECT), deviation("association-visible", kind=kind))
    results = both(Verdict.CONFORMS, *found)
    assert verdict_of("association-visible", *results).follows == cause
    assert verdict_of("any-device", *results).follows is None


def test_exit_statuses() -> None:
    fine = fold(CONTRACT, [], Policy())
    documented = next(each for each in fine if each.id == "type-not-customer")
    interpreted = next(each for each in fine if each.id == "cart-not-found")

    def status(*changed: RuleVerdict, problem: str | None = None) -> ExitStatus:
        return exit_status([*fine, *changed], problem)

    assert status() is ExitStatus.CONFORMS
    assert status(replace(documented, verdict=Verdict.ADVICE)) is ExitStatus.CONFORMS
    assert status(replace(documented, verdict=Verdict.UNTESTABLE)) is ExitStatus.INCOMPLETE
    assert status(replace(documented, verdict=Verdict.ERROR)) is ExitStatus.INCOMPLETE
    assert status(replace(interpreted, verdict=Verdict.UNTESTABLE)) is ExitStatus.CONFORMS
    assert status(problem="interrupted") is ExitStatus.INCOMPLETE
    worst = (
        replace(documented, verdict=Verdict.UNTESTABLE),
        replace(interpreted, verdict=Verdict.DEVIATES),
    )
    assert status(*worst, problem="interrupted") is ExitStatus.DEVIATES
