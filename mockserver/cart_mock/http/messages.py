"""Requests and answers as the mock sees them, free of any framework's objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from cart_mock.http.judged import Reading

encode_json = msgspec.json.Encoder().encode

Header = tuple[bytes, bytes]
_JSON: Header = (b"content-type", b"application/json")


class Request(msgspec.Struct, frozen=True, gc=False):
    """What was sent. Header names are lower case; the body is whole and within the limit.

    ``reading`` is for all requests that are this one, byte for byte, but for their ids.
    """

    id: str
    method: str
    path: str
    path_params: Mapping[str, str]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    reading: Reading | None = None


class Violation(NamedTuple):
    """How a request breaks a rule.

    ``what`` was wrong with this request and what to send ``instead``, as sentences that go on from
    the rule's text; ``source`` is the one field to blame. ``variant`` names the protocol error to
    answer with, for a rule that has more than one answer.
    """

    what: str
    instead: str
    source: str | None = None
    variant: str | None = None


Delivery = Literal["drop", "stall", "truncate"]
"""How an answer fails on its way: the connection is closed instead of it, it never comes, or the
connection is closed in the middle of its body."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is sent back.

    ``broken`` is the id of the rule or protocol error that it refuses by, and ``breach`` how.
    ``fault`` describes the fault that made this answer or its ``delivery`` what it is; the others
    have neither. ``status`` is 0 where nothing was decided before the connection was closed.
    """

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    broken: str | None = None
    breach: Violation | None = None
    delivery: Delivery | None = None
    fault: Mapping[str, Any] | None = None

    @property
    def is_injected(self) -> bool:
        """Whether a fault made up the answer, so that no rule judged."""
        return self.fault is not None and self.fault["kind"] == "error"

    def to(self, request_id: str) -> list[Header]:
        """All headers of this answer to that request."""
        identified = (b"x-request-id", request_id.encode())
        if self.status == 204:
            return [*self.headers, identified]
        return [*self.headers, identified, (b"content-length", b"%d" % len(self.body))]


def json_answer(status: int, content: object) -> Answer:
    """An answer with a JSON body; bytes are one already."""
    body = content if isinstance(content, bytes) else encode_json(content)
    return Answer(status, (_JSON,), body)


def empty_answer(status: int) -> Answer:
    """An answer without a body."""
    return Answer(status)
