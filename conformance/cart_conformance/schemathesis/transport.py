"""How Schemathesis sends: through the run's own session, and judged by the oracle.

Schemathesis 4.32 has no setting for a transport, only the schema's property of that name, so
:func:`attach` gives the schema a class that has another one. Its own transport would break three
promises: it sends a request a second time after a dropped connection, it does not know the run's
budget, and it journals nothing of what it makes.
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
"""What was found of each request that was sent, and of what it changed; redacted."""


class JudgedTransport(RequestsTransport):
    """Sends through a session, judges each answer, and keeps the fixtures in order."""

    def __init__(
        self, fixtures: Fixtures, note: Callable[[Judgement], None] = lambda _: None
    ) -> None:
        """``note`` is given every judgement as it is made."""
        super().__init__()
        self._copy_serializers_from(REQUESTS_TRANSPORT)
        self.fixtures = fixtures
        self._note = note
        # What a request may get depends on those before it, so they go one after another.
        self._lock = threading.RLock()

    def serialize_case(self, case: Case[Any], **kwargs: Any) -> dict[str, Any]:
        """Return the arguments of a request, with tokens in place of what stands for them."""
        kwargs["base_url"] = self.fixtures.session.settings.target
        arguments = super().serialize_case(case, **kwargs)
        arguments["headers"] = self.fixtures.headers(dict(arguments["headers"]))
        return arguments

    def send(
        self, case: Case[Any], *, session: requests.Session | None = None, **kwargs: Any
    ) -> Response:
        """Send a case once. Raises an Interruption, as one of requests' exceptions if it can be."""
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
        """Return the exception that Schemathesis knows for a request without an answer."""
        kind = requests.ReadTimeout if isinstance(fault, TimedOut) else requests.ConnectionError
        return kind(str(fault), request=request)

    def _exchange(self, prepared: requests.PreparedRequest) -> tuple[Answer, list[Judgement]]:
        fixtures, headers = self.fixtures, dict(prepared.headers)
        view = fixtures.view(str(prepared.method), str(prepared.url))
        if view.operation is None:
            # Built-in checks try methods and paths that the contract has not.
            request = Request(view.sent.method, view.sent.url, headers, _bytes(prepared.body))
            return fixtures.session.transport.send(request), []
        # The session adds headers of its own unless they are there or taken away.
        absent = dict.fromkeys(("Accept", "User-Agent", "Content-Type"))
        body = _bytes(prepared.body)
        answer, judgement = fixtures.witness.send(
            None,
            view.operation,
            cart=view.parameters.get("cartID"),
            customer=view.parameters.get("customerID"),
            encoded=True,
            query=urlsplit(view.sent.url).query,
            headers={**absent, **headers, "Content-Length": None},
            **(fixtures.own_body(view.operation, body) if body is not None else {}),
        )
        judgements = [judgement]
        with suppress(NetworkError):  # no answer to a look says nothing about the request
            judgements.extend(fixtures.settle(answer))
        for each in judgements:
            self._note(each)
        return answer, judgements


def attach(schema: OpenApiSchema, transport: JudgedTransport) -> None:
    """Have everything that is generated from ``schema`` sent through ``transport``."""
    bound, fixtures = type(schema), transport.fixtures
    schema.__class__ = type(bound.__name__, (bound,), {"transport": property(lambda _: transport)})

    def filter_case(_context: HookContext, case: Case[Any]) -> bool:
        """Leave out a case that is about something that is not this run's."""
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
    """Return the request as it went out: ids of the run may have taken the place of others."""
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
