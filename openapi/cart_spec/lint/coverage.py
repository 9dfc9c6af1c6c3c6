"""Checks that each rule has all its parts: predicate, condition, case and probe."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from cart_spec.contract import CATALOGUE_KEY, Rule
from cart_spec.implementations import Evidence
from cart_spec.lint.registry import Problem, Subject, check


class Part(NamedTuple):
    """A part that rules need: its name, its owner, which rules need it and which have it."""

    name: str
    owner: str
    needed_by: Callable[[Rule], bool]
    present: Callable[[Evidence], Collection[str] | None]

    def __str__(self) -> str:
        """Return the name as messages write it."""
        return f"{self.name} in {self.owner}"


def _with_cases(evidence: Evidence) -> Collection[str] | None:
    if evidence.cases is None:
        return None
    return {rule_id for rule_id, names in evidence.cases.items() if names}


PREDICATE = Part(
    "predicate", "the mock", lambda rule: rule.is_refusal, lambda evidence: evidence.predicates
)
CONDITION = Part(
    "condition", "the oracle", lambda rule: rule.is_refusal, lambda evidence: evidence.conditions
)
CASE = Part(
    "case",
    "the suite",
    lambda rule: rule.beyond_run is None,
    _with_cases,
)
PROBE = Part(
    "probe", "the mock's tests", lambda rule: rule.is_refusal, lambda evidence: evidence.probes
)


def _lacks(rule: Rule, part: Part, evidence: Evidence) -> bool:
    present = part.present(evidence)
    return present is not None and part.needed_by(rule) and rule.id not in present


@check("rule-predicate-missing", "Every refusal has a predicate in the mock")
def rule_predicate_missing(subject: Subject) -> Iterator[Problem]:
    """And every predicate belongs to a catalogued rule."""
    return _part(subject, PREDICATE)


@check("rule-condition-missing", "Every refusal has a condition in the oracle")
def rule_condition_missing(subject: Subject) -> Iterator[Problem]:
    """And every condition belongs to a catalogued rule."""
    return _part(subject, CONDITION)


@check("rule-case-missing", "Every rule that a run can try has a case in the suite")
def rule_case_missing(subject: Subject) -> Iterator[Problem]:
    """And every case belongs to a catalogued rule."""
    return _part(subject, CASE)


@check("rule-probe-missing", "Every refusal has a probe in the mock's tests")
def rule_probe_missing(subject: Subject) -> Iterator[Problem]:
    """And every probe belongs to a catalogued rule."""
    return _part(subject, PROBE)


@check("room-not-installed", "The mock and the suite are installed", severity="note")
def room_not_installed(subject: Subject) -> Iterator[Problem]:
    """Without them the checks above are not made, which a reader has to know."""
    advice = "Install the whole distribution to have them checked."
    evidence = subject.evidence
    if evidence.predicates is None:
        yield Problem("", "No mock is installed here: predicates were not checked.", advice)
    if evidence.cases is None and evidence.conditions is None:
        message = "No suite is installed here: conditions and cases were not checked."
        yield Problem("", message, advice)


def _part(subject: Subject, part: Part) -> Iterator[Problem]:
    contract, present = subject.contract, part.present(subject.evidence)
    if contract is None or present is None:
        return
    for rule in contract.rules:
        if _lacks(rule, part, subject.evidence):
            at = subject.rule_pointer(rule.id)
            yield Problem(at, f"{rule.id} has no {part}.", "Write one.")
    for rule_id in sorted(set(present) - {rule.id for rule in contract.rules}):
        yield Problem(
            f"/{CATALOGUE_KEY}/rules",
            f"There is a {part} for {rule_id}, which is not catalogued.",
            "Catalogue the rule or remove it.",
        )
