"""The third layer: Schemathesis' engine, with its coverage and fuzzing, judged by the oracle.

The engine generates from the contract bound to this run's own fixtures, and drives the cases; the
run's own session sends them. Findings are those of the transport and not those of the engine's
events: the engine keeps one failure of a class and operation, and shows it without redaction by
value; the run keeps the shortest request of each rule, operation and kind, with its answer.
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
from cart_conformance.run.finding_aggregator import FindingAggregator
from cart_conformance.schemathesis.fixtures import Fixtures
from cart_conformance.schemathesis.transport import JudgedTransport, attach
from cart_conformance.target.session import Session
from cart_conformance.target.transport import BudgetSpent, Interruption, NetworkError

EXAMPLES = 60
"""Fuzzed requests for each operation."""
MOST_FAULTS = 3
"""Requests without an answer, after which the layer gives up."""

PARTS = {"fuzz/coverage": "coverage", "fuzz/random": "fuzzing"}
"""The phases of the engine, by the names of their cases."""


def run(session: Session) -> Iterator[CaseResult]:
    """Cover every operation, then fuzz. Yields a result for each rule and operation.

    Raises Untestable if fixtures or tokens cannot be had, and an Interruption if the budget is
    spent or too many requests got no answer; what was found until then is yielded first.
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
        self._faults = 0

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
        """Return the settings of the engine: one phase, and nothing that the seed does not repeat.

        There is no base URL in them: the engine's probes of the server, which no budget bounds, are
        left out then.
        """
        enabled: dict[str, dict[str, Any]] = {
            name: {"enabled": name == phase}
            for name in ("examples", "coverage", "fuzzing", "stateful")
        }
        enabled["coverage"] |= {"unexpected-methods": [], "operation-ordering": "none"}
        # What the answers taught would come to be generated: ids that differ from run to run.
        for name in ("coverage", "fuzzing"):
            enabled[name]["extra-data-sources"] = {"responses": False}
        enabled["fuzzing"] |= {"error-feedback": {"enabled": False}, "operation-ordering": "none"}
        return schemathesis.Config.from_dict(
            {
                "seed": self._session.settings.seed,
                "workers": 1,
                "continue-on-failure": True,
                "generation": {"database": "none", "max-examples": EXAMPLES},
                "cache": {"enabled": False},
                "checks": {"enabled": False},
                "phases": enabled,
            }
        )

    # --- What the transport reports ---

    def note(self, judgement: Judgement) -> None:
        """Take in what the oracle says."""
        self._tally.note(judgement)

    def unanswered(self, problem: Interruption | Untestable) -> None:
        """Count a request that came to nothing, and stop if no more can be sent.

        No answer says nothing, and a changing request is not sent twice: on to the next.
        """
        self._faults += isinstance(problem, Interruption)
        if isinstance(problem, BudgetSpent | Untestable) or self._faults >= MOST_FAULTS:
            self.ended = self.ended or problem
            if self._stream is not None:
                self._stream.stop()

    def _failed(self, event: events.NonFatalError) -> None:
        """Take in a failure of the suite or of Schemathesis: an error, never a deviation."""
        if not isinstance(event.value, Interruption | Untestable):
            reason = f"in the suite: {type(event.value).__name__}: {event.value}"
            self._tally.fail(self._operation_of(event.label), reason)

    def _operation_of(self, label: str) -> str:
        for operation, (method, path) in self._session.contract.operations.items():
            if label == f"{method} {path}":
                return operation
        return label


class _LayerTransport(JudgedTransport):
    """A transport that leaves it to the layer when to give up.

    Schemathesis takes an exception of requests for the end of an operation.
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
            self._fuzzer.unanswered(problem)
            raise

    def unanswered(self, fault: NetworkError, _request: requests.PreparedRequest) -> Exception:
        return fault
