"""The third phase: coverage and fuzzing by Schemathesis' engine, judged by the oracle.

The engine generates cases from the contract, bound to the fixtures of this run. The run's session
sends them. Findings come from the transport, not from the engine's events. The engine keeps one
failure for a class and operation, and does not redact by value. The run keeps the shortest request
for each rule, operation and kind of deviation, with its answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
import schemathesis
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.core import EventStream
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.schemas import OpenApiSchema

from cart_conformance.errors import Untestable
from cart_conformance.oracle import Judgement
from cart_conformance.results import CaseResult, Phase
from cart_conformance.run.circuit_breaker import FaultBudget
from cart_conformance.run.finding_aggregator import FindingAggregator
from cart_conformance.run.plan import EFFORT
from cart_conformance.schemathesis.fixtures import Fixtures
from cart_conformance.schemathesis.transport import JudgedTransport, attach
from cart_conformance.target.session import Session
from cart_conformance.target.transport import BudgetSpent, Interruption, NetworkError

EXAMPLES = 10
"""Number of fuzzed requests for each operation; a profile may multiply it.

To make one takes some 15 ms of CPU time, five times as long as to send it.
"""
PARTS = {"fuzz/coverage": "coverage", "fuzz/random": "fuzzing"}
"""The engine's phases, by the prefix of their case names."""


def run(session: Session) -> Iterator[CaseResult]:
    """Cover every operation, then fuzz. Yields a result for each rule and operation.

    Raises Untestable if fixtures or tokens cannot be obtained. Raises an Interruption if the budget
    is spent or too many requests got no answer. Earlier findings are yielded first.
    """
    fuzzer = _Fuzzer(session)
    for part in PARTS:
        yield from fuzzer.results(part)
        if fuzzer.ended is not None:
            raise fuzzer.ended


class _Fuzzer:
    def __init__(self, session: Session) -> None:
        self.ended: Interruption | Untestable | None = None
        self._session = session
        self._fixtures = Fixtures(session)
        self._tally = FindingAggregator(session, Phase.FUZZ, "fuzz")
        self._stream: EventStream | None = None
        self._faults = FaultBudget(session)

    def results(self, part: str) -> Iterator[CaseResult]:
        """Run one phase of the engine."""
        self._tally = FindingAggregator(self._session, Phase.FUZZ, part)
        schema = self._schema(PARTS[part])
        self._stream = from_schema(schema).execute()
        for event in self._stream:
            if isinstance(event, events.NonFatalError):
                self._failed(event)
            elif isinstance(event, events.Interrupted) and self.ended is None:
                raise KeyboardInterrupt
        yield from self._tally.results()

    def _schema(self, phase: str) -> OpenApiSchema:
        document = self._fixtures.document()
        schema = schemathesis.openapi.from_dict(document, config=self._config(phase))
        attach(schema, _LayerTransport(self._fixtures, self))
        return schema

    def _config(self, phase: str) -> schemathesis.Config:
        """Return the settings of the engine: one phase, and only features that the seed repeats.

        They have no base URL, so that the engine does not send its probes, which ignore the budget.
        """
        effort = EFFORT[self._session.settings.profile][Phase.FUZZ]
        enabled: dict[str, dict[str, Any]] = {
            name: {"enabled": name == phase}
            for name in ("examples", "coverage", "fuzzing", "stateful")
        }
        enabled["coverage"] |= {"unexpected-methods": [], "operation-ordering": "none"}
        # The engine would otherwise generate ids from earlier answers, which differ in each run.
        for name in ("coverage", "fuzzing"):
            enabled[name]["extra-data-sources"] = {"responses": False}
        enabled["fuzzing"] |= {"error-feedback": {"enabled": False}, "operation-ordering": "none"}
        return schemathesis.Config.from_dict(
            {
                "seed": self._session.settings.seed,
                "workers": 1,
                "continue-on-failure": True,
                "generation": {"database": "none", "max-examples": EXAMPLES * effort},
                "cache": {"enabled": False},
                "checks": {"enabled": False},
                "phases": enabled,
            }
        )

    # --- What the transport reports ---

    def note(self, judgement: Judgement) -> None:
        """Add a judgement of the oracle."""
        self._tally.note(judgement)

    def survives(self, problem: Interruption | Untestable) -> bool:
        """Count a request without an answer, and stop if no more can be sent.

        A missing answer is not evidence, and a changing request must not be repeated.
        """
        try:
            if not isinstance(problem, BudgetSpent | Untestable) and self._faults.survives():
                return True
        except BudgetSpent as spent:
            problem = spent
        self.ended = self.ended or problem
        if self._stream is not None:
            self._stream.stop()
        return False

    def _failed(self, event: events.NonFatalError) -> None:
        """Report a failure of the suite or of Schemathesis as an error, never as a deviation."""
        if not isinstance(event.value, Interruption | Untestable):
            reason = f"in the suite: {type(event.value).__name__}: {event.value}"
            self._tally.fail(self._operation_of(event.label), reason)

    def _operation_of(self, label: str) -> str:
        for operation, (method, path) in self._session.contract.operations.items():
            if label == f"{method} {path}":
                return operation
        return label


class _LayerTransport(JudgedTransport):
    """A transport that lets the phase decide when to stop.

    Schemathesis ends an operation after an exception. So a request without an answer gets an empty
    one, which no check of the engine reads.
    """

    def __init__(self, fixtures: Fixtures, fuzzer: _Fuzzer) -> None:
        super().__init__(fixtures, fuzzer.note)
        self._fuzzer = fuzzer

    def send(
        self, case: Case[Any], *, session: requests.Session | None = None, **kwargs: Any
    ) -> Response:
        try:
            return super().send(case, session=session, **kwargs)
        except (Interruption, Untestable) as problem:
            if not self._fuzzer.survives(problem):
                raise
            return _no_answer(case, self.serialize_case(case))

    def unanswered(self, fault: NetworkError, _request: requests.PreparedRequest) -> Exception:
        return fault


def _no_answer(case: Case[Any], arguments: dict[str, Any]) -> Response:
    """Return a response that stands for the lack of one."""
    sent = requests.Request(case.method, arguments["url"]).prepare()
    return Response(
        status_code=503, headers={}, content=b"", request=sent, elapsed=0.0, verify=True
    )
