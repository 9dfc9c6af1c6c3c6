"""uvicorn's HTTP/1.1 protocol, with what the mock needs of a connection."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cart_mock.http.delivery import CONNECTION


class MockProtocol(HttpToolsProtocol):
    """A connection that the app can close in the middle of an answer, as a fault asks.

    A request that offers an upgrade is answered as if it did not.
    """

    def on_message_begin(self) -> None:
        """Begin a request, and hand the app the connection's transport."""
        super().on_message_begin()
        extensions: dict[str, Any] = {CONNECTION: self.transport}
        self.scope["extensions"] = extensions

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: clients such as Java's offer HTTP/2 with every first request."""
