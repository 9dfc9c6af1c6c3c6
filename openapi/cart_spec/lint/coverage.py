"""Checks across the rooms: every rule is played by the mock and checked by the suite."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cart_spec.lint.registry import Problem, Subject, check


@check("rule-predicate-missing", "Every refusal has a predicate in the mock")
def rule_predicate_missing(subject: Subject) -> Iterator[Problem]:
    """And no predicate stands for a rule that is not catalogued."""
    contract = subject.contract
    if contract is None or subject.evidence.predicates is None:
        return
    refusals = {rule.id for rule in contract.rules if rule.is_refusal}
    yield from _missing(subject, refusals, subject.evidence.predicates, "predicate in the mock")
    yield from _dangling(subject, subject.evidence.predicates, "The mock has a predicate")


@check("rule-case-missing", "Every rule that a run can try has a case in the suite")
def rule_case_missing(subject: Subject) -> Iterator[Problem]:
    """And no case stands for a rule that is not catalogued."""
    contract = subject.contract
    if contract is None or subject.evidence.cases is None:
        return
    triable = {rule.id for rule in contract.rules if rule.beyond_run is None}
    having = {rule_id for rule_id, names in subject.evidence.cases.items() if names}
    yield from _missing(subject, triable, having, "case in the suite")
    yield from _dangling(subject, having, "The suite has a case")


@check("room-not-installed", "The mock and the suite are there to be asked", severity="note")
def room_not_installed(subject: Subject) -> Iterator[Problem]:
    """Without them the two checks above are not made, which a reader has to know."""
    advice = "Install the whole distribution to have that checked."
    if subject.evidence.predicates is None:
        yield Problem("", "No mock is installed here: predicates were not checked.", advice)
    if subject.evidence.cases is None:
        yield Problem("", "No suite is installed here: cases were not checked.", advice)


def _missing(
    subject: Subject, wanted: Collection[str], having: Collection[str], what: str
) -> Iterator[Problem]:
    for rule_id in sorted(set(wanted) - set(having)):
        yield Problem(subject.rule_pointer(rule_id), f"{rule_id} has no {what}.", "Write one.")


def _dangling(subject: Subject, having: Collection[str], what: str) -> Iterator[Problem]:
    known = {rule.id for rule in subject.contract.rules} if subject.contract else set()
    for rule_id in sorted(set(having) - known):
        yield Problem(
            "/x-rule-catalogue/rules",
            f"{what} for {rule_id}, which is not catalogued.",
            "Catalogue the rule or remove it.",
        )
