"""Serves the mock over HTTP with uvicorn, until it is asked to stop."""

from __future__ import annotations

import gc
import socket

import uvicorn
from starlette.types import ASGIApp


def serve(app: ASGIApp, listening: socket.socket, log_level: str) -> None:
    """Serve on a socket that listens until SIGINT or SIGTERM; then finish what is under way."""
    config = uvicorn.Config(
        app,
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
