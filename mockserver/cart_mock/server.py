"""Serves the mock over HTTP with uvicorn, until it is asked to stop."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from cart_mock.accelerator.protocol import Shared, accelerated
from cart_mock.app import MockApp
from cart_mock.http.connection import KEEP_ALIVE, MAX_CONNECTIONS, MockProtocol
from cart_mock.http.request_handler import HEAD_LIMIT

if TYPE_CHECKING:
    from cart_mock.breaks import Break


logger = logging.getLogger(__name__)

_GOODBYE = 30
"""Seconds to wait for the end of TLS that a client should send, at most."""
_NO_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Why no connection can be accepted until others have left."""
_PAUSE = 1.0
"""Seconds to wait then."""


class Tls(NamedTuple):
    """Files in PEM: a certificate with its chain, and its key."""

    certificate: Path
    key: Path


def server_of(
    app: ASGIApp,
    log_level: str,
    breaks: Sequence[Break] = (),
    tls: Tls | None = None,
    *,
    accelerator: bool = True,
    head_limit: int = HEAD_LIMIT,
    keep_alive: int = KEEP_ALIVE,
    max_connections: int = MAX_CONNECTIONS,
) -> uvicorn.Server:
    """Return a server of an application, ready to run.

    ``breaks`` are the rules to violate: those on header names are broken here. The ``accelerator``
    is for the mock's own application; one that is wrapped, such as a traced one, gets every request
    itself. ``head_limit`` is in bytes; the application has its own. ``keep_alive`` is how many
    seconds a connection may be silent, also in a handshake. Raises OSError or ssl.SSLError if the
    files of ``tls`` cannot be used.
    """
    protocol: type[asyncio.Protocol] = MockProtocol
    if accelerator and isinstance(app, MockApp):
        protocol = accelerated(Shared(app.paths, app.mock.endpoints, app.requests))
    bounds = {"head_limit": head_limit, "max_connections": max_connections}
    protocol = type(protocol.__name__, (protocol,), bounds)
    if breaks:
        from cart_mock.breaks import losing_headers

        protocol = losing_headers(protocol, breaks)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_level=log_level,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        headers=[("Keep-Alive", f"timeout={keep_alive}")],
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=5,
        log_config=None,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
    )
    config.load()
    return _Server(config)


class _Server(uvicorn.Server):
    """uvicorn's server, with limits for the handshakes of TLS."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and listen on the sockets."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        config, loop = self.config, asyncio.get_running_loop()

        def connection() -> MockProtocol:
            made: Any = config.http_protocol_class
            return made(config, self.server_state, self.lifespan.state)  # type: ignore[no-any-return]  # a class that is only known to make protocols

        context = config.ssl
        listening: list[Any] = [  # a listener has what uvicorn uses of a server
            await loop.create_server(connection, sock=each, backlog=config.backlog)
            if context is None
            else _TlsListener(each, connection, context, config.timeout_keep_alive)
            for each in sockets or ()
        ]
        self.servers = listening
        self.started = True


class _TlsListener:
    """Accepts connections on a socket and begins TLS on each, for ``handshake`` seconds at most.

    asyncio's own server lets any number of handshakes be under way. Here each counts as a
    connection; beyond those that may be refused with an answer, all are closed at once.
    """

    def __init__(
        self, listening: socket.socket, connection: Callable[[], MockProtocol],
        context: ssl.SSLContext, handshake: float,
    ) -> None:  # fmt: skip
        self._listening = listening
        self._connection = connection
        self._context = context
        self._handshake = handshake
        listening.setblocking(False)
        self._tasks: set[asyncio.Task[None]] = set()
        self._start(self._accept())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._listening)
            except OSError as error:
                if error.errno in _NO_FILES:
                    logger.warning("no connection can be accepted now: %s", error.strerror)
                    await asyncio.sleep(_PAUSE)
                continue  # otherwise the client left before it was accepted
            protocol = self._connection()
            if protocol.takes_place():
                self._start(self._begin(accepted, protocol))
            else:
                accepted.close()

    async def _begin(self, accepted: socket.socket, protocol: MockProtocol) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol, accepted, ssl=self._context,
                ssl_handshake_timeout=self._handshake,
                ssl_shutdown_timeout=min(self._handshake, _GOODBYE),
            )  # fmt: skip
        except OSError:  # ssl.SSLError and TimeoutError, too
            """The client left, was silent, or does not speak TLS."""
        finally:
            protocol.leaves_unless_connected()

    def close(self) -> None:
        """Accept nothing more, and end the handshakes that are under way."""
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until they have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def serve(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve on a listening socket until SIGINT or SIGTERM; then finish what is under way."""
    # Start-up objects are long-lived: keep the collector from looking at them again and again.
    gc.freeze()
    gc.enable()
    # Requests leave no cycles. Collecting after every 700 objects, the default, costs more than
    # it finds.
    gc.set_threshold(10_000, 20, 50)
    # uvicorn re-raises signals after shutdown. Without a handler, the default action would exit
    # non-zero.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listening])
