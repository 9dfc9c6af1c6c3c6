"""uvicorn's HTTP/1.1 protocol, extended for the mock's faults, limits and timeouts."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from cart_mock.http.delivery import CONNECTION, ENDS_WITH_CLIENT, HALF_CLOSED
from cart_mock.http.request_handler import HEAD_LIMIT, head_too_large
from cart_mock.http.routing import REFUSED
from cart_mock.messages import Header, Violation

KEEP_ALIVE = 65
"""Default number of seconds that a connection may be silent. It is longer than the 60 seconds of
most load balancers, so that they close it first."""

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_TARGET_LIMIT = 65_535
"""Maximum length of a target that the parser can read, in bytes."""
_LINGER = 2.0
"""Seconds to wait for the client to read a refusal, while its further bytes are discarded."""
LEAST_RATE = 50
"""How many bytes of a request must arrive in a second on average, or it is not waited for."""
MAX_CONNECTIONS = 1000
"""How many connections a process serves at a time, unless said otherwise."""
MOST_REFUSALS = 64
"""How many further connections may be refused with an answer at a time; others are closed."""
MOST_WAITING = 256
"""How many requests of a connection may wait for the answer to an earlier one."""
MOST_UNSENT = 512 * 1024 * 1024
"""How many bytes of answers wait for all other clients to read them, before one more slow reader is
disconnected."""
_RETRY = ((b"retry-after", b"1"),)

Stage = Literal["idle", "head", "body"]


class _TargetTooLong(Exception):
    """A target that is longer than the parser can read."""


class _WrongHosts(Exception):
    """A request with several Host headers, or none. Readers could disagree about the host."""


class _TooManyWaiting(Exception):
    """A request that came while too many earlier ones wait."""


class MockProtocol(HttpToolsProtocol):
    """A connection that the app can close in the middle of an answer, as faults require.

    An offered upgrade is ignored, because every Java client offers HTTP/2. The app refuses
    input that is not HTTP, after the answers to earlier requests. A client that has closed its side
    still gets the answers that it waits for. A client that is silent for ``timeout_keep_alive``
    seconds while the server waits for it is disconnected, and so is one that sends a request in
    pieces which are too small for the time.
    """

    head_limit = HEAD_LIMIT
    """Maximum number of bytes without a complete head, or without a piece of a body."""
    max_connections = MAX_CONNECTIONS
    """Maximum number of connections; a further one is refused."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop)
        self.stage: Stage = "idle"
        self._is_over = False
        self.received = self.received_before = 0
        """Number of received bytes, with and without the current piece."""
        self.progress_at = 0
        """Number of received bytes when a request last began, or a piece of a body was read."""
        self._heard = 0.0
        self.began_at, self.began = 0, 0.0
        """Number of received bytes, and the time, when a request last began."""
        self._answering: RequestResponseCycle | None = None
        """The request whose answer is made or sent; later ones wait in the pipeline."""

    # ---- Requests ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request, and pass the connection's transport to the app."""
        self.stage = "head"
        self.note_begin()
        super().on_message_begin()
        extensions: dict[str, Any] = {CONNECTION: self.transport}
        self.scope["extensions"] = extensions

    def note_begin(self) -> None:
        """Note when a request began."""
        self.progress_at = self.received
        self.began_at, self.began = self.received_before, self._heard

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header. Ignore a trailer, which follows a body."""
        if self.stage == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the app serve the request."""
        if len(self.url) > _TARGET_LIMIT:
            raise _TargetTooLong
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            raise _WrongHosts
        if len(self.pipeline) >= MOST_WAITING:
            raise _TooManyWaiting
        super().on_headers_complete()
        self.stage = "body"

    def on_body(self, body: bytes) -> None:
        """Add a piece of the body."""
        self.progress_at = self.received
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Complete a request. If it offers an upgrade, parse its body first."""
        if not self.parser.should_upgrade():
            self.stage = "idle"
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes."""
        if self._is_over:
            return
        self._heard = self.loop.time()
        self.received_before = self.received
        self.received += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, _TooManyWaiting):
                reason = f"{MOST_WAITING} requests of this connection wait already"
                hint = "Read their answers first."
                self._refuse("service-unavailable", Violation(reason, hint), *_RETRY)
                return
            self.logger.warning("Invalid HTTP request received.")
            if isinstance(cause, _TargetTooLong):
                self._refuse("head-too-large", head_too_large(_TARGET_LIMIT))
            elif isinstance(cause, _WrongHosts):
                has_some = any(name == b"host" for name, _ in self.headers)
                reason = "it has several Host headers" if has_some else "it has no Host header"
                self._refuse("request-malformed", Violation(reason, "Send one.", "Host"))
            else:
                self._refuse("request-malformed", Violation(_reason(error), "Send HTTP/1.1."))
        else:
            if self.received - self.progress_at > self.head_limit and self.stage != "idle":
                self._refuse("head-too-large", head_too_large(self.head_limit))

    def _decline_upgrade(self, rest: bytes) -> None:
        """Parse the body, which the parser leaves to the offered protocol."""
        framing = [b"%b: %b\r\n" % header for header in self.headers if header[0] in _FRAMING]
        self.parser = httptools.HttpRequestParser(_SkippingOneHead(self))
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.received -= len(rest)  # they are counted again
        self.data_received(b"POST / HTTP/1.1\r\n%b\r\n%b" % (b"".join(framing), rest))

    def _refuse(self, error_id: str, violation: Violation, *headers: Header) -> None:
        """Let the app refuse unreadable input after the earlier answers, and then close."""
        self._is_over = True
        begun: Any = self.cycle  # None until uvicorn first served a request
        is_due = begun is not None and not begun.response_complete
        if self.stage == "body":
            if not is_due or begun.response_started:
                self._close_when_answered()
                return
            if self.pipeline and self.pipeline[0][0] is begun:
                self.pipeline.popleft()
            else:
                begun.disconnected = True
                begun.message_event.set()
                is_due = False
        arrived = [] if self.stage == "idle" else self.headers
        super().on_message_begin()
        scope: Any = self.scope
        scope.update(method="GET", path="/", raw_path=b"/", query_string=b"")
        # The request log asks whose request it is; of the other headers, nothing is known.
        scope["headers"] = [header for header in arrived if header[0] == b"authorization"]
        scope["extensions"] = {REFUSED: (error_id, violation, *headers)}
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=_Lingering(self.transport, self.loop),  # type: ignore[arg-type]  # it has all that is used
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        self.cycle.more_body = False
        self.cycle.message_event.set()
        if is_due:
            self.pipeline.appendleft((self.cycle, self.config.loaded_app))
        else:
            self._start_asgi_task(self.cycle, self.config.loaded_app)

    def _close_when_answered(self) -> None:
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            self.transport.close()
        else:
            cycle.keep_alive = False

    # ---- The connection's end ---------------------------------------------------------------
    # uvicorn starts a timer after each answer and cancels it at the next request. Here one timer
    # continues, and checks at its end whether the connection was silent for that time.

    def takes_place(self) -> bool:
        """Count the connection before its handshake. Return False if there are too many."""
        if len(self.connections) >= self.max_connections + MOST_REFUSALS:
            return False
        self.connections.add(self)
        return True

    def leaves_unless_connected(self) -> None:
        """Stop counting the connection if its handshake failed."""
        transport: Any = self.transport  # None until the handshake is done
        if transport is None:
            self.connections.discard(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]  # it is one for reading and writing
        self._heard = self.loop.time()
        self._check_after(self.timeout_keep_alive)
        too_many = len(self.connections) - self.max_connections
        if too_many > MOST_REFUSALS:
            self._is_over = True
            self.transport.abort()
        elif too_many > 0:
            reason = f"there are {self.max_connections} connections already"
            hint = "Close one, or raise --max-connections."
            self._refuse("service-unavailable", Violation(reason, hint), *_RETRY)

    def pause_writing(self) -> None:
        """Wait for a client that does not read. Disconnect it if others have too much waiting."""
        super().pause_writing()
        others: Any = (each for each in self.connections if each is not self)
        made = (each.transport for each in others if each.transport is not None)
        if sum(transport.get_write_buffer_size() for transport in made) > MOST_UNSENT:
            self.transport.abort()

    def eof_received(self) -> bool | None:  # type: ignore[override]  # as asyncio has it
        """Keep the connection for the answer that the client waits for, if there is one."""
        if self.stage == "body" and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()  # it will never be whole, but earlier ones are
            self._is_over = True
            self.stage = "idle"
            self.cycle = self.pipeline[0][0] if self.pipeline else self._answering  # type: ignore[assignment]  # one is being answered
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or self.stage == "body":
            return None
        extensions = cycle.scope["extensions"]
        if self.scheme == "https" or ENDS_WITH_CLIENT in extensions:
            return None
        extensions[HALF_CLOSED] = True
        cycle.keep_alive = False
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Start the next request, or wait for one."""
        self._heard = self.loop.time()
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()

    def _unset_keepalive_if_required(self) -> None:
        """Let the timer continue."""

    def _check_after(self, seconds: float) -> None:
        handler = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(seconds, handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if the client was silent for that time, else check again later."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        is_answering = cycle is not None and not cycle.response_complete and self.stage != "body"
        if is_answering and HALF_CLOSED not in cycle.scope["extensions"]:
            self._check_after(self.timeout_keep_alive)
            return
        until = self._heard
        if self.stage != "idle":
            until = min(until, self.began + (self.received - self.began_at) / LEAST_RATE)
        left = until + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._check_after(left)
        elif self.transport.get_write_buffer_size():
            self.transport.abort()  # it does not read its answer
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """Finish the current request, then close. The listener ends handshakes."""
        transport: Any = self.transport
        if transport is not None:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a closed connection."""
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        answering = self._answering
        if answering is not None and not answering.response_complete:
            # uvicorn marks only the last one; an earlier one would write to a closed connection.
            answering.disconnected = True
            answering.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)


def _reason(error: httptools.HttpParserError) -> str:
    if isinstance(error, httptools.HttpParserCallbackError):
        return "its target is not a URL"
    text = str(error.args[0] if error.args else "") or "it cannot be read"
    return text[:1].lower() + text[1:]


class _Lingering:
    """A transport that lets the client read the last answer before it is closed.

    If a connection is closed while bytes of the client are unread, its answer may be lost.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        if self._transport.can_write_eof():  # not over TLS
            self._transport.write_eof()
        self._loop.call_later(_LINGER, self._transport.close)


class _SkippingOneHead:
    """Callbacks for a new parser, which ignore the first head."""

    def __init__(self, connection: HttpToolsProtocol) -> None:
        self._connection = connection
        self._skips = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self._skips:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._skips:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._skips:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._skips:
            self._skips = False
        else:
            self._connection.on_headers_complete()
