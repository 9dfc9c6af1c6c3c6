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
    try:
        return list(CHECKS[check_id].run(subject))
    except (AttributeError, LookupError, TypeError, ValueError):
        # A list in the place of a mapping, or the like. `openapi-invalid` has reported it.
        if invalid:
            return []
        raise
