"""Enforces one deadline for a whole exchange in the socket, without a thread or a signal.

``requests`` limits the wait for each read, so a server that sends single bytes never times out.
Here each read waits at most until the deadline of the exchange.
"""

from __future__ import annotations

import io
import socket
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class Deadline:
    """The time on the monotonic clock at which the current exchange is aborted."""

    def __init__(self) -> None:
        self._at = float("inf")

    def start(self, seconds: float) -> None:
        """Set the deadline of a new exchange that may take ``seconds``."""
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds until the deadline; zero or negative if it has passed."""
        return self._at - time.monotonic()


class _BoundSocket:
    """A connected socket, plain or TLS, whose reads end at the deadline.

    ``http.client`` reads from ``makefile`` only; all other calls go to the socket unchanged.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.BufferedReader:
        del mode, buffering  # http.client only requests a buffered reader of bytes
        return io.BufferedReader(_BoundReader(self._sock, self._deadline))


class _BoundReader(io.RawIOBase):
    """A raw reader of a socket that stops at the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._timeout = sock.gettimeout()
        # Keeps the socket open while http.client reads an answer that ends the connection.
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline.left
        if left <= 0:
            raise TimeoutError("the exchange took too long")
        if self._timeout is None or left < self._timeout:
            self._sock.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def bind_pools(manager: PoolManager, deadline: Deadline) -> None:
    """Apply ``deadline`` to every connection of ``manager``."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            self.sock = _BoundSocket(self.sock, deadline)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock = _BoundSocket(self.sock, deadline)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
