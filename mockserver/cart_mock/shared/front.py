"""Answers requests of the API through the logs of their tenants."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from cart_mock import bodies
from cart_mock.api.endpoints import ApiEndpoint, Endpoint, Mock
from cart_mock.api.handlers import PREPARATIONS
from cart_mock.formats import NAME_LIMIT
from cart_mock.messages import Answer, Request
from cart_mock.rules.context import TokenRequestContext
from cart_mock.shared.errors import StoreUnavailable, TenantGone
from cart_mock.shared.replay import PREPARED, Delayed, NotPrepared, Replay, finished
from cart_mock.shared.replica import Outcome, Replica, Work
from cart_mock.shared.state import Order
from cart_mock.shared.tenants import SharedTenants

_ATTEMPTS = 5
"""How often a request is begun again because its replica was not the store's any more."""
_WITHOUT_CHANGES = {"createAccessToken", "createCustomerToken", "createAccountToken"}
"""POST operations that seldom change anything, so that they are judged before they are written."""


class Front:
    """The answers of one process of many."""

    def __init__(self, mock: Mock, tenants: SharedTenants) -> None:
        self._mock = mock
        self._tenants = tenants

    async def answer(self, endpoint: Endpoint, request: Request) -> Answer:
        """Return the answer to a request. Raises StoreUnavailable, TooManyTenants."""
        await self._tenants.ready()
        order = Order(endpoint.operation_id, request)
        at_once = request.method == "GET" or endpoint.operation_id in _WITHOUT_CHANGES
        prepares = endpoint.operation_id in PREPARATIONS
        for _ in range(_ATTEMPTS):
            name = self._store_of(endpoint, request)
            replica = None
            if name is not None:
                creates = not isinstance(endpoint, ApiEndpoint)
                replica = await self._tenants.hold(name, create=creates)
            if replica is None:
                return await self._without_store(endpoint, order)
            try:
                if prepares and order.prepared is None:
                    prepared = await self._prepared(replica, endpoint, order, is_needed=False)
                    order = replace(order, prepared=prepared)
                outcome = await replica.submit(Work(order, endpoint, at_once=at_once))
                return await self._noted(outcome)
            except TenantGone:
                continue
            except Delayed as delayed:
                await replica.tenant.clock.sleep(delayed.seconds)
                order, at_once = replace(order, taken=delayed.taken), False
            except NotPrepared:
                prepared = await self._prepared(replica, endpoint, order, is_needed=True)
                order = replace(order, prepared=prepared)
        raise StoreUnavailable("the store of this request changes too often")

    async def _noted(self, outcome: Outcome) -> Answer:
        for stray in outcome.strays:
            await self._tenants.note(stray)
        answer: Answer = outcome.result
        return answer

    async def refresh(self, headers: Mapping[bytes, bytes]) -> None:
        """Bring the store of a request up to now whose path the contract does not have."""
        await self._tenants.ready()
        name = self._mock.callers.store_of(headers)
        replica = None if name is None else await self._tenants.hold(name)
        if replica is not None:
            with suppress(TenantGone):
                await replica.catch_up()

    def _store_of(self, endpoint: Endpoint, request: Request) -> str | None:
        if isinstance(endpoint, ApiEndpoint):
            return self._mock.callers.store_of(request.headers)
        media = bodies.media_type(request.headers.get(b"content-type", b""))
        if media not in ("", bodies.FORM):
            return None
        try:
            form = bodies.read_form(request.body)
        except bodies.Malformed:
            return None
        client_id = form.get("client_id")
        if not client_id or len(client_id) > NAME_LIMIT:
            return None
        if TokenRequestContext.grant_of(form) is None or not self._tenants.accepts(client_id):
            return None
        return client_id

    async def _without_store(self, endpoint: Endpoint, order: Order) -> Answer:
        assert order.request is not None
        self._mock.replay = Replay(order, self._tenants.injector)
        try:
            with self._tenants.collecting() as collected:
                made = endpoint.answer(order.request)
                answer = made if isinstance(made, Answer) else finished(made)  # type: ignore[arg-type]  # endpoints are coroutine functions
        finally:
            self._mock.replay = None
        return await self._noted(Outcome(answer, tuple(collected)))

    async def _prepared(
        self, replica: Replica, endpoint: Endpoint, order: Order, *, is_needed: bool
    ) -> dict[str, Any] | None:
        """Do the slow work of an operation if its request gets so far; return what it leaves."""
        await replica.catch_up()
        assert isinstance(endpoint, ApiEndpoint)
        assert order.request is not None
        ctx = endpoint.context(order.request)
        if ctx is None or ctx.tenant is not replica.tenant:
            return None
        if not is_needed and endpoint.refusal(endpoint.checks_before_preparing, ctx) is not None:
            return None
        await PREPARATIONS[endpoint.operation_id](ctx)
        return {name: getattr(ctx, name) for name in PREPARED if name in vars(ctx)}
