"""Decides when a server that hangs or drops connections is left alone."""

from __future__ import annotations

from collections import Counter

from cart_conformance.results import Verdict
from cart_conformance.target.transport import BudgetSpent, Interruption, TimedOut

# After so many interrupted cases in a row, or in all, so that a run ends in bounded time.
ERRORS_IN_A_ROW = 4
TIMEOUTS_OF_AN_OPERATION = 6
TIMEOUTS = 12


class CircuitBreaker:
    """Counts interrupted cases, and refuses those that would only wait for the same again."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._timeouts: Counter[str] = Counter()
        self._spent: str | None = None
        self._is_open = False

    def note(self, operation: str, interruption: Interruption | None) -> None:
        """Note how a case of that operation ended."""
        self._in_a_row = 0 if interruption is None else self._in_a_row + 1
        if isinstance(interruption, TimedOut):
            self._timeouts[operation] += 1
        if isinstance(interruption, BudgetSpent):
            self._spent = str(interruption)

    @property
    def is_due(self) -> bool:
        """Whether so many cases in a row were interrupted that the server may be gone."""
        return not self._is_open and self._in_a_row >= ERRORS_IN_A_ROW

    def reset(self) -> None:
        """Note that the server answers another request."""
        self._in_a_row = 0

    def refusal(self, operation: str) -> tuple[Verdict, str] | None:
        """Return the verdict on a case that must not be tried, and its reason; or None."""
        if self._spent:
            return Verdict.UNTESTABLE, self._spent
        self._is_open = self._is_open or self.is_due or self._timeouts.total() >= TIMEOUTS
        if self._is_open:
            return Verdict.ERROR, "the server stopped answering"
        if self._timeouts[operation] >= TIMEOUTS_OF_AN_OPERATION:
            return Verdict.ERROR, f"{operation} does not answer in time"
        return None
