"""The two ways from an ASGI request to an endpoint, and the door in front of both.

*Plain*: Connexion's own stack routes the request and calls the operation's function.
*Compiled*: a Connexion ``SpecMiddleware`` in front of that stack knows the contract's routes too;
it was handed the same endpoints when Connexion added the API, and calls them without the layers in
between. What it does not know (the documentation pages, unknown paths, wrong methods) goes on to
the stack. Both read the request and send the answer with the functions here, and the endpoints
judge the same for both; that is why they answer alike, and a test compares them.
"""

from __future__ import annotations

import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from connexion.context import receive as context_receive
from connexion.context import scope as context_scope
from connexion.middleware.abstract import SpecMiddleware
from connexion.spec import Specification
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockserver.engine import INTERNAL, Endpoint, Engine
from mockserver.http import Answer, Breach, Request
from mockserver.routes import Routes, decoded_path
from openapi.contract import iter_operations

logger = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"


class TooLarge(Exception):
    """The body is over the limit."""


class Disconnected(Exception):
    """The client went away before its body was whole."""


class RequestIds:
    """Makes request ids: unique across restarts, in the order of arrival within one process."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(4)
        self._counter = itertools.count(1)

    def next(self) -> str:
        """A new id."""
        return f"{self._prefix}-{next(self._counter):06x}"


class Exchanges:
    """Reads ASGI requests, has the engine answer them, and sends the answers."""

    def __init__(self, engine: Engine, body_limit: int) -> None:
        self._engine = engine
        self._body_limit = body_limit
        self._ids = RequestIds()

    async def answer(
        self, endpoint: Endpoint, scope: Scope, path: str, params: dict[str, str], receive: Receive
    ) -> tuple[Answer, str]:
        """The answer to an ASGI request and the request's id. Raises Disconnected."""
        request_id = self._ids.next()
        headers = dict(scope["headers"])
        body = b""
        if endpoint.reads_body:
            try:
                body = await read_body(receive, headers, self._body_limit)
            except TooLarge:
                return self.too_large(), request_id
        request = Request(
            request_id, scope["method"], path, params, scope["query_string"], headers, body
        )
        return await self._engine.answer(endpoint, request), request_id

    def too_large(self) -> Answer:
        """The answer to a body over the limit."""
        breach = Breach(f"it has more than {self._body_limit} bytes", "Send a smaller one.")
        return self._engine.errors.answer("body-too-large", breach)

    def request_id(self) -> str:
        """An id for a request that no endpoint answers."""
        return self._ids.next()

    def failed(self, error: BaseException) -> Response:
        """The answer to a request that failed outside every endpoint; the log has the rest."""
        request_id = self._ids.next()
        logger.error("request %s failed", request_id, exc_info=error)
        return Answered(self._engine.errors.answer("internal-error", INTERNAL), request_id)


async def read_body(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    """The whole body of a request. Raises TooLarge, Disconnected."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise TooLarge
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(body) <= limit:
        return body
    chunks, size = [body], len(body)
    while message.get("more_body"):
        if size > limit:
            raise TooLarge
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if message["type"] == "http.disconnect":
        raise Disconnected
    if size > limit:
        raise TooLarge
    return b"".join(chunks)


def start_of(answer: Answer, request_id: str) -> Message:
    """The ASGI message that begins an answer."""
    return {
        "type": "http.response.start",
        "status": answer.status,
        "headers": answer.to(request_id),
    }


class CompiledMiddleware(SpecMiddleware):
    """Answers the contract's operations ahead of Connexion's stack."""

    def __init__(self, app: ASGIApp, exchanges: Exchanges, engine: Engine) -> None:
        self._app = app
        self._exchanges = exchanges
        self._engine = engine
        self._routes: Routes[Endpoint] = Routes()

    def add_api(self, specification: Specification, **kwargs: Any) -> None:
        """Take on the operations of an API that the engine has endpoints for."""
        base = kwargs.get("base_path") or specification.base_path
        for method, path, operation in iter_operations(specification):
            endpoint = self._engine.endpoints.get(operation.get("operationId", ""))
            if endpoint is not None:
                self._routes.add(method.upper(), base + path, endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = decoded_path(scope)
        found = self._routes.find(scope["method"], path)
        if found is None:
            await self._app(scope, receive, send)
            return
        endpoint, params = found
        try:
            answer, request_id = await self._exchanges.answer(
                endpoint, scope, path, params, receive
            )
        except Disconnected:
            return
        await send(start_of(answer, request_id))
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})


class Answered(Response):
    """An answer as a Starlette response, for Connexion to send."""

    def __init__(self, answer: Answer, request_id: str, head: bool = False) -> None:
        super().__init__(b"" if head else answer.body, answer.status)
        self.raw_headers = answer.to(request_id)


class Nothing(Response):
    """No response: the client is gone."""

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        return


def plain_function(endpoint: Endpoint, exchanges: Exchanges) -> Callable[[], Awaitable[Response]]:
    """The function that Connexion calls for an operation."""

    async def answer() -> Response:
        scope: Scope = dict(context_scope)
        params: dict[str, str] = scope.get("path_params", {})
        try:
            answered, request_id = await exchanges.answer(
                endpoint, scope, decoded_path(scope), params, context_receive
            )
        except Disconnected:
            return Nothing()
        return Answered(answered, request_id, scope["method"] == "HEAD")

    return answer


class Door:
    """The outermost layer: what concerns every request, whoever answers it.

    Browsers' requests (they carry an ``Origin``) go through Starlette's CORS middleware; the others
    need not pay for it. ``OPTIONS`` is answered here. An encoded slash stays in its segment.
    """

    def __init__(self, app: ASGIApp, exchanges: Exchanges, engine: Engine) -> None:
        self._app = app
        self._exchanges = exchanges
        self._errors = engine.errors
        self._routes: Routes[str] = Routes()
        for operation_id, (method, path) in engine.contract.operations.items():
            self._routes.add(method, path, operation_id)
        self._with_cors = CORSMiddleware(
            self._inner,
            allow_origins=["*"],
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"],
            allow_headers=["*"],
            expose_headers=[REQUEST_ID, "Retry-After", "Allow"],
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif any(name == b"origin" for name, _ in scope["headers"]):
            await self._with_cors(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            allowed = self._routes.methods(decoded_path(scope))
            if allowed:
                answer = Answer(204, ((b"allow", ", ".join(allowed).encode()),))
                await send(start_of(answer, self._exchanges.request_id()))
                await send({"type": "http.response.body"})
                return
        elif b"%2" in scope.get("raw_path", b""):
            scope["path"] = decoded_path(scope)
        await self._app(scope, receive, send)

    def refused(self, status: int, scope: Scope) -> Response:
        """The answer to a request that no route takes."""
        path, method = decoded_path(scope), str(scope["method"])
        if status == 405:
            allowed = self._routes.methods(path)
            breach = Breach(f"this path does not have {method}", f"Use {', '.join(allowed)}.")
            allow = (b"allow", ", ".join(allowed).encode())
            answer = self._errors.answer("method-not-allowed", breach, allow)
        else:
            breach = Breach(f"nothing is served at {path[:200]}", "The paths are in /openapi.json.")
            answer = self._errors.answer("path-unknown", breach)
        return Answered(answer, self._exchanges.request_id(), method == "HEAD")
