"""The phases of a run, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cart_conformance.results import CaseResult, Phase
from cart_conformance.run import directed
from cart_conformance.run.events import CaseStarted
from cart_conformance.target.session import Session

PhaseFunction = Callable[[Session], Iterator[CaseStarted | CaseResult]]
"""Type of a phase. It sends through the session only, and yields deviations as results.

It raises Untestable or an Interruption to end early, after it has yielded its findings.
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
