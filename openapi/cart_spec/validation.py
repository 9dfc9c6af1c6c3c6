"""Validates a document as OpenAPI, and values against its schemas, without ever leaving it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import openapi_spec_validator
from jsonschema.exceptions import UnknownType, ValidationError, best_match
from jsonschema_path import SchemaPath
from openapi_schema_validator import OAS30Validator, OAS31Validator
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4, DRAFT202012

from cart_spec.document import OpenApiDocument
from cart_spec.source import pointer_of

_BASE = "urn:document"


def _refuse_retrieval(uri: str) -> Any:
    raise ValueError(f"{uri} would have to be fetched")


# What a path leads to is asked for again and again: without this memory of the library, which its
# older versions do not have, validating takes twice as long.
_REMEMBERED: dict[str, Any] = (
    {"resolved_cache_maxsize": 1_000}
    if "resolved_cache_maxsize" in inspect.signature(SchemaPath.from_dict).parameters
    else {}
)
# ``load`` has refused every reference that leaves the file; an `$id` or `$schema` in a schema of
# OpenAPI 3.1 could still make the validator look elsewhere.
_NO_RETRIEVAL = dict.fromkeys(("<all_urls>", "http", "https", "file"), _refuse_retrieval)


def openapi_errors(document: OpenApiDocument) -> Iterator[tuple[str, str]]:
    """Yield what openapi-spec-validator finds in a document, as (JSON pointer, message)."""
    validator = _validator_of(document)
    if validator is None:
        yield "/openapi", "This openapi-spec-validator knows no OpenAPI 3.2; install 0.9 or later"
        return
    path = SchemaPath.from_dict(dict(document.data), handlers=_NO_RETRIEVAL, **_REMEMBERED)
    try:
        for error in validator(path).iter_errors():
            if _is_told_elsewhere(error, document):
                continue
            yield pointer_of(*error.absolute_path), _brief(error.message)
    except Exception as error:  # noqa: BLE001 - an odd document may make its insides raise anything
        yield "", f"The validator gave up: {type(error).__name__}: {_brief(str(error))}"


def _is_told_elsewhere(error: Any, document: OpenApiDocument) -> bool:
    """Return whether a check of our own reports an error at its line, which the validator lost.

    These are parameters of paths, duplicate operationIds and invalid defaults. The place of the
    latter is a place in the default.
    """
    if type(error).__name__ in ("UnresolvableParameterError", "DuplicateOperationIDError"):
        return True
    if not isinstance(error.validator, str):
        return False  # a finding of the validator itself, not of a schema
    try:
        return bool(document.at(pointer_of(*error.absolute_path)) != error.instance)
    except KeyError:
        return True


def _validator_of(document: OpenApiDocument) -> Any:
    if document.is_30:
        return OpenAPIV30SpecValidator
    if document.version < "3.2":
        return OpenAPIV31SpecValidator
    return getattr(openapi_spec_validator, "OpenAPIV32SpecValidator", None)


def _brief(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= 300 else line[:297] + "..."


class Schemas:
    """The schemas of one document, by JSON pointer."""

    def __init__(self, document: OpenApiDocument) -> None:
        """Validate against the schemas of ``document``."""
        self._document = document

    @cached_property
    def _registry(self) -> Registry[Any]:
        # Without a retrieve function the registry resolves what is in it and nothing else.
        specification = DRAFT4 if self._document.is_30 else DRAFT202012
        resource = specification.create_resource(dict(self._document.data))
        registry: Registry[Any] = Registry[Any]().with_resource(_BASE, resource)
        return registry

    def problem(self, value: Any, schema_pointer: str) -> str | None:
        """Return in one line why ``value`` fails the schema at ``schema_pointer``, or None."""
        kind = OAS30Validator if self._document.is_30 else OAS31Validator
        validator = kind(
            {"$ref": f"{_BASE}#{schema_pointer}"},
            registry=self._registry,
            format_checker=kind.FORMAT_CHECKER,
        )
        try:
            error = best_match(_errors(validator, value))
        except Unresolvable as unresolvable:
            return f"its schema cannot be resolved: {unresolvable}"
        except UnknownType as unknown:
            return f"its schema uses the unknown type {unknown.type!r}"
        except re.error:
            return None  # of a pattern that Python does not know; it has its own check
        except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as wrong:
            # A keyword with a value of the wrong type, or a schema that is nothing but itself.
            return f"its schema cannot be applied: {_brief(str(wrong))}"
        if error is None:
            return None
        where = "".join(f"[{part!r}]" for part in error.absolute_path)
        message = error.message if len(error.message) <= 200 else error.message[:197] + "..."
        return f"{where or 'the value'}: {message}"


def _errors(validator: Any, value: Any) -> Iterator[ValidationError]:
    yield from validator.iter_errors(value)
