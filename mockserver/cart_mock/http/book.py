"""Serves the rule book, next to the Swagger UI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cart_spec import Contract
from starlette.requests import Request
from starlette.responses import HTMLResponse

BOOK_PATH = "/book"
"""The path of the rule book."""


def book_of(contract: Contract) -> Callable[[Request], Awaitable[HTMLResponse]]:
    """Return a view of the contract's rule book, which is made on first use."""
    made: str | None = None

    async def view(_request: Request) -> HTMLResponse:
        nonlocal made
        if made is None:
            made = await asyncio.to_thread(_render, contract)
        return HTMLResponse(made)

    return view


def _render(contract: Contract) -> str:
    # Imported on first use, because the book of most mocks is never requested.
    from cart_spec.book.render import render
    from cart_spec.implementations import Evidence

    return render(contract, Evidence())
