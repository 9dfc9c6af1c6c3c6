"""Requests, answers and violations: the values that all parts of the mock share.

They depend on neither a framework nor other parts of the mock, so every part may import them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

encode_json = msgspec.json.Encoder().encode

Header = tuple[bytes, bytes]
NOT_IN_HEADERS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""Bytes that the server refuses to send in the value of a header."""
_JSON: Header = (b"content-type", b"application/json")


class Request(msgspec.Struct, frozen=True, gc=False):
    """A received request.

    Header names are lower case; the body is complete and within the limit.
    """

    id: str
    method: str
    path: str
    path_params: Mapping[str, str]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes


class Violation(NamedTuple):
    """The way in which a request breaks a rule.

    ``reason`` says what is wrong with this request, ``hint`` what to send instead. Both continue
    the rule's text. ``source`` is the field that is wrong. If a rule has more than one answer,
    ``variant`` names the protocol error to use. If a rule's ``detail`` has a sentence for each
    field, ``rest`` completes it, and ``others`` are further fields with an entry of their own.
    """

    reason: str
    hint: str
    source: str | None = None
    variant: str | None = None
    rest: str | None = None
    others: tuple[Violation, ...] = ()


class TokenProblem(NamedTuple):
    """The reason why a token is not valid, and what to do."""

    reason: str
    hint: str


Delivery = Literal["drop", "stall", "truncate"]
"""How the delivery of an answer fails: the connection is closed without it, the answer is never
sent, or the connection is closed in the middle of its body."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The answer to a request.

    ``refused_by`` is the id of the rule or protocol error that refuses the request; ``violation``
    describes how. ``fault`` describes the injected fault that caused this answer or its
    ``delivery``; other answers have neither. ``status`` is 0 if a fault closed the connection
    before the request was judged. ``origin`` says who answered a request for a path that the
    contract does not have: ``{"forwarded_to": URL}`` or ``{"stub": METHOD PATH}``.
    """

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    refused_by: str | None = None
    violation: Violation | None = None
    delivery: Delivery | None = None
    fault: Mapping[str, Any] | None = None
    origin: Mapping[str, str] | None = None

    @property
    def is_injected(self) -> bool:
        """Whether a fault created the answer, so that no rule was checked."""
        return self.fault is not None and self.fault["kind"] == "error"

    def headers_for(self, request_id: str) -> list[Header]:
        """Return all headers of this answer to the request with that id."""
        identified = (b"x-request-id", request_id.encode())
        if self.status == 204:
            return [*self.headers, identified]
        return [*self.headers, identified, (b"content-length", b"%d" % len(self.body))]


def json_answer(status: int, content: object) -> Answer:
    """Return an answer with a JSON body; bytes are encoded JSON already."""
    body = content if isinstance(content, bytes) else encode_json(content)
    return Answer(status, (_JSON,), body)


def empty_answer(status: int) -> Answer:
    """Return an answer without a body."""
    return Answer(status)
