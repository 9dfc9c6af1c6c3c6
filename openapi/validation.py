"""Validates values against the schemas of a document, without ever leaving the document."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from jsonschema.exceptions import ValidationError, best_match
from openapi_schema_validator import OAS30Validator, OAS31Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4, DRAFT202012

from openapi.reading import Document

_BASE = "urn:document"


class Schemas:
    """The schemas of one document, by JSON pointer."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @cached_property
    def _registry(self) -> Registry[Any]:
        # Without a retrieve function the registry resolves what is in it and nothing else.
        is_30 = self._document.version.startswith("3.0")
        specification = DRAFT4 if is_30 else DRAFT202012
        resource = specification.create_resource(dict(self._document.data))
        registry: Registry[Any] = Registry[Any]().with_resource(_BASE, resource)
        return registry

    def problem(self, value: Any, schema_pointer: str) -> str | None:
        """Why ``value`` fails the schema at ``schema_pointer``, in one line, or None."""
        is_30 = self._document.version.startswith("3.0")
        kind = OAS30Validator if is_30 else OAS31Validator
        validator = kind(
            {"$ref": f"{_BASE}#{schema_pointer}"},
            registry=self._registry,
            format_checker=kind.FORMAT_CHECKER,
        )
        try:
            error = best_match(_errors(validator, value))
        except Unresolvable as unresolvable:
            return f"the schema cannot be resolved: {unresolvable}"
        if error is None:
            return None
        where = "".join(f"[{part!r}]" for part in error.absolute_path)
        message = error.message if len(error.message) <= 200 else error.message[:197] + "..."
        return f"{where or 'the value'}: {message}"


def _errors(validator: Any, value: Any) -> Iterator[ValidationError]:
    yield from validator.iter_errors(value)
