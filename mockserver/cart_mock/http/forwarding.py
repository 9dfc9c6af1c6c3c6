"""Sends requests for paths that the contract does not have to another server, and its answers back.

Bodies are streamed both ways. The tokens of the mock stay here: headers made for them are left out,
and what else repeats one is left out or masked.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import perf_counter
from urllib.parse import unquote_to_bytes

import httpx
from cart_spec.redaction import MARK
from starlette.types import Receive, Scope, Send

from cart_mock.errors import ErrorCatalogue
from cart_mock.http.delivery import close_connection, send_answer
from cart_mock.http.origins import is_loopback_origin
from cart_mock.http.request_handler import RequestHandler
from cart_mock.http.rules_middleware import Disconnected
from cart_mock.messages import NOT_IN_HEADERS, Answer, Delivery, Header, Request, Violation
from cart_mock.tenants.forward import Forward
from cart_mock.tenants.request_log import LARGEST
from cart_mock.tenants.tenant import Tenant

logger = logging.getLogger(__name__)

_CONNECT = 5.0
"""The longest time for a connection, in seconds: a server that is up accepts at once."""
_KEPT = LARGEST // 2
"""How many bytes of each body are kept for the request log."""
_SHORTEST_TOKEN = 8
_LEFT = 8
"""After so many answers whose client left, Python looks for cycles: the libraries leave what they
have read of such an answer, up to 8 MB, in one, and so few objects are not looked at otherwise."""

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
     b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings"}
)  # fmt: skip
_TOKENS = (b"authorization", b"x-moltin-customer-token",
           b"ep-account-management-authentication-token")  # fmt: skip
_NOT_SENT = _HOP_BY_HOP | {*_TOKENS, b"host", b"expect", b"x-control-key"}
_NOT_RETURNED = _HOP_BY_HOP | {b"x-request-id"}


class Forwarder:
    """A client of the other servers, made on first use."""

    def __init__(self, requests: RequestHandler, errors: ErrorCatalogue) -> None:
        self._requests = requests
        self._errors = errors
        self._client: httpx.AsyncClient | None = None
        self._via = f"1.1 cart-mock-{secrets.token_hex(6)}"
        self._left = 0

    def note_left(self) -> None:
        """Note that a client left before it had its answer."""
        self._left += 1
        if self._left % _LEFT == 0:
            asyncio.get_running_loop().call_later(1, gc.collect, 1)

    async def close(self) -> None:
        """Close the connections to the other servers."""
        if self._client is not None:
            await self._client.aclose()

    def client(self) -> httpx.AsyncClient:
        """Return the client. It keeps no cookies: those of one caller are not another's."""
        if self._client is None:
            jar = CookieJar(DefaultCookiePolicy(allowed_domains=()))
            self._client = httpx.AsyncClient(cookies=jar)
        return self._client

    async def forward(
        self, target: Forward, tenant: Tenant | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request with the answer of another server, and log both."""
        await _Exchange(self, target, tenant, scope, receive, send).run()

    def record(
        self, request: Request, answer: Answer, tenant: Tenant | None, seconds: float
    ) -> None:
        """Log an exchange."""
        self._requests.record_unrouted(request, answer, tenant, seconds)

    def failure(self, error: Exception, target: Forward) -> Answer:
        """Return the answer to a request that the other server did not answer."""
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ConnectError):
            reason = f"{target.url} cannot be reached"
            hint = "Start it, or name another one with --forward."
            return self._failed("forward-failed", reason, hint, target)
        if isinstance(error, httpx.TimeoutException):
            reason = f"{target.url} sent nothing for {target.timeout:g} seconds"
            hint = "Raise --forward-timeout if it needs longer."
            return self._failed("forward-timeout", reason, hint, target)
        reason = f"{target.url} broke the connection or its answer is not HTTP"
        return self._failed("forward-failed", reason, "Its own log may say why.", target)

    def loop(self, target: Forward) -> Answer:
        """Return the answer to a request that came back to the mock that forwarded it."""
        reason = f"{target.url} leads back to this mock"
        return self._failed("forward-failed", reason, "Name another server.", target)

    def _failed(self, error_id: str, reason: str, hint: str, target: Forward) -> Answer:
        answer = self._errors.answer(error_id, Violation(reason, hint))
        return _from(answer, target)

    @property
    def via(self) -> str:
        """The name of this mock in the ``Via`` header, by which it recognizes its own requests."""
        return self._via

    def new_id(self) -> str:
        """Return a new request id."""
        return self._requests.new_id()


def _can_be_sent(response: httpx.Response) -> bool:
    """Return whether the server can send that answer on: it sends nothing that is not HTTP."""
    values = (value for _, value in response.headers.raw)
    return 200 <= response.status_code <= 599 and not any(map(NOT_IN_HEADERS.search, values))


def _from(answer: Answer, target: Forward) -> Answer:
    origin = {"forwarded_to": target.url or ""}
    return Answer(
        answer.status, answer.headers, answer.body, answer.refused_by, answer.violation,
        answer.delivery, answer.fault, origin,
    )  # fmt: skip


class _Exchange:
    """One forwarded request."""

    def __init__(
        self, forwarder: Forwarder, target: Forward, tenant: Tenant | None, scope: Scope,
        receive: Receive, send: Send,
    ) -> None:  # fmt: skip
        self.started = perf_counter()
        self.id = forwarder.new_id()
        self._forwarder, self._target, self._tenant = forwarder, target, tenant
        self._scope, self._receive, self._send = scope, receive, send
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._tokens = _tokens_in(self._headers)
        self._body = bytearray()
        self._is_read = asyncio.Event()

    def _logged(self) -> Request:
        scope = self._scope
        return Request(
            self.id, scope["method"], scope["path"], {}, scope["query_string"], self._headers,
            bytes(self._body),
        )  # fmt: skip

    async def run(self) -> None:
        """Exchange the messages, until the answer is sent or the client has left."""
        if self._forwarder.via.encode() in self._headers.get(b"via", b""):
            await self._sent(self._forwarder.loop(self._target))
            return
        # A client that disconnects must not leave the other server at work.
        work = asyncio.ensure_future(self._pass_on())
        left = asyncio.ensure_future(self._client_left())
        await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        left.cancel()
        if not work.done():
            self._forwarder.note_left()
            work.cancel()
        with suppress(asyncio.CancelledError, Disconnected):
            await work

    async def _client_left(self) -> None:
        await self._is_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _pass_on(self) -> None:
        try:
            response = await self._forwarder.client().send(self._request(), stream=True)
        except httpx.HTTPError as error:
            logger.warning("request %s: %s", self.id, type(error).__name__)
            await self._sent(self._forwarder.failure(error, self._target))
            return
        try:
            if _can_be_sent(response):
                await self._returned(response)
            else:
                reason = httpx.RemoteProtocolError("its status or a header cannot be sent")
                await self._sent(self._forwarder.failure(reason, self._target))
        finally:
            await response.aclose()

    async def _sent(self, answer: Answer) -> None:
        self._record(answer)
        await send_answer(answer, self.id, self._scope, self._receive, self._send)

    def _record(self, answer: Answer) -> None:
        seconds = perf_counter() - self.started
        self._forwarder.record(self._logged(), answer, self._tenant, seconds)

    # ---- The request ------------------------------------------------------------------------

    def _request(self) -> httpx.Request:
        scope, target = self._scope, self._target
        url = httpx.URL(target.url or "")
        path = scope.get("raw_path") or str(scope["path"]).encode()
        query = b"&".join(
            part for part in scope["query_string"].split(b"&")
            if not _repeats(self._tokens, unquote_to_bytes(part.replace(b"+", b" ")))
        )  # fmt: skip
        raw_path = url.raw_path.rstrip(b"/") + _masked(path, self._tokens)
        url = url.copy_with(raw_path=raw_path + (b"?" + query if query else b""))
        has_body = b"transfer-encoding" in self._headers or self._headers.get(
            b"content-length", b"0"
        ) not in (b"", b"0")
        if not has_body:
            self._is_read.set()
        limits = httpx.Timeout(target.timeout, connect=min(_CONNECT, target.timeout))
        return httpx.Request(
            scope["method"], url, headers=list(self._sent_headers()),
            content=self._pieces() if has_body else None,
            extensions={"timeout": limits.as_dict()},
        )  # fmt: skip

    def _sent_headers(self) -> Iterable[Header]:
        named = {name.strip().lower() for name in self._headers.get(b"connection", b"").split(b",")}
        for name, value in self._scope["headers"]:
            if name in _NOT_SENT or name in named or _repeats(self._tokens, value):
                continue
            if name == b"via":
                continue
            yield name, value
        before = self._headers.get(b"via")
        own = self._forwarder.via.encode()
        yield b"via", own if before is None else before + b", " + own
        if b"x-forwarded-host" not in self._headers:
            yield b"x-forwarded-host", self._headers.get(b"host", b"")
            yield b"x-forwarded-proto", str(self._scope["scheme"]).encode()
        if self._may_use_credential():
            yield b"authorization", (self._target.authorization or "").encode()

    def _may_use_credential(self) -> bool:
        """Whether the request may act with the mock's credential at the other server.

        A page on the internet can call a mock on a developer's machine, and can get a token.
        """
        if self._target.authorization is None or self._tenant is None:
            return False
        origin = self._headers.get(b"origin")
        return origin is None or is_loopback_origin(origin.decode("latin-1"))

    async def _pieces(self) -> AsyncIterator[bytes]:
        mask = _Mask(self._tokens)
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            piece = message.get("body", b"")
            if len(self._body) < _KEPT:
                self._body += piece[: _KEPT - len(self._body)]
            is_last = not message.get("more_body")
            masked = mask.feed(piece, is_last=is_last)
            if masked:
                yield masked
            if is_last:
                self._is_read.set()
                return

    # ---- The answer -------------------------------------------------------------------------

    async def _returned(self, response: httpx.Response) -> None:
        headers = tuple(self._returned_headers(response))
        kept = bytearray()
        # The log has a request before its client has the whole answer.
        left = self._length(response)
        if left == 0:
            self._record(self._answer(response, headers, kept))
        started = [*headers, (b"x-request-id", self.id.encode())]
        await self._send(
            {"type": "http.response.start", "status": response.status_code, "headers": started}
        )
        try:
            async for piece in response.aiter_raw():
                if len(kept) < _KEPT:
                    kept += piece[: _KEPT - len(kept)]
                if left is not None:
                    left -= len(piece)
                    if left <= 0:
                        self._record(self._answer(response, headers, kept))
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        except httpx.HTTPError as error:
            logger.warning("request %s: answer ended early: %s", self.id, type(error).__name__)
            self._record(self._answer(response, headers, kept, "truncate"))
            close_connection(self._scope)
            return
        if left is None:
            self._record(self._answer(response, headers, kept))
        await self._send({"type": "http.response.body"})

    def _length(self, response: httpx.Response) -> int | None:
        """Return the number of bytes of an answer's body, None if it is unknown until its end."""
        if self._scope["method"] == "HEAD" or response.status_code in (204, 304):
            return 0
        length = response.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdecimal() else None

    def _answer(
        self, response: httpx.Response, headers: tuple[Header, ...], kept: bytearray,
        delivery: Delivery | None = None,
    ) -> Answer:  # fmt: skip
        """Return the answer for the log, without the credential that it may repeat."""
        forms = _forms_of(self._target.authorization)
        shown = tuple((name, _hidden(value, forms)) for name, value in headers)
        body = b"" if b"content-encoding" in dict(headers) else _hidden(bytes(kept), forms)
        answer = Answer(response.status_code, shown, body, delivery=delivery)
        return _from(answer, self._target)

    def _returned_headers(self, response: httpx.Response) -> Iterable[Header]:
        named = {
            name.strip().lower().encode()
            for name in response.headers.get("connection", "").split(",")
        }
        for raw_name, value in response.headers.raw:
            name = raw_name.lower()
            if name in _NOT_RETURNED or name in named or name.startswith(b"access-control-"):
                continue
            yield name, self._own_location(value) if name == b"location" else value

    def _own_location(self, value: bytes) -> bytes:
        """Return the target of a redirect: this mock, if it leads to the other server."""
        base = (self._target.url or "").encode()
        rest = value.removeprefix(base)
        if rest == value or (rest and rest[:1] not in (b"/", b"?", b"#")):
            return value
        return rest if rest.startswith(b"/") else b"/" + rest


class _Mask:
    """A filter that masks tokens in a streamed body, and keeps its length."""

    def __init__(self, tokens: tuple[bytes, ...]) -> None:
        self._tokens = tokens
        self._held = b""
        self._overlap = max(map(len, tokens), default=1) - 1

    def feed(self, piece: bytes, *, is_last: bool) -> bytes:
        """Return what can be sent now: the end may be the beginning of a token."""
        if not self._tokens:
            return piece
        text = _masked(self._held + piece, self._tokens)
        cut = len(text) if is_last else max(0, len(text) - self._overlap)
        self._held = text[cut:]
        return text[:cut]


def _forms_of(authorization: str | None) -> list[bytes]:
    """Return the forms in which a server may repeat its credential, the longest first."""
    if authorization is None:
        return []
    _, _, token = authorization.partition(" ")
    found = {authorization.encode(), token.strip().encode()}
    return sorted(filter(None, found), key=len, reverse=True)


def _hidden(text: bytes, forms: Iterable[bytes]) -> bytes:
    for form in forms:
        text = text.replace(form, MARK.encode())
    return text


def _tokens_in(headers: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
    found = set()
    for name in _TOKENS:
        value = headers.get(name, b"").strip()
        scheme, _, token = value.partition(b" ")
        found.add(token.strip() if scheme.lower() == b"bearer" else value)
    return tuple(token for token in found if len(token) >= _SHORTEST_TOKEN)


def _repeats(tokens: Iterable[bytes], text: bytes) -> bool:
    return any(token in text for token in tokens)


def _masked(text: bytes, tokens: Iterable[bytes]) -> bytes:
    for token in tokens:
        text = text.replace(token, b"x" * len(token))
    return text
