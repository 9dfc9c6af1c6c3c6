"""The stream of events of a run, in the order in which they come.

The engine emits them; reporters consume them. They are frozen and already redacted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cart_conformance.results import (
    CaseResult,
    CleanupFinished,
    ExitStatus,
    Phase,
    RuleVerdict,
)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event. ``started_at`` is an RFC 3339 time in UTC; ``cases`` are those planned."""

    run_id: str
    target: str
    seed: int
    started_at: str
    layers: tuple[Phase, ...]
    cases: int
    contract_version: str
    strict: bool
    texts: str
    rate: float


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The run has an access token, and customers to work with: new ones, or given ones."""

    customers: int
    given: bool
    requests: int
    journal: str | None


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """The start of a phase. ``cases`` is None if the phase does not know the number beforehand."""

    layer: Phase
    cases: int | None = None


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """The start of a directed case; the other phases only finish cases."""

    case: str
    rule: str
    operation: str
    layer: Phase


@dataclass(frozen=True, slots=True)
class CaseFinished:
    """The end of a case of any phase."""

    result: CaseResult


@dataclass(frozen=True, slots=True)
class PhaseFinished:
    """The end of a phase. ``problem`` says why it ended early."""

    layer: Phase
    cases: int
    requests: int
    elapsed: float
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event, which always comes; if no answer came at all, every rule is an error.

    ``problem`` says why the run could not be made, or not be finished.
    """

    run_id: str
    target: str
    seed: int
    verdicts: tuple[RuleVerdict, ...]
    counts: dict[str, int] = field(hash=False)
    requests: int
    started_at: str
    finished_at: str
    elapsed: float
    exit_status: ExitStatus
    problem: str | None = None


Event = (
    RunStarted
    | Provisioned
    | PhaseStarted
    | CaseStarted
    | CaseFinished
    | PhaseFinished
    | CleanupFinished
    | RunFinished
)
