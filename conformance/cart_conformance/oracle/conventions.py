"""The conventions for every answer, independent of its request.

An error has the envelope, a success matches its schema, and no answer contains a password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cart_spec import Contract
from cart_spec.contract import Level

from cart_conformance.exchange import NOT_JSON, Answer
from cart_conformance.findings import Finding
from cart_conformance.oracle.answer_checks import envelope_problem
from cart_conformance.oracle.schemas import schemas_of
from cart_conformance.results import Kind

ENVELOPE = "error-envelope"
SUCCESS = "success-answer"
PASSWORD = "password-never-returned"  # noqa: S105 - the id of a rule


class Conventions:
    """The checks of answers against the conventions, without state."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._schemas = schemas_of(contract)

    def level(self, rule: str) -> Level:
        """Return the level of a rule."""
        return self._contract.rule(rule).level

    def is_published(self, operation: str, status: int) -> bool:
        """Return whether the contract contains that success for that operation."""
        return self._schemas.is_published(operation, status)

    def envelope(self, operation: str, answer: Answer) -> Iterator[Finding]:
        """Yield the problems with the form of an error."""
        problem = envelope_problem(answer, operation)
        if problem:
            wanted = 'JSON {"errors": [{"status": …, "title": …}]}, the HTTP status repeated in it'
            actual = f"{answer.status}: {problem}"
            yield self._finding(ENVELOPE, Kind.ENVELOPE, operation, wanted, actual, answer)

    def success(self, operation: str, answer: Answer) -> Iterator[Finding]:
        """Yield the problems with the body of a success that has one."""
        problem = self._success_problem(operation, answer)
        if problem:
            rule = PASSWORD if _is_about_password(problem) else SUCCESS
            wanted = f"a body that matches the schema of {operation}"
            yield self._finding(rule, Kind.SCHEMA, operation, wanted, problem, answer)

    def passwords(
        self, operation: str, answer: Answer, is_leaked: Callable[[str], bool]
    ) -> Iterator[Finding]:
        """Yield a finding if an answer contains a password."""
        if is_leaked(answer.body.decode("utf-8", "replace")):
            wanted = "no password in any answer"
            actual = f"{answer.status} with a customer's password in the body"
            yield self._finding(PASSWORD, Kind.LEAK, operation, wanted, actual, answer)

    def _success_problem(self, operation: str, answer: Answer) -> str | None:
        method, _ = self._contract.operations[operation]
        media_type = answer.headers.get("Content-Type", "")
        if answer.document is NOT_JSON:
            return f"{answer.status} to {method} with a body that is not JSON"
        if "json" not in media_type.lower():
            return f"the Content-Type is {media_type or 'missing'}"
        return self._schemas.problem(operation, answer.status, answer.document)

    def _finding(
        self, rule: str, kind: Kind, operation: str, expected: str, actual: str, answer: Answer
    ) -> Finding:
        level = self._contract.rule(rule).level
        return Finding(rule, level, kind, operation, expected, actual, answer=answer)


def _is_about_password(problem: str) -> bool:
    """Return whether a password field is neither true nor false, as its own rule demands."""
    where, _, what = problem.partition(": ")
    return where.endswith(".password") or what.startswith("'password' is a required")
