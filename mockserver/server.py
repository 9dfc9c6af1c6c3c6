"""Serves the mock over HTTP with uvicorn, until it is asked to stop."""

from __future__ import annotations

import gc
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockserver.breaks import Break, losing_headers
from mockserver.delivery import CONNECTION


class Protocol(HttpToolsProtocol):
    """Hands the connection over to the application, so that a fault can close it."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        extensions: dict[str, Any] = {CONNECTION: self.transport}
        self.scope["extensions"] = extensions


def serve(
    app: ASGIApp, listening: socket.socket, log_level: str, breaks: Sequence[Break] = ()
) -> None:
    """Serve on a socket that listens until SIGINT or SIGTERM; then finish what is under way.

    ``breaks`` are the rules to violate: those on header names are broken here.
    """
    config = uvicorn.Config(
        app,
        http=losing_headers(Protocol, breaks),
        log_level=log_level,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
    )
    # What is there now stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    uvicorn.Server(config).run(sockets=[listening])
