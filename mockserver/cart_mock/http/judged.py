"""What is judged of a request alone, kept for when the same request comes again.

Clients send the same few requests over and over, byte for byte (:mod:`cart_mock.accelerator.protocol`). What
such a request says is the same each time, and so is what a check makes of it that looks at nothing
else. The checks that look at the caller or at the state judge each time anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

if TYPE_CHECKING:
    from cart_mock.http.messages import Answer, Violation

Check = Callable[[Any], "Violation | None"]
Checks = tuple[tuple[str, Check], ...]
"""Ids of rules or protocol errors with what checks them, in the order of judgement."""
C = TypeVar("C", bound=Check)

_OF_REQUEST: set[Check] = set()


def of_request(check: C) -> C:
    """Mark a check that looks at nothing but the request: at no token, and not at the store."""
    _OF_REQUEST.add(check)
    return check


class Reading(msgspec.Struct):
    """What a request says, and the refusal that it gets for that; nothing before its first judging.

    ``said`` are facts by their names.
    """

    said: dict[str, Any] | None = None
    refusal: Answer | None = None


class Parts(NamedTuple):
    """Checks in their order, cut in three: those in the middle look at nothing but the request."""

    before: Checks
    of_request: Checks
    after: Checks


def in_parts(checks: Checks) -> Parts:
    """Cut checks around the longest run of those that look at nothing but the request."""
    start = end = begun = 0
    for i, (_, check) in enumerate(checks):
        if check not in _OF_REQUEST:
            begun = i + 1
        elif i + 1 - begun > end - start:
            start, end = begun, i + 1
    return Parts(checks[:start], checks[start:end], checks[end:])
