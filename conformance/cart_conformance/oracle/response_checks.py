"""Checks the conventions on every answer of a run, and records what was examined."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cart_spec.contract import Contract

from cart_conformance.exchange import GATEWAY_STATUSES, Answer
from cart_conformance.findings import Finding
from cart_conformance.oracle.answer_checks import is_of_a_firewall, shown
from cart_conformance.oracle.conventions import ENVELOPE, PASSWORD, SUCCESS, Conventions
from cart_conformance.results import Kind

__all__ = ["ENVELOPE", "PASSWORD", "SUCCESS", "ResponseChecks"]


class ResponseChecks:
    """A checker of the conventions that remembers its findings and the examined rules."""

    def __init__(self, contract: Contract, passwords: Collection[str]) -> None:
        """Start without findings. ``passwords`` is called for each answer, as more become known."""
        self._conventions = Conventions(contract)
        self._passwords = passwords
        self._examined: set[tuple[str, str]] = set()
        self._findings: list[Finding] = []
        self._known: set[tuple[str, str, str]] = set()

    def check(self, operation: str, answer: Answer, envelope: bool) -> None:
        """Check one answer. ``envelope`` says whether an error must have the envelope.

        Each problem is kept once for an operation.
        """
        for finding in self._check(operation, answer, envelope):
            self._keep(finding)

    def failed(self, operation: str, answer: Answer) -> None:
        """Note a 5xx in answer to a request that must succeed."""
        level = self._conventions.level(SUCCESS)
        self._examined.add((SUCCESS, operation))
        self._keep(
            Finding(
                SUCCESS,
                level,
                Kind.SERVER_ERROR,
                operation,
                "success: the request breaks no rule",
                shown(answer),
                answer=answer,
            )
        )

    def _keep(self, finding: Finding) -> None:
        key = _key(finding)
        if key not in self._known:
            self._known.add(key)
            self._findings.append(finding)

    def _check(self, operation: str, answer: Answer, envelope: bool) -> Iterator[Finding]:
        self._examined.add((PASSWORD, operation))
        yield from self._conventions.passwords(operation, answer, self._is_leaked)
        from_afar = answer.status in GATEWAY_STATUSES or is_of_a_firewall(answer)
        # A 5xx is reported on its own, with the request that it answered.
        if answer.refused and envelope and not from_afar:
            self._examined.add((ENVELOPE, operation))
            yield from self._conventions.envelope(operation, answer)
        if answer.ok and answer.status != 204:
            yield from self._success(operation, answer)
        elif answer.status == 204 and (told := _body_of_no_content(answer)):
            self._examined.add((SUCCESS, operation))
            level = self._conventions.level(SUCCESS)
            actual = f"204 and {told}"
            yield Finding(
                SUCCESS, level, Kind.SCHEMA, operation, "204 and no body", actual, answer=answer
            )

    def _is_leaked(self, text: str) -> bool:
        return any(password in text for password in self._passwords)

    def _success(self, operation: str, answer: Answer) -> Iterator[Finding]:
        self._examined.add((SUCCESS, operation))
        yield from self._conventions.success(operation, answer)

    def is_proper(self, operation: str, answer: Answer) -> bool:
        """Return whether a success is published for the operation, with its status and body."""
        if not self._conventions.is_published(operation, answer.status):
            return False
        return not answer.body or not list(self._success(operation, answer))

    def drop_findings(self) -> None:
        """Forget the findings since the last call, so that they are found again if they recur."""
        self._known -= {_key(finding) for finding in self._findings}
        self._findings, self._examined = [], set()

    def failures(self) -> list[Finding]:
        """Return the findings of ``failed`` since findings were last dropped or taken."""
        return [each for each in self._findings if each.kind is Kind.SERVER_ERROR]

    def drop_failures(self, dropped: Collection[Finding]) -> None:
        """Forget some of the ``failures``, so that they are found again if they recur."""
        self._known -= {_key(finding) for finding in dropped}
        self._findings = [each for each in self._findings if each not in dropped]

    def take_findings(
        self, faulty: Collection[Answer] = ()
    ) -> tuple[list[Finding], frozenset[tuple[str, str]]]:
        """Return the findings and the (rule, operation) pairs examined since the last call.

        ``faulty`` are successes that should have been refusals, so they may not match a schema.
        Such a mismatch is reported only if it also happens with other answers.
        """
        findings, examined = self._findings, frozenset(self._examined)
        self._findings, self._examined = [], set()
        follows = [
            finding
            for finding in findings
            if finding.rule == SUCCESS and any(finding.answer is each for each in faulty)
        ]
        self._known -= {_key(finding) for finding in follows}
        return [finding for finding in findings if finding not in follows], examined


def _body_of_no_content(answer: Answer) -> str | None:
    """Return what a 204 says of a body, which it must not have, or None."""
    length = answer.headers.get("Content-Length", "0")
    if length != "0":
        return f"a body of {length} bytes"
    if "Transfer-Encoding" in answer.headers:
        return "a body in chunks"
    return f"a body that it does not announce: {shown_bytes(answer.body)}" if answer.body else None


def shown_bytes(body: bytes) -> str:
    """Return the beginning of a body as text."""
    return repr(body[:40].decode("utf-8", "replace"))


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.operation, finding.actual
