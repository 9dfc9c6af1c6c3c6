"""Renders times for answers."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from cart_mock.state.entities import FIRST_TIME, LAST_TIME


@lru_cache(maxsize=8192)
def timestamp(epoch: int) -> str:
    """Return a time in whole seconds since the epoch as RFC 3339 in UTC.

    A time out of the years 1 to 9999 is the nearest one within: RFC 3339 has no others.
    """
    time = datetime.fromtimestamp(min(max(epoch, FIRST_TIME), LAST_TIME), UTC)
    return f"{time.replace(tzinfo=None).isoformat()}Z"
