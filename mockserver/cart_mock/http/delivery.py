"""Sends answers, and lets them fail on their way where a fault wants that."""

from __future__ import annotations

from starlette.types import Message, Receive, Scope, Send

from cart_mock.http.messages import Answer

CONNECTION = "cart-mock.connection"
"""The ASGI extension under which the server hands over the connection's transport."""


class ConnectionDropped(ConnectionError):
    """A fault closed the connection, where there is no connection: the client is in process."""


def start_of(answer: Answer, request_id: str) -> Message:
    """The ASGI message that begins an answer."""
    return {
        "type": "http.response.start",
        "status": answer.status,
        "headers": answer.to(request_id),
    }


async def deliver(
    answer: Answer, request_id: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Let an answer fail as its ``delivery`` says. Raises ConnectionDropped in process."""
    if answer.delivery == "truncate":
        await send(start_of(answer, request_id))
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    if answer.delivery != "stall":
        _close(scope)
    while (await receive())["type"] != "http.disconnect":
        pass


def _close(scope: Scope) -> None:
    transport = scope.get("extensions", {}).get(CONNECTION)
    if transport is None:
        raise ConnectionDropped("a fault closed the connection")
    transport.close()
