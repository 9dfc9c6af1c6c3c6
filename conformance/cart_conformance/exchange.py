"""A request as it is sent, and its answer, byte for byte.

The oracle judges only these values. They may contain secrets.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from cart_spec.redaction import Redactor

from cart_conformance.results import Exchange

CUSTOMER_TOKEN: Final = "X-Moltin-Customer-Token"  # noqa: S105 - the name of a header
"""The name of the header that carries a customer token."""

ACCOUNT_TOKEN: Final = "EP-Account-Management-Authentication-Token"  # noqa: S105 - as above
"""The name of the header that carries an account token."""

OWNER_TOKENS: Final = {"customer": CUSTOMER_TOKEN, "account": ACCOUNT_TOKEN}
"""The name of the header with an owner's token, by the kind of owner."""

NOT_JSON: Final = object()
"""The value of :attr:`Answer.document` if the body is not JSON."""


REQUEST_IDS: Final = (
    "x-request-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-correlation-id",
    "x-trace-id",
    "cf-ray",
)
"""Headers in which servers and gateways name a request, as their logs do."""

_SHORT = 64 * 1024
"""How many bytes a body has whose JSON each answer keeps."""
_last_long: list[tuple[bytes, Any]] = [(b"", None)]
"""The longer body that was read last, and its JSON."""

GATEWAY_STATUSES: Final = frozenset({429, 502, 503, 504, *range(520, 528), 530})
"""Statuses with which a gateway answers for a server that did not. 520 to 530 are a CDN's."""


@dataclass(frozen=True)
class Request:
    """A request, byte for byte."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """A raw answer. It may contain secrets; the result of :meth:`exchange` does not."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    at: float = field(default_factory=time.time, compare=False)
    """The time at which the answer was complete, in seconds since the epoch."""

    @property
    def request_id(self) -> str | None:
        """The id that the server gave the request, to find it in its log."""
        names = {name.lower(): value for name, value in self.headers.items()}
        return next((names[name] for name in REQUEST_IDS if names.get(name)), None)

    @property
    def is_page(self) -> bool:
        """Whether the body is a page for people, as gateways and firewalls send it."""
        media_type = self.headers.get("Content-Type", "").lower()
        return "html" in media_type or self.body.lstrip()[:1] == b"<"

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the status is a 4xx: a 5xx is never a refusal."""
        return 400 <= self.status < 500

    @property
    def document(self) -> Any:
        """The body as JSON, or :data:`NOT_JSON`.

        JSON can escape half of a surrogate pair. UTF-8 cannot, so it becomes a question mark.
        """
        if len(self.body) <= _SHORT:
            return self._document
        # A hostile server's list can take 25 times as much as its text: one is kept for all.
        body, document = _last_long[0]
        if body is not self.body:
            document = _read(self.body)
            _last_long[0] = self.body, document
        return document

    @cached_property
    def _document(self) -> Any:
        return _read(self.body)

    @property
    def data(self) -> Any:
        """The value of ``data`` in the body, or None."""
        return self.document.get("data") if isinstance(self.document, dict) else None

    def exchange(self, redactor: Redactor, limit: int = 20_000) -> Exchange:
        """Return this answer with its request, redacted, each body cut to ``limit`` characters."""
        request = self.request
        return Exchange(
            method=request.method,
            url=redactor.text(request.url),
            request_headers=redactor.headers(request.headers.items()),
            request_body=None if request.body is None else redactor.body_text(request.body, limit),
            status=self.status,
            response_headers=redactor.headers(self.headers.items()),
            response_body=redactor.body_text(self.body, limit),
            elapsed=self.elapsed,
            at=stamp(self.at),
            request_id=None if self.request_id is None else redactor.text(self.request_id),
        )


def _read(body: bytes) -> Any:
    try:
        document = json.loads(body)
        if b"\\ud" in body.lower():
            text = json.dumps(document, ensure_ascii=False)
            document = json.loads(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return NOT_JSON
    return document


def stamp(seconds: float) -> str:
    """Return a time in RFC 3339 with milliseconds, in UTC."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
