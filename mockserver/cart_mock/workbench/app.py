"""The control API as an ASGI application: Connexion with its own document and stock validation."""

from __future__ import annotations

import logging
from pathlib import Path

from cart_spec.contract import iter_operations, read_document
from cart_spec.paths import PathTemplates
from connexion import AsyncApp
from connexion.exceptions import ProblemException
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.api.endpoints import Mock
from cart_mock.errors import INTERNAL
from cart_mock.telemetry.metrics import Metrics
from cart_mock.workbench import BASE_PATH, connexion_errors
from cart_mock.workbench.access import CONTROL_KEY, check_is_local
from cart_mock.workbench.control import CONTROL, Control
from cart_mock.workbench.errors import ErrorResponses, Refusal
from cart_mock.workbench.routes import OPERATIONS
from cart_mock.workbench.static import Page

logger = logging.getLogger(__name__)

DOCUMENT_PATH = Path(__file__).with_name("workbench.yaml")


def create_workbench(
    mock: Mock, metrics: Metrics, *, control_key: str | None = None,
    validate_responses: bool = False,
) -> ASGIApp:  # fmt: skip
    """Return the control API of a mock, to be served at ``BASE_PATH``.

    If a ``control_key`` is set, only the page, health and readiness are available without it.
    Otherwise requests from pages or through host names of other machines are refused. With
    ``validate_responses`` Connexion
    checks the answers against the document, too.
    """
    document = read_document(DOCUMENT_PATH)
    if control_key is None:
        document["security"] = []
    errors = ErrorResponses(document, mock.contract)
    app = AsyncApp(
        __name__,
        strict_validation=True,
        validate_responses=validate_responses,
        swagger_ui_options=SwaggerUIOptions(swagger_ui_path="/ui"),
    )
    app.add_api(document, base_path=BASE_PATH, resolver=Resolver(OPERATIONS.__getitem__))
    routes = PathTemplates(
        (method.upper(), BASE_PATH + path, operation["operationId"])
        for method, path, operation in iter_operations(document)
    )
    _add_error_handlers(app, errors, routes)
    return _AccessGate(app, errors, Control(mock, metrics), control_key)


def _add_error_handlers(app: AsyncApp, errors: ErrorResponses, routes: PathTemplates[str]) -> None:
    async def refuse(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        if isinstance(error, HTTPException) and error.status_code == 405:
            # Starlette's own Allow header only has the methods of one of the path's routes.
            methods = routes.methods(request.scope["path"])
            allowed = ", ".join(method for method in methods if method != "OPTIONS")
            refusal = connexion_errors.method_not_allowed(str(request.scope["method"]), allowed)
            return errors.render(refusal, {"Allow": allowed})
        refusal = connexion_errors.to_refusal(error, request.scope)
        if refusal.error_id == "internal-error":
            logger.error("a request to the workbench failed", exc_info=error)
        return errors.render(refusal)

    async def fail(_request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        malformed = connexion_errors.unreadable_body(error)
        if malformed is None:
            logger.error("a request to the workbench failed", exc_info=error)
        return errors.render(malformed or Refusal("internal-error", *INTERNAL[:2]))

    app.add_error_handler(Refusal, refuse)
    app.add_error_handler(ProblemException, refuse)
    app.add_error_handler(HTTPException, refuse)
    app.add_error_handler(Exception, fail)


class _AccessGate:
    """A gate that refuses requests from other machines unless a key is set, and serves the page."""

    def __init__(
        self, app: ASGIApp, errors: ErrorResponses, control: Control, control_key: str | None
    ) -> None:
        self._app = app
        self._errors = errors
        self._control = control
        self._control_key = control_key
        self._page = Page(BASE_PATH, errors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._control_key is None:
            try:
                check_is_local(dict(scope["headers"]))
            except Refusal as refusal:
                answer = self._errors.render(refusal)
                response = Response(answer.body, answer.status_code, media_type=answer.mimetype)
                await response(scope, receive, send)
                return
        if self._page.serves(scope):
            await self._page(scope, receive, send)
        else:
            scope[CONTROL] = self._control
            scope[CONTROL_KEY] = self._control_key
            await self._app(scope, receive, send)
