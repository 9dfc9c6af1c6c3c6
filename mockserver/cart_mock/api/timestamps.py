"""Renders times for answers."""

from __future__ import annotations

from datetime import UTC, datetime

from cart_mock.messages import encode_json
from cart_mock.state.entities import FIRST_TIME, LAST_TIME


def moment(epoch: int) -> datetime:
    """Return a time in whole seconds since the epoch, which is encoded as RFC 3339 in UTC.

    A time out of the years 1 to 9999 is the nearest one within: RFC 3339 has no others.
    """
    try:
        return datetime.fromtimestamp(epoch, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(min(max(epoch, FIRST_TIME), LAST_TIME), UTC)


def timestamp(epoch: int) -> str:
    """Return a ``moment`` as it is encoded."""
    return encode_json(moment(epoch))[1:-1].decode()
