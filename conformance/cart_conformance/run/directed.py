"""The first phase: directed cases, one fault at a time, each next to its control."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from cart_conformance.cases import Case
from cart_conformance.cases.context import (
    CaseContext,
    Prepared,
    Shared,
    prepared_for,
    texts_in,
)
from cart_conformance.cases.fixtures import CLOSELY, SUSPECTS, PreparedCart
from cart_conformance.cases.schema_cases import SchemaCases
from cart_conformance.errors import Skipped, Untestable
from cart_conformance.findings import Finding
from cart_conformance.oracle.knowledge import OwnerRef
from cart_conformance.results import CaseResult, Phase, Verdict
from cart_conformance.run.circuit_breaker import RECOVERY, CircuitBreaker
from cart_conformance.run.events import CaseStarted
from cart_conformance.run.plan import planned_cases
from cart_conformance.run.verdicts import Policy, Problem
from cart_conformance.target.credentials import CartOwner
from cart_conformance.target.session import Session
from cart_conformance.target.transport import (
    BudgetSpent,
    Interruption,
    NetworkError,
    Throttled,
    TimedOut,
)

ATTEMPTS = 3
"""Maximum number of attempts of a case that meets answers with 5xx; fewer for other reasons."""
MOST_ATTEMPTS = 6
"""The maximum for a server that fails at times. If one request in twelve fails, one case of 1,700
meets that three times in the same place, and a run has hundreds of cases."""
MOST_AGAIN = 60
"""Maximum number of interrupted cases that are tried again at the end."""
LISTED = 20
"""Carts in an owner's list after which those that no case uses any more are removed."""
Place = tuple[str, str, str]
"""The rule, the operation and the expectation of a finding."""
PAUSE = 0.2
"""Seconds before the second attempt after a lost answer or a 5xx; twice as long before a third."""


def run(session: Session) -> Iterator[CaseStarted | CaseResult]:
    """Try every planned case. A problem that would affect all later cases ends the phase.

    At the end, cases that the network interrupted are tried again, and refusals after which
    something had changed: then it becomes clear which of them changed it.
    """
    phase = _DirectedPhase(session)
    planned = planned_cases(session.contract, session.settings)
    phase.prepare(planned)
    waiting = [*planned]
    again: list[Case] = []
    for last in (False, True):
        for case in waiting:
            refusal = phase.refusal(case)
            if refusal is not None:
                cut = refusal[0] is not Verdict.SKIPPED
                yield phase.result(case, Problem(*refusal), cut=cut)
                continue
            yield CaseStarted(case.id, case.rule, case.operation, Phase.DIRECTED)
            result = phase.attempt(case)
            phase.shorten_lists()
            if result.cut and not last and not phase.is_over and len(again) < MOST_AGAIN:
                again.append(case)
            else:
                yield result
        suspects = [] if last else phase.suspects()
        again += [case for case in planned if case.id in suspects and case not in again]
        waiting, again = again, []


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt of a case; ``failures`` is the number of answers with 5xx.

    ``on_the_way`` are those of them to requests that had to succeed for the case to be tried.
    """

    ctx: CaseContext
    problem: Problem | None
    interruption: Interruption | None
    failures: int
    on_the_way: list[Finding]

    def failed_places(self) -> set[Place]:
        """Return where the case met an answer with 5xx in place of what it expected."""
        met = [each for each in self.ctx.findings if _is_server_error(each)]
        return {_place(each) for each in (*met, *self.on_the_way)}

    def without(self, places: set[Place]) -> _Attempt:
        """Return the attempt without what it found at these places, where the server failed."""
        if not places:
            return self
        self.ctx.findings[:] = [each for each in self.ctx.findings if _place(each) not in places]
        reason = "the server fails at times: with 5xx, and at another request each time"
        return replace(self, problem=self.problem or Problem(Verdict.UNTESTABLE, reason))


def _is_server_error(finding: Finding) -> bool:
    return finding.answer is not None and finding.answer.status >= 500


def _place(finding: Finding) -> Place:
    return finding.rule, finding.operation, finding.expected


def _once(finding: Finding) -> Finding:
    """Return a finding that did not recur when the case was tried again, as advice."""
    actual = f"{finding.actual} (once; not when the case was tried again)"
    return replace(finding, level="interpretation", actual=actual)


class _DirectedPhase:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._policy = Policy.of(session.settings)
        self._breaker = CircuitBreaker()
        self._schema_cases = SchemaCases(session.contract, session.settings.target)
        self._shared: dict[str, Any] = {}
        self._fails_at_times = False
        """Whether an answer with 5xx did not recur when a case was tried again."""
        self._lasting: set[str] = set()
        """Carts that could not be removed before clean-up."""

    @property
    def is_over(self) -> bool:
        """Whether no further case can be tried."""
        return self._breaker.is_open

    def refusal(self, case: Case) -> tuple[Verdict, str] | None:
        """Return why the case must not be tried, or None."""
        reason = self._session.actors.without_accounts
        if case.kind == "account" and reason is not None:
            return Verdict.SKIPPED, reason
        if case.about_owner and f"{case.kind}s" not in self._session.settings.owners:
            return Verdict.SKIPPED, f"the run leaves {case.kind}s out"
        if self._breaker.is_due and self._answers():
            self._breaker.reset()
        return self._breaker.refusal(case.operation)

    def prepare(self, cases: Iterable[Case]) -> None:
        """Make what must be a second old when its case is tried.

        A case makes it itself if that fails here, and then reports why.
        """
        session = self._session
        for case in cases:
            if case.prepare is None or self.refusal(case) is not None:
                continue
            session.trace.clear()
            try:
                made = case.prepare(self._context(case))
            except Untestable:
                continue
            except Interruption:
                break
            at = time.monotonic()
            self._shared[prepared_for(case.id)] = Prepared(made, at, tuple(session.trace))
        session.checks.drop_findings()

    def suspects(self) -> list[str]:
        """Return the cases of which one has changed something, and read after each from now on."""
        self._forget_what_is_shared()
        self._shared[CLOSELY] = True
        found: list[str] = self._shared.pop(SUSPECTS, [])
        return found

    def attempt(self, case: Case) -> CaseResult:
        """Try a case, and again if its outcome may be an accident. Return its result.

        These may be accidents: a lost answer, a 5xx, and a deviation of a deployment whose reads
        lag behind its writes. The last attempt counts. An answer with 5xx is a deviation only if
        all attempts met it in the same place.
        """
        session = self._session
        sent, started = session.transport.sent, time.monotonic()
        first: list[Finding] = []
        failed: list[set[Place]] = []
        for number in range(1, MOST_ATTEMPTS + 1):
            tried = self._try(case)
            recurring = tried.failed_places().intersection(*failed)
            more = ATTEMPTS <= number < MOST_ATTEMPTS and self._fails_at_times and bool(recurring)
            is_last = number >= ATTEMPTS and not more
            if is_last or not self._may_be_an_accident(tried, number):
                break
            failed.append(tried.failed_places())
            accident = bool(tried.interruption or tried.failures) or self._renews_tokens()
            if not accident:
                first = first or [*tried.ctx.findings]
            self._forget_what_is_shared()
            session.checks.drop_findings()
            if tried.interruption is not None or tried.failures:
                session.transport.budget.pause(PAUSE * number)
        self._fails_at_times |= any(failed) and not recurring
        if number > 1:
            once = tried.failed_places() - recurring
            session.checks.drop_failures(
                [each for each in tried.on_the_way if _place(each) in once]
            )
            tried = tried.without(once)
        self._breaker.note(case.operation, tried.interruption)
        if first and not tried.ctx.findings and tried.interruption is None:
            # If the case cannot be prepared any more, the first attempt has changed something.
            recurs = tried.problem is not None and not tried.failures
            tried.ctx.findings += first if recurs else map(_once, first)
        return self.result(
            case,
            tried.problem,
            tried.ctx,
            requests=session.transport.sent - sent,
            elapsed=time.monotonic() - started,
            cut=tried.interruption is not None,
        )

    def _try(self, case: Case) -> _Attempt:
        session = self._session
        session.trace.clear()
        failures = session.failures.total()
        ctx = self._context(case)
        interruption: Interruption | None = None
        problem: Problem | None = None
        try:
            case.run(ctx)
        except Skipped as skipped:
            problem = Problem(Verdict.SKIPPED, str(skipped))
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
        finally:
            session.patience.slowly = False
        failed = session.failures.total() - failures
        return _Attempt(ctx, problem, interruption, failed, session.checks.failures())

    def _may_be_an_accident(self, tried: _Attempt, number: int) -> bool:
        """Return whether to try a case again, and prepare for it."""
        patience = self._session.patience
        if tried.interruption is not None:
            may_pass = isinstance(tried.interruption, NetworkError)
            return may_pass and not isinstance(tried.interruption, TimedOut)
        if tried.on_the_way or (
            tried.failures and (tried.ctx.findings or tried.problem is not None)
        ):
            return not self._session.is_failing
        if number > 1:
            if tried.ctx.findings:
                patience.waited_in_vain()
            return False
        patience.slowly = bool(tried.ctx.findings)
        if tried.ctx.findings:
            return True
        untestable = tried.problem is not None and tried.problem.verdict is Verdict.UNTESTABLE
        return untestable and (patience.lag > 0 or self._renews_tokens())

    def _renews_tokens(self) -> bool:
        """Replace tokens that have ended; return whether one has."""
        try:
            return self._session.renew_ended_tokens()
        except (Interruption, Untestable):
            return False

    def _forget_what_is_shared(self) -> None:
        for place, kept in [*self._shared.items()]:
            if isinstance(kept, PreparedCart):
                self._shared.setdefault(SUSPECTS, []).extend(kept.suspects(self._session))
                del self._shared[place]
            elif isinstance(kept, Shared):
                del self._shared[place]

    def shorten_lists(self) -> None:
        """Remove the carts of an owner who has many, if no case uses them any more.

        Long lists take long to read, and clean-up would remove them anyway. One cart of each owner
        stays, because the last one cannot be removed. A cart that is not removed at once is left to
        clean-up.
        """
        session = self._session
        actors = session.actors
        owners: list[CartOwner] = [*actors.customers.values(), *actors.accounts.values()]
        with suppress(Interruption, Untestable):
            for owner in owners:
                carts = session.written.carts_of(OwnerRef(owner.kind, owner.id))
                if len(carts) - len(self._lasting) > LISTED and not self._breaker.is_open:
                    self._remove(carts[:-1])
        session.checks.drop_findings()

    def _remove(self, carts: Iterable[str]) -> None:
        session = self._session
        in_use = {*texts_in([*self._shared.values()])} | self._lasting
        for cart in carts:
            if cart in in_use or cart not in session.ledger.carts:
                continue
            self._lasting.add(cart)
            if session.send(session.administrator, "deleteACart", cart=cart).ok:
                self._lasting.remove(cart)

    def result(
        self,
        case: Case,
        problem: Problem | None,
        ctx: CaseContext | None = None,
        *,
        requests: int = 0,
        elapsed: float = 0.0,
        cut: bool = False,
    ) -> CaseResult:
        """Return the result of a case. ``ctx`` is None if the case was not tried."""
        findings, examined = [], set[tuple[str, str]]()
        if ctx is not None:
            passing, observed = self._session.checks.take_findings(ctx.accepted)
            findings, examined = [*ctx.findings, *passing], ctx.examined | observed
            if problem is None:
                examined.add((case.rule, case.operation))
        redactor = self._session.redactor
        trace = self._session.trace if findings else ()
        deviations = tuple(each.bind(case.id, Phase.DIRECTED, redactor, trace) for each in findings)
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
            cut=cut,
        )

    def _context(self, case: Case) -> CaseContext:
        rule = self._session.contract.rule(case.rule)
        operation = case.template or case.operation
        return CaseContext(
            self._session,
            rule,
            operation,
            self._schema_cases,
            self._shared,
            kind=case.kind,
            case=case.id,
        )

    def _answers(self) -> bool:
        """Return whether the server answers a request that it has answered before.

        It gets some time to recover, as it needs after a restart.
        """
        for seconds in RECOVERY:
            try:
                self._session.transport.budget.pause(seconds)
                self._session.send(self._session.administrator, "getCarts")
            except BudgetSpent:
                return False
            except (Interruption, Untestable):
                continue
            return True
        return False
