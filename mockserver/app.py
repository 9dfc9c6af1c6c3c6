"""The mock as an ASGI application: Connexion with the contract, and the engine behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.context import ContextMiddleware
from connexion.middleware.request_validation import RequestValidationMiddleware
from connexion.middleware.response_validation import ResponseValidationMiddleware
from connexion.middleware.security import SecurityMiddleware
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.book import asks_for_book, book_of
from mockserver.engine import Endpoint, Engine
from mockserver.metrics import Metrics
from mockserver.pipeline import Answered, Door, Exchanges, Operations, RouteTaker
from mockserver.routes import Routes
from mockserver.stores import Stores
from mockserver.workbench import BASE_PATH
from openapi import Contract, load_contract

if TYPE_CHECKING:
    from mockserver.breaks import Break

BODY_LIMIT = 1024 * 1024
"""How many bytes a request's body may have, unless said otherwise."""
DOCUMENTATION_PATH = "/ui/"
"""Where Connexion serves its Swagger UI."""

# The rules judge tokens, parameters and bodies, in the contract's words: Connexion's own security
# and validation would answer before them, in words of their own. Nothing here reads its context.
_REPLACED_BY_RULES = (
    SecurityMiddleware,
    RequestValidationMiddleware,
    ResponseValidationMiddleware,
    ContextMiddleware,
)


def create_app(
    *,
    contract: Contract | None = None,
    stores: Stores | None = None,
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
    stores = Stores() if stores is None else stores
    engine = Engine(contract, stores, envelope_only=envelope_only)
    if breaks:
        from mockserver.breaks import break_process

        break_process(engine, breaks)
    metrics = Metrics()
    exchanges = Exchanges(engine, body_limit, metrics)
    routes: Routes[Endpoint] = Routes()

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
        yield {}
        stores.close()

    middlewares: list[Any] = [
        middleware
        for middleware in ConnexionMiddleware.default_middlewares
        if middleware not in _REPLACED_BY_RULES
    ]
    if compiled:
        middlewares.insert(0, partial(RouteTaker, routes=routes, engine=engine))
    app = ConnexionMiddleware(
        Operations(exchanges, engine),
        import_name=__name__,
        lifespan=lifespan,
        middlewares=middlewares,
        swagger_ui_options=SwaggerUIOptions(swagger_ui_path=DOCUMENTATION_PATH),
    )
    # Connexion resolves each operationId to the endpoint that Operations will call.
    resolver = Resolver(lambda operation_id: engine.endpoints[operation_id].answer)
    app.add_api(dict(contract.document), resolver=resolver)
    make_workbench = cache(partial(_workbench, engine, metrics, control_key))
    beside = _beside(app, make_workbench, book_of(contract))
    door = Door(beside, exchanges, engine, routes)

    async def refuse(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        if not isinstance(error, HTTPException):
            return _as_connexion(Answered(*exchanges.failed(error, exchanges.request_id())))
        return _as_connexion(door.refused(error, request.scope))

    async def fail(_request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        return _as_connexion(Answered(*exchanges.failed(error, exchanges.request_id())))

    app.add_error_handler(404, refuse)
    app.add_error_handler(405, refuse)
    app.add_error_handler(Exception, fail)
    return door


def _workbench(engine: Engine, metrics: Metrics, control_key: str | None) -> ASGIApp:
    # Made on first use: a mock that nobody looks into starts without it.
    from mockserver.workbench.app import create_workbench

    return create_workbench(engine, metrics, control_key=control_key)


def _beside(app: ASGIApp, workbench: Callable[[], ASGIApp], book: ASGIApp) -> ASGIApp:
    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        is_workbench = scope["type"] == "http" and (
            scope["path"] == BASE_PATH or scope["path"].startswith(f"{BASE_PATH}/")
        )
        beside = book if asks_for_book(scope) else app
        await (workbench() if is_workbench else beside)(scope, receive, send)

    return either


def _as_connexion(response: Response) -> ConnexionResponse:
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return ConnexionResponse(
        status_code=response.status_code, headers=headers, body=bytes(response.body)
    )
