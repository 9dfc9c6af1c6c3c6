"""The first phase: directed cases, one fault at a time, each next to its control."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from cart_conformance.cases import Case
from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.schema_cases import SchemaCases
from cart_conformance.errors import Untestable
from cart_conformance.results import CaseResult, Phase, Verdict
from cart_conformance.run.circuit_breaker import CircuitBreaker
from cart_conformance.run.events import CaseStarted
from cart_conformance.run.plan import planned_cases
from cart_conformance.run.verdicts import Policy, Problem
from cart_conformance.target.session import Session
from cart_conformance.target.transport import (
    BudgetSpent,
    Interruption,
    NetworkError,
    Throttled,
    TimedOut,
)


def run(session: Session) -> Iterator[CaseStarted | CaseResult]:
    """Try every planned case. A problem that would affect all later cases ends the phase."""
    phase = _DirectedPhase(session)
    for case in planned_cases(session.contract, session.settings):
        refusal = phase.refusal(case)
        if refusal is not None:
            yield phase.result(case, Problem(*refusal))
            continue
        yield CaseStarted(case.id, case.rule, case.operation, Phase.DIRECTED)
        yield phase.attempt(case)


class _DirectedPhase:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._policy = Policy.of(session.settings)
        self._breaker = CircuitBreaker()
        self._schema_cases = SchemaCases(session.contract, session.settings.target)
        self._shared: dict[str, Any] = {}

    def refusal(self, case: Case) -> tuple[Verdict, str] | None:
        """Return why the case must not be tried, or None."""
        reason = self._session.actors.without_accounts
        if case.kind == "account" and reason is not None:
            return Verdict.SKIPPED, reason
        if self._breaker.is_due and self._answers():
            self._breaker.reset()
        return self._breaker.refusal(case.operation)

    def attempt(self, case: Case) -> CaseResult:
        """Try a case, once more after a network error, and return its result."""
        sent, started = self._session.transport.sent, time.monotonic()
        for last in (False, True):
            ctx = self._context(case)
            interruption: Interruption | None = None
            problem: Problem | None = None
            try:
                case.run(ctx)
            except Untestable as untestable:
                problem = Problem(Verdict.UNTESTABLE, str(untestable))
            except BudgetSpent as spent:
                interruption, problem = spent, Problem(Verdict.UNTESTABLE, str(spent))
            except (NetworkError, Throttled) as error:
                interruption, problem = error, Problem(Verdict.ERROR, str(error))
                ctx.findings.clear()
            except Exception as error:  # noqa: BLE001 - our bug is an error, not a deviation
                reason = f"the suite itself failed: {type(error).__name__}: {error}"
                problem = Problem(Verdict.ERROR, reason)
            if last or not isinstance(interruption, NetworkError):
                break
            if isinstance(interruption, TimedOut):
                break
        self._breaker.note(case.operation, interruption)
        return self.result(
            case,
            problem,
            ctx,
            requests=self._session.transport.sent - sent,
            elapsed=time.monotonic() - started,
        )

    def result(
        self,
        case: Case,
        problem: Problem | None,
        ctx: CaseContext | None = None,
        *,
        requests: int = 0,
        elapsed: float = 0.0,
    ) -> CaseResult:
        """Return the result of a case. ``ctx`` is None if the case was not tried."""
        findings, examined = [], set[tuple[str, str]]()
        if ctx is not None:
            passing, observed = self._session.checks.take_findings(ctx.accepted)
            findings, examined = [*ctx.findings, *passing], ctx.examined | observed
            if problem is None:
                examined.add((case.rule, case.operation))
        redactor = self._session.redactor
        deviations = tuple(each.bind(case.id, Phase.DIRECTED, redactor) for each in findings)
        return CaseResult(
            case=case.id,
            rule=case.rule,
            operation=case.operation,
            layer=Phase.DIRECTED,
            verdict=self._policy.case_verdict(case.rule, deviations, problem),
            title=case.variant,
            deviations=deviations,
            examined=tuple(sorted(examined)),
            reason=None if problem is None else redactor.text(problem.reason),
            requests=requests,
            elapsed=elapsed,
        )

    def _context(self, case: Case) -> CaseContext:
        rule = self._session.contract.rule(case.rule)
        operation = case.template or case.operation
        return CaseContext(
            self._session, rule, operation, self._schema_cases, self._shared, case.kind
        )

    def _answers(self) -> bool:
        """Return whether the server answers a request that it has answered before."""
        try:
            self._session.send(self._session.administrator, "getCarts")
        except (Interruption, Untestable):
            return False
        return True
