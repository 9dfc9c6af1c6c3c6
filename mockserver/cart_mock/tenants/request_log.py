"""The request log: the last requests of a tenant and their answers."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from cart_mock.messages import Answer, Request

DEFAULT_LENGTH = 500
"""How many requests a tenant's log keeps by default."""
LARGEST = 64 * 1024
"""How many bytes of bodies one entry may hold; of a larger one only its beginning is kept."""
DEFAULT_MEMORY = 256 * 1024 * 1024
"""How many bytes all logs of a process keep by default."""
_ENTRY = 500
"""How many bytes an entry takes besides its line: the objects around it."""

_NOTHING: Mapping[str, Any] = {}


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a log keeps of one request. Secrets are removed when it is rendered.

    ``caller`` is the Caller that the rules judged, in builtin types and without its tenant, None if
    the request did not get so far. ``refusal_context`` is the state behind a refusal.
    """

    request: Request
    operation_id: str
    answer: Answer
    caller: Any
    refusal_context: dict[str, Any]


class Entry(NamedTuple):
    """One request and its answer. ``at`` is the machine's time in seconds since the epoch."""

    at: float
    request: Request
    operation_id: str
    answer: Answer
    caller: Any
    refusal_context: dict[str, Any]


class Kept(NamedTuple):
    """An entry as a log keeps it: its line is encoded, so its size is known.

    The parts of a request and its answer would take three times the memory. They would also be
    freed so late that the processor has to fetch them again, which took a fifth of a request.
    """

    at: float
    request_id: str
    line: bytes

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return _ENTRY + len(self.line)

    def entry(self) -> Entry:
        """Return the entry. Raises msgspec.ValidationError if another version encoded it."""
        line = _decode(self.line)
        return Entry(
            self.at, line.request, line.operation_id, line.answer, line.caller,
            line.refusal_context,
        )  # fmt: skip


def _left_out(_value: object) -> None:
    """Leave out the tenant of a caller: the log belongs to it."""


_encode = msgspec.msgpack.Encoder(enc_hook=_left_out).encode
_decode = msgspec.msgpack.Decoder(Line).decode

Exercised = tuple[str, int, str | None, bool]
"""Operation, status, the rule that refused, and whether a fault made the answer."""


def exercised_by(operation_id: str, answer: Answer) -> Exercised | None:
    """Return what an answer exercises, None if its client never met it."""
    if answer.delivery is not None:
        return None
    return operation_id, answer.status, answer.refused_by, answer.is_injected


class LogMemory:
    """What all request logs of a process may hold together: the oldest requests go first.

    ``limit`` and ``used`` are in bytes.
    """

    def __init__(self, limit: int = DEFAULT_MEMORY) -> None:
        self.limit = limit
        self.used = 0
        self.number = 0
        """The number of the last entry of any log."""
        self.logs: OrderedDict[int, RequestLog] = OrderedDict()
        """The log of each entry, by the entry's number, the oldest first."""

    def trim(self) -> None:
        """Drop the oldest entries of all logs until there are not too many."""
        while self.used > self.limit:
            next(iter(self.logs.values())).drop_oldest()


def encoded(
    request: Request, operation_id: str, answer: Answer, caller: object,
    refusal_context: Mapping[str, Any],
) -> bytes:  # fmt: skip
    """Return the line of a request. It has only the beginning of large bodies."""
    if len(request.body) + len(answer.body) > LARGEST:
        request = replace(request, body=request.body[: LARGEST // 2])
        answer = replace(answer, body=answer.body[: LARGEST // 2])
    # The fields are encoded as they are; their types matter when they are decoded.
    return _encode(Line(request, operation_id, answer, caller, refusal_context))  # type: ignore[arg-type]  # any mapping is encoded


class RequestLog:
    """The last requests of one tenant, in the order in which they were answered.

    ``exercised`` counts every request, also those that are no longer kept. A ``length`` of 0 keeps
    none. ``memory`` is what this log shares with others, by default with none.
    """

    def __init__(self, length: int = DEFAULT_LENGTH, memory: LogMemory | None = None) -> None:
        self.length = length
        self.memory = memory or LogMemory()
        self.kept: deque[Kept] = deque()
        self._numbers: deque[int] = deque()
        self.exercised: dict[Exercised, int] = {}
        self.machine_time: Callable[[], float] = time.time
        self.forgotten = 0
        """How many requests were dropped since the log was last cleared."""

    def record(
        self, request: Request, operation_id: str, answer: Answer, caller: object = None,
        refusal_context: Mapping[str, Any] = _NOTHING,
    ) -> None:  # fmt: skip
        """Count and keep a request."""
        self.count(exercised_by(operation_id, answer), 1)
        if self.length == 0:
            self.forgotten += 1
            return
        line = encoded(request, operation_id, answer, caller, refusal_context)
        self.keep(Kept(self.machine_time(), request.id, line))

    def count(self, exercised: Exercised | None, number: int) -> None:
        """Count that so many requests exercised something."""
        if exercised is not None:
            self.exercised[exercised] = self.exercised.get(exercised, 0) + number

    def keep(self, kept: Kept) -> None:
        """Keep a request that was counted."""
        if len(self.kept) >= self.length:
            if self.length == 0:
                self.forgotten += 1
                return
            self.drop_oldest()
        memory = self.memory
        number = memory.number = memory.number + 1
        self.kept.append(kept)
        self._numbers.append(number)
        memory.logs[number] = self
        memory.used += _ENTRY + len(kept.line)
        if memory.used > memory.limit:
            memory.trim()

    def drop_oldest(self) -> None:
        """Forget the oldest request."""
        self.forgotten += 1
        del self.memory.logs[self._numbers.popleft()]
        self.memory.used -= self.kept.popleft().size

    def clear(self) -> None:
        """Forget every request."""
        while self.kept:
            self.drop_oldest()
        self.forgotten = 0

    @property
    def entries(self) -> list[Entry]:
        """The requests that are kept, the oldest first."""
        return [kept.entry() for kept in self.kept]

    def since(self, request_id: str | None) -> tuple[list[Kept], bool]:
        """Return the entries after a request, and whether that request was dropped.

        Return all entries if it was, or without a ``request_id``.
        """
        if request_id is None:
            return list(self.kept), False
        later: list[Kept] = []
        for kept in reversed(self.kept):
            if kept.request_id == request_id:
                return later[::-1], False
            later.append(kept)
        return later[::-1], True

    def before(self, request_id: str) -> list[Kept]:
        """Return the entries before a request, or none if it was dropped."""
        earlier: list[Kept] = []
        for kept in self.kept:
            if kept.request_id == request_id:
                return earlier
            earlier.append(kept)
        return []

    def last_id(self) -> str | None:
        """Return the id of the last request, or None for an empty log."""
        return self.kept[-1].request_id if self.kept else None

    def find(self, request_id: str) -> Kept | None:
        """Return the entry of a request, or None."""
        return next((kept for kept in reversed(self.kept) if kept.request_id == request_id), None)
