"""The short way from the wire to an endpoint and back, for the requests that nearly all are.

uvicorn runs the application as a task for each request, and writes the head and the body of an
answer to the network one after the other. Where the compiled routes know a request that has nothing
special about it, neither is needed: its endpoint is called as soon as the request is whole, and the
answer goes out in one piece. What such a request says is remembered under its bytes, so that one
that is sent again is judged again, and not parsed again. Requests, endpoints, rules and answers are
the same; a test compares what both ways write to the wire, byte for byte.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Mapping
from functools import lru_cache
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from cart_mock.api.endpoints import Endpoint
from cart_mock.http.delivery import CONNECTION
from cart_mock.http.entry import Door
from cart_mock.http.judged import Reading
from cart_mock.http.messages import Answer, Header, Request
from cart_mock.http.routes import decoded

# A browser's request needs the CORS middleware; the others change how the exchange itself goes on.
_SPECIAL = frozenset({b"origin", b"expect", b"transfer-encoding", b"upgrade"})
_METHODS = {b"GET": "GET", b"POST": "POST", b"PUT": "PUT", b"DELETE": "DELETE"}


_REMEMBERED = 1024
"""How many requests are remembered as they came, for all connections to a door."""
_LONGEST = 4096
"""How many bytes a request that is remembered has at most."""


class _Whole(msgspec.Struct, gc=False):
    """A request that is answered here, all but its id. It is never changed once it is whole."""

    endpoint: Endpoint
    params: Mapping[str, str]
    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes = b""
    reading: Reading = msgspec.field(default_factory=Reading)


_remembered: WeakKeyDictionary[Door, dict[bytes, _Whole]] = WeakKeyDictionary()


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
        self._remembered = {} if self._door is None else _remembered.setdefault(self._door, {})
        self._begun = 0
        self._is_between = True
        self._expected: _Whole | None = None
        self._answered: _Whole | None = None
        self._promised: ASGIApp | None = None
        self._started = 0.0
        self._idle_since: float | None = None

    # ---- Requests ---------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take what came.

        Clients send the same few requests again and again. One that came before in one piece and
        came alone needs no parsing, if there is no other under way.
        """
        was_between = self._is_between and not self._is_busy()
        known = self._remembered.get(data) if was_between else None
        if known is not None and self._door is not None:
            self._unset_keepalive_if_required()
            self._promised = self._answer(self._door, known, perf_counter())
            if self._promised is None:
                return
        whole = self._parse(data)
        if was_between and whole is not None and len(data) <= _LONGEST:
            self._remember(data, whole)

    def _parse(self, data: bytes) -> _Whole | None:
        """Let the parser take what came; the request, if it was one alone and was answered here."""
        self._begun, self._answered = 0, None
        super().data_received(data)
        return self._answered if self._begun == 1 and self._is_between else None

    def _remember(self, data: bytes, whole: _Whole) -> None:
        if len(self._remembered) >= _REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[data] = whole

    def on_message_begin(self) -> None:
        """Begin a request; a scope is made only if uvicorn is to serve it."""
        self.url = b""
        self.headers = []
        self._begun += 1
        self._is_between = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Expect the request's body, or leave the request to uvicorn."""
        self._started = perf_counter()
        promised, self._promised = self._promised, None
        if promised is None and self._door is not None:
            self._expected = self._ordinary(self._door)
        if self._expected is None:
            self._leave_to_uvicorn(promised or self._application)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._expected is None:
            super().on_body(body)
        else:
            self._expected.body += body

    def on_message_complete(self) -> None:
        """Answer a request that is whole."""
        self._is_between = True
        expected, self._expected = self._expected, None
        if expected is None or self._door is None:
            super().on_message_complete()
            return
        promised = self._answer(self._door, expected, self._started)
        if promised is None:
            self._answered = expected
        else:
            self._leave_to_uvicorn(promised)
            super().on_message_complete()

    def _answer(self, door: Door, whole: _Whole, started: float) -> ASGIApp | None:
        """Answer a request, or give what will once it has waited for the answer."""
        endpoint = whole.endpoint
        request_id = door.exchanges.request_id()
        request = Request(
            request_id, whole.method, whole.path, whole.params, whole.query, whole.headers,
            whole.body if endpoint.reads_body else b"", whole.reading,
        )  # fmt: skip
        answer = door.exchanges.answer(endpoint, request, started)
        if isinstance(answer, Answer) and answer.delivery is None:
            self.transport.write(_written(answer, request_id))
            self.on_response_complete()
            return None

        async def send_answer(scope: Scope, receive: Receive, send: Send) -> None:
            made = answer if isinstance(answer, Answer) else await answer
            await door.exchanges.send(made, request_id, scope, receive, send)

        return send_answer

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
            begun, self._expected = self._expected.body, None
            self._leave_to_uvicorn(self._application)
            super().on_body(begun)
        super().shutdown()

    def _ordinary(self, door: Door) -> _Whole | None:
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
        return None if found is None else _Whole(*found, method, path, query, headers)

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
