"""Serves the mock over HTTP with uvicorn, until it is asked to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp

from cart_mock.accelerator.protocol import Connection
from cart_mock.http.tls import Tls

if TYPE_CHECKING:
    from cart_mock.breaks import Break


def server_of(
    app: ASGIApp, log_level: str, breaks: Sequence[Break] = (), tls: Tls | None = None
) -> uvicorn.Server:
    """A server of an application, ready to run.

    ``breaks`` are the rules to violate: those on header names are broken here. Raises OSError or
    ssl.SSLError if the files of ``tls`` cannot be used.
    """
    protocol: type[asyncio.Protocol] = Connection
    if breaks:
        from cart_mock.breaks import losing_headers

        protocol = losing_headers(Connection, breaks)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_level=log_level,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
        log_config=None,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
    )
    config.load()
    return uvicorn.Server(config)


def serve(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve on a socket that listens until SIGINT or SIGTERM; then finish what is under way."""
    # What is there now stays: the collector need not look at it again and again.
    gc.freeze()
    gc.enable()
    # A request leaves no cycles behind; looking for some after every 700 objects, as is the
    # default, costs more than it finds.
    gc.set_threshold(50_000, 20, 50)
    # Once it has stopped, uvicorn raises the signals that it got again, for whoever handled them
    # before. Had nobody, then that would end the process as a failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listening])
