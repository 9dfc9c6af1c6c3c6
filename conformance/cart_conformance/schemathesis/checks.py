"""The oracle as checks for Schemathesis, rule by rule.

``cart_associations`` fails on documented rules. ``cart_associations_advice`` fails on rules that
are observed or interpretations. Both judge the request that was sent (``response.request``),
because hooks and credentials change a case after it was generated. Schemathesis distinguishes
failures by class. So each rule has its own failure class, and all broken rules are reported.

If the request was sent through :mod:`cart_conformance.schemathesis.transport`, the judgement
includes the known state and the request's effects. Otherwise it depends on the response alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

import schemathesis
from cart_spec import Contract, Rule, load_contract
from requests.structures import CaseInsensitiveDict
from schemathesis import Case, CheckContext, Response
from schemathesis.core.failures import Failure, FailureGroup, Severity

from cart_conformance.exchange import Answer, Request
from cart_conformance.findings import Finding
from cart_conformance.oracle import Oracle, TargetState
from cart_conformance.schemathesis.transport import FINDINGS

_SEVERITY = {
    "documented": Severity.HIGH,
    "observed": Severity.MEDIUM,
    "interpretation": Severity.LOW,
}


class RuleFailure(Failure):
    """A deviation from a rule of the contract; each rule has a subclass, see :func:`failure_of`."""

    checks = ("cart_associations", "cart_associations_advice")
    kind_title = "Deviation from the contract"
    rule: ClassVar[str] = ""

    __slots__ = ("finding",)

    def __init__(self, finding: Finding, contract: Contract) -> None:
        """Describe ``finding``, which must be redacted."""
        rule = contract.rule(finding.rule)
        method, path = contract.operations[finding.operation]
        super().__init__(
            operation=f"{method} {path}",
            title=f"{finding.rule}: {finding.kind.value.replace('-', ' ')}",
            message="\n".join(_told(finding, rule)),
            severity=_SEVERITY[finding.level],
        )
        self.finding = finding

    @property
    def _unique_key(self) -> str:
        return self.finding.kind.value


def _told(finding: Finding, rule: Rule) -> Iterator[str]:
    yield f"Expected: {finding.expected}"
    yield f"Actual: {finding.actual}"
    if finding.about:
        yield f"After a request that was refused by: {finding.about}"
    yield f"Rule ({finding.level}): {rule.condition}"
    yield f"Source: {rule.source.page}: {rule.source.sentence!r}"


@cache
def failure_of(rule: str) -> type[RuleFailure]:
    """Return the failure class of a rule, such as ``TypeNotCustomer``."""
    name = "".join(part.capitalize() for part in rule.split("-"))
    attributes: dict[str, Any] = {"rule": rule, "kind_title": rule, "__slots__": ()}
    return type(name, (RuleFailure,), attributes)


@cache
def _oracle() -> Oracle:
    return Oracle(load_contract())


@schemathesis.check
def cart_associations(_ctx: CheckContext, response: Response, _case: Case[Any]) -> None:
    """Fail if an answer or its effect deviates from a documented rule."""
    _raise(finding for finding in _findings(response) if finding.level == "documented")


@schemathesis.check
def cart_associations_advice(_ctx: CheckContext, response: Response, _case: Case[Any]) -> None:
    """Fail if an answer or its effect deviates from an observed rule or an interpretation."""
    _raise(finding for finding in _findings(response) if finding.level != "documented")


def _raise(findings: Iterator[Finding]) -> None:
    contract = _oracle().contract
    failures = [failure_of(finding.rule)(finding, contract) for finding in findings]
    if failures:
        raise FailureGroup(list(dict.fromkeys(failures)))


def _findings(response: Response) -> tuple[Finding, ...]:
    judged = FINDINGS.get(response.request)
    if judged is None:
        judged = _oracle().judge(answer_of(response), TargetState()).findings
    return judged


def answer_of(response: Response) -> Answer:
    """Convert a response of Schemathesis, with its request as it was sent, to an answer."""
    sent = response.request
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body
    headers = {name: ", ".join(values) for name, values in response.headers.items()}
    return Answer(
        request=Request(str(sent.method), str(sent.url), dict(sent.headers), body),
        status=response.status_code,
        headers=CaseInsensitiveDict(headers),
        body=response.content,
        elapsed=response.elapsed,
    )
