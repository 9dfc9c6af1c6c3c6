"""The conventions that every answer is held against, whatever it was sent for.

An error must be in the envelope, a success must match its schema, and no answer may carry a
customer's password.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from cart_spec.contract import Contract

from cart_conformance.exchange import NOT_JSON, Answer
from cart_conformance.findings import Finding
from cart_conformance.oracle.answer_checks import GATEWAY_STATUSES, envelope_problem
from cart_conformance.oracle.schemas import Schemas
from cart_conformance.results import Kind

ENVELOPE = "error-envelope"
SUCCESS = "success-answer"
PASSWORD = "password-never-returned"  # noqa: S105 - the id of a rule


class ResponseChecks:
    """Holds answers against the conventions, and remembers what it has looked at."""

    def __init__(self, contract: Contract, passwords: Iterable[str]) -> None:
        """``passwords`` is read anew for each answer: it grows while the run goes on."""
        self._schemas = Schemas(contract)
        self._contract = contract
        self._passwords = passwords
        self._examined: set[tuple[str, str]] = set()
        self._findings: list[Finding] = []
        self._told: set[tuple[str, str, str]] = set()

    def look(self, operation: str, answer: Answer, envelope: bool) -> None:
        """Look at one answer; ``envelope`` is whether an error of it must be in the envelope.

        The same problem of the same operation is told once.
        """
        looks = list(self._password(operation, answer))
        if answer.status >= 400 and envelope and answer.status not in GATEWAY_STATUSES:
            looks += self._envelope(operation, answer)
        if answer.ok and answer.status != 204:
            looks += self._success(operation, answer)
        for finding in looks:
            told = _telling(finding)
            if told not in self._told:
                self._told.add(told)
                self._findings.append(finding)

    def is_proper(self, operation: str, answer: Answer) -> bool:
        """Whether a success is one that is published for the operation, body and all."""
        if not self._schemas.is_published(operation, answer.status):
            return False
        return not answer.body or not list(self._success(operation, answer))

    def drain(
        self, faulty: Collection[Answer] = ()
    ) -> tuple[list[Finding], frozenset[tuple[str, str]]]:
        """The findings and the (rule, operation) pairs examined since the last call.

        ``faulty`` are successes that should have been refusals: that they match no schema follows
        from that, and is told only if it happens elsewhere too.
        """
        findings, examined = self._findings, frozenset(self._examined)
        self._findings, self._examined = [], set()
        follows = [
            finding
            for finding in findings
            if finding.rule == SUCCESS and any(finding.answer is each for each in faulty)
        ]
        self._told -= {_telling(finding) for finding in follows}
        return [finding for finding in findings if finding not in follows], examined

    def _envelope(self, operation: str, answer: Answer) -> Iterator[Finding]:
        self._examined.add((ENVELOPE, operation))
        problem = envelope_problem(answer, operation)
        if problem:
            yield Finding(
                ENVELOPE,
                "documented",
                Kind.ENVELOPE,
                operation,
                'JSON {"errors": [{"status": …, "title": …}]}, the HTTP status repeated in it',
                f"{answer.status}: {problem}",
                answer=answer,
            )

    def _success(self, operation: str, answer: Answer) -> Iterator[Finding]:
        method, _ = self._contract.operations[operation]
        self._examined.add((SUCCESS, operation))
        media_type = answer.headers.get("Content-Type", "")
        if answer.document is NOT_JSON:
            problem: str | None = f"{answer.status} to {method} with a body that is not JSON"
        elif "json" not in media_type.lower():
            problem = f"the Content-Type is {media_type or 'missing'}"
        else:
            problem = self._schemas.problem(operation, answer.status, answer.document)
        if problem:
            yield Finding(
                PASSWORD if _is_about_password(problem) else SUCCESS,
                "documented",
                Kind.SCHEMA,
                operation,
                f"a body that matches the schema of {operation}",
                problem,
                answer=answer,
            )

    def _password(self, operation: str, answer: Answer) -> Iterator[Finding]:
        self._examined.add((PASSWORD, operation))
        text = answer.body.decode("utf-8", "replace")
        if any(password in text for password in self._passwords):
            yield Finding(
                PASSWORD,
                "documented",
                Kind.LEAK,
                operation,
                "no password in any answer",
                f"{answer.status} with a customer's password in the body",
                answer=answer,
            )


def _telling(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.operation, finding.actual


def _is_about_password(problem: str) -> bool:
    """A password field that is neither true nor false is that rule's to tell."""
    where, _, what = problem.partition(": ")
    return where.endswith(".password") or what.startswith("'password' is a required")
