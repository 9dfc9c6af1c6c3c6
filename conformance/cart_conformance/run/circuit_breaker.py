"""Decides when to stop sending to a server that hangs or drops connections."""

from __future__ import annotations

from collections import Counter

from cart_conformance.results import Verdict
from cart_conformance.target.transport import BudgetSpent, Interruption, TimedOut

# Numbers of interrupted cases, in a row and in total, that bound the time of a run.
ERRORS_IN_A_ROW = 4
TIMEOUTS_OF_AN_OPERATION = 6
TIMEOUTS = 12


class CircuitBreaker:
    """A counter of interrupted cases that refuses further ones likely to be interrupted too."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._timeouts: Counter[str] = Counter()
        self._spent: str | None = None
        self._is_open = False

    def note(self, operation: str, interruption: Interruption | None) -> None:
        """Count a case of that operation. ``interruption`` is None if it was answered."""
        self._in_a_row = 0 if interruption is None else self._in_a_row + 1
        if isinstance(interruption, TimedOut):
            self._timeouts[operation] += 1
        if isinstance(interruption, BudgetSpent):
            self._spent = str(interruption)

    @property
    def is_due(self) -> bool:
        """Whether so many cases in a row were interrupted that the server may be down."""
        return not self._is_open and self._in_a_row >= ERRORS_IN_A_ROW

    def reset(self) -> None:
        """Start counting again, because the server answers another request."""
        self._in_a_row = 0

    def refusal(self, operation: str) -> tuple[Verdict, str] | None:
        """Return the verdict and reason for a case that must not be tried, else None."""
        if self._spent:
            return Verdict.UNTESTABLE, self._spent
        self._is_open = self._is_open or self.is_due or self._timeouts.total() >= TIMEOUTS
        if self._is_open:
            return Verdict.ERROR, "the server stopped answering"
        if self._timeouts[operation] >= TIMEOUTS_OF_AN_OPERATION:
            return Verdict.ERROR, f"{operation} does not answer in time"
        return None
