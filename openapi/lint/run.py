"""A run over all checks."""

from __future__ import annotations

from openapi.evidence import Evidence
from openapi.findings import Finding, in_order

# The modules of checks are imported because that registers what is in them.
from openapi.lint import catalogue, examples, rooms, structure  # noqa: F401
from openapi.lint.registry import CHECKS, Subject
from openapi.reading import Document


def check_document(document: Document, evidence: Evidence) -> list[Finding]:
    """Every finding in ``document``, in the order of its lines."""
    subject = Subject(document, evidence)
    return in_order(
        Finding(
            check_id,
            checked.severity,
            document.name,
            problem.pointer,
            document.line(problem.pointer),
            problem.message,
            problem.advice,
        )
        for check_id, checked in CHECKS.items()
        for problem in checked.run(subject)
    )
