"""The values a run speaks in: verdicts, deviations, case results, and the stream of events.

Everything here is frozen and already redacted: whoever writes a report from it can leak nothing.
Layers yield :class:`CaseResult`; the engine turns them into :data:`Event`; reporters consume these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from cart_spec.contract import Level

Headers = tuple[tuple[str, str], ...]


class Verdict(StrEnum):
    """What a run says of a rule, or of one case.

    ``advice`` is a deviation that does not fail the run; ``untestable`` means that the control, or
    something the case needs, failed; ``skipped`` that a run does not try it; ``error`` that the
    network or the suite itself came in between.
    """

    CONFORMS = "conforms"
    DEVIATES = "deviates"
    ADVICE = "advice"
    UNTESTABLE = "untestable"
    SKIPPED = "skipped"
    ERROR = "error"


class Kind(StrEnum):
    """In which way an answer deviates."""

    NOT_REFUSED = "not-refused"
    REFUSED = "refused"
    WRONG_STATUS = "wrong-status"
    WRONG_TEXT = "wrong-text"
    EFFECT = "effect"
    ENVELOPE = "envelope"
    SCHEMA = "schema"
    LEAK = "leak"
    SERVER_ERROR = "server-error"


class Layer(StrEnum):
    """The three ways in which a run looks for deviations."""

    DIRECTED = "directed"
    MODEL = "model"
    FUZZ = "fuzz"


class ExitStatus(IntEnum):
    """What the command exits with."""

    CONFORMS = 0
    DEVIATES = 1
    COULD_NOT_RUN = 2
    INCOMPLETE = 3


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, redacted by value.

    ``status`` is None where no answer came; ``failure`` then says why. ``elapsed`` is in seconds.
    """

    method: str
    url: str
    request_headers: Headers
    request_body: str | None
    status: int | None
    response_headers: Headers
    response_body: str
    elapsed: float
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which one answer, or the state behind it, differs from one rule.

    ``level`` is how sure the expectation is that was not met: that of the rule, or the weaker one
    of its exact status and text. ``control`` is the same request without the fault. ``about`` names
    the rule whose refusal it was, where ``rule`` is ``refusal-changes-nothing``. ``steps`` is the
    shortest sequence that led here, for failures of the model machine.
    """

    rule: str
    level: Level
    kind: Kind
    operation: str
    case: str
    layer: Layer
    expected: str
    actual: str
    exchange: Exchange | None = None
    control: Exchange | None = None
    steps: tuple[str, ...] = ()
    about: str | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case.

    ``examined`` are the (rule, operation) pairs that the case looked at and that it can therefore
    vouch for; its deviations may be of other rules too. ``reason`` says why a case is untestable,
    skipped or an error. ``elapsed`` is in seconds.
    """

    case: str
    rule: str
    operation: str
    layer: Layer
    verdict: Verdict
    title: str = ""
    deviations: tuple[Deviation, ...] = ()
    examined: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    requests: int = 0
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True)
class OperationVerdict:
    """The verdict of one rule for one operation, from ``cases`` cases."""

    operation: str
    method: str
    path: str
    verdict: Verdict
    cases: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """The verdict of one rule of the catalogue; every rule gets exactly one.

    ``deviations`` are those that fail the run and those that advise; ``failing`` says which.
    """

    id: str
    level: Level
    group: str
    verdict: Verdict
    operations: tuple[OperationVerdict, ...]
    deviations: tuple[Deviation, ...] = ()
    failing: tuple[bool, ...] = ()
    reason: str | None = None
    cases: int = 0


# --- The stream, in the order in which it comes ---


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event. ``started_at`` is an RFC 3339 time in UTC; ``cases`` are those planned."""

    run_id: str
    target: str
    seed: int
    started_at: str
    layers: tuple[Layer, ...]
    cases: int
    contract_version: str
    strict: bool
    texts: str
    rate: float


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What the run made, or was given, to work with."""

    customers: int
    given: bool
    requests: int
    journal: str | None


@dataclass(frozen=True, slots=True)
class LayerStarted:
    """``cases`` is None where a layer does not know beforehand."""

    layer: Layer
    cases: int | None = None


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """Before a directed case; the other layers only finish cases."""

    case: str
    rule: str
    operation: str
    layer: Layer


@dataclass(frozen=True, slots=True)
class CaseFinished:
    """After each case of any layer."""

    result: CaseResult


@dataclass(frozen=True, slots=True)
class LayerFinished:
    """``problem`` says why a layer ended early."""

    layer: Layer
    cases: int
    requests: int
    elapsed: float
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class CleanupFinished:
    """``problems`` are one sentence each: what could not be removed, or deviated meanwhile.

    They decide no verdict. ``left`` are the ids that are still there, for ``cleanup JOURNAL``.
    """

    removed: int
    left: tuple[str, ...]
    problems: tuple[str, ...]
    requests: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event, whatever happened; with no answer at all, every rule is an error.

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
    | LayerStarted
    | CaseStarted
    | CaseFinished
    | LayerFinished
    | CleanupFinished
    | RunFinished
)
