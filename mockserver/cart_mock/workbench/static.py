"""Serves the files of the page."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cart_mock.workbench import connexion_errors
from cart_mock.workbench.errors import ErrorResponses

_FILES = Path(__file__).with_name("page")
# The page loads nothing from other servers and runs only its own scripts. A text from a store
# cannot
# become markup.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # A later version of the mock may serve another page at the same URL.
    "Cache-Control": "no-cache",
}


class Page:
    """The page as an ASGI application: its index at the base path, other files below ``page/``."""

    def __init__(self, base_path: str, errors: ErrorResponses) -> None:
        self._base_path = base_path
        self._errors = errors
        self._files: ASGIApp = StaticFiles(directory=_FILES, html=True)

    def serves(self, scope: Scope) -> bool:
        """Return whether a request is for the page."""
        path, base = str(scope["path"]), self._base_path
        return path in (base, f"{base}/") or path.startswith(f"{base}/page/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for the page; errors are those of the control API."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            await self._serve(scope, receive, send_guarded)
        except HTTPException as error:
            await self._refusal(error, scope)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == self._base_path:
            await RedirectResponse(f"{self._base_path}/")(scope, receive, send)
            return
        inside = scope["path"].removeprefix(self._base_path).removeprefix("/page")
        await self._files({**scope, "path": inside, "root_path": ""}, receive, send)

    def _refusal(self, error: HTTPException, scope: Scope) -> Response:
        headers = {}
        refusal = connexion_errors.to_refusal(error, scope)
        if error.status_code == 405:
            headers["Allow"] = "GET, HEAD"
            refusal = connexion_errors.method_not_allowed(scope["method"], headers["Allow"])
        answer = self._errors.render(refusal, headers)
        return Response(answer.body, answer.status_code, headers, answer.mimetype)
