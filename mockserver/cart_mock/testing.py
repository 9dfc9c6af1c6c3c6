"""A mock for tests: in this process or served on a port, with a store for each test."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.client import PATIENCE, AsyncCartMock, CartMock, WorkbenchError
from cart_mock.http.delivery import CONNECTION

if TYPE_CHECKING:
    from cart_mock.breaks import Break

__all__ = [
    "PATIENCE",
    "AsyncCartMock",
    "CartMock",
    "InProcessTransport",
    "WorkbenchError",
    "in_process",
    "served",
]

IN_PROCESS_URL = "http://localhost"
"""The base URL of a mock in this process; nothing is sent over a network."""


class InProcessTransport(httpx.BaseTransport):
    """An httpx transport that calls an ASGI application in its own event loop.

    Several threads may use it at the same time. As over a network, a late answer raises
    httpx.ReadTimeout, and a dropped connection raises httpx.RemoteProtocolError.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to a request. Raises httpx.ReadTimeout, httpx.RemoteProtocolError."""
        answer = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
        try:
            return answer.result(request.extensions.get("timeout", {}).get("read"))
        except TimeoutError:
            answer.cancel()
            raise httpx.ReadTimeout("no answer came in time", request=request) from None

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        connection = _InProcessConnection()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app({**scope, "extensions": {CONNECTION: connection}}, receive, send)

        try:
            response = await httpx.ASGITransport(app=app).handle_async_request(request)
        except asyncio.CancelledError:
            if not connection.is_closed:
                raise
            text = "a fault closed the connection"
            raise httpx.RemoteProtocolError(text, request=request) from None
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    def close(self) -> None:
        """Cancel the requests in progress, and stop the event loop."""
        asyncio.run_coroutine_threadsafe(_cancel_other_tasks(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _InProcessConnection:
    """A substitute for a request's connection, which a fault may close.

    Create it in the request's task.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._task = asyncio.current_task()

    def close(self) -> None:
        """Stop answering the request, as a server does when its connection is closed."""
        self.is_closed = True
        if self._task is not None:
            self._task.cancel()


async def _cancel_other_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def in_process(app: ASGIApp) -> Iterator[httpx.Client]:
    """Yield a client of an application in this process."""
    transport = InProcessTransport(app)
    with httpx.Client(transport=transport, base_url=IN_PROCESS_URL, timeout=PATIENCE) as client:
        yield client


@contextmanager
def served(
    app: ASGIApp, breaks: Sequence[Break] = (), *, accelerator: bool = True
) -> Iterator[httpx.Client]:
    """Serve an application on a free loopback port, in a thread; yield a client of it.

    ``breaks`` are the rules that the application breaks; those about header names need the server.
    """
    from cart_mock.server import server_of

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    host, port = listening.getsockname()
    server = server_of(app, "warning", breaks, accelerator=accelerator)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://{host}:{port}", timeout=PATIENCE) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(timeout=30)
