"""Fast path: answers ordinary HTTP/1.1 requests inside the uvicorn protocol, without ASGI.

uvicorn runs the application as a task for each request, and writes the head and the body of an
answer separately. An ordinary request needs neither: its endpoint is called as soon as the request
is complete, and the answer is sent in one write. uvicorn still handles every other request: unknown
paths, special headers, bodies over the limit. It also sends the answers that a fault spoils.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

from cart_spec.paths import PathTemplates, decoded_path
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.server import ServerState

from cart_mock.api.endpoints import Endpoint
from cart_mock.http.connection import MockProtocol
from cart_mock.http.cors import Cors, answer_headers
from cart_mock.http.delivery import CONNECTION, send_answer
from cart_mock.http.request_handler import RequestHandler
from cart_mock.messages import Answer, Header, Request

_METHODS = {b"GET": "GET", b"POST": "POST", b"PUT": "PUT", b"DELETE": "DELETE"}
# These headers change the protocol of the exchange.
_SPECIAL = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
_CLOSE = (b"connection", b"close")


class Shared(NamedTuple):
    """The parts that the accelerator shares with the app: router, operations and judge."""

    paths: PathTemplates[str]
    endpoints: Mapping[str, Endpoint]
    requests: RequestHandler


class ParsedRequest:
    """A request that is answered here. Its body may not be complete yet."""

    __slots__ = ("body", "endpoint", "headers", "method", "params", "path", "query", "started")

    def __init__(
        self, endpoint: Endpoint, params: Mapping[str, str], method: str, path: str, query: bytes,
        headers: Mapping[bytes, bytes],
    ) -> None:  # fmt: skip
        self.started = perf_counter()
        self.endpoint = endpoint
        self.params = params
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = b""


class AcceleratedProtocol(MockProtocol):
    """A uvicorn HTTP/1.1 connection that answers ordinary requests itself."""

    shared: Shared

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop)
        self._application = self.app
        self._expected: ParsedRequest | None = None
        self._head_from = 0
        headers = server_state.default_headers
        self._default_headers = b"".join(b"%b: %b\r\n" % header for header in headers)

    # ---- Requests ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request. A scope is made only if uvicorn must serve it."""
        self.stage = "head"
        self.note_begin()
        self._head_from = self.received_before
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header. Ignore a trailer, which follows a body."""
        if self.stage == "head":
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Wait for the request's body, or pass the request to uvicorn."""
        self._expected = self._ordinary()
        if self._expected is None:
            self._leave_to_uvicorn(self._application)
        self.stage = "body"

    def on_body(self, body: bytes) -> None:
        """Add a piece of the body."""
        if self._expected is None:
            super().on_body(body)
        else:
            self.progress_at = self.received
            self._expected.body += body

    def on_message_complete(self) -> None:
        """Answer a complete request."""
        parsed, self._expected = self._expected, None
        if parsed is None:
            super().on_message_complete()
            return
        self.stage = "idle"
        endpoint, requests = parsed.endpoint, self.shared.requests
        request_id = requests.new_id()
        request = Request(
            request_id, parsed.method, parsed.path, parsed.params, parsed.query, parsed.headers,
            parsed.body if endpoint.reads_body else b"",
        )  # fmt: skip
        answer = requests.answer(endpoint, request, parsed.started)
        if isinstance(answer, Answer):
            if answer.delivery is None:
                self._write(answer, request_id, parsed)
                self.on_response_complete()
            else:
                self._let_uvicorn_send(self._begun(parsed), answer, request_id)
            return
        self._send_later(self._begun(parsed), answer, request_id, parsed)

    def _write(
        self, answer: Answer, request_id: str, parsed: ParsedRequest, *, closes: bool = False
    ) -> None:
        origin = parsed.headers.get(b"origin")
        more = () if origin is None else answer_headers(origin)
        if closes:
            more = (*more, _CLOSE)
        self.transport.write(_written(answer, request_id, self._default_headers, more))

    def _begun(self, parsed: ParsedRequest) -> RequestResponseCycle:
        """Return what uvicorn knows a request by that is not answered yet."""
        scope: Any = {
            "type": "http", "method": parsed.method, "headers": [*parsed.headers.items()],
            "extensions": {CONNECTION: self.transport},
        }  # fmt: skip
        self.cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        self.cycle.more_body = False
        self._answering = self.cycle
        return self.cycle

    def _send_later(
        self, cycle: RequestResponseCycle, promise: Awaitable[Answer], request_id: str,
        parsed: ParsedRequest,
    ) -> None:  # fmt: skip
        """Send an answer as soon as it is there, in one write as any other."""

        def send(done: asyncio.Future[Answer]) -> None:
            self.tasks.discard(done)
            if done.cancelled():
                self.transport.close()
                return
            answer = done.result()
            if answer.delivery is not None or self.flow.write_paused:
                self._let_uvicorn_send(cycle, answer, request_id)
            elif not cycle.disconnected:
                self._write(answer, request_id, parsed, closes=not cycle.keep_alive)
                cycle.response_started = cycle.response_complete = True
                if not cycle.keep_alive:
                    self.transport.close()
                self.on_response_complete()

        waiting = asyncio.ensure_future(promise)
        self.tasks.add(waiting)  # type: ignore[arg-type]  # the server waits for any task
        waiting.add_done_callback(send)

    def _let_uvicorn_send(
        self, cycle: RequestResponseCycle, answer: Answer, request_id: str
    ) -> None:
        async def send_it(scope: Scope, receive: Receive, send: Send) -> None:
            await send_answer(answer, request_id, scope, receive, send)

        app: Any = Cors(send_it)
        self._start_asgi_task(cycle, app)

    def _ordinary(self) -> ParsedRequest | None:
        """Return the request whose head is complete if it can be answered here, else None."""
        method = _METHODS.get(self.parser.get_method())
        if method is None or self._is_busy():
            return None
        headers = dict(self.headers)
        if len(headers) != len(self.headers) or b"host" not in headers:
            return None  # some come twice, or one is missing: that may be refused
        # The parser keeps a connection of HTTP/1.0 alive only if a header asks for it.
        is_old = b"connection" in headers and self.parser.get_http_version() != "1.1"
        if is_old or not self.parser.should_keep_alive() or not _SPECIAL.isdisjoint(headers):
            return None
        length = headers.get(b"content-length")
        if length is not None and int(length) > self.shared.requests.body_limit:
            return None
        if self.received - self._head_from > self.head_limit:
            return None  # its head may be over the limit, which the app checks
        raw_path, _, query = self.url.partition(b"?")
        if b"#" in self.url or not raw_path.startswith(b"/") or not raw_path.isascii():
            return None
        path = decoded_path(raw_path)
        found = self.shared.paths.find(method, path)
        if found is None:
            return None
        operation_id, params = found
        endpoint = self.shared.endpoints[operation_id]
        return ParsedRequest(endpoint, params, method, path, query, headers)

    def _is_busy(self) -> bool:
        """Return whether an earlier answer is not sent yet, so this one must wait for it."""
        cycle: Any = self.cycle  # None until uvicorn first served a request
        return self.flow.write_paused or (cycle is not None and not cycle.response_complete)

    def _leave_to_uvicorn(self, app: ASGIApp) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        self.app = app
        super().on_headers_complete()

    # ---- The connection's end ---------------------------------------------------------------

    def shutdown(self) -> None:
        """Finish the current request, then close. uvicorn does so for requests that it knows."""
        if self._expected is not None:
            begun, self._expected = self._expected.body, None
            self._leave_to_uvicorn(self._application)
            super().on_body(begun)
        super().shutdown()


def accelerated(shared: Shared) -> type[AcceleratedProtocol]:
    """Return the protocol class for a server whose app and accelerator share these parts."""
    return type("AcceleratedProtocol", (AcceleratedProtocol,), {"shared": shared})


def _written(answer: Answer, request_id: str, first: bytes, more: tuple[Header, ...]) -> bytes:
    """Return the bytes that uvicorn would write; ``first`` and ``more`` are further headers."""
    parts = [STATUS_LINE[answer.status], first]
    for name, value in (*answer.headers_for(request_id), *more):
        parts += (name, b": ", value, b"\r\n")
    parts += (b"\r\n", answer.body)
    return b"".join(parts)
