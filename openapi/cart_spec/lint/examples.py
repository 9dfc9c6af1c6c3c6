"""Checks of the examples: they exist, they are valid, and they repeat their status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cart_spec.document import OpenApiDocument, Operation
from cart_spec.lint.registry import Problem, Subject, check
from cart_spec.source import pointer_of
from cart_spec.validation import Schemas


@dataclass(frozen=True)
class Medium:
    """A media type object of an operation: of a request (without ``status``) or a response."""

    operation: Operation
    status: str | None
    pointer: str
    data: Mapping[str, Any]

    def examples(self, document: OpenApiDocument) -> Iterator[tuple[str, Any, str]]:
        """Yield each named example as (name, value, pointer of the value)."""
        for name, written in self.data.get("examples", {}).items():
            example, at = document.resolved(written, self.pointer + pointer_of("examples", name))
            if isinstance(example, Mapping) and "value" in example:
                yield name, example["value"], at + "/value"


def media(document: OpenApiDocument) -> Iterator[Medium]:
    """Yield the media types of every request and response; shared ones once for each use."""
    for operation in document.operations:
        body, at = document.resolved(
            operation.data.get("requestBody"), operation.pointer + "/requestBody"
        )
        yield from _content(operation, None, body, at)
        for status, written in operation.data.get("responses", {}).items():
            at = f"{operation.pointer}/responses/{status}"
            response, at = document.resolved(written, at)
            yield from _content(operation, status, response, at)


def _content(operation: Operation, status: str | None, owner: Any, at: str) -> Iterator[Medium]:
    if isinstance(owner, Mapping):
        for media_type, data in (owner.get("content") or {}).items():
            if isinstance(data, Mapping):
                yield Medium(operation, status, at + pointer_of("content", media_type), data)


@check("example-missing", "Every request and every answer with a body has a named example")
def example_missing(subject: Subject) -> Iterator[Problem]:
    """Also require at least one success and one error answer in an operation."""
    seen: set[str] = set()
    for medium in media(subject.document):
        if medium.pointer in seen:
            continue
        seen.add(medium.pointer)
        if not any(medium.examples(subject.document)):
            what = "request" if medium.status is None else f"{medium.status} answer"
            yield Problem(
                medium.pointer,
                f"The {what} of {medium.operation.id} has no named example.",
                "Add one under examples.",
            )
    for operation in subject.document.operations:
        statuses = list(operation.data.get("responses", {}))
        for kind, first in (("success", "2"), ("error", "4")):
            if not any(status.startswith(first) for status in statuses):
                yield Problem(
                    f"{operation.pointer}/responses",
                    f"{operation.id} documents no {kind} answer.",
                    "Add it with an example.",
                )


@check("example-invalid", "Every example is valid against its schema")
def example_invalid(subject: Subject) -> Iterator[Problem]:
    """Include the examples of parameters."""
    document = subject.document
    schemas = Schemas(document)
    seen: set[tuple[str, str]] = set()
    advice = "Correct the example or the schema."
    for medium in media(document):
        if "schema" not in medium.data:
            continue
        _, schema_at = document.resolved(medium.data["schema"], medium.pointer + "/schema")
        for name, value, at in medium.examples(document):
            if (at, schema_at) in seen:
                continue
            seen.add((at, schema_at))
            problem = schemas.problem(value, schema_at)
            if problem:
                yield Problem(at, f"The example {name} is not valid: {problem}.", advice)
    for operation in document.operations:
        for parameter, at in operation.parameters:
            if "example" in parameter and "schema" in parameter and (at, at) not in seen:
                seen.add((at, at))
                problem = schemas.problem(parameter["example"], at + "/schema")
                if problem:
                    yield Problem(at + "/example", f"The example is not valid: {problem}.", advice)


@check("error-status-mismatch", "The status in the body of an error is the answer's own")
def error_status_mismatch(subject: Subject) -> Iterator[Problem]:
    """Compare them, because the error format repeats the HTTP status in each entry."""
    seen: set[tuple[str, str]] = set()
    for medium in media(subject.document):
        status = medium.status or ""
        if not (status.isdigit() and int(status) >= 400):
            continue
        for name, value, at in medium.examples(subject.document):
            if (at, status) in seen:
                continue
            seen.add((at, status))
            for index, error in enumerate(_entries(value)):
                if str(error.get("status")) != status:
                    yield Problem(
                        f"{at}/errors/{index}",
                        f"The example {name} says {error.get('status')} in a {status} answer.",
                        "Give it the answer's status.",
                    )


def _entries(value: Any) -> list[Mapping[str, Any]]:
    entries = value.get("errors", ()) if isinstance(value, Mapping) else ()
    return [entry for entry in entries if isinstance(entry, Mapping)]
