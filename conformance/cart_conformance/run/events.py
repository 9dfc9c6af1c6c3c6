"""The events of a run, in their order.

The engine emits them; reporters consume them. They are frozen and already redacted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cart_conformance.results import (
    CaseResult,
    CleanupFinished,
    Exchange,
    ExitStatus,
    KnownDeviation,
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
    profile: str = "default"
    known: tuple[KnownDeviation, ...] = ()
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The point at which the run has an access token, and new or given customers to work with.

    ``expected_seconds`` is the duration of the run at the speed of the preparation. ``notes`` say
    what that means for the run, and what its settings leave out.
    """

    customers: int
    given: bool
    requests: int
    journal: str | None
    seconds_a_request: float = 0.0
    expected_seconds: float = 0.0
    notes: tuple[str, ...] = ()


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
class ExchangeFinished:
    """One exchange of any part of the run; only emitted if a reporter asks for exchanges."""

    operation: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class PhaseFinished:
    """The end of a phase.

    ``problem`` says why it ended early. ``cut`` is the number of its cases that were not tried to
    their end, because the requests or the time were used up or the network failed.
    """

    layer: Phase
    cases: int
    requests: int
    elapsed: float
    problem: str | None = None
    cut: int = 0


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event of every run. If the deployment never answered, every rule is an error.

    ``problem`` says why the run could not start or finish. ``cut`` says in sentences what it was
    asked to do and did not do. ``failures`` are the answers with 5xx by operation and status, and
    ``faults`` the requests without an answer by reason. ``stale`` are entries of the baseline that
    no longer deviate, or have expired.
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
    cut: tuple[str, ...] = ()
    failures: tuple[tuple[str, int, int], ...] = ()
    faults: tuple[tuple[str, int], ...] = ()
    stale: tuple[str, ...] = ()


Event = (
    RunStarted
    | Provisioned
    | PhaseStarted
    | CaseStarted
    | CaseFinished
    | ExchangeFinished
    | PhaseFinished
    | CleanupFinished
    | RunFinished
)
