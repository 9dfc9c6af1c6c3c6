"""One deadline for a whole exchange, kept by the socket itself: no thread, and no signal.

``requests`` bounds the wait for each read, so a server that sends one byte at a time is never too
late. Here each read waits at most until the deadline of the exchange.
"""

from __future__ import annotations

import io
import socket
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class Deadline:
    """The time, on the monotonic clock, at which the present exchange is cut off."""

    def __init__(self) -> None:
        self._at = float("inf")

    def start(self, seconds: float) -> None:
        """Start an exchange that may take that long."""
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline; not positive once it has passed."""
        return self._at - time.monotonic()


class _BoundSocket:
    """A connected socket, plain or TLS, whose reads end at the deadline.

    ``http.client`` reads from ``makefile`` alone; everything else goes to the socket as it is.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.BufferedReader:
        del mode, buffering  # http.client asks for a buffered reader of bytes, and for nothing else
        return io.BufferedReader(_BoundReader(self._sock, self._deadline))


class _BoundReader(io.RawIOBase):
    """Reads from a socket until the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._timeout = sock.gettimeout()
        # It keeps the socket open while http.client reads an answer that ends the connection.
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
    """Make every connection of ``manager`` keep to ``deadline``."""

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
