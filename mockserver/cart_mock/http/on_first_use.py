"""Makes an application when its first request arrives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send


class OnFirstUse:
    """An ASGI application that a thread makes while other requests are served."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to the application, made now if it is the first one."""
        app = self._made
        if app is None:
            app = await asyncio.to_thread(self._made_once)
        # The path parameters of the route to this application do not belong to it.
        scope["path_params"] = {}
        await app(scope, receive, send)

    def _made_once(self) -> ASGIApp:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made
