"""Checks that names lead somewhere, and that what schemas say of themselves is valid."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.bundle import FILES_KEY, iter_mappings
from cart_spec.document import OpenApiDocument
from cart_spec.lint.registry import Problem, Subject, check
from cart_spec.source import pointer_of
from cart_spec.validation import Schemas

# OpenAPI has the expressions of ECMAScript, with classes and names that Python writes otherwise.
_CLASS, _NAMED = re.compile(r"\\[pP]\{[\w=]+\}"), re.compile(r"\(\?<(?=[A-Za-z_])")
_PARAMETER = re.compile(r"\{([^}]*)\}")
_INNER = (
    r"((/properties|/patternProperties)/[^/]+|/(items|additionalProperties|not)"
    r"|/(allOf|oneOf|anyOf|prefixItems)/\d+)*"
)
_INSIDE = re.compile(_INNER)
_SCHEMA = re.compile(r".*?(/schema|^/components/schemas/[^/]+)" + _INNER)


@check("security-scheme-unknown", "Every security requirement names a declared scheme")
def security_scheme_unknown(subject: Subject) -> Iterator[Problem]:
    """Look for the schemes under ``components/securitySchemes``."""
    document = subject.document
    known = document.data.get("components", {}).get("securitySchemes", {})
    owners: list[tuple[str, Mapping[str, Any]]] = [("", document.data)]
    owners += [(operation.pointer, operation.data) for operation in document.operations]
    for pointer, owner in owners:
        for index, option in enumerate(owner.get("security", ())):
            for name in option:
                if name not in known:
                    at = pointer + pointer_of("security", index, name)
                    message = f"The security scheme {name} is not declared."
                    yield Problem(at, message, "Declare it or name another one.")


@check("link-target-unknown", "Every link leads to an operation")
def link_target_unknown(subject: Subject) -> Iterator[Problem]:
    """Look for the ``operationId`` that the link names."""
    known = {operation.data.get("operationId") for operation in subject.document.operations}
    for pointer, mapping in subject.document.mappings:
        if pointer.split("/")[-2:-1] == ["links"]:
            target = mapping.get("operationId")
            if target is not None and target not in known:
                message = f"The link leads to {target}, which is not an operation."
                yield Problem(f"{pointer}/operationId", message, "Name an operationId.")


@check("operation-id-duplicate", "No two operations have the same id")
def operation_id_duplicate(subject: Subject) -> Iterator[Problem]:
    """Find duplicates, for which code generators would write only one method."""
    found = defaultdict(list)
    for operation in subject.document.operations:
        if operation.data.get("operationId"):
            found[operation.id].append(operation.pointer)
    for name, (first, *others) in found.items():
        for pointer in others:
            line = subject.document.line(first)
            message = f"The operationId {name} is also that of the operation on line {line}."
            yield Problem(f"{pointer}/operationId", message, "Rename one of them.")


@check("path-parameter-undeclared", "Every parameter in a path is declared")
def path_parameter_undeclared(subject: Subject) -> Iterator[Problem]:
    """Look for the declaration in the path, and in each of its operations."""
    for operation in subject.document.operations:
        declared = {each["name"] for each, _ in operation.parameters if each["in"] == "path"}
        for name in _PARAMETER.findall(operation.path):
            if name not in declared:
                message = f"{operation.id} does not declare the path parameter {name}."
                yield Problem(operation.pointer, message, "Declare it or remove it from the path.")


@check("schema-pattern-invalid", "Every pattern is a regular expression")
def schema_pattern_invalid(subject: Subject) -> Iterator[Problem]:
    """Compile the patterns, because validators raise errors on invalid ones or ignore them."""
    for pointer, schema in _schemas(subject.document):
        problem = _pattern_problem(schema.get("pattern"))
        if problem:
            message = f"The pattern is not a regular expression: {problem}."
            yield Problem(f"{pointer}/pattern", message, "Correct it.")


@check("schema-value-invalid", "Every default and example of a schema is valid against it")
def schema_value_invalid(subject: Subject) -> Iterator[Problem]:
    """Check values inside schemas. Examples of media types have their own check."""
    schemas = Schemas(subject.document)
    for pointer, schema in _schemas(subject.document):
        for key in ("default", "example"):
            if key in schema and "$ref" not in schema:
                problem = schemas.problem(schema[key], pointer)
                if problem:
                    message = f"The {key} is not valid: {problem}."
                    yield Problem(f"{pointer}/{key}", message, "Correct the value or the schema.")


def _schemas(document: OpenApiDocument) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the schemas, and those in other files that they refer to."""
    waiting = [each for each in document.mappings if _SCHEMA.fullmatch(each[0])]
    seen = {pointer for pointer, _ in waiting}
    for pointer, schema in waiting:
        yield pointer, schema
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith(f"#/{FILES_KEY}/"):
            target, base = document.resolved_once(reference)
            inside = [each for each in iter_mappings(target, base) if each[0] not in seen]
            inside = [each for each in inside if _INSIDE.fullmatch(each[0][len(base) :])]
            seen |= {at for at, _ in inside}
            waiting += inside


def _pattern_problem(pattern: Any) -> str | None:
    if not isinstance(pattern, str):
        return None
    try:
        re.compile(_NAMED.sub("(?P<", _CLASS.sub(r"\\w", pattern)))
    except re.error as error:
        return str(error)
    return None
