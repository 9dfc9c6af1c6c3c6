"""Judges whether the contract allows an answer to its request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cart_spec import Contract, Rule
from cart_spec.contract import LEVELS, Level

from cart_conformance.exchange import GATEWAY_STATUSES, Answer, Request
from cart_conformance.findings import Finding
from cart_conformance.oracle.answer_checks import is_of_a_firewall, refusal_findings, shown
from cart_conformance.oracle.conventions import Conventions
from cart_conformance.oracle.expected_success import ExpectedSuccess, must_succeed
from cart_conformance.oracle.knowledge import TargetState, is_long_password
from cart_conformance.oracle.request_forms import RequestForms
from cart_conformance.oracle.request_view import RequestView, templates_of
from cart_conformance.oracle.rule_conditions import CONDITIONS
from cart_conformance.oracle.success import Successes, state_rules
from cart_conformance.results import Kind
from cart_conformance.supporting import is_supporting

_OF_A_LOCK = frozenset({403, 404})
"""What a deployment answers that hides the carts of others from a shopper."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The oracle's judgement of one exchange.

    ``rules`` are the rules that it tests; without a finding, the answer follows them.
    ``cannot_tell`` says why no judgement is possible. ``doubt`` says why the contract does not
    describe the request.
    """

    operation: str | None
    findings: tuple[Finding, ...] = ()
    rules: tuple[str, ...] = ()
    cannot_tell: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The answers that the contract allows to a request.

    ``broken`` are the refusals by rules that the request certainly breaks, ``maybe`` those by rules
    that it may break. ``success`` is the rule that requires a success if it breaks none. ``doubt``
    says why any other refusal is allowed too.
    """

    broken: tuple[Rule, ...]
    maybe: tuple[Rule, ...]
    success: ExpectedSuccess
    doubt: str | None = None

    @property
    def must_succeed(self) -> bool:
        """Return whether a refusal of any kind is a deviation."""
        return not self.broken and not self.maybe and self.doubt is None


class Oracle:
    """The judge of answers.

    It is stateless: each call passes the known state, and does not change it.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._templates = templates_of(contract)
        self._refusals = {
            operation: [r for r in contract.rules_of(operation) if r.id in CONDITIONS]
            for operation in contract.operations
        }
        self._forms = RequestForms(contract)
        self._conventions = Conventions(contract)
        self._successes = Successes(contract, self._conventions)

    def read(self, request: Request, known: TargetState, at: float | None = None) -> RequestView:
        """Return a request in terms of the contract."""
        return RequestView(request, known, self._templates, at)

    def allowed(self, view: RequestView) -> Allowed:
        """Return the allowed answers to this request.

        Raises ValueError if its operation is unknown.
        """
        if view.operation is None:
            raise ValueError("the contract has no such operation")
        rules = self._refusals[view.operation]
        verdicts = [(rule, CONDITIONS[rule.id](view)) for rule in rules]
        return Allowed(
            broken=tuple(rule for rule, verdict in verdicts if verdict is True),
            maybe=tuple(rule for rule, verdict in verdicts if verdict is None),
            success=must_succeed(view, self.contract),
            doubt=self._forms.doubt(view),
        )

    def judge(self, answer: Answer, known: TargetState, at: float | None = None) -> Judgement:
        """Judge one exchange. ``at`` is its time in seconds since the epoch, by default now."""
        view = self.read(answer.request, known, at)
        if view.operation is None:
            return Judgement(None, cannot_tell="the contract has no such operation")
        if answer.status in GATEWAY_STATUSES:
            why = f"{answer.status} is an answer of the way there"
            return Judgement(view.operation, cannot_tell=why)
        if is_of_a_firewall(answer):
            return Judgement(view.operation, cannot_tell="a firewall refused it on its way")
        if is_supporting(self.contract, view.operation):
            return self._supporting(view, answer)
        allowed = self.allowed(view)
        conventions = self._conventions
        findings = list(conventions.passwords(view.operation, answer, _leaked(view)))
        if answer.refused or answer.status >= 500:
            findings += _refusal(view, allowed, answer)
            if answer.refused and not (view.has_odd_path or view.is_oversized):
                # Otherwise a gateway may have refused it in another format.
                findings += conventions.envelope(view.operation, answer)
        else:
            findings += self._not_refused(view, allowed, answer)
        return _judgement(view, allowed, answer, findings)

    def _supporting(self, view: RequestView, answer: Answer) -> Judgement:
        """Judge an operation that a deployment may lack: only the form of a success counts."""
        operation = _operation(view)
        if not answer.ok:
            return Judgement(operation, cannot_tell="a deployment may lack this operation")
        passwords = self._conventions.passwords(operation, answer, _leaked(view))
        form = self._successes.findings(view, answer, in_form=True)
        findings = (*passwords, *form)
        rules = ("success-answer", *(finding.rule for finding in findings))
        return Judgement(operation, findings, tuple(dict.fromkeys(rules)))

    def _not_refused(
        self, view: RequestView, allowed: Allowed, answer: Answer
    ) -> Iterator[Finding]:
        for rule in allowed.broken:
            yield from refusal_findings(rule, _operation(view), answer)
        if allowed.broken:
            return
        if answer.ok:
            # The contract does not describe the result of an undescribed request.
            in_form = allowed.doubt is None
            yield from self._successes.findings(view, answer, in_form=in_form)
        else:
            yield _must_succeed_finding(view, allowed, answer, Kind.WRONG_STATUS)


def _judgement(
    view: RequestView, allowed: Allowed, answer: Answer, findings: list[Finding]
) -> Judgement:
    unsure = bool(allowed.maybe) or allowed.doubt is not None
    rules = tuple(rule.id for rule in allowed.broken) if len(allowed.broken) == 1 else ()
    if not allowed.broken and not unsure and answer.ok:
        rules = ("success-answer", *allowed.success.tested, *state_rules(view))
    told = (*dict.fromkeys(finding.rule for finding in findings),)
    cannot_tell = None
    if not findings and unsure and not allowed.broken:
        why = allowed.doubt or "it cannot be known whether it breaks " + ", ".join(
            rule.id for rule in allowed.maybe
        )
        cannot_tell = why if answer.refused else None
    rules = tuple(dict.fromkeys((*rules, *told)))
    return Judgement(view.operation, tuple(findings), rules, cannot_tell, allowed.doubt)


def _refusal(view: RequestView, allowed: Allowed, answer: Answer) -> Iterator[Finding]:
    """Yield a finding if a refusal, or a failure of the server, is not allowed."""
    if answer.status >= 500:
        yield _server_error(view, allowed, answer)
        return
    if allowed.must_succeed:
        yield _must_succeed_finding(view, allowed, answer, Kind.REFUSED)
        return
    if allowed.doubt is not None:
        return
    # If several rules are broken, or may be, any of their refusals is allowed. Report the nearest.
    options = [
        list(
            refusal_findings(
                rule, _operation(view), answer, detail_is_free=_has_accounts(view, rule)
            )
        )
        for rule in (*allowed.broken, *allowed.maybe)
    ]
    nearest = min(options, key=_weight)
    if nearest and allowed.broken:
        # It fits none of them, so it is judged by a rule that is surely broken.
        nearest = min(options[: len(allowed.broken)], key=_weight)
    if nearest and allowed.broken and _may_be_of_a_lock(view, answer):
        return
    # If no rule is certainly broken, an unexpected refusal is reported as advice only.
    if nearest and not allowed.broken:
        yield _must_succeed_finding(view, allowed, answer, Kind.REFUSED, "interpretation")
        return
    yield from nearest


def _may_be_of_a_lock(view: RequestView, answer: Answer) -> bool:
    """Return whether a deployment that locks the carts of others, as it may, would say this first.

    If the cart were the only thing to refuse, the refusal would deviate from ``cart-id-is-access``.
    """
    owners = view.known.owners_of(view.cart_id) or set()
    is_of_others = bool(owners) and view.owner not in owners and not view.is_administrator
    return is_of_others and answer.status in _OF_A_LOCK


def _has_accounts(view: RequestView, rule: Rule) -> bool:
    """Return whether this is the last cart of an account, as far as is known."""
    owners = view.known.owners_of(view.cart_id)
    of_account = owners is None or any(owner.kind == "account" for owner in owners)
    return rule.id == "last-cart" and of_account


def _weight(findings: list[Finding]) -> tuple[int, ...]:
    counts = [sum(finding.level == level for finding in findings) for level in LEVELS]
    texts = sum(finding.kind is Kind.WRONG_TEXT for finding in findings)
    return (*counts, -texts)


def _server_error(view: RequestView, allowed: Allowed, answer: Answer) -> Finding:
    if allowed.broken:
        rule = min(allowed.broken, key=lambda rule: LEVELS.index(rule.level))
        return next(refusal_findings(rule, _operation(view), answer))
    level: Level = "documented" if allowed.must_succeed else "interpretation"
    return _must_succeed_finding(view, allowed, answer, Kind.SERVER_ERROR, level)


def _must_succeed_finding(
    view: RequestView, allowed: Allowed, answer: Answer, kind: Kind, level: Level | None = None
) -> Finding:
    rule = allowed.success
    return Finding(
        rule=rule.rule,
        level=level or rule.level,
        kind=kind,
        operation=_operation(view),
        expected=f"success: {rule.why}",
        actual=shown(answer),
        answer=answer,
    )


def _leaked(view: RequestView) -> Callable[[str], bool]:
    """Return whether an answer's text has a password in it: a known one, or the one sent."""
    sent = view.data.get("password")
    known = view.known.passwords
    if not is_long_password(sent):
        return known.any_in
    return lambda text: sent in text or known.any_in(text)


def _operation(view: RequestView) -> str:
    assert view.operation is not None, "only known operations are judged"
    return view.operation
