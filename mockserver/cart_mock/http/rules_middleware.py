"""The rules as one Connexion middleware: it judges each request and calls its handler."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.api.endpoints import Endpoint, Mock
from cart_mock.http.delivery import send_answer
from cart_mock.http.request_handler import RequestHandler
from cart_mock.messages import Answer, Request


class RulesOperation:
    """One operation of the contract, as an ASGI application.

    It calls the handler itself instead of the next application. Judging and acting must be one step
    without an await in between, so that one process is atomic without locks.
    """

    def __init__(self, endpoint: Endpoint, requests: RequestHandler) -> None:
        self._endpoint = endpoint
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, judge the request, and send its answer."""
        started, endpoint, requests = perf_counter(), self._endpoint, self._requests
        request_id, headers, body = requests.new_id(), dict(scope["headers"]), b""
        too_large = False
        if endpoint.reads_body:
            try:
                body = await read_body(receive, headers, requests.body_limit)
            except BodyTooLarge:
                too_large = True
            except Disconnected:
                return
        request = Request(
            request_id, scope["method"], scope["path"], scope["path_params"],
            scope["query_string"], headers, body,
        )  # fmt: skip
        judge = requests.too_large if too_large else requests.answer
        made = judge(endpoint, request, started)
        answer = made if isinstance(made, Answer) else await made
        # Refusals are also sent here, because as exceptions they would cost 18 µs more in
        # Connexion's and Starlette's error handling.
        await send_answer(answer, request_id, scope, receive, send)


class RulesAPI(RoutedAPI[RulesOperation]):  # type: ignore[misc]  # connexion ships no types
    """The operations of the contract, each compiled when the API is added."""

    def __init__(
        self, *arguments: Any, mock: Mock, requests: RequestHandler, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._mock = mock
        self._requests = requests
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> RulesOperation:
        """Compile an operation with the handler that Connexion resolved."""
        endpoint = self._mock.add(operation.operation_id, operation.function)
        return RulesOperation(endpoint, self._requests)


class RulesMiddleware(RoutedMiddleware[RulesAPI]):  # type: ignore[misc]  # as above
    """A Connexion ``RoutedMiddleware`` that runs an operation's rules; other requests pass."""

    api_cls = RulesAPI

    def __init__(self, app: ASGIApp, mock: Mock, requests: RequestHandler) -> None:
        super().__init__(app)
        self._mock = mock
        self._requests = requests

    def add_api(self, specification: Any, **options: Any) -> RulesAPI:
        """Add the operations of an API."""
        api: RulesAPI = super().add_api(
            specification, mock=self._mock, requests=self._requests, **options
        )
        return api


class BodyTooLarge(Exception):
    """A body that is over the limit."""


class Disconnected(Exception):
    """A client that disconnected before its body was complete."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """Return the whole body of a request. Raises BodyTooLarge, Disconnected."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise BodyTooLarge
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(body) <= limit:
        return body
    chunks, size = [body], len(body)
    while message.get("more_body"):
        if size > limit:
            raise BodyTooLarge
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if message["type"] == "http.disconnect":
        raise Disconnected
    if size > limit:
        raise BodyTooLarge
    return b"".join(chunks)
