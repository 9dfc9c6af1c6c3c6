"""Groups the oracle's judgements of many exchanges into one case result for each rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from cart_conformance.exchange import Answer
from cart_conformance.findings import Finding
from cart_conformance.oracle import Judgement
from cart_conformance.results import CaseResult, Kind, Phase, Verdict
from cart_conformance.run.verdicts import Policy, Problem
from cart_conformance.target.session import Session

_Pair = tuple[str, str]


class FindingAggregator:
    """The findings of one part of a phase, by rule and operation.

    Equal deviations are kept once, with the shortest sequence or request that causes them.
    """

    def __init__(self, session: Session, phase: Phase, part: str) -> None:
        """Start without findings. ``part`` prefixes the case names, as in ``fuzz/coverage``."""
        self._session = session
        self._policy = Policy.of(session.settings)
        self._phase = phase
        self._part = part
        self._examined: dict[_Pair, int] = defaultdict(int)
        self._findings: dict[tuple[str, str, Kind], Finding] = {}
        self._stories: dict[tuple[str, str, Kind], Sequence[Answer]] = {}
        self._problems: dict[str, list[str]] = defaultdict(list)

    def note(self, judgement: Judgement) -> None:
        """Add one judged exchange."""
        if judgement.operation is None:
            return
        for rule in judgement.rules:
            if judgement.operation in self._session.contract.rule(rule).operations:
                self._examined[rule, judgement.operation] += 1
        for finding in judgement.findings:
            self.find(finding)

    def find(self, finding: Finding, story: Sequence[Answer] = ()) -> None:
        """Add one finding; ``story`` are the exchanges that lead to it."""
        key = (finding.rule, finding.operation, finding.kind)
        self._examined[finding.rule, finding.operation] += 1
        known = self._findings.get(key)
        if known is None or _length(finding) < _length(known):
            self._findings[key] = finding
            self._stories[key] = story or ((finding.answer,) if finding.answer else ())

    def fail(self, operation: str, reason: str) -> None:
        """Add a failure of the suite itself: an error, never a deviation."""
        reason = self._session.redactor.text(reason)
        if reason not in self._problems[operation]:
            self._problems[operation].append(reason)

    def results(self) -> Iterator[CaseResult]:
        """Yield one case result for each rule and operation examined, then the failures."""
        wanted = self._session.settings.rules
        for rule, operation in sorted(self._examined):
            if not wanted or rule in wanted:
                yield self._result(rule, operation)
        for operation, reasons in sorted(self._problems.items()):
            problem = Problem(Verdict.ERROR, "; ".join(reasons))
            yield CaseResult(
                case=f"{self._part}/{operation}/error",
                rule="success-answer",
                operation=operation,
                layer=self._phase,
                verdict=self._policy.case_verdict("success-answer", (), problem),
                title="A failure of the suite itself",
                reason=problem.reason,
            )

    def _result(self, rule: str, operation: str) -> CaseResult:
        case = f"{self._part}/{operation}/{rule}"
        deviations = tuple(
            found.bind(case, self._phase, self._session.redactor, self._stories[key])
            for key, found in self._findings.items()
            if key[:2] == (rule, operation)
        )
        return CaseResult(
            case=case,
            rule=rule,
            operation=operation,
            layer=self._phase,
            verdict=self._policy.case_verdict(rule, deviations),
            title=self._session.contract.rule(rule).condition,
            deviations=deviations,
            examined=((rule, operation),),
            requests=self._examined[rule, operation],
        )


def _length(finding: Finding) -> tuple[int, int]:
    request = finding.answer.request if finding.answer else None
    return len(finding.steps), len(request.url) + len(request.body or b"") if request else 0
