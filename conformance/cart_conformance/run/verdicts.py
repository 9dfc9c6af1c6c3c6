"""Folds what cases found into one verdict for each rule, and these into the exit status."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cart_spec.contract import LEVELS, Contract, Level, Rule

from cart_conformance.config import Texts
from cart_conformance.run.events import (
    CaseResult,
    Deviation,
    ExitStatus,
    Kind,
    OperationVerdict,
    RuleVerdict,
    Verdict,
)

# The first that occurs is the verdict. Advice about a documented rule must not hide that a part of
# the rule could not be tried; any other rule is advice at most, so what was found is said first.
WORST_FIRST = (
    Verdict.DEVIATES,
    Verdict.ERROR,
    Verdict.UNTESTABLE,
    Verdict.ADVICE,
    Verdict.CONFORMS,
    Verdict.SKIPPED,
)
ADVISED_FIRST = (Verdict.DEVIATES, Verdict.ADVICE, *WORST_FIRST)

# State that changes in spite of the refusals of more rules than this is no fault of these rules.
_FEW_RULES = 2


@dataclass(frozen=True, slots=True)
class Policy:
    """Which deviations fail a run. See ``--strict`` and ``--texts``."""

    strict: bool = False
    texts: Texts = "fail"

    def counts(self, deviation: Deviation) -> bool:
        """Whether it counts at all."""
        return not (deviation.kind is Kind.WRONG_TEXT and self.texts == "ignore")

    def fails(self, deviation: Deviation) -> bool:
        """Whether it fails the run; otherwise it is advice."""
        if deviation.kind is Kind.WRONG_TEXT and self.texts != "fail":
            return False
        return self.strict or deviation.level == "documented"

    def verdict(self, deviations: Iterable[Deviation]) -> Verdict | None:
        """What these deviations make of a rule, or None where none counts."""
        counting = [self.fails(each) for each in deviations if self.counts(each)]
        if not counting:
            return None
        return Verdict.DEVIATES if any(counting) else Verdict.ADVICE


def worst(verdicts: Iterable[Verdict], level: Level = "documented") -> Verdict:
    """The verdict that decides for a rule of that level; skipped where there is none."""
    found = set(verdicts)
    order = WORST_FIRST if level == "documented" else ADVISED_FIRST
    return next((verdict for verdict in order if verdict in found), Verdict.SKIPPED)


def fold(
    contract: Contract,
    results: Sequence[CaseResult],
    policy: Policy,
    *,
    optional: frozenset[str] = frozenset(),
    problem: str | None = None,
) -> tuple[RuleVerdict, ...]:
    """One verdict for each rule of the catalogue, in its order.

    ``optional`` are the ids of cases that need something a deployment may rightly not have.
    ``problem`` is why the run could not be made; a rule that was then not tried is an error.
    """
    deviations = attributed(contract, [d for result in results for d in result.deviations])
    return tuple(
        _rule_verdict(contract, rule, results, deviations[rule.id], policy, optional, problem)
        for rule in contract.rules
    )


def attributed(
    contract: Contract, deviations: Iterable[Deviation]
) -> defaultdict[str, list[Deviation]]:
    """The deviations by rule.

    What a refused request changed deviates from ``refusal-changes-nothing``, and from the rule that
    should have refused it: a refusal in word alone is none. Where it happens with the refusals of
    many rules, these rules are not to blame.
    """
    by_rule: defaultdict[str, list[Deviation]] = defaultdict(list)
    about: defaultdict[str, list[Deviation]] = defaultdict(list)
    for deviation in deviations:
        by_rule[deviation.rule].append(deviation)
        if deviation.about and deviation.about != deviation.rule:
            about[deviation.about].append(deviation)
    if len(about) <= _FEW_RULES:
        for rule_id, found in about.items():
            level = contract.rule(rule_id).level
            by_rule[rule_id] += [
                replace(each, rule=rule_id, level=max(level, each.level, key=LEVELS.index))
                for each in found
            ]
    return by_rule


def _rule_verdict(
    contract: Contract,
    rule: Rule,
    results: Sequence[CaseResult],
    deviations: list[Deviation],
    policy: Policy,
    optional: frozenset[str],
    problem: str | None,
) -> RuleVerdict:
    counting = [each for each in deviations if policy.counts(each)]
    own = [result for result in results if result.rule == rule.id]
    names = dict.fromkeys([*rule.operations, *(each.operation for each in counting)])
    operations = tuple(
        _operation_verdict(contract, rule, name, results, counting, policy, optional, problem)
        for name in names
    )
    decided = [each for each in operations if each.verdict is not Verdict.SKIPPED]
    verdict = worst((each.verdict for each in decided), rule.level)
    reasons = [each.reason for each in operations if each.verdict is verdict and each.reason]
    return RuleVerdict(
        id=rule.id,
        level=rule.level,
        group=rule.group,
        verdict=verdict,
        operations=operations,
        deviations=tuple(counting),
        failing=tuple(policy.fails(each) for each in counting),
        reason="; ".join(dict.fromkeys(reasons)) or None,
        cases=len(own),
    )


def _operation_verdict(
    contract: Contract,
    rule: Rule,
    operation: str,
    results: Sequence[CaseResult],
    deviations: Sequence[Deviation],
    policy: Policy,
    optional: frozenset[str],
    problem: str | None,
) -> OperationVerdict:
    method, path = contract.operations[operation]
    own = [r for r in results if r.rule == rule.id and r.operation == operation]
    examined = any((rule.id, operation) in result.examined for result in results)
    needed = [r for r in own if r.case not in optional]
    found = [each for each in deviations if each.operation == operation]
    verdicts = [verdict for verdict in [policy.verdict(found)] if verdict]
    verdicts += [r.verdict for r in needed if r.verdict in (Verdict.ERROR, Verdict.UNTESTABLE)]
    verdicts += [Verdict.CONFORMS] if examined else []
    verdicts = verdicts or [r.verdict for r in own]
    reason = None
    if not verdicts:
        verdict, reason = _not_tried(rule, problem)
    else:
        verdict = worst(verdicts, rule.level)
        if verdict in (Verdict.ERROR, Verdict.UNTESTABLE, Verdict.SKIPPED):
            reason = _reason([r for r in own if r.verdict is verdict], len(own))
    return OperationVerdict(operation, method, path, verdict, len(own), reason)


def _not_tried(rule: Rule, problem: str | None) -> tuple[Verdict, str]:
    if rule.beyond_run:
        return Verdict.SKIPPED, rule.beyond_run
    if problem:
        return Verdict.ERROR, problem
    return Verdict.SKIPPED, "not chosen for this run"


def _reason(results: Sequence[CaseResult], of: int) -> str:
    reasons = dict.fromkeys(result.reason for result in results if result.reason)
    return f"{len(results)} of {of} cases: " + "; ".join(list(reasons)[:3])


def exit_status(verdicts: Iterable[RuleVerdict], problem: str | None) -> ExitStatus:
    """What the run exits with; ``problem`` is why it did not come to its end."""
    verdicts = tuple(verdicts)
    if any(each.verdict is Verdict.DEVIATES for each in verdicts):
        return ExitStatus.DEVIATES
    unknown = (Verdict.UNTESTABLE, Verdict.ERROR)
    if problem or any(v.level == "documented" and v.verdict in unknown for v in verdicts):
        return ExitStatus.INCOMPLETE
    return ExitStatus.CONFORMS
