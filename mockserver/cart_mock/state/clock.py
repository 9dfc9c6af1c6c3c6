"""A tenant's time: the machine's, moved or frozen on demand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Clock:
    """A clock in seconds since the epoch. A new clock follows the machine's."""

    def __init__(self, machine_time: Callable[[], float] = time.time) -> None:
        self._machine_time = machine_time
        self._offset = 0.0
        self._frozen_at: float | None = None
        self._changed: asyncio.Event | None = None

    def now(self) -> float:
        """Return the tenant's time, in seconds since the epoch."""
        if self._frozen_at is not None:
            return self._frozen_at
        return self._machine_time() + self._offset

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen_at is not None

    @property
    def offset(self) -> float:
        """How many seconds this clock is ahead of the machine's."""
        return self.now() - self._machine_time()

    def set(self, at: float) -> None:
        """Set the clock to ``at``, in seconds since the epoch. A frozen clock stays frozen."""
        if self._frozen_at is not None:
            self._frozen_at = at
        else:
            self._offset = at - self._machine_time()
        self._wake()

    def advance(self, seconds: float) -> None:
        """Move the clock by ``seconds``, back if negative."""
        self.set(self.now() + seconds)

    def freeze(self) -> None:
        """Stop the clock at its present time."""
        self._frozen_at = self.now()
        self._wake()

    def resume(self) -> None:
        """Let a frozen clock continue from its present time."""
        if self._frozen_at is not None:
            at, self._frozen_at = self._frozen_at, None
            self.set(at)

    async def sleep(self, seconds: float) -> None:
        """Wait until this clock has moved by ``seconds``: a frozen one until it is changed."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            if self._changed is None:
                self._changed = asyncio.Event()
            try:
                timeout = None if self.is_frozen else left
                await asyncio.wait_for(self._changed.wait(), timeout)
            except TimeoutError:
                return

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def state(self) -> tuple[float, float | None]:
        """Return how far the clock was moved, and at which time it is frozen."""
        return self._offset, self._frozen_at

    def restore(self, state: tuple[float, float | None]) -> None:
        """Take the state of another clock of this tenant."""
        self._offset, self._frozen_at = state
        self._wake()

    def follow_machine(self) -> None:
        """Return to the machine's time."""
        self._offset, self._frozen_at = 0.0, None
        self._wake()
