"""Makes one run: plan, provision, phases, clean-up, verdicts. It reports each step as an event."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Protocol

from cart_spec.contract import Contract

from cart_conformance.config import Settings
from cart_conformance.errors import CouldNotRun
from cart_conformance.exchange import Answer
from cart_conformance.results import CaseResult, CleanupFinished, ExitStatus, Phase, Verdict
from cart_conformance.run.baseline import read_baseline
from cart_conformance.run.events import (
    CaseFinished,
    Event,
    ExchangeFinished,
    PhaseFinished,
    PhaseStarted,
    Provisioned,
    RunFinished,
    RunStarted,
)
from cart_conformance.run.phases import PHASES
from cart_conformance.run.plan import planned_cases, requests_of_layers
from cart_conformance.run.verdicts import Policy, exit_status, fold
from cart_conformance.target.causes import why_unreachable
from cart_conformance.target.cleanup import clean_up
from cart_conformance.target.ledger import Ledger, default_path
from cart_conformance.target.session import Session
from cart_conformance.target.transport import Interruption, Transport

WHOLE_BODY = 4 * 1024 * 1024
"""Characters of a body that events about exchanges keep: all that the transport reads."""
OWN_SECONDS = 0.003
"""Time that the suite itself needs for a request, in seconds; measured over a default run."""


class Reporter(Protocol):
    """A consumer of the events of a run."""

    def handle(self, event: Event) -> None:
        """Take the next event."""


def run(
    settings: Settings,
    contract: Contract,
    reporters: Sequence[Reporter],
    *,
    exchanges: bool = False,
) -> ExitStatus:
    """Make one run and return its exit status. With ``exchanges``, reporters get each exchange.

    Raises JournalError or SettingsError, before it sends a request, if the journal cannot be
    written, or if the settings name a case or a baseline that does not exist.
    """
    made = _Run(settings, contract, reporters)
    if exchanges:
        made.emit_exchanges()
    return made.make()


class _Run:
    def __init__(
        self, settings: Settings, contract: Contract, reporters: Sequence[Reporter]
    ) -> None:
        self._settings = settings
        self._contract = contract
        self._reporters = reporters
        self._run_id = secrets.token_hex(4)
        self._results: list[CaseResult] = []
        self._cases = planned_cases(contract, settings)
        self._baseline = read_baseline(settings.baseline)
        self._policy = Policy.of(settings, self._baseline)
        self._cut: list[str] = []
        self._left: tuple[str, ...] = ()
        self._transport = Transport.of(settings)
        ledger = Ledger(
            settings.journal or default_path(self._run_id), self._run_id, settings.target
        )
        self._session = Session(settings, contract, self._transport, ledger, self._run_id)
        self._started_at = _now()
        self._started = time.monotonic()

    def emit_exchanges(self) -> None:
        """Emit an event for each exchange from now on."""
        redactor = self._session.redactor

        def emit(operation: str, answer: Answer) -> None:
            self._emit(ExchangeFinished(operation, answer.exchange(redactor, WHOLE_BODY)))

        self._session.listeners.append(emit)

    def make(self) -> ExitStatus:
        could_not: str | None = None
        ended: str | None = None
        self._emit(self._first())
        try:
            with _terminable():
                could_not = self._provision()
                if could_not is None:
                    for phase in self._settings.layers:
                        self._phase(phase)
        except KeyboardInterrupt:
            ended = "the run was interrupted"
        finally:
            self._clean()
        return self._finish(could_not, ended)

    def _first(self) -> RunStarted:
        settings = self._settings
        return RunStarted(
            run_id=self._run_id,
            target=self._session.redactor.text(settings.target),
            seed=settings.seed,
            started_at=self._started_at,
            layers=settings.layers,
            cases=len(self._cases),
            contract_version=self._contract.version,
            strict=settings.strict,
            texts=settings.texts,
            rate=settings.rate,
            profile=settings.profile,
            known=self._baseline.entries,
            insecure=settings.insecure,
        )

    def _provision(self) -> str | None:
        session = self._session
        try:
            session.provision()
        except CouldNotRun as problem:
            return session.redactor.text(str(problem))
        except Interruption as problem:
            return session.redactor.text(why_unreachable(self._settings.target, problem))
        except Exception as error:  # noqa: BLE001 - clean-up and reports must still follow
            return session.redactor.text(f"the suite itself failed: {_named(error)}")
        seconds = _usual([answer.elapsed for answer in session.trace])
        forecast = self._forecast(seconds)
        self._emit(
            Provisioned(
                customers=len(session.actors.customers),
                given=self._settings.customers is not None,
                requests=self._transport.sent,
                journal=str(session.ledger.path),
                seconds_a_request=seconds,
                expected_seconds=forecast,
                notes=tuple(self._notes(forecast)),
            )
        )
        return None

    def _forecast(self, seconds: float) -> float:
        """Return the expected duration of the run, at these seconds for a request."""
        settings = self._settings
        interval = max(seconds, 1 / settings.rate if settings.rate else 0.0) + OWN_SECONDS
        return interval * sum(requests_of_layers(self._cases, settings).values())

    def _notes(self, forecast: float) -> Iterator[str]:
        settings = self._settings
        if settings.insecure:
            yield "--insecure: the certificate of the target is NOT checked."
        if forecast > settings.max_time:
            yield (
                f"At this speed the run needs about {forecast:.0f} s, and it has"
                f" {settings.max_time:g} s: its last cases will be left out."
                " Raise --max-time, or choose --profile pr."
            )

    def _phase(self, phase: Phase) -> None:
        started, sent, count, cut = time.monotonic(), self._transport.sent, 0, 0
        problem: str | None = None
        self._emit(PhaseStarted(phase, len(self._cases) if phase is Phase.DIRECTED else None))
        try:
            for each in PHASES[phase](self._session):
                if isinstance(each, CaseResult):
                    count += 1
                    cut += each.cut
                    self._results.append(each)
                    self._emit(CaseFinished(each))
                else:
                    self._emit(each)
        except Interruption as reason:
            problem = self._session.redactor.text(str(reason))
        except Exception as error:  # noqa: BLE001 - clean-up and reports must still follow
            problem = self._session.redactor.text(f"the layer itself failed: {_named(error)}")
        self._emit(
            PhaseFinished(
                phase, count, self._transport.sent - sent, time.monotonic() - started, problem, cut
            )
        )
        if problem:
            self._cut.append(f"The layer {phase.value} ended early: {problem}")
        if cut:
            reasons = dict.fromkeys(each.reason for each in self._results if each.cut)
            told = "; ".join(reason for reason in [*reasons][:3] if reason)
            self._cut.append(
                f"{cut} of {count} cases of the layer {phase.value} were not tried: {told}"
            )

    def _clean(self) -> None:
        try:
            with _terminable():
                cleaned = clean_up(self._session)
                self._left = cleaned.left
                self._emit(cleaned)
        except KeyboardInterrupt:
            self._not_cleaned("clean-up was interrupted")
        except Exception as error:  # noqa: BLE001 - the reports must still follow
            self._not_cleaned(f"clean-up itself failed: {_named(error)}")
        finally:
            self._transport.close()

    def _not_cleaned(self, problem: str) -> None:
        session = self._session
        session.ledger.close()
        self._left = tuple(
            map(session.redactor.text, (*session.ledger.carts, *session.ledger.customers))
        )
        self._emit(CleanupFinished(0, self._left, (session.redactor.text(problem),), 0, 0.0))

    def _finish(self, could_not: str | None, ended: str | None) -> ExitStatus:
        settings = self._settings
        verdicts = fold(
            self._contract,
            self._results,
            self._policy,
            optional=frozenset(case.id for case in self._cases if case.optional),
            problem=could_not or ended,
        )
        stale = () if could_not else self._baseline.stale(verdicts)
        status = exit_status(verdicts, ended, cut=self._cut, stale=stale, left=self._left)
        if could_not is not None:
            status = ExitStatus.COULD_NOT_RUN
        counts = Counter(each.verdict.value for each in verdicts)
        self._emit(
            RunFinished(
                run_id=self._run_id,
                target=self._session.redactor.text(settings.target),
                seed=settings.seed,
                verdicts=verdicts,
                counts={verdict.value: counts[verdict.value] for verdict in Verdict},
                requests=self._transport.sent,
                started_at=self._started_at,
                finished_at=_now(),
                elapsed=time.monotonic() - self._started,
                exit_status=status,
                problem=could_not or ended,
                cut=tuple(self._cut),
                failures=tuple(
                    (operation, code, count)
                    for (operation, code), count in sorted(self._session.failures.items())
                ),
                faults=tuple(sorted(self._transport.faults.items())),
                stale=stale,
            )
        )
        return status

    def _emit(self, event: Event) -> None:
        for reporter in self._reporters:
            reporter.handle(event)


def _usual(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 4] if values else 0.0


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the block like Ctrl-C, so that clean-up follows."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
