"""Requests, answers and violations: the values that every part of the mock shares.

They are free of any framework's objects and of the rest of the mock, so that everything may import
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

encode_json = msgspec.json.Encoder().encode

Header = tuple[bytes, bytes]
_JSON: Header = (b"content-type", b"application/json")


class Request(msgspec.Struct, frozen=True, gc=False):
    """What was sent. Header names are lower case; the body is whole and within the limit."""

    id: str
    method: str
    path: str
    path_params: Mapping[str, str]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes


class Violation(NamedTuple):
    """How a request breaks a rule.

    ``reason`` is what was wrong with this request, ``hint`` what to send instead: sentences that
    go on from the rule's text. ``source`` is the one field to blame. ``variant`` names the protocol
    error to answer with, for a rule that has more than one answer. ``rest`` is the rest
    of the sentence that the rule's ``detail`` begins, for a rule that has one for each field.
    ``others`` are further fields to blame, each with an entry of its own.
    """

    reason: str
    hint: str
    source: str | None = None
    variant: str | None = None
    rest: str | None = None
    others: tuple[Violation, ...] = ()


class TokenProblem(NamedTuple):
    """Why a token is not valid, and what to do."""

    reason: str
    hint: str


Delivery = Literal["drop", "stall", "truncate"]
"""How an answer fails on its way: the connection is closed instead of it, it never comes, or the
connection is closed in the middle of its body."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is sent back.

    ``refused_by`` is the id of the rule or protocol error that refuses the request, ``violation``
    how the request violates it. ``fault`` describes the injected fault that made this answer or its
    ``delivery`` what it is; other answers have neither. ``status`` is 0 if nothing was decided
    before the connection was closed.
    """

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    refused_by: str | None = None
    violation: Violation | None = None
    delivery: Delivery | None = None
    fault: Mapping[str, Any] | None = None

    @property
    def is_injected(self) -> bool:
        """Whether a fault made up the answer, so that no rule judged."""
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
