"""Runs all checks over a document."""

from __future__ import annotations

from cart_spec.document import OpenApiDocument
from cart_spec.findings import Finding, in_order
from cart_spec.implementations import Evidence

# Importing the modules registers their checks.
from cart_spec.lint import catalogue, coverage, examples, references, structure  # noqa: F401
from cart_spec.lint.registry import CHECKS, Problem, Subject

VALIDITY = "openapi-invalid"


def check_document(document: OpenApiDocument, evidence: Evidence) -> list[Finding]:
    """Return every finding in ``document``, in the order of its lines."""
    subject = Subject(document, evidence)
    invalid = list(CHECKS[VALIDITY].run(subject))
    found = {
        check_id: invalid if check_id == VALIDITY else _problems(check_id, subject, bool(invalid))
        for check_id in CHECKS
    }
    return in_order(
        Finding(
            check_id,
            CHECKS[check_id].severity,
            place.name,
            place.pointer,
            place.line,
            problem.message,
            problem.advice,
        )
        for check_id, problems in found.items()
        for problem in problems
        for place in [document.place(problem.pointer)]
    )


def _problems(check_id: str, subject: Subject, invalid: bool) -> list[Problem]:
    found: list[Problem] = []
    try:
        for problem in CHECKS[check_id].run(subject):
            found.append(problem)  # noqa: PERF402 - what was found before an error is kept
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        # A list in the place of a mapping, or the like. `openapi-invalid` has reported it, unless
        # it is in an extension, such as the catalogue, or in what the specification leaves open.
        if not invalid and not subject.is_catalogue_malformed:
            message = f"{check_id} cannot read the document: {type(error).__name__}: {error}"
            found.append(Problem("", message, "Look for a value of the wrong type."))
    return found
