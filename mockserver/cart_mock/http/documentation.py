"""Serves the contract and Connexion's Swagger UI, with the server and the title that we want."""

from __future__ import annotations

from typing import Any

from connexion.middleware.swagger_ui import SwaggerUIAPI, SwaggerUIMiddleware
from connexion.spec import Specification
from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

_TITLE = "<title>Swagger UI</title>"
"""The title in Connexion's template, which no option changes."""


class DocumentationMiddleware(SwaggerUIMiddleware):  # type: ignore[misc]  # connexion ships no types
    """Connexion's middleware with our documentation of an API."""

    def add_api(
        self, specification: Specification, base_path: str | None = None, **options: Any
    ) -> None:
        """Serve the documentation of an API."""
        api = _Documentation(specification, base_path=base_path, default=self.default_fn, **options)
        self.router.mount(api.base_path, app=api.router)


class _Documentation(SwaggerUIAPI):  # type: ignore[misc]  # connexion ships no types
    def _spec_for_prefix(self, request: Request) -> dict[str, Any]:
        # Connexion empties the path "/", and the Swagger UI shows no server for an empty one.
        document: dict[str, Any] = super()._spec_for_prefix(request)
        servers = [{**server, "url": server["url"] or "/"} for server in document["servers"]]
        return {**document, "servers": servers}

    async def _get_swagger_ui_home(self, req: Request) -> HTMLResponse:
        page = await super()._get_swagger_ui_home(req)
        title = f"<title>{escape(self.specification['info']['title'])}</title>"
        return HTMLResponse(page.body.decode().replace(_TITLE, title))
