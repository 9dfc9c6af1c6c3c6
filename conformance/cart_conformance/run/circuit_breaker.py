"""Decides when to wait for a server that hangs or drops connections, and when to stop sending."""

from __future__ import annotations

from collections import Counter

from cart_conformance.results import Verdict
from cart_conformance.target.session import Session
from cart_conformance.target.transport import BudgetSpent, Interruption, TimedOut

# Numbers of interrupted cases that bound the time of a run: in a row, and in total. The totals grow
# with the number of cases, because a long run through an unreliable network meets more faults.
ERRORS_IN_A_ROW = 4
TIMEOUTS_OF_AN_OPERATION = 6
TIMEOUTS = 12
SHARE = 20
"""One further timeout is allowed for this many cases."""

RECOVERY = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds to wait before each attempt to reach a server that no longer answers."""


class CircuitBreaker:
    """A counter of interrupted cases that refuses further ones likely to be interrupted too."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._timeouts: Counter[str] = Counter()
        self._cases: Counter[str] = Counter()
        self._spent: str | None = None
        self._is_open = False

    def note(self, operation: str, interruption: Interruption | None) -> None:
        """Count a case of that operation. ``interruption`` is None if it was answered."""
        self._cases[operation] += 1
        self._in_a_row = 0 if interruption is None else self._in_a_row + 1
        if isinstance(interruption, TimedOut):
            self._timeouts[operation] += 1
        if isinstance(interruption, BudgetSpent):
            self._spent = str(interruption)

    @property
    def is_due(self) -> bool:
        """Whether so many cases in a row were interrupted that the server may be down."""
        return not self._is_open and self._in_a_row >= ERRORS_IN_A_ROW

    @property
    def is_open(self) -> bool:
        """Whether no further case must be tried."""
        return self._is_open or self._spent is not None

    def reset(self) -> None:
        """Start counting again, because the server answers another request."""
        self._in_a_row = 0

    def refusal(self, operation: str) -> tuple[Verdict, str] | None:
        """Return the verdict and reason for a case that must not be tried, else None."""
        if self._spent:
            return Verdict.UNTESTABLE, self._spent
        most = TIMEOUTS + self._cases.total() // SHARE
        self._is_open = self._is_open or self.is_due or self._timeouts.total() >= most
        if self._is_open:
            return Verdict.ERROR, "the server stopped answering"
        most = TIMEOUTS_OF_AN_OPERATION + self._cases[operation] // SHARE
        if self._timeouts[operation] >= most:
            return Verdict.ERROR, f"{operation} does not answer in time"
        return None


FAULTS = 8
"""Requests without an answer that a generating phase survives in any case."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
"""Seconds to wait after such a request: each pause is twice as long as the one before."""


class FaultBudget:
    """The requests without an answer that a generating phase survives: a share of all it sends."""

    def __init__(self, session: Session) -> None:
        """Count from now on."""
        self._transport = session.transport
        self._started_at = self._last_at = session.transport.sent
        self._faults = self._in_a_row = 0

    def survives(self) -> bool:
        """Count a request without an answer, wait, and return whether the phase may go on.

        Raises BudgetSpent if the run's time ends before the pause.
        """
        sent = self._transport.sent
        self._faults += 1
        self._in_a_row = self._in_a_row + 1 if sent - self._last_at <= 2 else 1
        self._last_at = sent
        if self._faults > FAULTS + (sent - self._started_at) // SHARE:
            return False
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (self._in_a_row - 1))
        self._transport.budget.pause(pause)
        return True
