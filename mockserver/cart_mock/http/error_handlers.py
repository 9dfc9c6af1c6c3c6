"""Connexion error handlers for errors outside of an operation."""

from __future__ import annotations

from connexion import AsyncApp
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from starlette.exceptions import HTTPException

from cart_mock.api.endpoints import Mock
from cart_mock.errors import Unavailable
from cart_mock.http.request_handler import RequestHandler
from cart_mock.http.start_page import start_page, wants_page
from cart_mock.messages import Answer, Violation

_AT_ROOT = "The API's paths are at /ui/, the workbench is at /_mock/."
"""What to do instead of opening the mock's address in a browser."""
_ELSEWHERE = (
    "The paths are in /openapi.json. To have others answered, start cart-mock with --forward URL, "
    "or add a stub with PUT /_mock/stores/{store}/stubs."
)
"""What to do about a path that the contract does not have."""


def add_error_handlers(app: AsyncApp, mock: Mock, requests: RequestHandler) -> None:
    """Register a handler for unknown paths, wrong methods and failures."""

    async def unrouted(request: ConnexionRequest, error: HTTPException) -> ConnexionResponse:
        scope = request.scope
        path, method = str(scope["path"]), str(scope["method"])
        if wants_page(method, path, dict(scope["headers"])):
            url = f"{scope['scheme']}://{request.headers.get('host', '')}"
            return _response(request, start_page(url), requests.new_id())
        if error.status_code == 405:
            allow = (error.headers or {}).get("Allow", "")
            violation = Violation(f"this path does not have {method}", f"Use {allow}.")
            header = (b"allow", allow.encode())
            answer = mock.errors.answer("method-not-allowed", violation, header)
        else:
            hint = _AT_ROOT if path == "/" else _ELSEWHERE
            violation = Violation(f"nothing is served at {path[:200]}", hint)
            answer = mock.errors.answer("path-unknown", violation)
        request_id = requests.unrouted(
            method, path, scope["query_string"], dict(scope["headers"]), answer
        )
        if requests.settle is not None:
            await requests.settle()
        return _response(request, answer, request_id)

    async def failed(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        request_id = requests.new_id()
        if isinstance(error, Unavailable):
            return _response(request, requests.unavailable(error), request_id)
        return _response(request, requests.failure(error, request_id), request_id)

    app.add_error_handler(404, unrouted)
    app.add_error_handler(405, unrouted)
    app.add_error_handler(Exception, failed)


def _response(request: ConnexionRequest, answer: Answer, request_id: str) -> ConnexionResponse:
    headers = {name.decode(): value.decode() for name, value in answer.headers_for(request_id)}
    body = b"" if request.scope["method"] == "HEAD" else answer.body
    return ConnexionResponse(status_code=answer.status, headers=headers, body=body)
