"""The plain way: Connexion's own stack routes a request to an operation, whose endpoint answers it.

It is loaded when a request first needs it, in :mod:`cart_mock.app`: importing Connexion and having
it take in the contract takes longer than all else that the mock does before its first answer.
"""

from __future__ import annotations

from contextlib import suppress

from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.abstract import ROUTING_CONTEXT
from connexion.middleware.context import ContextMiddleware
from connexion.middleware.request_validation import RequestValidationMiddleware
from connexion.middleware.response_validation import ResponseValidationMiddleware
from connexion.middleware.security import SecurityMiddleware
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.api.endpoints import Endpoint, Engine
from cart_mock.http.entry import Disconnected, Exchanges
from cart_mock.http.messages import Answer, Violation
from cart_mock.http.routes import Routes, decoded_path

# The rules judge tokens, parameters and bodies, in the contract's words: Connexion's own security
# and validation would answer before them, in words of their own. Nothing here reads its context.
_REPLACED_BY_RULES = (
    SecurityMiddleware,
    RequestValidationMiddleware,
    ResponseValidationMiddleware,
    ContextMiddleware,
)


def plain_stack(
    engine: Engine, exchanges: Exchanges, paths: Routes[Endpoint], documentation_path: str
) -> ASGIApp:
    """Connexion with the engine's contract and endpoints, and its Swagger UI beside them.

    ``paths`` say which methods a path has.
    """
    app = ConnexionMiddleware(
        Operations(exchanges, engine),
        import_name=__name__,
        middlewares=[
            middleware
            for middleware in ConnexionMiddleware.default_middlewares
            if middleware not in _REPLACED_BY_RULES
        ],
        swagger_ui_options=SwaggerUIOptions(swagger_ui_path=documentation_path),
    )
    # Connexion resolves each operationId to the endpoint that Operations will call.
    resolver = Resolver(lambda operation_id: engine.endpoints[operation_id].answer)
    app.add_api(dict(engine.contract.document), resolver=resolver)

    async def refuse(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        if not isinstance(error, HTTPException):
            return await fail(request, error)
        scope = request.scope
        path, method = decoded_path(scope), str(scope["method"])
        if error.status_code == 405:
            allow = ", ".join(paths.methods(path)) or (error.headers or {}).get("Allow", "")
            breach = Violation(f"this path does not have {method}", f"Use {allow}.")
            header = (b"allow", allow.encode())
            answer = engine.errors.answer("method-not-allowed", breach, header)
        else:
            breach = Violation(
                f"nothing is served at {path[:200]}", "The paths are in /openapi.json."
            )
            answer = engine.errors.answer("path-unknown", breach)
        request_id = exchanges.request_id()
        exchanges.unserved(request_id, scope, path, dict(scope["headers"]), answer)
        return _as_connexion(answer, request_id, has_body=method != "HEAD")

    async def fail(_request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        return _as_connexion(*exchanges.failed(error, exchanges.request_id()))

    app.add_error_handler(404, refuse)
    app.add_error_handler(405, refuse)
    app.add_error_handler(Exception, fail)
    made: ASGIApp = app  # Connexion ships no types
    return made


class Operations:
    """The application that Connexion's stack wraps: it calls what the stack has routed to."""

    def __init__(self, exchanges: Exchanges, engine: Engine) -> None:
        self._exchanges = exchanges
        self._endpoints = engine.endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        endpoint = self._endpoints.get(scope["extensions"][ROUTING_CONTEXT]["operation_id"] or "")
        if endpoint is None:
            raise HTTPException(404)
        path, params = decoded_path(scope), scope.get("path_params", {})
        headers = dict(scope["headers"])
        with suppress(Disconnected):
            await self._exchanges.serve(endpoint, params, scope, path, headers, receive, send)


def _as_connexion(answer: Answer, request_id: str, *, has_body: bool = True) -> ConnexionResponse:
    headers = {name.decode(): value.decode() for name, value in answer.to(request_id)}
    headers.pop("content-length", None)
    return ConnexionResponse(
        status_code=answer.status, headers=headers, body=answer.body if has_body else b""
    )
