"""Serves the contract and Connexion's Swagger UI, with the server and the title that we want."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

from connexion.middleware.swagger_ui import SwaggerUIAPI, SwaggerUIMiddleware
from connexion.options import SwaggerUIOptions
from connexion.spec import Specification
from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse

DOCUMENTATION_PATH: Final = "/ui/"
"""The path of Connexion's Swagger UI."""
OPTIONS = SwaggerUIOptions(
    swagger_ui_path=DOCUMENTATION_PATH,
    # Swagger UI keeps what Authorize was given in the browser.
    swagger_ui_config={"persistAuthorization": True, "tryItOutEnabled": True},
    swagger_ui_template_arguments={"openapi_spec_url": "./openapi.json"},
)
"""The options of the Swagger UI. It has a document of its own, below its path."""

_TITLE = "<title>Swagger UI</title>"
"""The title in Connexion's template, which no option changes."""
_EXAMPLES = {"example", "examples"}


class DocumentationMiddleware(SwaggerUIMiddleware):  # type: ignore[misc]  # connexion ships no types
    """Connexion's middleware with our documentation of an API."""

    def add_api(
        self, specification: Specification, base_path: str | None = None, **options: Any
    ) -> None:
        """Serve the documentation of an API."""
        api = _Documentation(specification, base_path=base_path, default=self.default_fn, **options)
        self.router.mount(api.base_path, app=api.router)


class _Documentation(SwaggerUIAPI):  # type: ignore[misc]  # connexion ships no types
    def add_swagger_ui(self) -> None:
        """Add the routes of the Swagger UI, and first that of its document."""
        path = f"{DOCUMENTATION_PATH}openapi.json"
        self.router.add_route(methods=["GET"], path=path, endpoint=self._get_document_to_try)
        super().add_swagger_ui()

    def _spec_for_prefix(self, request: Request) -> dict[str, Any]:
        # Connexion empties the path "/", and the Swagger UI shows no server for an empty one.
        document: dict[str, Any] = super()._spec_for_prefix(request)
        servers = [{**server, "url": server["url"] or "/"} for server in document["servers"]]
        return {**document, "servers": servers}

    async def _get_document_to_try(self, request: Request) -> JSONResponse:
        return JSONResponse(to_try_out(self._spec_for_prefix(request)))

    async def _get_swagger_ui_home(self, req: Request) -> HTMLResponse:
        page = await super()._get_swagger_ui_home(req)
        title = f"<title>{escape(self.specification['info']['title'])}</title>"
        return HTMLResponse(page.body.decode().replace(_TITLE, title))


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
