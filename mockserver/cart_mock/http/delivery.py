"""Sends answers over ASGI, with the delivery failures that a fault injects."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from cart_mock.messages import Answer

CONNECTION = "cart-mock.connection"
"""The ASGI extension with the connection's transport."""
ENDS_WITH_CLIENT = "cart-mock.ends-with-client"
"""The extension which says that this request ends if the client closes its side."""
HALF_CLOSED = "cart-mock.half-closed"
"""The extension which says that the client has closed its side of the connection."""


class ConnectionDropped(ConnectionError):
    """A closed connection, for clients in this process, which have no real one."""


async def send_answer(
    answer: Answer, request_id: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send an answer, or fail as its ``delivery`` says. In process, it raises ConnectionDropped."""
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
        close_connection(scope)
    while (await receive())["type"] != "http.disconnect":
        pass


def close_connection(scope: Scope) -> None:
    """Close the connection of a request. In process, it raises ConnectionDropped."""
    transport = scope.get("extensions", {}).get(CONNECTION)
    if transport is None:
        raise ConnectionDropped("a fault closed the connection")
    transport.close()
