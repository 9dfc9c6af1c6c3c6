"""The short way from the wire to an endpoint and back, for the requests that nearly all are.

uvicorn runs the application as a task for each request, and writes the head and the body of an
answer to the network one after the other. Where the compiled routes know a request that has nothing
special about it, neither is needed: its endpoint is called as soon as the request is whole, and the
answer goes out in one piece. Requests, endpoints, rules and answers are the same; a test compares
what both ways write to the wire, byte for byte.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from time import perf_counter
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from mockserver.delivery import CONNECTION
from mockserver.engine import Endpoint
from mockserver.http import Answer, Header, Request
from mockserver.pipeline import Door
from mockserver.routes import decoded

# A browser's request needs the CORS middleware; the others change how the exchange itself goes on.
_SPECIAL = frozenset({b"origin", b"expect", b"transfer-encoding", b"upgrade"})
_METHODS = {b"GET": "GET", b"POST": "POST", b"PUT": "PUT", b"DELETE": "DELETE"}


class _Expected(msgspec.Struct, frozen=True, gc=False):
    """A request whose head has come, and which is answered here once its body has, too."""

    endpoint: Endpoint
    params: Mapping[str, str]
    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    started: float


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 connection, which answers ordinary requests itself.

    It leaves all others to uvicorn, and those whose answer has to be waited for. An application
    that is not the mock's own door, such as one that is traced, gets every request from uvicorn.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._application = self.app
        self._door = config.app if isinstance(config.app, Door) else None
        self._expected: _Expected | None = None
        self._body = b""
        self._idle_since: float | None = None

    # ---- Requests ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request; a scope is made only if uvicorn is to serve it."""
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Expect the request's body, or leave the request to uvicorn."""
        self._expected = None if self._door is None else self._ordinary(self._door)
        self._body = b""
        if self._expected is None:
            self._leave_to_uvicorn(self._application)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._expected is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer a request that is whole."""
        expected, self._expected = self._expected, None
        if expected is None or self._door is None:
            super().on_message_complete()
            return
        exchanges, endpoint = self._door.exchanges, expected.endpoint
        request_id = exchanges.request_id()
        request = Request(
            request_id, expected.method, expected.path, expected.params, expected.query,
            expected.headers, self._body if endpoint.reads_body else b"",
        )  # fmt: skip
        answer = exchanges.answer(endpoint, request, expected.started)
        if isinstance(answer, Answer) and answer.delivery is None:
            self.transport.write(_written(answer, request_id))
            self.on_response_complete()
        else:
            self._leave_to_uvicorn(self._sending(answer, request_id))
            super().on_message_complete()

    # ---- The connection's end ---------------------------------------------------------------
    # uvicorn starts a timer after each answer and cancels it at the next request. Here one timer
    # goes on, and looks when it ends whether the connection was idle for so long.

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for one."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._close_after(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _close_after(self, seconds: float) -> None:
        handler = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(seconds, handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it was idle for its time; else look again when it may be."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # the answer that is due starts the timer again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._close_after(left)
        else:
            super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that is gone."""
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Finish what is under way, then close; uvicorn does that if it knows of the request."""
        if self._expected is not None:
            self._expected = None
            self._leave_to_uvicorn(self._application)
            super().on_body(self._body)
        super().shutdown()

    def _ordinary(self, door: Door) -> _Expected | None:
        """The request whose head has come, if it is one to be answered here."""
        method = _METHODS.get(self.parser.get_method())
        if method is None or self._is_busy():
            return None
        headers = dict(self.headers)
        # Of HTTP/1.0 the parser keeps a connection alive only where a header asks for it.
        is_old = b"connection" in headers and self.parser.get_http_version() != "1.1"
        if is_old or not self.parser.should_keep_alive():
            return None
        length = headers.get(b"content-length")
        if length is not None and int(length) > door.exchanges.body_limit:
            return None
        if not _SPECIAL.isdisjoint(headers):
            return None
        raw_path, _, query = self.url.partition(b"?")
        if b"#" in self.url or not raw_path.startswith(b"/") or not raw_path.isascii():
            return None
        path = decoded(raw_path)
        found = door.routes.find(method, path)
        return None if found is None else _Expected(
            *found, method, path, query, headers, perf_counter()
        )  # fmt: skip

    def _is_busy(self) -> bool:
        """Whether an earlier answer is not out yet, so that this one has to queue behind it."""
        cycle: Any = self.cycle  # None until uvicorn first served a request
        return self.flow.write_paused or (cycle is not None and not cycle.response_complete)

    def _leave_to_uvicorn(self, app: ASGIApp) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        extensions: dict[str, Any] = {CONNECTION: self.transport}
        self.scope["extensions"] = extensions
        self.app = app
        super().on_headers_complete()

    def _sending(self, answer: Answer | Awaitable[Answer], request_id: str) -> ASGIApp:
        async def send_answer(scope: Scope, receive: Receive, send: Send) -> None:
            made = answer if isinstance(answer, Answer) else await answer
            assert self._door is not None
            await self._door.exchanges.send(made, request_id, scope, receive, send)

        return send_answer


def _written(answer: Answer, request_id: str) -> bytes:
    """An answer as it stands on the wire."""
    body = answer.body
    if answer.status == 204:
        return b"%b%b\r\n\r\n" % (_head(204, answer.headers), request_id.encode())
    head = _head(answer.status, answer.headers)
    return b"%b%b\r\ncontent-length: %d\r\n\r\n%b" % (head, request_id.encode(), len(body), body)


@lru_cache(maxsize=256)
def _head(status: int, headers: tuple[Header, ...]) -> bytes:
    """The beginning of an answer, up to the value of its request id."""
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"%b%bx-request-id: " % (STATUS_LINE[status], lines)
