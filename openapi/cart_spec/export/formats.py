"""The formats that the contract can be exported in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cart_spec.catalogue import checked_contract
from cart_spec.contract import CATALOGUE_KEY
from cart_spec.document import OpenApiDocument
from cart_spec.export.arazzo import arazzo
from cart_spec.export.bruno import bruno
from cart_spec.export.json_schema import json_schema
from cart_spec.export.openapi31 import openapi_31
from cart_spec.export.postman import postman
from cart_spec.export.typescript import typescript


@dataclass(frozen=True, slots=True)
class Format:
    """A format, and the function that returns its text, or its files by their paths."""

    name: str
    what: str
    write: Callable[[OpenApiDocument], str | Mapping[str, str]]
    is_folder: bool = False


def _types(document: OpenApiDocument) -> str:
    has_rules = CATALOGUE_KEY in document.data
    return typescript(document, checked_contract(document) if has_rules else None)


FORMATS = {
    each.name: each
    for each in (
        Format("openapi-3.1", "the document as OpenAPI 3.1, in YAML", openapi_31),
        Format("json-schema", "a JSON Schema of every body", json_schema),
        Format("typescript", "TypeScript types of bodies, operations and rules", _types),
        Format("postman", "a Postman collection with tests", postman),
        Format("bruno", "a Bruno collection with tests, in a folder", bruno, is_folder=True),
        Format("arazzo", "an Arazzo workflow of a cart on two devices", arazzo),
    )
}
"""The formats by name."""
