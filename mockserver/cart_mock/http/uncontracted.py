"""Answers requests for paths that the contract does not have: stubs first, then another server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from connexion.middleware.abstract import ROUTING_CONTEXT
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cart_mock import bodies
from cart_mock.api.endpoints import Mock
from cart_mock.http.delivery import send_answer
from cart_mock.http.request_handler import RequestHandler
from cart_mock.http.routing import ALLOWED
from cart_mock.http.rules_middleware import BodyTooLarge, Disconnected, read_body
from cart_mock.messages import Request, Violation
from cart_mock.tenants.stubs import Found, Stub, answer_of
from cart_mock.tenants.tenant import Tenant

if TYPE_CHECKING:
    from cart_mock.http.forwarding import Forwarder


class Uncontracted:
    """An ASGI middleware for requests that match no operation.

    ``own`` are the first segments of the mock's own paths, such as its documentation, which the
    next application serves. ``forwarder`` returns the client of the other server.
    """

    def __init__(
        self, app: ASGIApp, mock: Mock, requests: RequestHandler,
        forwarder: Callable[[], Forwarder], own: Collection[str],
    ) -> None:  # fmt: skip
        self._app = app
        self._mock = mock
        self._requests = requests
        self._forwarder = forwarder
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with a stub or with another server's answer, or pass it on.

        Raises HTTPException if the contract has the path, but not with this method.
        """
        context = scope.get("extensions", {}).get(ROUTING_CONTEXT)
        if scope["type"] != "http" or context is None or context["operation_id"] is not None:
            await self._app(scope, receive, send)
            return
        allowed = scope["extensions"].get(ALLOWED)
        if allowed is not None:
            if self._requests.refresh is not None:
                await self._requests.refresh(dict(scope["headers"]))
            raise HTTPException(405, headers={"Allow": allowed})
        path: str = scope["path"]
        # OPTIONS * and CONNECT have a target that is not a path.
        if not path.startswith("/") or path.split("/", 2)[1] in self._own:
            await self._app(scope, receive, _identified(send, self._requests))
            return
        if self._requests.refresh is not None:
            await self._requests.refresh(dict(scope["headers"]))
        tenant = self._mock.callers.of(dict(scope["headers"])).tenant
        found = None if tenant is None else tenant.stubs.find(scope["method"], path)
        if tenant is not None and found is not None:
            await self._play(tenant, *found, scope, receive, send)
            return
        target = self._mock.forward
        if tenant is not None and tenant.forward is not None:
            target = tenant.forward
        if target is None or target.url is None:
            await self._app(scope, receive, send)
        else:
            forwarder = await asyncio.to_thread(self._forwarder)
            await forwarder.forward(target, tenant, scope, receive, send)

    async def _play(
        self, tenant: Tenant, stub: Stub, params: dict[str, str], scope: Scope, receive: Receive,
        send: Send,
    ) -> None:  # fmt: skip
        started, headers = perf_counter(), dict(scope["headers"])
        body = b""
        try:
            body = await read_body(receive, headers, self._requests.body_limit)
        except Disconnected:
            return
        except BodyTooLarge:
            reason = f"it has more than {self._requests.body_limit} bytes"
            violation = Violation(reason, "Send a smaller one.")
            answer = self._requests.refusal("body-too-large", violation)
        else:
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))

            def now() -> str:
                text = datetime.fromtimestamp(tenant.now(), UTC).isoformat(timespec="seconds")
                return text.replace("+00:00", "Z")

            answer = answer_of(stub, Found(params, query, _json(body), now, tenant.new_id))
        request = Request(
            self._requests.new_id(), scope["method"], scope["path"], params,
            scope["query_string"], headers, body,
        )  # fmt: skip
        self._requests.record_unrouted(request, answer, tenant, perf_counter() - started)
        if self._requests.settle is not None:
            await self._requests.settle()
        await send_answer(answer, request.id, scope, receive, send)


def _json(body: bytes) -> object:
    """Return the JSON of a body, None if it is something else."""
    try:
        return bodies.read_json(body)
    except (bodies.Malformed, json.JSONDecodeError):
        return None


def _identified(send: Send, requests: RequestHandler) -> Send:
    """Return a ``send`` that gives an answer an id if it lacks one."""

    async def send_identified(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("X-Request-Id", requests.new_id())
        await send(message)

    return send_identified
