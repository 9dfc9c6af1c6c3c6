"""The request journal: what a store was asked last, and what it answered."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from cart_mock.http.messages import Answer, Request
from cart_mock.inspection.refusal_context import witnessed

DEFAULT_LENGTH = 500
"""How many requests a store's journal remembers, unless said otherwise."""
LARGEST = 64 * 1024
"""How many bytes of bodies one entry may hold; of a larger one only its beginning is kept."""


_NOTHING: Mapping[str, Any] = {}


class Entry(msgspec.Struct, frozen=True):
    """One request and its answer, as they were: secrets are taken out when it is shown.

    ``facts`` are what the rules judged, None if the request did not get so far. ``at`` is the
    machine's time in seconds since the epoch. ``witnessed`` is the state that a refusal rests on
    and that its facts do not hold.
    """

    at: float
    operation_id: str
    request: Request
    answer: Answer
    ctx: Any
    witnessed: Mapping[str, Any]


class Exercised(NamedTuple):
    """What an answer exercises: a status of an operation, and a rule if it was refused by one.

    ``injected`` says that a fault made the answer, not the rules.
    """

    operation_id: str
    status: int
    broken: str | None
    injected: bool


class RequestLog:
    """The last requests of one store, in the order in which they were answered.

    ``exercised`` counts every request, those that are no longer remembered too. A ``length`` of 0
    remembers none.
    """

    def __init__(self, length: int = DEFAULT_LENGTH) -> None:
        self.length = length
        self.entries: deque[Entry] = deque(maxlen=length)
        self.exercised: dict[tuple[str, int, str | None, bool], int] = {}

    def record(self, request: Request, operation_id: str, answer: Answer, ctx: Any) -> None:
        """Remember a request. Costs next to nothing: nothing is copied or rendered here."""
        broken = answer.broken
        injected = answer.fault is not None and answer.is_injected
        if answer.delivery is None:  # otherwise the client never met this answer
            exercised = (operation_id, answer.status, broken, injected)
            self.exercised[exercised] = self.exercised.get(exercised, 0) + 1
        if self.length == 0:
            return
        if len(request.body) + len(answer.body) > LARGEST:
            request = replace(request, body=request.body[: LARGEST // 2])
            answer = replace(answer, body=answer.body[: LARGEST // 2])
            ctx = None
        if broken is None or injected or ctx is None:
            seen: Mapping[str, Any] = _NOTHING
        else:
            seen = witnessed(broken, ctx)
        self.entries.append(Entry(time.time(), operation_id, request, answer, ctx, seen))

    def since(self, request_id: str | None) -> tuple[list[Entry], bool]:
        """The entries after that request, or all; and whether that request is no longer there."""
        entries = list(self.entries)
        if request_id is None:
            return entries, False
        for at in range(len(entries) - 1, -1, -1):
            if entries[at].request.id == request_id:
                return entries[at + 1 :], False
        return entries, True

    def last_id(self) -> str | None:
        """The id of the last request, None if there is none."""
        return self.entries[-1].request.id if self.entries else None

    def find(self, request_id: str) -> Entry | None:
        """The entry of that request, or None."""
        return next((e for e in reversed(self.entries) if e.request.id == request_id), None)
