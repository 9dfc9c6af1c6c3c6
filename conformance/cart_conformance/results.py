"""The values that every folder speaks in: verdicts, deviations, and the results of cases.

They are frozen and already redacted: a report that is written from them cannot leak a secret.
This module imports nothing of the suite. Start reading at :class:`Deviation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from cart_spec.contract import Level

Headers = tuple[tuple[str, str], ...]


class Verdict(StrEnum):
    """The outcome of a rule, or of one case.

    ``advice`` is a deviation that does not fail the run. ``untestable`` means that the control, or
    something that the case needs, failed. ``skipped`` means that the run does not try it. ``error``
    means that the network or the suite itself failed.
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


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, redacted by value.

    ``status`` is None if no answer came; ``failure`` then gives the reason. ``elapsed`` is in
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


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which an answer, or the state behind it, differs from one rule.

    ``level`` is that of the expectation that was not met: the rule's own level, or the weaker one
    of its exact status and text. ``control`` is the same request without the fault. ``about`` is
    the rule whose refusal it was, if ``rule`` is ``refusal-changes-nothing``. ``steps`` is the
    shortest sequence that led here, for findings of the model phase.
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


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one case.

    ``examined`` are the (rule, operation) pairs that the case put to the test: without a deviation
    they conform. Its deviations may be of other rules too. ``reason`` says why a case is
    untestable, skipped or an error. ``elapsed`` is in seconds.
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


@dataclass(frozen=True, slots=True)
class CleanupFinished:
    """The outcome of a clean-up, which is also an event of the run.

    ``problems`` are sentences: what could not be removed, or deviated meanwhile. They decide no
    verdict. ``left`` are the things that are still there, for ``cleanup JOURNAL``.
    """

    removed: int
    left: tuple[str, ...]
    problems: tuple[str, ...]
    requests: int
    elapsed: float
