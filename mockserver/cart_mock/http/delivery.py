"""Sends answers over ASGI, and lets them fail on their way if a fault asks for that."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from cart_mock.messages import Answer

CONNECTION = "cart-mock.connection"
"""The ASGI extension under which the server hands over the connection's transport."""
ENDS_WITH_CLIENT = "cart-mock.ends-with-client"
"""The extension that says: this request ends when the client closes its side of the connection."""
HALF_CLOSED = "cart-mock.half-closed"
"""The extension that says: the client has closed its side of the connection."""


class ConnectionDropped(ConnectionError):
    """A fault closed the connection of a client in this process, which has no connection."""


async def send_answer(
    answer: Answer, request_id: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send an answer, or fail as its ``delivery`` says. Raises ConnectionDropped in process."""
    body = b"" if scope["method"] == "HEAD" else answer.body
    if answer.delivery is None or answer.delivery == "truncate":
        headers = answer.headers_for(request_id)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.delivery is None:
        await send({"type": "http.response.body", "body": body})
        return
    if answer.delivery == "truncate":
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    extensions = scope.setdefault("extensions", {})
    extensions[ENDS_WITH_CLIENT] = True
    if answer.delivery != "stall" or HALF_CLOSED in extensions:
        _close(scope)
    while (await receive())["type"] != "http.disconnect":
        pass


def _close(scope: Scope) -> None:
    transport = scope.get("extensions", {}).get(CONNECTION)
    if transport is None:
        raise ConnectionDropped("a fault closed the connection")
    transport.close()
