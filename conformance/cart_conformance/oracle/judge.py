"""Judges one answer by what the contract allows to its request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cart_spec import Contract, Rule
from cart_spec.contract import LEVELS, Level

from cart_conformance.exchange import Answer, Request
from cart_conformance.findings import Finding
from cart_conformance.oracle.answer_checks import (
    GATEWAY_STATUSES,
    refusal_findings,
    shown,
)
from cart_conformance.oracle.conventions import Conventions
from cart_conformance.oracle.expected_success import ExpectedSuccess, must_succeed
from cart_conformance.oracle.knowledge import TargetState
from cart_conformance.oracle.request_forms import RequestForms
from cart_conformance.oracle.request_view import RequestView, templates_of
from cart_conformance.oracle.rule_conditions import CONDITIONS
from cart_conformance.oracle.success import Successes, state_rules
from cart_conformance.results import Kind


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the oracle says of one exchange.

    ``rules`` are those that it puts to the test: with no finding, it follows them. ``cannot_tell``
    says why nothing can be said, where nothing can. ``doubt`` says why the request is none that the
    contract describes, where it is none.
    """

    operation: str | None
    findings: tuple[Finding, ...] = ()
    rules: tuple[str, ...] = ()
    cannot_tell: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a request may get.

    ``broken`` are the refusals whose rules it surely breaks, ``maybe`` those whose rules it may
    break. ``success`` is the rule by which it must succeed where it surely breaks none. ``doubt``
    says why any other refusal will do as well.
    """

    broken: tuple[Rule, ...]
    maybe: tuple[Rule, ...]
    success: ExpectedSuccess
    doubt: str | None = None

    @property
    def must_succeed(self) -> bool:
        """Whether a refusal of any kind is a deviation."""
        return not self.broken and not self.maybe and self.doubt is None


class Oracle:
    """Judges answers. Stateless: what is known comes with each request, and nothing is changed."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._templates = templates_of(contract)
        self._forms = RequestForms(contract)
        self._conventions = Conventions(contract)
        self._successes = Successes(contract, self._conventions)

    def read(self, request: Request, known: TargetState, at: float | None = None) -> RequestView:
        """A request as the contract sees it."""
        return RequestView(request, known, self._templates, at)

    def allowed(self, reading: RequestView) -> Allowed:
        """What this request may get. Raises ValueError for one that the contract has not."""
        if reading.operation is None:
            raise ValueError("the contract has no such operation")
        rules = [r for r in self.contract.rules_of(reading.operation) if r.id in CONDITIONS]
        verdicts = [(rule, CONDITIONS[rule.id](reading)) for rule in rules]
        return Allowed(
            broken=tuple(rule for rule, verdict in verdicts if verdict is True),
            maybe=tuple(rule for rule, verdict in verdicts if verdict is None),
            success=must_succeed(reading, self.contract),
            doubt=self._forms.doubt(reading),
        )

    def judge(self, answer: Answer, known: TargetState, at: float | None = None) -> Judgement:
        """Judge one exchange. ``at`` is when it was, in seconds since the epoch, if not now."""
        reading = self.read(answer.request, known, at)
        if reading.operation is None:
            return Judgement(None, cannot_tell="the contract has no such operation")
        if answer.status in GATEWAY_STATUSES:
            why = f"{answer.status} is an answer of the way there"
            return Judgement(reading.operation, cannot_tell=why)
        allowed = self.allowed(reading)
        conventions = self._conventions
        findings = list(conventions.passwords(reading.operation, answer, _passwords(reading)))
        if answer.refused or answer.status >= 500:
            findings += _refusal(reading, allowed, answer)
            if answer.refused and not (reading.has_odd_path or reading.is_oversized):
                # Else a gateway may have refused it in a form of its own.
                findings += conventions.envelope(reading.operation, answer)
        else:
            findings += self._not_refused(reading, allowed, answer)
        return _judgement(reading, allowed, answer, findings)

    def _not_refused(
        self, reading: RequestView, allowed: Allowed, answer: Answer
    ) -> Iterator[Finding]:
        for rule in allowed.broken:
            yield from refusal_findings(rule, _operation(reading), answer)
        if allowed.broken:
            return
        if answer.ok:
            # What comes of a request that the contract does not describe may look as it likes.
            in_form = allowed.doubt is None
            yield from self._successes.findings(reading, answer, in_form=in_form)
        else:
            yield _must_succeed_finding(reading, allowed, answer, Kind.WRONG_STATUS)


def _judgement(
    reading: RequestView, allowed: Allowed, answer: Answer, findings: list[Finding]
) -> Judgement:
    unsure = bool(allowed.maybe) or allowed.doubt is not None
    rules = tuple(rule.id for rule in allowed.broken) if len(allowed.broken) == 1 else ()
    if not allowed.broken and not unsure and answer.ok:
        rules = ("success-answer", *allowed.success.tested, *state_rules(reading))
    told = (*dict.fromkeys(finding.rule for finding in findings),)
    cannot_tell = None
    if not findings and unsure and not allowed.broken:
        why = allowed.doubt or "it cannot be known whether it breaks " + ", ".join(
            rule.id for rule in allowed.maybe
        )
        cannot_tell = why if answer.refused else None
    rules = tuple(dict.fromkeys((*rules, *told)))
    return Judgement(reading.operation, tuple(findings), rules, cannot_tell, allowed.doubt)


def _refusal(reading: RequestView, allowed: Allowed, answer: Answer) -> Iterator[Finding]:
    """How a refusal, or a failure of the server, is not one that is allowed."""
    if answer.status >= 500:
        yield _server_error(reading, allowed, answer)
        return
    if allowed.must_succeed:
        yield _must_succeed_finding(reading, allowed, answer, Kind.REFUSED)
        return
    if allowed.doubt is not None:
        return
    # Of several rules that are broken, or may be, any refusal will do: the nearest is told.
    options = [
        list(refusal_findings(rule, _operation(reading), answer))
        for rule in (*allowed.broken, *allowed.maybe)
    ]
    nearest = min(options, key=_weight)
    # A refusal that fits no rule that may be broken fits none; but whether one is broken is open,
    # so it is only told for those that surely are.
    if nearest and not allowed.broken:
        yield _must_succeed_finding(reading, allowed, answer, Kind.REFUSED, "interpretation")
        return
    yield from nearest


def _weight(findings: list[Finding]) -> tuple[int, ...]:
    counts = [sum(finding.level == level for finding in findings) for level in LEVELS]
    texts = sum(finding.kind is Kind.WRONG_TEXT for finding in findings)
    return (*counts, -texts)


def _server_error(reading: RequestView, allowed: Allowed, answer: Answer) -> Finding:
    if allowed.broken:
        rule = min(allowed.broken, key=lambda rule: LEVELS.index(rule.level))
        return next(refusal_findings(rule, _operation(reading), answer))
    level: Level = "documented" if allowed.must_succeed else "interpretation"
    return _must_succeed_finding(reading, allowed, answer, Kind.SERVER_ERROR, level)


def _must_succeed_finding(
    reading: RequestView, allowed: Allowed, answer: Answer, kind: Kind, level: Level | None = None
) -> Finding:
    rule = allowed.success
    return Finding(
        rule=rule.rule,
        level=level or rule.level,
        kind=kind,
        operation=_operation(reading),
        expected=f"success: {rule.why}",
        actual=shown(answer),
        answer=answer,
    )


def _passwords(reading: RequestView) -> set[str]:
    """Return the passwords that an answer must not carry: those known, and the one sent."""
    sent = reading.data.get("password")
    known = reading.known.passwords()
    return known | {sent} if isinstance(sent, str) and len(sent) >= 8 else known


def _operation(reading: RequestView) -> str:
    assert reading.operation is not None, "only known operations are judged"
    return reading.operation
