"""The request log: the last requests of a tenant and their answers."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from cart_mock.messages import Answer, Request

DEFAULT_LENGTH = 500
"""How many requests a tenant's log keeps by default."""
LARGEST = 64 * 1024
"""How many bytes of bodies one entry may hold; of a larger one only its beginning is kept."""
DEFAULT_MEMORY = 256 * 1024 * 1024
"""How many bytes all logs of a process keep by default."""
_ENTRY = 2500
"""How many bytes an entry takes besides what was sent and answered: objects and their fields."""
_HEADER = 120
"""How many bytes a header takes besides its name and its value."""
_PARSED = 6
"""How many times a JSON body's bytes are kept: as it was sent, and as it was parsed."""

_NOTHING: Mapping[str, Any] = {}


class Entry(msgspec.Struct, frozen=True):
    """One request and its answer as they were: secrets are removed when it is rendered.

    ``ctx`` is the RequestContext or TokenRequestContext that the rules judged, None if the request
    did not get so far. ``at`` is the machine's time in seconds since the epoch.
    ``refusal_context`` is state behind a refusal that is not in ``ctx``.
    """

    at: float
    operation_id: str
    request: Request
    answer: Answer
    ctx: object
    refusal_context: Mapping[str, Any]
    size: int = 0
    number: int = 0


class LogMemory:
    """What all request logs of a process may hold together: the oldest requests go first.

    ``limit`` and ``used`` are in bytes, as they are estimated from what was sent and answered.
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


def kept_part(
    request: Request, answer: Answer, ctx: object, refusal_context: Mapping[str, Any]
) -> tuple[Request, Answer, object, Mapping[str, Any]]:
    """Return what a log keeps of a request: of a large one only the beginning."""
    if len(request.body) + len(answer.body) <= LARGEST:
        return request, answer, ctx, refusal_context
    request = replace(request, body=request.body[: LARGEST // 2])
    return request, replace(answer, body=answer.body[: LARGEST // 2]), None, _NOTHING


class RequestLog:
    """The last requests of one tenant, in the order in which they were answered.

    ``exercised`` counts every request, also those that are no longer kept: by operation, status,
    the rule that refused it, and whether a fault made the answer. A ``length`` of 0 keeps none.
    ``memory`` is what this log shares with others, by default with none.
    """

    def __init__(self, length: int = DEFAULT_LENGTH, memory: LogMemory | None = None) -> None:
        self.length = length
        self.memory = memory or LogMemory()
        self.entries: deque[Entry] = deque()
        self.exercised: dict[tuple[str, int, str | None, bool], int] = {}
        self.machine_time: Callable[[], float] = time.time
        self.forgotten = 0
        """How many requests were dropped since the log was last cleared."""

    def record(
        self, request: Request, operation_id: str, answer: Answer, ctx: object = None,
        refusal_context: Mapping[str, Any] = _NOTHING,
    ) -> None:  # fmt: skip
        """Count and keep a request. This costs next to nothing: nothing is copied or rendered."""
        if answer.delivery is None:  # otherwise the client never met this answer
            exercised = (operation_id, answer.status, answer.refused_by, answer.is_injected)
            self.exercised[exercised] = self.exercised.get(exercised, 0) + 1
        self.keep(request, operation_id, answer, ctx, refusal_context)

    def keep(
        self, request: Request, operation_id: str, answer: Answer, ctx: object,
        refusal_context: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Keep a request that was counted."""
        if self.length == 0:
            self.forgotten += 1
            return
        request, answer, ctx, refusal_context = kept_part(request, answer, ctx, refusal_context)
        if len(self.entries) >= self.length:
            self.drop_oldest()
        memory = self.memory
        number = memory.number = memory.number + 1
        size = _ENTRY + _PARSED * len(request.body) + len(answer.body)
        headers = request.headers
        size += len(request.path) + len(request.query) + _HEADER * len(headers)
        size += sum(map(len, headers)) + sum(map(len, headers.values()))
        self.entries.append(
            Entry(
                self.machine_time(), operation_id, request, answer, ctx, refusal_context, size,
                number,
            )
        )  # fmt: skip
        memory.logs[number] = self
        memory.used += size
        if memory.used > memory.limit:
            memory.trim()

    def drop_oldest(self) -> None:
        """Forget the oldest request."""
        entry = self.entries.popleft()
        self.forgotten += 1
        del self.memory.logs[entry.number]
        self.memory.used -= entry.size

    def clear(self) -> None:
        """Forget every request."""
        while self.entries:
            self.drop_oldest()
        self.forgotten = 0

    def since(self, request_id: str | None) -> tuple[list[Entry], bool]:
        """Return the entries after that request, or all; and whether it is no longer kept."""
        entries = list(self.entries)
        if request_id is None:
            return entries, False
        for at in range(len(entries) - 1, -1, -1):
            if entries[at].request.id == request_id:
                return entries[at + 1 :], False
        return entries, True

    def before(self, request_id: str) -> list[Entry]:
        """Return the entries before that request; none if it is no longer kept."""
        entries = list(self.entries)
        for at in range(len(entries) - 1, -1, -1):
            if entries[at].request.id == request_id:
                return entries[:at]
        return []

    def last_id(self) -> str | None:
        """Return the id of the last request, or None for an empty log."""
        return self.entries[-1].request.id if self.entries else None

    def find(self, request_id: str) -> Entry | None:
        """Return the entry of that request, or None."""
        return next((e for e in reversed(self.entries) if e.request.id == request_id), None)
