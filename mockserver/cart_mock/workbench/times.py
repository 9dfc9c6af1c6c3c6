"""Times in the control API: RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cart_mock.state.clock import Clock
from cart_mock.state.entities import LAST_TIME


def format_time(epoch: float) -> str:
    """Return a time in seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    text = datetime.fromtimestamp(min(epoch, LAST_TIME), UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Return seconds since the epoch of an RFC 3339 time with its zone. Raises ValueError."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return time.timestamp()


def clock_to_dict(clock: Clock) -> dict[str, Any]:
    """Return a clock's time and whether it was frozen or moved."""
    now = clock.now()
    return {
        "now": format_time(now),
        "epoch": now,
        "frozen": clock.is_frozen,
        "offset": round(clock.offset, 3) + 0.0,  # never -0.0
    }
