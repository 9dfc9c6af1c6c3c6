"""The way from an ASGI request to an endpoint, and the door in front.

*Compiled*: the contract's paths are routes that lead straight to their endpoints. *Plain*:
Connexion has the same routes, behind the layers of its stack (:mod:`cart_mock.http.connexion_app`); what is not
in the contract (the documentation pages, unknown paths, wrong methods) goes there. On both ways the
request is read and the answer made with the functions here, and the same endpoints judge; that is
why they answer alike, and a test compares them. (Over HTTP most requests do not even come to the
door: see :mod:`cart_mock.accelerator.protocol`.)
"""

from __future__ import annotations

import itertools
import logging
import secrets
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from time import perf_counter

from msgspec.structs import replace
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.api.endpoints import INTERNAL, Endpoint, Engine
from cart_mock.http.delivery import deliver, start_of
from cart_mock.http.messages import Answer, Request, Violation
from cart_mock.http.routes import Routes, decoded_path
from cart_mock.telemetry.logs import log_request, request_logger
from cart_mock.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"


class TooLarge(Exception):
    """The body is over the limit."""


class Disconnected(Exception):
    """The client went away before its body was whole."""


class Exchanges:
    """Reads ASGI requests, has endpoints answer them, and gives each its id.

    Ids are unique across restarts, and in the order of arrival within one process.
    """

    def __init__(self, engine: Engine, body_limit: int, metrics: Metrics) -> None:
        self._errors = engine.errors
        self._journal = engine.journal
        self._observe = metrics.observe
        self._logs = request_logger.isEnabledFor(logging.INFO)
        self.body_limit = body_limit
        self._prefix = secrets.token_hex(4)
        self._counter = itertools.count(1)

    def request_id(self) -> str:
        """A new request id."""
        return f"{self._prefix}-{next(self._counter):06x}"

    async def serve(
        self, endpoint: Endpoint, params: Mapping[str, str], scope: Scope, path: str,
        headers: dict[bytes, bytes], receive: Receive, send: Send,
    ) -> None:  # fmt: skip
        """Answer an ASGI request at an endpoint. Raises Disconnected."""
        started = perf_counter()
        request_id, method, query = self.request_id(), scope["method"], scope["query_string"]
        try:
            body = (
                await read_body(receive, headers, self.body_limit) if endpoint.reads_body else b""
            )
        except TooLarge:
            breach = Violation(f"it has more than {self.body_limit} bytes", "Send a smaller one.")
            answer = self._errors.answer("body-too-large", breach)
            request = Request(request_id, method, path, params, query, headers, b"")
            self._unjudged(endpoint, request, answer, started)
        else:
            request = Request(request_id, method, path, params, query, headers, body)
            made = self.answer(endpoint, request, started)
            answer = made if isinstance(made, Answer) else await made
        await self.send(answer, request_id, scope, receive, send)

    def answer(
        self, endpoint: Endpoint, request: Request, started: float
    ) -> Answer | Awaitable[Answer]:
        """The answer to a request that is complete, or its promise; it is counted and logged.

        ``started`` is when the request came, by the performance counter. A fault of the mock itself
        is logged under the request's id and becomes the 500.
        """
        try:
            answer = endpoint.answer(request)
        except Exception as error:  # noqa: BLE001  # whatever it is, the client gets the envelope
            answer = self.failed(error, request.id)[0]
            self._unjudged(endpoint, request, answer, started)
            return answer
        if isinstance(answer, Answer):
            self._note(endpoint, request, answer, started)
            return answer
        return self._promised(endpoint, request, answer, started)

    async def _promised(
        self, endpoint: Endpoint, request: Request, promise: Awaitable[Answer], started: float
    ) -> Answer:
        try:
            answer = await promise
        except Exception as error:  # noqa: BLE001  # as above
            answer = self.failed(error, request.id)[0]
            self._unjudged(endpoint, request, answer, started)
        else:
            self._note(endpoint, request, answer, started)
        return answer

    def _unjudged(
        self, endpoint: Endpoint, request: Request, answer: Answer, started: float
    ) -> None:
        self._journal.record(replace(request, body=b""), endpoint.operation_id, answer, None)
        self._note(endpoint, request, answer, started)

    def _note(self, endpoint: Endpoint, request: Request, answer: Answer, started: float) -> None:
        seconds = perf_counter() - started
        self._observe(endpoint.operation_id, answer, seconds)
        if self._logs:
            log_request(request, endpoint.operation_id, answer, seconds)

    async def send(
        self, answer: Answer, request_id: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send an answer, or let it fail on its way where a fault wants that."""
        if answer.delivery is not None:
            await deliver(answer, request_id, scope, receive, send)
            return
        await send(start_of(answer, request_id))
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    def unserved(
        self, request_id: str, scope: Scope, path: str, headers: dict[bytes, bytes], answer: Answer
    ) -> None:
        """Journal a request that no endpoint answered, so that its answer can be explained."""
        query = scope["query_string"]
        request = Request(request_id, str(scope["method"]), path, {}, query, headers, b"")
        self._journal.record(request, "", answer, None)

    def failed(self, error: BaseException, request_id: str) -> tuple[Answer, str]:
        """The answer to a request that the mock failed at; the log has the rest under its id."""
        logger.error("request %s failed", request_id, exc_info=error)
        return self._errors.answer("internal-error", INTERNAL), request_id


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


class Door:
    """The outermost layer: what concerns every request, whoever answers it.

    ``paths`` are the contract's, and answered here if ``compiled``; ``app`` gets what is not.
    Browsers' requests (they carry an ``Origin``) go through Starlette's CORS middleware; the others
    need not pay for it. ``OPTIONS`` is answered here. An encoded slash stays in its segment.
    """

    def __init__(
        self, app: ASGIApp, exchanges: Exchanges, paths: Routes[Endpoint], *, compiled: bool
    ) -> None:
        self._app = app
        self.exchanges = exchanges
        self._paths = paths
        self.routes = paths if compiled else Routes()
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
            return
        headers = dict(scope["headers"])
        if b"origin" in headers:
            await self._with_cors(scope, receive, send)
            return
        path = decoded_path(scope)
        found = self.routes.find(scope["method"], path)
        if found is None:
            await self._uncommon(path, scope, receive, send)
            return
        with suppress(Disconnected):
            await self.exchanges.serve(*found, scope, path, headers, receive, send)

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the CORS middleware wraps: the same, once the Origin is dealt with."""
        path = decoded_path(scope)
        found = self.routes.find(scope["method"], path)
        if found is None:
            await self._uncommon(path, scope, receive, send)
            return
        headers = dict(scope["headers"])
        with suppress(Disconnected):
            await self.exchanges.serve(*found, scope, path, headers, receive, send)

    async def _uncommon(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = self._paths.methods(path) if scope["method"] == "OPTIONS" else []
        if allowed:
            answer = Answer(204, ((b"allow", ", ".join(allowed).encode()),))
            await send(start_of(answer, self.exchanges.request_id()))
            await send({"type": "http.response.body"})
            return
        scope["path"] = path
        await self._app(scope, receive, send)
