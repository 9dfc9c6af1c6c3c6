"""A request as it is sent, and its answer, byte for byte.

The oracle judges only these values. They may contain secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
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

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the status is a 4xx: a 5xx is never a refusal."""
        return 400 <= self.status < 500

    @cached_property
    def document(self) -> Any:
        """The body as JSON, or :data:`NOT_JSON`.

        JSON can escape half of a surrogate pair. UTF-8 cannot, so it becomes a question mark.
        """
        try:
            document = json.loads(self.body)
            if b"\\ud" in self.body.lower():
                text = json.dumps(document, ensure_ascii=False)
                document = json.loads(text.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return NOT_JSON
        return document

    @property
    def data(self) -> Any:
        """The value of ``data`` in the body, or None."""
        return self.document.get("data") if isinstance(self.document, dict) else None

    def exchange(self, redactor: Redactor) -> Exchange:
        """Return this answer with its request, redacted."""
        request = self.request
        return Exchange(
            method=request.method,
            url=redactor.text(request.url),
            request_headers=redactor.headers(request.headers.items()),
            request_body=None if request.body is None else redactor.body_text(request.body),
            status=self.status,
            response_headers=redactor.headers(self.headers.items()),
            response_body=redactor.body_text(self.body),
            elapsed=self.elapsed,
        )
