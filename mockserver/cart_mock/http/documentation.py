"""Serves the contract and Connexion's Swagger UI, with the server and the title that we want."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any, Final

from connexion.jsonifier import Jsonifier
from connexion.middleware.swagger_ui import SwaggerUIAPI, SwaggerUIMiddleware
from connexion.options import SwaggerUIOptions
from connexion.spec import Specification
from connexion.utils import yamldumper
from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.http.on_first_use import OnFirstUse

DOCUMENTATION_PATH: Final = "/ui/"
"""The path of Connexion's Swagger UI."""
PATHS: Final = frozenset({"openapi.json", "openapi.yaml", "ui"})
"""The first segments of the paths of the documentation."""
OPTIONS = SwaggerUIOptions(
    swagger_ui_path=DOCUMENTATION_PATH,
    # Swagger UI keeps what Authorize was given in the browser.
    swagger_ui_config={"persistAuthorization": True, "tryItOutEnabled": True},
    swagger_ui_template_arguments={"openapi_spec_url": "./openapi.json"},
)
"""The options of the Swagger UI. It has a document of its own, below its path."""

_TITLE = "<title>Swagger UI</title>"
"""The title in Connexion's template, which no option changes."""
_HEAD = """
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>
      .swagger-ui .models, .swagger-ui .opblock-body { overflow-x: auto; }
      @media (max-width: 40rem) {
        .swagger-ui .opblock-section-header { flex-wrap: wrap; }
        .swagger-ui .opblock .tab-header .tab-item.active h4 span::after { display: none; }
      }
    </style>"""
"""What the template's head lacks: without it the page is wider than a phone."""
_EXAMPLES = {"example", "examples"}


class ReadableUI(SwaggerUIAPI):  # type: ignore[misc]  # connexion ships no types
    """Connexion's Swagger UI with the title of its API, and for phones too."""

    async def _get_swagger_ui_home(self, req: Request) -> HTMLResponse:
        page = await super()._get_swagger_ui_home(req)
        title = f"<title>{escape(self.specification['info']['title'])}</title>"
        return HTMLResponse(page.body.decode().replace(_TITLE, title + _HEAD))


class ReadableUIMiddleware(SwaggerUIMiddleware):  # type: ignore[misc]  # as above
    """Connexion's middleware with that Swagger UI."""

    def add_api(
        self, specification: Specification, base_path: str | None = None, **options: Any
    ) -> None:
        """Serve the Swagger UI of an API."""
        api = ReadableUI(specification, base_path=base_path, default=self.default_fn, **options)
        self.router.mount(api.base_path, app=api.router)


class DocumentationMiddleware(SwaggerUIMiddleware):  # type: ignore[misc]  # as above
    """Connexion's middleware with our documentation of an API, which is made on first use."""

    def add_api(
        self, specification: Specification, base_path: str | None = None, **options: Any
    ) -> None:
        """Serve the documentation of an API."""

        def make() -> ASGIApp:
            api = _Documentation(
                specification, base_path=base_path, default=self.default_fn, **options
            )
            router: ASGIApp = api.router
            return router

        self.router.mount(base_path or specification.base_path, app=OnFirstUse(make))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for the documentation, or pass it on."""
        if scope["type"] == "http" and scope["path"].removeprefix("/").partition("/")[0] in PATHS:
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class _Documentation(ReadableUI):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        # Writing the document takes 0.2 to 2 seconds.
        self._written = lru_cache(8)(self._write)
        super().__init__(*arguments, **options)

    def add_swagger_ui(self) -> None:
        """Add the routes of the Swagger UI, and first that of its document."""
        path = f"{DOCUMENTATION_PATH}openapi.json"
        self.router.add_route(methods=["GET"], path=path, endpoint=self._get_document_to_try)
        super().add_swagger_ui()

    def _write(self, write: Callable[[dict[str, Any]], str], base_path: str) -> bytes:
        # The Swagger UI shows no server for an empty URL, which is Connexion's for "/".
        servers = [{"url": base_path or "/"}]
        return write({**self.specification.spec, "servers": servers}).encode()

    async def _get_document(
        self, request: Request, write: Callable[[dict[str, Any]], str], media_type: str
    ) -> Response:
        base_path = self._base_path_for_prefix(request)
        body = await asyncio.to_thread(self._written, write, base_path)
        return Response(body, media_type=media_type)

    async def _get_openapi_json(self, request: Request) -> Response:
        return await self._get_document(request, _json, "application/json")

    async def _get_openapi_yaml(self, request: Request) -> Response:
        return await self._get_document(request, yamldumper, "text/yaml")

    async def _get_document_to_try(self, request: Request) -> Response:
        return await self._get_document(request, _json_to_try_out, "application/json")


def _json(document: Mapping[str, Any]) -> str:
    text: str = Jsonifier().dumps(document)
    return text


def _json_to_try_out(document: Mapping[str, Any]) -> str:
    return _json(to_try_out(document))


def to_try_out(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document for the Swagger UI, whose forms send what they show.

    Examples of queries and headers would be sent unless the user removed them. The tokens of
    customers and accounts become security schemes, so that they are given once, under Authorize.
    """
    copied = deepcopy(dict(document))
    schemes = copied["components"]["securitySchemes"]
    declared = [*schemes]
    for item in copied["paths"].values():
        shared = _without_tokens(item, schemes)
        for operation in _operations(item):
            taken = [*shared, *_without_tokens(operation, schemes)]
            if taken:
                security = operation.get("security", copied.get("security", []))
                operation["security"] = [*security, *({name: []} for name in taken)]
    for name in declared:  # to the end: the dialog opens at its last field
        schemes[name] = schemes.pop(name)
    return copied


def _without_tokens(holder: dict[str, Any], schemes: dict[str, Any]) -> list[str]:
    """Make security schemes of the tokens among an object's parameters, and return their names.

    Connexion has resolved the references to parameters.
    """
    taken, left = [], []
    for parameter in holder.get("parameters", ()):
        if parameter["in"] == "path":
            left.append(parameter)
            continue
        name = parameter["name"]
        if parameter["in"] == "header" and name.lower().endswith("token"):
            described = {"name": name, "description": parameter["description"]}
            schemes[name] = {"type": "apiKey", "in": "header", **described}
            taken.append(name)
        else:
            left.append({key: each for key, each in parameter.items() if key not in _EXAMPLES})
    if "parameters" in holder:
        holder["parameters"] = left
    return taken


def _operations(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (value for value in item.values() if isinstance(value, dict) and "responses" in value)
