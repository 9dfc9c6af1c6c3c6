"""The request journal: what a store was asked last, and what it answered."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, NamedTuple

from mockserver.http import Answer, Request

DEFAULT_LENGTH = 500
"""How many requests a store's journal remembers, unless said otherwise."""


class Entry(NamedTuple):
    """One request and its answer, as they were: secrets are taken out when it is shown.

    ``facts`` are what the rules judged, None if the request did not get so far. ``at`` is the
    machine's time in seconds since the epoch.
    """

    at: float
    operation_id: str
    request: Request
    answer: Answer
    facts: Any


class RequestJournal:
    """The last requests of one store, in the order in which they were answered."""

    def __init__(self, length: int = DEFAULT_LENGTH) -> None:
        self.entries: deque[Entry] = deque(maxlen=length)

    def record(self, request: Request, operation_id: str, answer: Answer, facts: Any) -> None:
        """Remember a request. Costs next to nothing: nothing is copied or rendered here."""
        self.entries.append(Entry(time.time(), operation_id, request, answer, facts))
