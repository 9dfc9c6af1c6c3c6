"""Times as the workbench shows and takes them: RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cart_mock.state.clock import Clock


def shown_time(epoch: float) -> str:
    """A time in seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    text = datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def read_time(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time with its zone. Raises ValueError."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return time.timestamp()


def clock_shown(clock: Clock) -> dict[str, Any]:
    """A clock as the workbench shows it."""
    now = clock.now()
    return {
        "now": shown_time(now),
        "epoch": now,
        "frozen": clock.is_frozen,
        "offset": round(clock.offset, 3) + 0.0,  # never -0.0
    }
