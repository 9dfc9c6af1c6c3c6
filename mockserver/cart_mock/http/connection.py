"""uvicorn's HTTP/1.1 protocol, with what the mock needs of a connection."""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cart_mock.http.delivery import CONNECTION

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class MockProtocol(HttpToolsProtocol):
    """A connection that the app can close in the middle of an answer, as a fault asks.

    A request that offers an upgrade is answered as if it did not: every Java client offers HTTP/2.
    """

    def on_message_begin(self) -> None:
        """Begin a request, and hand the app the connection's transport."""
        super().on_message_begin()
        extensions: dict[str, Any] = {CONNECTION: self.transport}
        self.scope["extensions"] = extensions

    def on_message_complete(self) -> None:
        """Complete a request; one that offers an upgrade once its body has been parsed, too."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Go on with the body, which the parser leaves to the protocol that is offered."""
        framing = [b"%b: %b\r\n" % header for header in self.headers if header[0] in _FRAMING]
        self.parser = httptools.HttpRequestParser(_SkippingOneHead(self))
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"POST / HTTP/1.1\r\n%b\r\n%b" % (b"".join(framing), rest))


class _SkippingOneHead:
    """Callbacks of a parser that starts over behind the head of a request."""

    def __init__(self, connection: HttpToolsProtocol) -> None:
        self._connection = connection
        self._skips = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self._skips:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._skips:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._skips:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._skips:
            self._skips = False
        else:
            self._connection.on_headers_complete()
