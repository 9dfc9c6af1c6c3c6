"""Broken rules for a whole process, and for requests that no store is known for yet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from cart_mock.api.endpoints import Engine, Unknown
from cart_mock.auth.tokens import GRANTS, Grant
from cart_mock.breaks.caller import bearer, claims_of
from cart_mock.breaks.hooks import Access, Break, Form, Header
from cart_mock.breaks.interceptor import Broken
from cart_mock.http.messages import Answer, Request
from cart_mock.rules.context import ACCESS_HEADER, Caller, TokenRequestContext
from cart_mock.state.store import Store


class ProcessWide:
    """What the engine consults where no store's layers reach.

    An access token that is taken for valid belongs to the store and has the grant that it names,
    and where it names none, to the store that was made last, as its administrator's.
    """

    def __init__(self, engine: Engine, breaks: Sequence[Break]) -> None:
        self._engine = engine
        self._layer = Broken(breaks)
        self.of_stores = tuple(broken.id for broken in breaks if broken.scope == "store")
        hooks = [hook for broken in breaks for hook in broken.hooks]
        self._access = [hook for hook in hooks if isinstance(hook, Access)]
        self._forms = [hook for hook in hooks if isinstance(hook, Form)]

    def form(self, form: dict[str, str]) -> dict[str, str]:
        """The form of a request for an access token, as it is to be taken."""
        for hook in self._forms:
            form = hook.change(form)
        return form

    def caller(self, request: Request, caller: Caller) -> Caller:
        """Who a caller without a valid access token is to be taken for."""
        if not any(hook.when(request) for hook in self._access):
            return caller
        claims = claims_of(bearer(request)) or {}
        store = self._engine.stores.get(str(claims.get("store"))) or self._last_store()
        if store is None:
            return caller
        grant: Grant = next((g for g in GRANTS if g == claims.get("grant")), "client_credentials")
        header = ACCESS_HEADER.lower().encode()
        valid = {**request.headers, header: self._authorization(store, grant)}
        return self._engine.callers.of(valid)

    def shown(
        self, operation_id: str, ctx: TokenRequestContext | Unknown, answer: Answer
    ) -> Answer:
        """The answer as it is sent."""
        return self._layer.shown(operation_id, ctx, answer)

    def _last_store(self) -> Store | None:
        return next(reversed(list(self._engine.stores)), None)

    def _authorization(self, store: Store, grant: Grant) -> bytes:
        token, _ = self._engine.tokens.issue_access(store.name, grant, store.now(), store.new_id())
        return b"Bearer " + token.encode()


def break_process(engine: Engine, breaks: Sequence[Break]) -> None:
    """Break these rules in every store, there are and there will be, and where there is none."""

    of_stores = [broken for broken in breaks if broken.scope == "store"]

    def prepare(store: Store) -> None:
        if of_stores:
            store.set_interceptor("breaks", Broken(of_stores))

    engine.breaks = ProcessWide(engine, breaks)
    engine.stores.prepare = prepare
    for store in engine.stores:
        prepare(store)


def losing_headers(
    protocol: type[asyncio.Protocol], breaks: Sequence[Break]
) -> type[asyncio.Protocol]:
    """An HTTP protocol of uvicorn's that loses the headers whose names the breaks do not accept.

    ASGI has header names in lower case only: what was sent is known nowhere else.
    """
    hooks = [hook for broken in breaks for hook in broken.hooks if isinstance(hook, Header)]
    if not hooks:
        return protocol
    base: Any = protocol

    class Losing(base):  # type: ignore[misc]  # the base is chosen at run time
        def on_header(self, name: bytes, value: bytes) -> None:
            if all(hook.accepts(name) for hook in hooks):
                super().on_header(name, value)

    return Losing
