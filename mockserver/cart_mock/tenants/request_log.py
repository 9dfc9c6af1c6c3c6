"""The request log: the last requests of a tenant and their answers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from cart_mock.messages import Answer, Request

DEFAULT_LENGTH = 500
"""How many requests a tenant's log keeps by default."""
LARGEST = 64 * 1024
"""How many bytes of bodies one entry may hold; of a larger one only its beginning is kept."""


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


class Exercised(NamedTuple):
    """What an answer exercises: a status of an operation, and a rule if it was refused by one.

    ``injected`` says that a fault made the answer, not the rules.
    """

    operation_id: str
    status: int
    refused_by: str | None
    injected: bool


class RequestLog:
    """The last requests of one tenant, in the order in which they were answered.

    ``exercised`` counts every request, also those that are no longer kept. A ``length`` of 0 keeps
    none.
    """

    def __init__(self, length: int = DEFAULT_LENGTH) -> None:
        self.length = length
        self.entries: deque[Entry] = deque(maxlen=length)
        self.exercised: dict[tuple[str, int, str | None, bool], int] = {}

    def record(
        self, request: Request, operation_id: str, answer: Answer, ctx: object = None,
        refusal_context: Mapping[str, Any] = _NOTHING,
    ) -> None:  # fmt: skip
        """Keep a request. Costs next to nothing: nothing is copied or rendered here."""
        if answer.delivery is None:  # otherwise the client never met this answer
            exercised = (operation_id, answer.status, answer.refused_by, answer.is_injected)
            self.exercised[exercised] = self.exercised.get(exercised, 0) + 1
        if self.length == 0:
            return
        if len(request.body) + len(answer.body) > LARGEST:
            request = replace(request, body=request.body[: LARGEST // 2])
            answer = replace(answer, body=answer.body[: LARGEST // 2])
            ctx, refusal_context = None, _NOTHING
        self.entries.append(Entry(time.time(), operation_id, request, answer, ctx, refusal_context))

    def since(self, request_id: str | None) -> tuple[list[Entry], bool]:
        """Return the entries after that request, or all; and whether it is no longer kept."""
        entries = list(self.entries)
        if request_id is None:
            return entries, False
        for at in range(len(entries) - 1, -1, -1):
            if entries[at].request.id == request_id:
                return entries[at + 1 :], False
        return entries, True

    def last_id(self) -> str | None:
        """Return the id of the last request, or None for an empty log."""
        return self.entries[-1].request.id if self.entries else None

    def find(self, request_id: str) -> Entry | None:
        """Return the entry of that request, or None."""
        return next((e for e in reversed(self.entries) if e.request.id == request_id), None)
