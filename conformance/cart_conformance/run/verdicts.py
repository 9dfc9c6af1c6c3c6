"""The one place where verdicts are decided: of a case, of a rule, and of the whole run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from cart_spec.contract import LEVELS, Contract, Level, Rule

from cart_conformance.config import Settings, Texts
from cart_conformance.results import (
    CaseResult,
    Deviation,
    ExitStatus,
    Kind,
    OperationVerdict,
    RuleVerdict,
    Verdict,
)
from cart_conformance.run.baseline import Baseline
from cart_conformance.supporting import is_supporting

# The first of these that occurs is the verdict. For a documented rule, a part that could not be
# tried ranks above advice, which would hide it. Any other rule is advice at most, so a finding
# ranks first.
WORST_FIRST = (
    Verdict.DEVIATES,
    Verdict.ERROR,
    Verdict.UNTESTABLE,
    Verdict.ADVICE,
    Verdict.CONFORMS,
    Verdict.SKIPPED,
)
ADVISED_FIRST = (Verdict.DEVIATES, Verdict.ADVICE, *WORST_FIRST)

UNKNOWN = (Verdict.UNTESTABLE, Verdict.ERROR)
"""Verdicts without evidence about the deployment."""

# If refusals of more rules than this change state, or come inside a success, the cause is not in
# these rules.
_FEW_RULES = 2
_ENVELOPE, _NOTHING_CHANGES = "error-envelope", "refusal-changes-nothing"
_SPECIFIC = {"association-visible": ("any-device", "many-carts", "shared-cart")}
"""Rules whose cases first check the general one: if both deviate, the specific one is the cause."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason why a case could not be judged; ``verdict`` is untestable or error."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Which deviations fail a run. See ``--strict`` and ``--texts``."""

    strict: bool = False
    texts: Texts = "fail"
    baseline: Baseline = field(default_factory=Baseline)

    @classmethod
    def of(cls, settings: Settings, baseline: Baseline | None = None) -> Policy:
        """Return the policy of a run."""
        return cls(settings.strict, settings.texts, baseline or Baseline())

    def counts(self, deviation: Deviation) -> bool:
        """Return whether the deviation counts at all."""
        return not (deviation.kind is Kind.WRONG_TEXT and self.texts == "ignore")

    def fails(self, deviation: Deviation) -> bool:
        """Return whether the deviation fails the run. Otherwise it is advice."""
        if deviation.kind is Kind.WRONG_TEXT and self.texts != "fail":
            return False
        if self.baseline.knows(deviation) is not None:
            return False
        return self.strict or deviation.level == "documented"

    def verdict(self, deviations: Iterable[Deviation]) -> Verdict | None:
        """Return the verdict for these deviations, or None if none of them counts."""
        counting = [self.fails(each) for each in deviations if self.counts(each)]
        if not counting:
            return None
        return Verdict.DEVIATES if any(counting) else Verdict.ADVICE

    def case_verdict(
        self, rule: str, deviations: Iterable[Deviation], problem: Problem | None = None
    ) -> Verdict:
        """Return the verdict of a case of ``rule``.

        Deviations from that rule decide; deviations from other rules do not count. Without any, the
        verdict is that of the problem, or "conforms" if there is no problem.
        """
        found = self.verdict(each for each in deviations if each.rule == rule)
        return found or (problem.verdict if problem else Verdict.CONFORMS)


def worst(verdicts: Iterable[Verdict], level: Level = "documented") -> Verdict:
    """Return the decisive verdict for a rule of that level; skipped if there are no verdicts."""
    found = set(verdicts)
    order = WORST_FIRST if level == "documented" else ADVISED_FIRST
    return next((verdict for verdict in order if verdict in found), Verdict.SKIPPED)


def leaves_incomplete(level: Level, verdict: Verdict) -> bool:
    """Return whether this verdict on a rule of that level makes the run incomplete."""
    return level == "documented" and verdict in UNKNOWN


def fold(
    contract: Contract,
    results: Sequence[CaseResult],
    policy: Policy,
    *,
    optional: frozenset[str] = frozenset(),
    problem: str | None = None,
) -> tuple[RuleVerdict, ...]:
    """Return one verdict for each rule of the catalogue, in its order.

    ``optional`` are the ids of cases that need a feature which a conforming deployment may lack.
    ``problem`` says why the run could not be made; rules that were not tried are then errors.
    """
    deviations = attributed(contract, [d for result in results for d in result.deviations])
    fold = _Fold(contract, results, policy, optional, problem)
    verdicts = {rule.id: fold.rule(rule, deviations[rule.id]) for rule in contract.rules}
    return tuple(replace(each, follows=_cause(each, verdicts)) for each in verdicts.values())


def _cause(verdict: RuleVerdict, verdicts: Mapping[str, RuleVerdict]) -> str | None:
    """Return the rule whose break explains all deviations of this rule, or None."""
    found = verdict.deviations
    if not found:
        return None
    if all(each.about == verdict.id for each in found):
        return _NOTHING_CHANGES
    if all(each.kind is Kind.ERROR_INSIDE for each in found) and verdict.id != _ENVELOPE:
        is_cause = any(each.kind is Kind.ERROR_INSIDE for each in verdicts[_ENVELOPE].deviations)
        return _ENVELOPE if is_cause else None
    if any(each.kind is not Kind.EFFECT for each in found):
        return None
    return next((id_ for id_ in _SPECIFIC.get(verdict.id, ()) if verdicts[id_].deviations), None)


def attributed(
    contract: Contract, deviations: Iterable[Deviation]
) -> defaultdict[str, list[Deviation]]:
    """Return the deviations by rule.

    A refusal that still changes state deviates from ``refusal-changes-nothing``. It also counts
    against the refusing rule, unless more than two rules are affected. If the refusals of more than
    two rules come inside a success, that counts against ``error-envelope``: the status of the error
    is not repeated.
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
    inside = {
        rule_id: [each for each in found if each.kind is Kind.ERROR_INSIDE]
        for rule_id, found in by_rule.items()
    }
    inside = {rule_id: found for rule_id, found in inside.items() if found}
    if len(inside) > _FEW_RULES:
        level = contract.rule(_ENVELOPE).level
        by_rule[_ENVELOPE] += [
            replace(found[0], rule=_ENVELOPE, level=level) for found in inside.values()
        ]
    return by_rule


@dataclass(frozen=True)
class _Fold:
    """The inputs that the verdicts of all rules depend on."""

    contract: Contract
    results: Sequence[CaseResult]
    policy: Policy
    optional: frozenset[str]
    problem: str | None

    @cached_property
    def _examined(self) -> frozenset[tuple[str, str]]:
        """The rules that a case has examined, each with the operation."""
        return frozenset(pair for result in self.results for pair in result.examined)

    def rule(self, rule: Rule, deviations: Sequence[Deviation]) -> RuleVerdict:
        counting = [each for each in deviations if self.policy.counts(each)]
        own = [result for result in self.results if result.rule == rule.id]
        tried = [name for name in rule.operations if self._is_tried(rule, name)]
        names = dict.fromkeys([*tried, *(each.operation for each in counting)])
        operations = tuple(self._operation(rule, name, own, counting) for name in names)
        decided = [each for each in operations if each.verdict is not Verdict.SKIPPED]
        verdict = worst((each.verdict for each in decided), rule.level)
        blamed = [each for each in operations if each.verdict is verdict and each.reason]
        of = [result for result in own if result.operation in {e.operation for e in blamed}]
        results = [result for result in of if result.verdict is verdict]
        reasons = dict.fromkeys(str(each.reason) for each in blamed)
        return RuleVerdict(
            id=rule.id,
            level=rule.level,
            group=rule.group,
            verdict=verdict,
            operations=operations,
            deviations=tuple(counting),
            failing=tuple(self.policy.fails(each) for each in counting),
            # Once for all operations: most have the same reason.
            reason=_reason(results, len(of)) if results else "; ".join(reasons) or None,
            cases=len(own),
        )

    def _is_tried(self, rule: Rule, operation: str) -> bool:
        """Return whether a verdict on this operation is due.

        A deployment may lack the supporting operations. They count only if the run has examined
        them.
        """
        examined = (rule.id, operation) in self._examined
        return examined or not is_supporting(self.contract, operation)

    def _operation(
        self,
        rule: Rule,
        operation: str,
        results: Sequence[CaseResult],
        deviations: Sequence[Deviation],
    ) -> OperationVerdict:
        method, path = self.contract.operations[operation]
        own = [result for result in results if result.operation == operation]
        examined = (rule.id, operation) in self._examined
        needed = [result for result in own if result.case not in self.optional]
        found = self.policy.verdict(each for each in deviations if each.operation == operation)
        verdicts = [found] if found else []
        verdicts += [result.verdict for result in needed if result.verdict in UNKNOWN]
        verdicts += [Verdict.CONFORMS] if examined else []
        verdicts = verdicts or [result.verdict for result in own]
        reason = None
        if not verdicts:
            verdict, reason = self._not_tried(rule)
        else:
            verdict = worst(verdicts, rule.level)
            if verdict in (*UNKNOWN, Verdict.SKIPPED):
                reason = _reason([r for r in own if r.verdict is verdict], len(own))
        return OperationVerdict(operation, method, path, verdict, len(own), reason)

    def _not_tried(self, rule: Rule) -> tuple[Verdict, str]:
        if rule.beyond_run:
            return Verdict.SKIPPED, rule.beyond_run
        if self.problem:
            return Verdict.ERROR, self.problem
        return Verdict.SKIPPED, "not chosen for this run"


MOST_REASONS = 5
"""Maximum number of reasons in one sentence."""


def _reason(results: Sequence[CaseResult], of: int) -> str:
    reasons = dict.fromkeys(result.reason for result in results if result.reason)
    if len(results) == of and len(reasons) == 1 and results[0].verdict is Verdict.SKIPPED:
        return str(next(iter(reasons)))
    return f"{len(results)} of {of} cases: " + "; ".join(list(reasons)[:MOST_REASONS])


def exit_status(
    verdicts: Iterable[RuleVerdict],
    problem: str | None,
    *,
    cut: Sequence[str] = (),
    stale: Sequence[str] = (),
    left: Sequence[str] = (),
) -> ExitStatus:
    """Return the exit status of a run.

    ``problem`` says why it did not finish, ``cut`` what it did not do, ``stale`` which entries of
    the baseline are outdated, ``left`` what clean-up could not remove.
    """
    verdicts = tuple(verdicts)
    if stale or any(each.verdict is Verdict.DEVIATES for each in verdicts):
        return ExitStatus.DEVIATES
    if left:
        return ExitStatus.LEFT_BEHIND
    if problem or cut or any(leaves_incomplete(each.level, each.verdict) for each in verdicts):
        return ExitStatus.INCOMPLETE
    return ExitStatus.CONFORMS
