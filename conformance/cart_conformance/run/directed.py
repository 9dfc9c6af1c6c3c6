"""The first layer: directed cases, one fault at a time, each beside its control."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from cart_spec.contract import Contract

from cart_conformance.cases import Case, all_cases
from cart_conformance.cases.context import CaseContext
from cart_conformance.config import Settings
from cart_conformance.run.events import CaseResult, CaseStarted, Layer, Verdict
from cart_conformance.run.verdicts import Policy
from cart_conformance.target.session import Session, Untestable
from cart_conformance.target.transport import (
    BudgetSpent,
    Interruption,
    NetworkFault,
    Throttled,
    TimedOut,
)

# A server that hangs or drops connections is left alone after so many cases in a row, or in all, so
# that a run ends in bounded time.
FAULTS_IN_A_ROW = 4
TIMEOUTS_OF_AN_OPERATION = 6
TIMEOUTS = 12


def chosen(contract: Contract, settings: Settings) -> tuple[Case, ...]:
    """The cases of a run, in the order of the catalogue."""
    order = {rule.id: i for i, rule in enumerate(contract.rules)}
    wanted = set(settings.rules) or set(order)
    found = [case for case in all_cases() if case.rule in wanted]
    return tuple(sorted(found, key=lambda case: order[case.rule]))


def run(session: Session) -> Iterator[CaseResult]:
    """Try every chosen case. What stands in the way of all that follow ends the layer."""
    policy = Policy(session.settings.strict, session.settings.texts)
    patience = _CircuitBreaker()
    for case in chosen(session.contract, session.settings):
        if patience.is_worried and _is_alive(session):
            patience.calm_down()
        over = patience.over(case)
        if over is not None:
            yield _result(case, over[0], over[1])
            continue
        session.emit(CaseStarted(case.id, case.rule, case.operation, Layer.DIRECTED))
        yield _attempt(session, case, policy, patience)


class _CircuitBreaker:
    """When to stop trying."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._timeouts: Counter[str] = Counter()
        self._spent: str | None = None
        self._gone = False

    def note(self, case: Case, fault: Interruption | None) -> None:
        """How the case went."""
        self._in_a_row = 0 if fault is None else self._in_a_row + 1
        if isinstance(fault, TimedOut):
            self._timeouts[case.operation] += 1
        if isinstance(fault, BudgetSpent):
            self._spent = str(fault)

    @property
    def is_worried(self) -> bool:
        """Whether so many cases in a row met a fault that the server may be gone."""
        return not self._gone and self._in_a_row >= FAULTS_IN_A_ROW

    def calm_down(self) -> None:
        """The server answers something else."""
        self._in_a_row = 0

    def over(self, case: Case) -> tuple[Verdict, str] | None:
        """Why the case is not tried, or None."""
        if self._spent:
            return Verdict.UNTESTABLE, self._spent
        self._gone = self._gone or self.is_worried or self._timeouts.total() >= TIMEOUTS
        if self._gone:
            return Verdict.ERROR, "the server stopped answering"
        if self._timeouts[case.operation] >= TIMEOUTS_OF_AN_OPERATION:
            return Verdict.ERROR, f"{case.operation} does not answer in time"
        return None


def _is_alive(session: Session) -> bool:
    """Whether the server answers what it has answered before."""
    try:
        session.send(session.administrator, "getCarts")
    except (Interruption, Untestable):
        return False
    return True


def _attempt(session: Session, case: Case, policy: Policy, patience: _CircuitBreaker) -> CaseResult:
    """The result of one case; after a fault of the network it is tried once more."""
    sent, started = session.client.sent, time.monotonic()
    for last in (False, True):
        x = CaseContext(session, session.contract.rule(case.rule), case.operation)
        fault: Interruption | None = None
        reason: str | None = None
        verdict: Verdict | None = None
        try:
            case.run(x)
        except Untestable as problem:
            verdict, reason = Verdict.UNTESTABLE, str(problem)
        except BudgetSpent as spent:
            fault, verdict, reason = spent, Verdict.UNTESTABLE, str(spent)
        except (NetworkFault, Throttled) as problem:
            fault, verdict, reason = problem, Verdict.ERROR, str(problem)
            x.findings.clear()
        except Exception as error:  # noqa: BLE001 - a bug of ours is an error, never a deviation
            verdict = Verdict.ERROR
            reason = f"the suite itself failed: {type(error).__name__}: {error}"
        if last or not isinstance(fault, NetworkFault) or isinstance(fault, TimedOut):
            break
    patience.note(case, fault)
    result = _judged(session, case, x, policy, verdict, reason)
    return _with_cost(result, session.client.sent - sent, time.monotonic() - started)


def _judged(
    session: Session,
    case: Case,
    x: CaseContext,
    policy: Policy,
    verdict: Verdict | None,
    reason: str | None,
) -> CaseResult:
    passing, observed = session.observer.drain(x.accepted)
    deviations = tuple(
        finding.bind(case.id, Layer.DIRECTED, session.redactor) for finding in x.findings + passing
    )
    examined = x.examined | observed
    if verdict is None:
        examined.add((case.rule, case.operation))
    found = policy.verdict(each for each in deviations if each.rule == case.rule)
    if found is not None:
        verdict = found
    return CaseResult(
        case=case.id,
        rule=case.rule,
        operation=case.operation,
        layer=Layer.DIRECTED,
        verdict=verdict or Verdict.CONFORMS,
        title=case.variant,
        deviations=deviations,
        examined=tuple(sorted(examined)),
        reason=None if reason is None else session.redactor.text(reason),
    )


def _with_cost(result: CaseResult, requests: int, elapsed: float) -> CaseResult:
    return replace(result, requests=requests, elapsed=elapsed)


def _result(case: Case, verdict: Verdict, reason: str) -> CaseResult:
    return CaseResult(
        case.id, case.rule, case.operation, Layer.DIRECTED, verdict, case.variant, reason=reason
    )
