"""The values that all folders share: verdicts, deviations, and results of cases.

They are frozen and already redacted, so a report that is written from them cannot leak a secret.
This module imports nothing else of the suite. Start reading at :class:`Deviation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from cart_spec.contract import Level

Headers = tuple[tuple[str, str], ...]


class Verdict(StrEnum):
    """The outcome of a rule, or of one case.

    ``advice`` is a deviation that does not fail the run. ``untestable`` means that the control, or
    something that the case needs, failed. ``skipped`` means that the run leaves the rule or case
    out. ``error`` means that the network or
    the suite itself failed.
    """

    CONFORMS = "conforms"
    DEVIATES = "deviates"
    ADVICE = "advice"
    UNTESTABLE = "untestable"
    SKIPPED = "skipped"
    ERROR = "error"


class Kind(StrEnum):
    """The way in which an answer deviates."""

    NOT_REFUSED = "not-refused"
    ERROR_INSIDE = "error-inside"
    REFUSED = "refused"
    WRONG_STATUS = "wrong-status"
    WRONG_TEXT = "wrong-text"
    EFFECT = "effect"
    ENVELOPE = "envelope"
    SCHEMA = "schema"
    LEAK = "leak"
    SERVER_ERROR = "server-error"


class Phase(StrEnum):
    """The three phases of a run. Options and reports call them layers."""

    DIRECTED = "directed"
    MODEL = "model"
    FUZZ = "fuzz"


class ExitStatus(IntEnum):
    """The exit status of ``cart-conformance run``."""

    CONFORMS = 0
    DEVIATES = 1
    COULD_NOT_RUN = 2
    INCOMPLETE = 3
    LEFT_BEHIND = 4


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, redacted by value.

    ``status`` is None if no answer arrived; ``failure`` then gives the reason. ``elapsed`` is in
    seconds.
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
    at: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One request of a case, in a few words. ``role`` says what the case needed it for.

    It is ``set-up``, ``read``, ``control``, or ``proof``: the request that proves the deviation.
    ``at`` is the time of the answer, ``request_id`` the id that the server gave the request.
    """

    role: str
    method: str
    url: str
    status: int
    at: str
    elapsed: float
    body: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deviation:
    """One difference between a rule and an answer, or the state of the deployment after it.

    ``level`` is the level of the unmet expectation: the rule's own level, or the weaker one of its
    exact status and text. ``control`` is the same request without the fault. If ``rule`` is
    ``refusal-changes-nothing``, ``about`` is the rule that refused the request. ``steps`` is the
    shortest sequence that causes a finding of the model phase. ``story`` are all requests of the
    case, in their order.
    """

    rule: str
    level: Level
    kind: Kind
    operation: str
    case: str
    layer: Phase
    expected: str
    actual: str
    exchange: Exchange | None = None
    control: Exchange | None = None
    steps: tuple[str, ...] = ()
    about: str | None = None
    story: tuple[StoryStep, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownDeviation:
    """An entry of a baseline: a deviation that does not fail a run. ``expires`` is a date."""

    rule: str
    operation: str
    kind: str
    reason: str
    link: str | None = None
    expires: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The rule, operation and kind, by which deviations are compared."""
        return (self.rule, self.operation, self.kind)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one case.

    ``examined`` are the (rule, operation) pairs that the case tests; without a deviation they
    conform. The case may also find deviations from other rules. ``reason`` says why it is
    untestable, skipped or an error. ``cut`` says that the run, not the deployment, is the reason:
    its requests or time were used up, or the network failed. ``elapsed`` is in seconds.
    """

    case: str
    rule: str
    operation: str
    layer: Phase
    verdict: Verdict
    title: str = ""
    deviations: tuple[Deviation, ...] = ()
    examined: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    requests: int = 0
    elapsed: float = 0.0
    cut: bool = False


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

    ``deviations`` contains those that fail the run, and those that are advice; ``failing`` says
    which. ``follows`` is the rule whose break explains all of them, or None.
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
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class CleanupFinished:
    """The outcome of a clean-up, which is also an event of the run.

    ``problems`` are sentences about things that could not be removed, and about deviations during
    the clean-up. They do not affect a verdict. ``left`` are the things that still exist, for
    ``cleanup JOURNAL``.
    """

    removed: int
    left: tuple[str, ...]
    problems: tuple[str, ...]
    requests: int
    elapsed: float
