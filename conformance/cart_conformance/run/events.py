"""The events of a run, in their order.

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
    """The first event. ``started_at`` is an RFC 3339 time in UTC; ``cases`` are planned."""

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
    """The point at which the run has an access token, and new or given customers to work with."""

    customers: int
    given: bool
    requests: int
    journal: str | None


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """The start of a phase. ``cases`` is None if the number is not known beforehand."""

    layer: Phase
    cases: int | None = None


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """The start of a directed case. The other phases only report finished cases."""

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
    """The last event of every run. If the deployment never answered, every rule is an error.

    ``problem`` says why the run could not start or finish.
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
