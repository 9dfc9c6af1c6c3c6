"""Serves the rule book, beside the Swagger UI."""

from __future__ import annotations

import asyncio

from cart_spec import Contract
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

BOOK_PATH = "/book"
"""Where the rule book is."""


def asks_for_book(scope: Scope) -> bool:
    """Whether a request is for the rule book."""
    return (
        scope["type"] == "http"
        and scope["path"].rstrip("/") == BOOK_PATH
        and scope["method"] in {"GET", "HEAD"}
    )


def book_of(contract: Contract) -> ASGIApp:
    """The rule book of a contract as an ASGI application; it is made on first use."""
    made: str | None = None

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal made
        if made is None:
            made = await asyncio.to_thread(_render, contract)
        await HTMLResponse(made)(scope, receive, send)

    return serve


def _render(contract: Contract) -> str:
    # Imported on first use: a mock that nobody asks for its book starts without it.
    from cart_spec.book.render import render
    from cart_spec.implementations import Evidence

    return render(contract, Evidence())
