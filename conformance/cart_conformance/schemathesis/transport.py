"""Makes Schemathesis send through the run's session, with the oracle judging each answer.

Schemathesis 4.32 has no setting for a transport, only the schema's property of that name. So
:func:`attach` gives the schema a class with another one. Schemathesis' own transport would break
three promises: it repeats a request after a dropped connection, it ignores the run's budget, and it
does not record what it makes in the journal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import responses as reasons
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import requests
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext
from schemathesis.specs.openapi.schemas import OpenApiSchema
from schemathesis.transport.requests import REQUESTS_TRANSPORT, RequestsTransport

from cart_conformance.exchange import Answer, Request
from cart_conformance.findings import Finding
from cart_conformance.oracle import Judgement
from cart_conformance.schemathesis.fixtures import Fixtures
from cart_conformance.target.transport import NetworkError, TimedOut

FINDINGS: WeakKeyDictionary[requests.PreparedRequest, tuple[Finding, ...]] = WeakKeyDictionary()
"""The redacted findings about each request that was sent, and about its effects."""


FAILURES = 3
"""How often a request is sent that is answered with 5xx: only what happens every time counts."""


class JudgedTransport(RequestsTransport):
    """A transport that sends through a session, judges each answer, and restores the fixtures."""

    def __init__(
        self, fixtures: Fixtures, note: Callable[[Judgement], None] = lambda _: None
    ) -> None:
        """Wait for the first case. ``note`` is called with every judgement."""
        super().__init__()
        self._copy_serializers_from(REQUESTS_TRANSPORT)
        self.fixtures = fixtures
        self._note = note
        # The allowed answers depend on earlier requests, so requests are sent one after another.
        self._lock = threading.RLock()

    def serialize_case(self, case: Case[Any], **kwargs: Any) -> dict[str, Any]:
        """Return the arguments of a request, with tokens instead of placeholders."""
        kwargs["base_url"] = self.fixtures.session.settings.target
        arguments = super().serialize_case(case, **kwargs)
        arguments["headers"] = self.fixtures.headers(dict(arguments["headers"]))
        return arguments

    def send(
        self, case: Case[Any], *, session: requests.Session | None = None, **kwargs: Any
    ) -> Response:
        """Send a case once. Raises an Interruption, as an exception of ``requests`` if possible."""
        headers = {**(session.headers if session else {}), **(kwargs.get("headers") or {})}
        arguments = self.serialize_case(case, headers=headers, params=kwargs.get("params"))
        prepared = requests.Request(**arguments).prepare()
        with self._lock:
            try:
                answer, judgements = self._exchange(prepared)
            except NetworkError as fault:
                raise self.unanswered(fault, prepared) from fault
        redactor = self.fixtures.session.redactor
        sent = _as_sent(prepared, answer.request)
        FINDINGS[sent] = tuple(
            finding.redacted(redactor) for judgement in judgements for finding in judgement.findings
        )
        return _response(answer, sent)

    def unanswered(self, fault: NetworkError, request: requests.PreparedRequest) -> Exception:
        """Return the exception by which Schemathesis recognises a request without an answer."""
        kind = requests.ReadTimeout if isinstance(fault, TimedOut) else requests.ConnectionError
        return kind(str(fault), request=request)

    def _exchange(self, prepared: requests.PreparedRequest) -> tuple[Answer, list[Judgement]]:
        fixtures, headers = self.fixtures, dict(prepared.headers)
        view = fixtures.view(str(prepared.method), str(prepared.url))
        if view.operation is None:
            # Built-in checks try methods and paths that are not in the contract.
            request = Request(view.sent.method, view.sent.url, headers, _bytes(prepared.body))
            return fixtures.session.transport.send(request), []
        # The session adds its own headers unless they are set or removed here.
        absent = dict.fromkeys(("Accept", "User-Agent", "Content-Type"))
        body = _bytes(prepared.body)
        parts: dict[str, Any] = {
            "cart": view.parameters.get("cartID"),
            "customer": view.parameters.get("customerID"),
            "encoded": True,
            "query": urlsplit(view.sent.url).query,
            "headers": {**absent, **headers, "Content-Length": None},
        }
        for _ in range(FAILURES):
            # A body with ids of its own for each attempt, as the ids may be in use by then.
            own = fixtures.own_body(view.operation, body) if body is not None else {}
            answer, judgement = fixtures.client.send(None, view.operation, **parts, **own)
            judgements = [judgement]
            with suppress(NetworkError):  # a failed read is not evidence about the request
                judgements.extend(fixtures.settle(answer))
            if answer.status < 500:
                break
        for each in judgements:
            self._note(each)
        return answer, judgements


def attach(schema: OpenApiSchema, transport: JudgedTransport) -> None:
    """Make all cases of ``schema`` use ``transport``."""
    bound, fixtures = type(schema), transport.fixtures
    schema.__class__ = type(bound.__name__, (bound,), {"transport": property(lambda _: transport)})

    def filter_case(_context: HookContext, case: Case[Any]) -> bool:
        """Leave out a case that concerns things of other clients."""
        try:
            arguments = transport.serialize_case(case)
            url = (
                requests.Request("GET", arguments["url"], params=arguments["params"]).prepare().url
            )
        except (ValueError, TypeError, LookupError, requests.RequestException):
            return False  # it cannot be sent
        view = fixtures.view(case.method, str(url))
        return view.operation == case.operation.definition.raw["operationId"] and (
            fixtures.names_only_ours(view)
        )

    schema.hooks.register_hook_with_name(filter_case, "filter_case")


def _bytes(body: str | bytes | None) -> bytes | None:
    return body.encode() if isinstance(body, str) else body


def _as_sent(prepared: requests.PreparedRequest, sent: Request) -> requests.PreparedRequest:
    """Return the request as it was sent; ids of the run may have replaced generated ones."""
    copy = prepared.copy()
    copy.body = sent.body
    return copy


def _response(answer: Answer, sent: requests.PreparedRequest) -> Response:
    return Response(
        status_code=answer.status,
        headers={name: [value] for name, value in answer.headers.items()},
        content=answer.body,
        request=sent,
        elapsed=answer.elapsed,
        verify=True,
        message=reasons.get(answer.status, ""),
        encoding=requests.utils.get_encoding_from_headers(answer.headers),
    )
