"""CORS: a page of any origin may call the mock and read every answer, with credentials too."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.http.delivery import send_answer
from cart_mock.http.request_handler import RequestHandler
from cart_mock.messages import Answer, Header

_EXPOSED = ("X-Request-Id", "Retry-After", "Allow")
_ANY_METHOD = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"
_VARY = (
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
    "Access-Control-Request-Private-Network"
)


class Cors(CORSMiddleware):
    """Starlette's CORS middleware, only for requests that have an origin.

    It names the origin, because browsers take no ``*`` for requests with credentials. Starlette
    1.10 would also add a ``Vary`` header to the other answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            app, allow_origin_regex=".*", allow_credentials=True, expose_headers=_EXPOSED
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the headers of CORS if it has an origin."""
        for name, _ in scope.get("headers", ()):
            if name == b"origin":
                await self._from_a_page(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _from_a_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)


class CorsWithPreflights(Cors):
    """The CORS middleware that also answers preflights, and has them in the request log.

    Starlette's answers have no id, and those of older versions refuse private networks.
    """

    def __init__(self, app: ASGIApp, requests: RequestHandler) -> None:
        super().__init__(app)
        self._requests = requests

    async def _from_a_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["method"] != "OPTIONS" or "access-control-request-method" not in headers:
            await super()._from_a_page(scope, receive, send)
            return
        answer = _preflight(headers)
        request_id = self._requests.unrouted(
            "OPTIONS", scope["path"], scope["query_string"], dict(scope["headers"]), answer
        )
        await send_answer(answer, request_id, scope, receive, send)


def _preflight(headers: Headers) -> Answer:
    """Return the answer that allows what a preflight asks for."""
    allowed = {
        "Access-Control-Allow-Origin": headers["origin"],
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": _ANY_METHOD,
        "Access-Control-Max-Age": "600",
        "Vary": _VARY,
    }
    wanted = headers.get("access-control-request-headers")
    if wanted is not None:
        allowed["Access-Control-Allow-Headers"] = wanted
    if "access-control-request-private-network" in headers:
        allowed["Access-Control-Allow-Private-Network"] = "true"
    return Answer(200, tuple((n.lower().encode(), v.encode("latin-1")) for n, v in allowed.items()))


_SHARED: tuple[Header, ...] = (
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", ", ".join(_EXPOSED).encode()),
)


def answer_headers(origin: bytes) -> tuple[Header, ...]:
    """Return the headers that the middleware adds to an answer for a page of that origin."""
    return (*_SHARED, (b"access-control-allow-origin", origin), (b"vary", b"Origin"))
