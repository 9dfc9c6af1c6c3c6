"""Writes the bodies of a document's requests and answers as one JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.document import OpenApiDocument
from cart_spec.export.schemas import modern_schema, renamed_schema

_COMPONENTS = "#/components/schemas/"
_OPENAPI_ONLY = frozenset({"discriminator", "xml", "externalDocs"})


def json_schema(document: OpenApiDocument) -> str:
    """Return one JSON Schema (2020-12) that has the schema of every body under ``$defs``.

    A body has an anchor, such as ``#createACart-request`` or ``#createACart-201``, and
    ``#createACart-default`` for the errors of any service. The other entries are the schemas of the
    document, by their names.
    """
    info = document.data["info"]
    definitions = {
        name: _converted(schema, document)
        for name, schema in document.data.get("components", {}).get("schemas", {}).items()
    }
    for name, schema in bodies(document):
        definitions[name] = {"$anchor": name, **_converted(schema, document)}
    bundle = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": info["title"],
        "description": f"The bodies of version {info['version']}. "
        "Validate against one of them, such as #createACart-request.",
        "$defs": definitions,
    }
    return json.dumps(bundle, indent=2, ensure_ascii=False)


def bodies(document: OpenApiDocument) -> Iterator[tuple[str, Any]]:
    """Yield the schema of each body of a request or an answer, as (name, schema)."""
    for operation in document.operations:
        request = document.resolve(operation.data.get("requestBody", {}))
        yield from _media(f"{operation.id}-request", request.get("content"))
        for status, written in operation.data.get("responses", {}).items():
            answer = document.resolve(written)
            yield from _media(f"{operation.id}-{status}", answer.get("content"))


def _media(name: str, content: Any) -> Iterator[tuple[str, Any]]:
    # The first media type has the plain name: nearly every body has one only.
    for at, media in enumerate((content or {}).values()):
        if "schema" in media:
            yield name if at == 0 else f"{name}-{at + 1}", media["schema"]


def _converted(schema: Any, document: OpenApiDocument) -> dict[str, Any]:
    convert = modern_schema if document.is_30 else renamed_schema
    converted = convert(schema, lambda target: target.replace(_COMPONENTS, "#/$defs/"))
    if not isinstance(converted, Mapping):
        return {"allOf": [converted]}
    return {key: value for key, value in converted.items() if key not in _OPENAPI_ONLY}
