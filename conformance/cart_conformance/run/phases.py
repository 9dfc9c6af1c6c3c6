"""The phases of a run, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cart_conformance.results import CaseResult, Phase
from cart_conformance.run import directed
from cart_conformance.run.events import CaseStarted
from cart_conformance.target.session import Session

PhaseFunction = Callable[[Session], Iterator[CaseStarted | CaseResult]]
"""Sends through the session alone and yields what it finds; a deviation is never an exception.

Raises Untestable or an Interruption to end early; what was found before is yielded first.
"""


def _model(session: Session) -> Iterator[CaseStarted | CaseResult]:
    from cart_conformance.schemathesis import stateful  # Hypothesis takes a while to load.

    return iter(stateful.run(session))


def _fuzz(session: Session) -> Iterator[CaseStarted | CaseResult]:
    from cart_conformance.schemathesis import fuzzing  # Schemathesis takes a while to load.

    return iter(fuzzing.run(session))


PHASES: Mapping[Phase, PhaseFunction] = {
    Phase.DIRECTED: directed.run,
    Phase.MODEL: _model,
    Phase.FUZZ: _fuzz,
}
