"""The tools of a directed case: sending, comparing, and noting deviations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

from cart_spec.contract import Level, Rule
from cart_spec.redaction import Redactor

from cart_conformance.cases.schema_cases import SchemaCases
from cart_conformance.errors import Skipped, Untestable
from cart_conformance.exchange import OWNER_TOKENS, Answer
from cart_conformance.findings import Finding
from cart_conformance.oracle.answer_checks import (
    entries,
    is_of_a_firewall,
    refusal_findings,
    shown,
)
from cart_conformance.results import Kind
from cart_conformance.target.credentials import CartOwner, Credentials, Customer
from cart_conformance.target.requests import (
    ASSOCIATE,
    DISSOCIATE,
    identifiers,
    operation_for,
    parts_of,
)
from cart_conformance.target.session import Session
from cart_conformance.target.state import State, read_state

NOTHING_CHANGES = "refusal-changes-nothing"
NEXT_SECOND = 1.1
"""Timestamps may be whole seconds. After this many seconds, they must differ."""
USES = 10
"""Maximum number of cases that share one control."""

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made for a case before the first case, when, and by which exchanges."""

    made: Any
    at: float
    trace: tuple[Answer, ...]


@dataclass(slots=True)
class Shared:
    """What several cases use, and how many have. The next attempt after a deviation does not."""

    made: Any
    uses: int = 0


@dataclass
class CaseContext:
    """One case in progress: it tries ``rule`` on ``operation``, for one ``kind`` of owner.

    ``case`` is its name. ``operation`` is as the case names it, ASSOCIATE for example, whatever
    the kind of owner. ``shared`` outlives the case and contains prepared carts for later ones.
    ``accepted`` are successes that should have been refusals.
    """

    session: Session
    rule: Rule
    operation: str
    schema_cases: SchemaCases
    shared: dict[str, Any]
    kind: str = "customer"
    case: str = ""
    findings: list[Finding] = field(default_factory=list)
    examined: set[tuple[str, str]] = field(default_factory=set)
    accepted: list[Answer] = field(default_factory=list)
    _taken: dict[str, Shared] = field(default_factory=dict)

    # --- Requests ---

    def send(
        self, caller: Credentials | None, operation: str, *, envelope: bool = True, **parts: Any
    ) -> Answer:
        """Send one operation as a Schemathesis case, and return its answer.

        For ``parts`` see :func:`cart_conformance.target.requests.parts_of`, for ``envelope`` see
        :meth:`cart_conformance.target.session.Session.exchange`. Raises Untestable if a firewall
        answered, and ServerFailed if an operation other than the case's failed.
        """
        made = parts_of(caller, operation_for(self.kind, operation), **parts)
        answer = self.session.exchange(made, self.schema_cases.request(made), envelope=envelope)
        if is_of_a_firewall(answer):
            raise Untestable(
                f"{answer.status} and a page for people, not an error of the API: a firewall in"
                " front of the deployment refused the request"
            )
        if operation != self.operation:
            self.session.need_answer(made.operation, answer)
        return answer

    def token(self, grant: str, **form: str | None) -> Answer:
        """Request an access token. ``form`` replaces fields; the value None leaves a field out."""
        return self.session.actors.token(grant, **form)

    def pause(self, seconds: float) -> None:
        """Wait, for a rule about time. Raises BudgetSpent."""
        self.session.transport.budget.pause(seconds)

    # --- Callers ---

    @property
    def administrator(self) -> Credentials:
        """Client credentials and no customer token."""
        return self.session.actors.administrator

    @property
    def implicit(self) -> Credentials:
        """An implicit access token and no customer token."""
        return self.session.actors.implicit

    def customer(self, label: str) -> Customer:
        """Return customer A, B or C."""
        return self.session.actors.customer(label)

    def owner(self, label: str) -> CartOwner:
        """Return customer or account A, B or C, by the kind of owner of this case."""
        actors = self.session.actors
        return actors.customer(label) if self.kind == "customer" else actors.account(label)

    def shopper(self, who: str | CartOwner) -> Credentials:
        """Return an owner, given itself or by label, with an implicit access token."""
        owner = self.owner(who) if isinstance(who, str) else who
        return self.session.actors.shopper(owner)

    def narrowed(self, owner: CartOwner) -> Credentials:
        """Return client credentials together with that owner's token."""
        return self.session.actors.narrowed(owner)

    @property
    def owner_token(self) -> str:
        """The name of the header with the owner's token."""
        return OWNER_TOKENS[self.kind]

    def identifiers(self, *ids: object) -> dict[str, Any]:
        """Return the body of an association request, in the envelope."""
        return identifiers(*ids, kind=self.kind)

    def log_in(self, owner: CartOwner) -> str:
        """Log an owner in and return the token. Raises Untestable."""
        return self.session.factory.log_in(owner)

    def customer_token(self, email: str, password: str) -> str:
        """Log a customer in and return the token. Raises Untestable."""
        return self.session.factory.customer_token(email, password)

    # --- Things of the run ---

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.session.run_id

    @property
    def redactor(self) -> Redactor:
        """The redactor, for secrets that a case makes up."""
        return self.session.redactor

    @property
    def owners_are_given(self) -> bool:
        """Whether this kind of owner comes from the fixtures, so that the run cannot make any."""
        return self.kind == "customer" and self.customers_are_given

    @property
    def customers_are_given(self) -> bool:
        """Whether the customers come from the fixtures, so that the run cannot make any."""
        return self.session.settings.customers is not None

    def fresh_id(self, what: str = "cart") -> str:
        """Return an unused id of this run."""
        return self.session.factory.fresh_id(what)

    def email(self) -> str:
        """Return an email that no customer has."""
        return self.session.factory.email()

    def login(self, label: str) -> tuple[str, str]:
        """Return the email and password of a customer. Raises Skipped if they are not known."""
        customer = self.customer(label)
        if not customer.email or not customer.password:
            raise Skipped("the fixtures give no email and password of the customer")
        return customer.email, customer.password

    def unknown_cart_id(self) -> str:
        """Return an id that no cart has."""
        return self.session.factory.unknown_cart_id()

    def new_cart(self, caller: Credentials | None = None, **fields: Any) -> str:
        """Make a cart and return its id. Raises Untestable."""
        return self.session.factory.cart(caller, **fields)

    def new_customer(self, label: str | None = None) -> Customer:
        """Make a customer, logged in. Raises Untestable."""
        return self.session.factory.customer(label)

    def new_owner(self, label: str | None = None) -> CartOwner:
        """Make a customer or an account, logged in. Raises Untestable."""
        factory = self.session.factory
        return factory.customer(label) if self.kind == "customer" else factory.account(label)

    def unknown_customer(self) -> str:
        """Return an id that no customer has. See :meth:`unknown_owner`."""
        return self.unknown_owner("customer")

    def unknown_owner(self, kind: str | None = None) -> str:
        """Return an id that no customer or account has, in the form of the deployment's ids.

        Only a UUID can be invented safely. Otherwise one is created and deleted. Raises
        Untestable.
        """
        kind = kind or self.kind
        actors, factory = self.session.actors, self.session.factory
        try:
            UUID((actors.customer("A") if kind == "customer" else actors.account("A")).id)
        except ValueError:
            owner = factory.customer("D") if kind == "customer" else factory.account("D")
            of_owner: dict[str, Any] = {kind: owner.id}
            answer = self.send(self.administrator, f"delete{kind.capitalize()}", **of_owner)
            self.need(answer, f"no {kind} could be deleted")
            return owner.id
        return str(uuid4())

    def state(self, cart: str, *owners: CartOwner) -> State:
        """Read the cart from both sides. Raises Untestable."""
        return read_state(self.session, cart, owners)

    # --- What is made in advance, or for several cases ---

    def prepared(self, make: Callable[[CaseContext], _Made]) -> _Made:
        """Return what ``make`` has made, a second ago.

        The layer makes it before its first case, if the case says ``prepare=make``. So all cases
        wait for the same second. A further attempt makes it again.
        """
        found: Prepared | None = self.shared.pop(prepared_for(self.case), None)
        if found is None:
            found = Prepared(make(self), time.monotonic(), ())
        self.session.trace[:0] = found.trace
        left = found.at + NEXT_SECOND - time.monotonic()
        if left > 0:
            self.pause(left)
        made: _Made = found.made
        return made

    def usual(self, send: Callable[[], Answer], what: str = "") -> Answer:
        """Return the answer to a control that several cases share: of an operation, and ``what``.

        ``send`` sends it, for the first case and when it is due again. Raises Untestable.
        """
        place = f"control of {self.kind}, {self.operation}, {what}"
        kept: Shared | None = self.shared.get(place)
        if kept is None or kept.uses >= USES:
            kept = self.shared[place] = Shared(self.control(send()))
        kept.uses += 1
        answer: Answer = kept.made
        return answer

    def take(self, place: str, make: Callable[[], _Made], most: int = USES) -> _Made:
        """Return what an earlier case has put ``back`` at a place, or what ``make`` makes.

        At most ``most`` cases use the same.
        """
        kept: Shared | None = self.shared.pop(place, None)
        if kept is None or kept.uses >= most:
            kept = Shared(make())
        self._taken[place] = kept
        made: _Made = kept.made
        return made

    def back(self, place: str) -> None:
        """Leave what was taken from a place to the next case, because it is as it was."""
        kept = self._taken.pop(place)
        kept.uses += 1
        self.shared[place] = kept

    # --- Needs ---

    def need(self, answer: Answer, what: str) -> Answer:
        """Return ``answer`` if it is a success. Raises Untestable otherwise."""
        if not answer.ok:
            raise Untestable(f"{self._worded(what)}: {shown(answer)}")
        return answer

    def need_error(self, answer: Answer) -> Answer:
        """Return ``answer`` if it is an error, or an error inside a success, which is noted.

        Raises Untestable otherwise. The form of every error is checked elsewhere.
        """
        if answer.status >= 400:
            return answer
        self.accepted.append(answer)
        if not (answer.ok and entries(answer)):
            raise Untestable(f"no error came: {shown(answer)}")
        wanted = "an error whose HTTP status is the one in its entries"
        self.expect(False, wanted, shown(answer), answer, kind=Kind.ERROR_INSIDE)
        return answer

    def need_refusal(self, answer: Answer) -> Answer:
        """Return ``answer`` if it is a refusal. Raises Untestable otherwise.

        The cases of the refusing rule report that, so the form of a success here does not count.
        """
        if not answer.refused:
            self.accepted.append(answer)
            raise Untestable(f"the request was not refused: {shown(answer)}")
        return answer

    def control(self, answer: Answer) -> Answer:
        """Return the answer to the request without the fault.

        Raises Untestable if it is not a success.
        """
        return self.need(answer, "the control failed")

    def associate(self, cart: str, owner: CartOwner, caller: Credentials | None = None) -> Answer:
        """Create an association that the case needs. Raises Untestable."""
        body = identifiers(owner.id, kind=owner.kind)
        operation = operation_for(owner.kind, ASSOCIATE)
        answer = self.send(caller or self.administrator, operation, cart=cart, body=body)
        return self.need(answer, f"the {owner.kind} could not be associated")

    def dissociate(self, cart: str, owner: CartOwner, caller: Credentials | None = None) -> Answer:
        """Remove an association. Raises Untestable."""
        body = identifiers(owner.id, kind=owner.kind)
        operation = operation_for(owner.kind, DISSOCIATE)
        answer = self.send(caller or self.administrator, operation, cart=cart, body=body)
        return self.need(answer, f"the {owner.kind} could not be disassociated")

    # --- Judgements ---

    @property
    def operation_id(self) -> str:
        """The operation of this case's kind of owner, as the contract names it."""
        return operation_for(self.kind, self.operation)

    def _worded(self, text: str) -> str:
        return text.replace("{owner}", self.kind)

    def refused(
        self,
        answer: Answer,
        control: Answer | None = None,
        *,
        level: Level | None = None,
        exact: Level | None = None,
        statuses: tuple[int, ...] | None = None,
    ) -> bool:
        """Note how the answer differs from the expected refusal. Return whether it is a refusal."""
        self.findings += refusal_findings(
            self.rule,
            self.operation_id,
            answer,
            control=control,
            level=level,
            exact=exact,
            statuses=statuses,
            detail_is_free=self.kind == "account" and self.rule.id == "last-cart",
        )
        if not answer.refused:
            self.accepted.append(answer)
        return answer.refused

    def unchanged(self, before: State, after: State, answer: Answer) -> None:
        """Note what a refused request changed despite the refusal.

        That associations stay is documented; that the rest stays is an interpretation.
        """
        self.examined.add((NOTHING_CHANGES, self.operation_id))
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
                self.operation_id,
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
        """Note a deviation from this case's rule, or from ``rule``, unless ``good``."""
        if not good:
            expected, actual = self._worded(expected), self._worded(actual)
            if answer is not None and answer.status >= 500:
                kind = Kind.SERVER_ERROR
            about = self.session.contract.rule(rule) if rule else self.rule
            self.findings.append(
                Finding(
                    about.id,
                    level or about.level,
                    kind,
                    self.operation_id,
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
        """Note a deviation if the answer is not a success with a published status."""
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


def prepared_for(case: str) -> str:
    """Return the place in the shared things of what was prepared for a case."""
    return f"prepared for {case}"


def texts_in(value: object) -> Iterator[str]:
    """Yield the texts in what cases share, among them the ids of carts that are in use."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Prepared | Shared):
        yield from texts_in(value.made)
    elif isinstance(value, Answer):
        yield from texts_in(value.data)
    elif isinstance(value, dict):
        yield from texts_in([*value.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)
    elif (cart := getattr(value, "cart", None)) is not None:
        yield from texts_in(cart)


def _association_change(before: State, after: State) -> str:
    if after.missing is not None:
        return f"the cart can no longer be read ({after.missing})"
    if before.owners != after.owners:
        return f"the cart's owners went from {_ids(before.owners)} to {_ids(after.owners)}"
    return "an owner's list of carts is another"


def _field_change(before: State, after: State) -> str:
    for (name, old), (_, new) in zip(before.fields, after.fields, strict=False):
        if old != new:
            return f"the cart's {name} went from {old} to {new}"
    return f"the cart's updated_at went from {before.updated_at} to {after.updated_at}"


def _ids(owners: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{kind} {each}" for kind, each in owners) or "none"
