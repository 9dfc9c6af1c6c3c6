"""The mock as an ASGI application: the contract's endpoints, and what people look at."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cart_spec import Contract, load_contract
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.api.endpoints import Endpoint, Engine
from cart_mock.http.book import asks_for_book, book_of
from cart_mock.http.entry import Door, Exchanges
from cart_mock.http.routes import Routes
from cart_mock.telemetry.metrics import Metrics
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.workbench import BASE_PATH

if TYPE_CHECKING:
    from cart_mock.breaks import Break

BODY_LIMIT = 1024 * 1024
"""How many bytes a request's body may have, unless said otherwise."""
DOCUMENTATION_PATH = "/ui/"
"""Where Connexion serves its Swagger UI."""


def create_app(
    *,
    contract: Contract | None = None,
    stores: TenantRegistry | None = None,
    envelope_only: bool = False,
    body_limit: int = BODY_LIMIT,
    compiled: bool = True,
    control_key: str | None = None,
    breaks: Sequence[Break] = (),
) -> ASGIApp:
    """The mock as an ASGI application.

    ``stores`` is where its state is, by default in memory. ``envelope_only`` refuses bare arrays.
    ``body_limit`` is in bytes. ``compiled`` answers the contract's operations ahead of Connexion's
    stack; without it that stack routes them: the answers are the same. ``control_key`` is what the
    workbench asks for, by default nothing. ``breaks`` are rules to violate, in every store. Raises
    LookupError if the contract has an operation or a refusal that the mock does not implement.
    """
    contract = contract or load_contract()
    stores = TenantRegistry() if stores is None else stores
    engine = Engine(contract, stores, envelope_only=envelope_only)
    if breaks:
        from cart_mock.breaks import break_process

        break_process(engine, breaks)
    metrics = Metrics()
    exchanges = Exchanges(engine, body_limit, metrics)
    paths: Routes[Endpoint] = Routes()
    for operation_id, (method, path) in contract.operations.items():
        paths.add(method, path, engine.endpoints[operation_id])
    beside = _Beside(
        plain=_OnFirstUse(partial(_plain, engine, exchanges, paths)),
        workbench=_OnFirstUse(partial(_workbench, engine, metrics, control_key)),
        book=book_of(contract),
        close=stores.close,
    )
    return Door(beside, exchanges, paths, compiled=compiled)


def _plain(engine: Engine, exchanges: Exchanges, paths: Routes[Endpoint]) -> ASGIApp:
    from cart_mock.http.connexion_app import plain_stack

    return plain_stack(engine, exchanges, paths, DOCUMENTATION_PATH)


def _workbench(engine: Engine, metrics: Metrics, control_key: str | None) -> ASGIApp:
    from cart_mock.workbench.app import create_workbench

    return create_workbench(engine, metrics, control_key=control_key)


class _OnFirstUse:
    """An application that is made when the first request for it comes.

    A mock starts without what nobody asks it for, and a thread makes it while others are served.
    """

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._made
        if app is None:
            app = await asyncio.to_thread(self._made_once)
        await app(scope, receive, send)

    def _made_once(self) -> ASGIApp:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


class _Beside:
    """What is beside the contract's operations: the workbench, the rule book, and all else."""

    def __init__(
        self, *, plain: ASGIApp, workbench: ASGIApp, book: ASGIApp, close: Callable[[], None]
    ) -> None:
        self._plain = plain
        self._workbench = workbench
        self._book = book
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._app_of(scope)(scope, receive, send)

    def _app_of(self, scope: Scope) -> ASGIApp:
        path = scope["path"]
        if path == BASE_PATH or path.startswith(f"{BASE_PATH}/"):
            return self._workbench
        return self._book if asks_for_book(scope) else self._plain

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._close()
        await send({"type": "lifespan.shutdown.complete"})
