"""Checks of the OpenAPI document itself: validity, names, descriptions, tags, unused parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.document import OpenApiDocument
from cart_spec.lint.registry import Problem, Subject, check
from cart_spec.source import pointer_of
from cart_spec.validation import openapi_errors

_OPERATION_ID = re.compile(r"[a-z][A-Za-z0-9]*")


@check("openapi-invalid", "The document is valid OpenAPI")
def openapi_invalid(subject: Subject) -> Iterator[Problem]:
    """Report the errors of openapi-spec-validator."""
    for pointer, message in openapi_errors(subject.document):
        yield Problem(
            pointer, message, f"See the OpenAPI {subject.document.version} specification."
        )


@check("duplicate-key", "No mapping has a key twice")
def duplicate_key(subject: Subject) -> Iterator[Problem]:
    """Find duplicates, of which YAML and JSON parsers silently use the last one."""
    for pointer, line in subject.document.duplicate_keys:
        yield Problem(
            pointer,
            f"The key is repeated on line {line}; the last one wins.",
            "Remove one.",
        )


@check("info-incomplete", "The document has a title, version, description, contact and licence")
def info_incomplete(subject: Subject) -> Iterator[Problem]:
    """Look for each of them under ``info``."""
    info = subject.document.data.get("info")
    for key in ("title", "version", "description", "contact", "license"):
        if not (isinstance(info, Mapping) and info.get(key)):
            yield Problem("/info", f"info.{key} is missing.", "Add it.")


@check("tag-incomplete", "Every tag is declared once, described and used")
def tag_incomplete(subject: Subject) -> Iterator[Problem]:
    """Require that declared tags have descriptions and operations, and used tags are declared."""
    document = subject.document
    used = {tag for operation in document.operations for tag in operation.data.get("tags", ())}
    declared = [
        (f"/tags/{i}", tag)
        for i, tag in enumerate(document.data.get("tags", ()))
        if isinstance(tag, Mapping)
    ]
    for pointer, tag in declared:
        name = tag.get("name")
        if not tag.get("description"):
            yield Problem(pointer, f"The tag {name} has no description.", "Say what it groups.")
        if name not in used:
            yield Problem(pointer, f"No operation has the tag {name}.", "Use it or remove it.")
    names = Counter(tag.get("name") for _, tag in declared)
    for name, count in names.items():
        if count > 1:
            yield Problem("/tags", f"The tag {name} is declared {count} times.", "Keep one.")
    for operation in document.operations:
        for index, tag in enumerate(operation.data.get("tags", ())):
            if tag not in names:
                pointer = f"{operation.pointer}/tags/{index}"
                yield Problem(pointer, f"The tag {tag} is not declared.", "Declare it under /tags.")


@check("operation-incomplete", "Every operation has an id, a tag, a summary and a description")
def operation_incomplete(subject: Subject) -> Iterator[Problem]:
    """Also require an id in lower camel case, which code generators expect."""
    for operation in subject.document.operations:
        for key in ("tags", "summary", "description", "operationId"):
            if not operation.data.get(key):
                yield Problem(operation.pointer, f"{operation.id} has no {key}.", "Add it.")
        operation_id = operation.data.get("operationId")
        if operation_id and not _OPERATION_ID.fullmatch(operation_id):
            yield Problem(
                operation.pointer + "/operationId",
                f"The operationId {operation_id} is not lower camel case.",
                "Write it like createACart.",
            )


@check("parameter-incomplete", "Every parameter has a description, a schema and an example")
def parameter_incomplete(subject: Subject) -> Iterator[Problem]:
    """Also require a place for each path parameter in the template of its path."""
    seen: set[str] = set()
    for operation in subject.document.operations:
        for parameter, pointer in operation.parameters:
            name = parameter["name"]
            if parameter["in"] == "path" and f"{{{name}}}" not in operation.path:
                yield Problem(
                    pointer,
                    f"{operation.id} has a path parameter {name} that is not in its path.",
                    "Add it to the path or remove it.",
                )
            if pointer in seen:
                continue
            seen.add(pointer)
            for key in ("description", "schema"):
                if not parameter.get(key):
                    yield Problem(pointer, f"The parameter {name} has no {key}.", "Add it.")
            if "example" not in parameter and not parameter.get("examples"):
                yield Problem(pointer, f"The parameter {name} has no example.", "Give one.")


@check("description-missing", "Every response, request body, link and property is described")
def description_missing(subject: Subject) -> Iterator[Problem]:
    """Accept a property whose description is in the schema that it refers to."""
    document = subject.document
    for pointer, kind, value in _described_things(document):
        resolved = document.resolve(value)
        if not isinstance(resolved, Mapping):
            continue
        structure = kind == "property" and ({"properties", "items"} & set(resolved))
        if not (str(resolved.get("description", "")).strip() or structure):
            yield Problem(pointer, f"The {kind} has no description.", "Say what it means.")


def _described_things(document: OpenApiDocument) -> Iterator[tuple[str, str, Any]]:
    components = document.data.get("components", {})
    for section, kind in (
        ("responses", "response"),
        ("requestBodies", "request body"),
        ("links", "link"),
        ("securitySchemes", "security scheme"),
        ("headers", "header"),
    ):
        for name, value in components.get(section, {}).items():
            yield pointer_of("components", section, name), kind, value
    for operation in document.operations:
        for status, response in operation.data.get("responses", {}).items():
            if not (isinstance(response, Mapping) and "$ref" in response):
                yield f"{operation.pointer}/responses/{status}", "response", response
    for name, schema in components.get("schemas", {}).items():
        yield from _properties(schema, pointer_of("components", "schemas", name))


def _properties(schema: Any, pointer: str) -> Iterator[tuple[str, str, Any]]:
    if not isinstance(schema, Mapping):
        return
    for name, value in schema.get("properties", {}).items():
        at = pointer + pointer_of("properties", name)
        yield at, "property", value
        yield from _properties(value, at)
    if "items" in schema:
        yield from _properties(schema["items"], pointer + "/items")
    for key in ("oneOf", "anyOf", "allOf"):
        for index, branch in enumerate(schema.get(key, ())):
            yield from _properties(branch, f"{pointer}/{key}/{index}")


@check("component-unused", "Every component is used")
def component_unused(subject: Subject) -> Iterator[Problem]:
    """Look for names of security schemes, and for references to other components."""
    document = subject.document
    # A reference to a part of a component uses it, too. Components are three segments deep.
    used = {"/".join(target[1:].split("/")[:4]) for _, target in document.references}
    schemes = {name for each in _security(document) for name in each}
    for section, entries in document.data.get("components", {}).items():
        if section.startswith("x-") or not isinstance(entries, Mapping):
            continue
        for name in entries:
            pointer = pointer_of("components", section, name)
            if name not in schemes if section == "securitySchemes" else pointer not in used:
                yield Problem(pointer, "Nothing refers to it.", "Use it or remove it.")


def _security(document: OpenApiDocument) -> Iterator[Mapping[str, Any]]:
    yield from document.data.get("security", ())
    for operation in document.operations:
        yield from operation.data.get("security", ())
