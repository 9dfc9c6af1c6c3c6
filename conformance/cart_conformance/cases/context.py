"""What a directed case works with: it sends, compares, and notes what deviates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from cart_spec.contract import Level, Rule

from cart_conformance.oracle.answer_checks import refusal_findings, shown
from cart_conformance.run.events import Kind
from cart_conformance.run.findings import Finding
from cart_conformance.target.credentials import Credentials, Customer
from cart_conformance.target.session import ASSOCIATE, DISSOCIATE, Session, Untestable, identifiers
from cart_conformance.target.state import State, read_state
from cart_conformance.target.transport import Answer

NOTHING_CHANGES = "refusal-changes-nothing"


@dataclass
class CaseContext:
    """One case in progress: ``rule`` is what it tries, on ``operation``."""

    session: Session
    rule: Rule
    operation: str
    findings: list[Finding] = field(default_factory=list)
    examined: set[tuple[str, str]] = field(default_factory=set)
    accepted: list[Answer] = field(default_factory=list)
    """Answers that should have been refusals and are none."""

    # --- Short names for what cases use most ---

    @property
    def administrator(self) -> Credentials:
        """Client credentials and no customer token."""
        return self.session.administrator

    def customer(self, label: str) -> Customer:
        """Customer A, B or C."""
        return self.session.customer(label)

    def shopper(self, label: str) -> Credentials:
        """Customer A, B or C with an implicit access token."""
        return self.session.shopper(self.customer(label))

    def send(self, caller: Credentials | None, operation: str, **request: Any) -> Answer:
        """Send one operation; see :meth:`cart_conformance.target.session.Session.send`."""
        return self.session.send(caller, operation, **request)

    # --- Needs ---

    def need(self, answer: Answer, what: str) -> Answer:
        """``answer``, a success. Raises Untestable where it is none."""
        if not answer.ok:
            raise Untestable(f"{what}: {shown(answer)}")
        return answer

    def need_error(self, answer: Answer) -> Answer:
        """``answer``, an error, whose form every answer is held against. Raises Untestable."""
        if answer.status < 400:
            raise Untestable(f"no error came: {shown(answer)}")
        return answer

    def control(self, answer: Answer) -> Answer:
        """``answer`` to the same request without the fault. Raises Untestable where it failed."""
        return self.need(answer, "the control failed")

    def associate(self, cart: str, customer: Customer, caller: Credentials | None = None) -> Answer:
        """Make an association that the case needs. Raises Untestable."""
        answer = self.session.send(
            caller or self.administrator, ASSOCIATE, cart=cart, body=identifiers(customer.id)
        )
        return self.need(answer, "a customer could not be associated")

    def dissociate(
        self, cart: str, customer: Customer, caller: Credentials | None = None
    ) -> Answer:
        """Remove an association. Raises Untestable."""
        answer = self.session.send(
            caller or self.administrator, DISSOCIATE, cart=cart, body=identifiers(customer.id)
        )
        return self.need(answer, "a customer could not be disassociated")

    def unknown_customer(self) -> str:
        """An id that no customer has, shaped as the deployment's ids are. Raises Untestable.

        Only a UUID is invented: any other id that looks right could be somebody's.
        """
        try:
            UUID(self.customer("A").id)
        except ValueError:
            customer = self.session.new_customer("D")
            answer = self.session.send(self.administrator, "deleteCustomer", customer=customer.id)
            self.need(answer, "no customer could be deleted")
            return customer.id
        return str(uuid4())

    def state(self, cart: str, *customers: Customer) -> State:
        """The cart from both sides. Raises Untestable."""
        return read_state(self.session, cart, customers)

    # --- Judgements ---

    def refused(
        self,
        answer: Answer,
        control: Answer | None = None,
        *,
        level: Level | None = None,
        exact: Level | None = None,
        statuses: tuple[int, ...] | None = None,
    ) -> bool:
        """Note how the answer falls short of the refusal; return whether it refuses at all."""
        self.findings += refusal_findings(
            self.rule,
            self.operation,
            answer,
            control=control,
            level=level,
            exact=exact,
            statuses=statuses,
        )
        if not answer.refused:
            self.accepted.append(answer)
        return answer.refused

    def unchanged(self, before: State, after: State, answer: Answer) -> None:
        """Note what a refused request changed in spite of the refusal.

        Associations are documented to stay; the rest is an interpretation.
        """
        self.examined.add((NOTHING_CHANGES, self.operation))
        if before.associations() != after.associations():
            self._changed("documented", _association_change(before, after), answer)
        elif (before.fields, before.updated_at) != (after.fields, after.updated_at):
            self._changed("interpretation", _field_change(before, after), answer)

    def _changed(self, level: Level, actual: str, answer: Answer) -> None:
        self.findings.append(
            Finding(
                NOTHING_CHANGES,
                level,
                Kind.EFFECT,
                self.operation,
                "everything as it was before the refused request",
                f"refused with {shown(answer)}, and yet {actual}",
                answer=answer,
                about=self.rule.id,
            )
        )

    def expect(
        self,
        good: bool,
        expected: str,
        actual: str,
        answer: Answer | None = None,
        *,
        control: Answer | None = None,
        kind: Kind = Kind.EFFECT,
        level: Level | None = None,
        rule: str | None = None,
    ) -> bool:
        """Note a deviation of this case's rule, or of ``rule``, unless ``good``."""
        if not good:
            about = self.session.contract.rule(rule) if rule else self.rule
            self.findings.append(
                Finding(
                    about.id,
                    level or about.level,
                    kind,
                    self.operation,
                    expected,
                    actual,
                    answer=answer,
                    control=control,
                )
            )
        return good

    def status(
        self,
        answer: Answer,
        *statuses: int,
        control: Answer | None = None,
        level: Level | None = None,
        what: str = "",
    ) -> bool:
        """Note a success with another status than the published one, a refusal, or a failure."""
        wanted = " or ".join(map(str, statuses)) + (f" {what}" if what else "")
        if answer.status in statuses:
            return True
        if answer.status >= 500:
            kind = Kind.SERVER_ERROR
        else:
            kind = Kind.WRONG_STATUS if answer.ok else Kind.REFUSED
        return self.expect(
            False, wanted, shown(answer), answer, control=control, kind=kind, level=level
        )


def _association_change(before: State, after: State) -> str:
    if after.missing is not None:
        return f"the cart can no longer be read ({after.missing})"
    if before.customers != after.customers:
        return f"the cart's customers went from {_ids(before.customers)} to {_ids(after.customers)}"
    return "a customer's list of carts is another"


def _field_change(before: State, after: State) -> str:
    for (name, old), (_, new) in zip(before.fields, after.fields, strict=False):
        if old != new:
            return f"the cart's {name} went from {old} to {new}"
    return f"the cart's updated_at went from {before.updated_at} to {after.updated_at}"


def _ids(ids: Sequence[str]) -> str:
    return "none" if not ids else ", ".join(ids)
