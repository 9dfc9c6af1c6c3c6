"""CORS: a page of any origin may call the mock and read every answer."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.messages import Header

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_EXPOSED = ("X-Request-Id", "Retry-After", "Allow")


class Cors(CORSMiddleware):
    """Starlette's CORS middleware for every origin, only for requests that have an origin.

    Starlette 1.10 would also add a ``Vary`` header to the other answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            app, allow_origins=["*"], allow_methods=_METHODS, allow_headers=["*"],
            expose_headers=_EXPOSED, max_age=600,
        )  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the headers of CORS if it has an origin."""
        for name, _ in scope.get("headers", ()):
            if name == b"origin":
                await super().__call__(scope, receive, send)
                return
        await self.app(scope, receive, send)


def answer_headers() -> tuple[Header, ...]:
    """Return the headers that the middleware adds to every answer except to a preflight."""

    async def no_app(scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing, because only the headers are needed."""

    added = {**Cors(no_app).simple_headers, "Vary": "Origin"}
    return tuple((name.lower().encode(), value.encode()) for name, value in added.items())
