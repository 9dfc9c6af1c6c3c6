"""One server under test: starts it, sends requests, reads its resources, and ends its processes."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmark.loads import Request

HOST = "127.0.0.1"
_POLL_SECONDS = 0.005
_STOP_SECONDS = 10.0


class ServerError(Exception):
    """A server that did not start, or gave a wrong answer. The message says which."""


@dataclass(frozen=True)
class ColdStart:
    """The time from the start of the process to its first answer, in seconds: real and CPU time."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Answer:
    """The answer of a server."""

    status: int
    body: bytes


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Client:
    """A keep-alive connection to a server on loopback, which reconnects if the server closes it."""

    def __init__(self, port: int, timeout: float = 300.0) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=timeout)

    def send(self, request: Request) -> Answer:
        """Send a request. Raises OSError or http.client.HTTPException if there is no answer."""
        body = None if request.body is None else request.body.encode()
        try:
            self._connection.request(request.method, request.path, body, dict(request.headers))
            response = self._connection.getresponse()
            return Answer(response.status, response.read())
        except BaseException:
            self._connection.close()
            raise

    def expect(self, request: Request) -> Answer:
        """Send a request. Raises ServerError if the status is not one of the expected ones."""
        answer = self.send(request)
        if answer.status not in request.expected:
            raise ServerError(
                f"{request.method} {request.path} answered {answer.status}: "
                f"{answer.body[:300].decode(errors='replace')}"
            )
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Server:
    """A running server, and a context manager that ends every process of the server."""

    def __init__(
        self, command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]
    ) -> None:
        self.port = port
        self._log = log
        self._started = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the peers define the commands
                command,
                cwd=log.parent,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._root = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def wait_for_answer(self, request: Request, timeout: float = 300.0) -> ColdStart:
        """Wait until the request is answered with any status.

        Raises ServerError if the process ends first or ``timeout`` seconds pass.
        """
        while time.perf_counter() - self._started < timeout:
            if self._process.poll() is not None:
                status = self._process.returncode
                raise ServerError(f"it ended with status {status}\n{self.last_words()}")
            client = Client(self.port, timeout=timeout)
            try:
                client.send(request)
                seconds = time.perf_counter() - self._started
                return ColdStart(seconds, self.cpu_seconds())
            except (OSError, http.client.HTTPException):
                time.sleep(_POLL_SECONDS)
            finally:
                client.close()
        raise ServerError(f"no answer within {timeout:.0f} s\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of the server's standard output and error."""
        return self._log.read_text(errors="replace")[-2000:]

    def cpu_seconds(self) -> float:
        """Return the CPU time of the server's processes so far, in seconds."""
        total = 0.0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def memory_mb(self) -> float:
        """Return the resident memory of the server's processes, in MB (10^6 bytes)."""
        total = 0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total / 1e6

    def stop(self) -> None:
        """End the server and its child processes, and wait for their end."""
        tree = self._tree()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(tree, timeout=_STOP_SECONDS)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def kill(self) -> None:
        """Kill the server, as in a crash."""
        self._process.kill()
        self.stop()

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
