"""The workbench as an ASGI application: Connexion with its own document and stock validation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from cart_spec.contract import iter_operations, read_document
from connexion import AsyncApp
from connexion.exceptions import ProblemException
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.api.endpoints import INTERNAL, Engine
from cart_mock.http.routes import Routes
from cart_mock.telemetry.metrics import Metrics
from cart_mock.workbench import BASE_PATH
from cart_mock.workbench import connexion_errors as problems
from cart_mock.workbench.access import CONTROL_KEY, is_local_host, is_loopback_origin
from cart_mock.workbench.errors import Refusal, WorkbenchErrors
from cart_mock.workbench.operations import operations
from cart_mock.workbench.static import Page

logger = logging.getLogger(__name__)

DOCUMENT_PATH = Path(__file__).with_name("workbench.yaml")


def create_workbench(
    engine: Engine, metrics: Metrics, *, control_key: str | None = None,
    validate_responses: bool = False,
) -> ASGIApp:  # fmt: skip
    """The workbench of an engine's stores, to be served at ``BASE_PATH``.

    With a ``control_key`` nothing but the page, health and readiness is to be had without it;
    without one, browsers' pages from elsewhere are kept out. ``validate_responses`` has Connexion
    check its answers against its document, too.
    """
    document = read_document(DOCUMENT_PATH)
    if control_key is None:
        document["security"] = []
    errors = WorkbenchErrors(document, engine.contract)
    app = AsyncApp(
        __name__,
        strict_validation=True,
        validate_responses=validate_responses,
        swagger_ui_options=SwaggerUIOptions(swagger_ui_path="/ui"),
    )
    functions = operations(engine, metrics)
    app.add_api(document, base_path=BASE_PATH, resolver=Resolver(functions.__getitem__))
    paths: Routes[str] = Routes()
    for method, path, operation in iter_operations(document):
        paths.add(method.upper(), BASE_PATH + path, operation["operationId"])
    _add_error_handlers(app, errors, paths)
    return _Entrance(app, errors, control_key)


def _add_error_handlers(app: AsyncApp, errors: WorkbenchErrors, paths: Routes[str]) -> None:
    async def refuse(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        if isinstance(error, HTTPException) and error.status_code == 405:
            # Starlette names the methods of one of the routes of the path only.
            allowed = ", ".join(m for m in paths.methods(request.scope["path"]) if m != "OPTIONS")
            refusal = problems.method_not_allowed(str(request.scope["method"]), allowed)
            return errors.response(refusal, {"Allow": allowed})
        refusal = problems.refusal_of(error, request.scope)
        if refusal.error_id == "internal-error":
            logger.error("a request to the workbench failed", exc_info=error)
        return errors.response(refusal)

    async def fail(_request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        malformed = problems.unreadable(error)
        if malformed is None:
            logger.error("a request to the workbench failed", exc_info=error)
        return errors.response(malformed or Refusal("internal-error", *INTERNAL[:2]))

    app.add_error_handler(Refusal, refuse)
    app.add_error_handler(ProblemException, refuse)
    app.add_error_handler(HTTPException, refuse)
    app.add_error_handler(Exception, fail)


class _Entrance:
    """Keeps out whom the workbench is not open to, and serves the page."""

    def __init__(self, app: ASGIApp, errors: WorkbenchErrors, control_key: str | None) -> None:
        self._app = app
        self._errors = errors
        self._control_key = control_key
        self._page = Page(BASE_PATH, errors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._stranger(dict(scope["headers"])) if self._control_key is None else None
        if refusal is not None:
            response = self._errors.response(refusal)
            await Response(response.body, response.status_code, media_type=response.mimetype)(
                scope, receive, send
            )
        elif self._page.has(scope):
            await self._page(scope, receive, send)
        else:
            scope[CONTROL_KEY] = self._control_key
            await self._app(scope, receive, send)

    @staticmethod
    def _stranger(headers: Mapping[bytes, bytes]) -> Refusal | None:
        """The refusal of a request that came by way of another machine's page or name."""
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        instead = "Call from this machine, by its address, or start cart-mock with --control-key."
        if origin and not is_loopback_origin(origin):
            return Refusal("origin-not-allowed", f"it is {origin[:200]}", instead, "Origin")
        if not is_local_host(host):
            return Refusal("host-not-allowed", f"it is {host[:200]}", instead, "Host")
        return None
