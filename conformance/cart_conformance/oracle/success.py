"""Judges the content of a success by its request and the known state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from cart_spec import Contract
from cart_spec.contract import Level

from cart_conformance.bodies import total
from cart_conformance.exchange import NOT_JSON, Answer
from cart_conformance.findings import Finding
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.conventions import SUCCESS, Conventions
from cart_conformance.oracle.effects import shown_owners
from cart_conformance.oracle.expected_success import has_symbols
from cart_conformance.oracle.knowledge import CART_SIDE, KnownCart, OwnerRef, Suspect, list_side
from cart_conformance.oracle.request_view import ASSOCIATING, RequestView
from cart_conformance.results import Kind

NO_CONTENT = 204


class Successes:
    """The checks of successes against the contract's statuses and schemas, and the known state."""

    def __init__(self, contract: Contract, conventions: Conventions) -> None:
        self._contract = contract
        self._conventions = conventions

    def findings(self, view: RequestView, answer: Answer, *, in_form: bool) -> Iterator[Finding]:
        """Yield the deviations of a success. The request ``view`` certainly breaks no rule.

        ``in_form`` says that the contract describes such a request, and so the form of its answer.
        """
        operation = view.operation
        assert operation is not None, "only known operations are judged"
        tell = partial(self._finding, operation, answer)
        wrong = self._wrong_status(view, answer)
        if wrong is not None:
            yield tell(*wrong)
            return
        if answer.status == NO_CONTENT:
            return
        problems = list(self._conventions.success(operation, answer))
        if problems:
            if (in_form and not _shows_odd(view, answer)) or answer.document is NOT_JSON:
                yield from problems
            return
        for told in _CONTENT.get(operation, _nothing)(view, answer):
            yield self._effect(operation, answer, told)

    def _effect(self, operation: str, answer: Answer, told: Told) -> Finding:
        """Return a finding about state, under an operation to which the rule applies."""
        rule = self._contract.rule(told.rule)
        blamed = told.suspect.operation if told.suspect else operation
        if blamed not in rule.operations:
            blamed = rule.operations[0]
        about = told.suspect.about if told.suspect else None
        return Finding(
            rule.id, rule.level, Kind.EFFECT, blamed, told.expected, told.actual,
            answer=answer, about=about,
        )  # fmt: skip

    def _wrong_status(self, view: RequestView, answer: Answer) -> tuple[str, Kind, str, str] | None:
        assert view.operation is not None
        method, path = self._contract.operations[view.operation]
        responses = self._contract.document["paths"][path][method.lower()]["responses"]
        documented = [int(status) for status in responses if status.startswith("2")]
        if answer.status not in documented:
            wanted = " or ".join(map(str, documented))
            return SUCCESS, Kind.WRONG_STATUS, wanted, shown(answer)
        if view.operation not in ASSOCIATING or view.json.ambiguous:
            return None
        owners = view.known.owners_of(view.cart_id)
        if owners is None or view.named_owner is None:
            return None
        if view.named_owner in owners:
            if answer.status == NO_CONTENT:
                return None
            return "association-repeat", Kind.WRONG_STATUS, "204: it exists already", shown(answer)
        if answer.status != NO_CONTENT:
            return None
        return SUCCESS, Kind.WRONG_STATUS, "200 with the identifier: it is new", shown(answer)

    def _finding(
        self, operation: str, answer: Answer, rule: str, kind: Kind, expected: str, actual: str
    ) -> Finding:
        level: Level = self._contract.rule(rule).level
        return Finding(rule, level, kind, operation, expected, actual, answer=answer)


def _shows_odd(view: RequestView, answer: Answer) -> bool:
    """Return whether an answer contains the result of a request that is not described."""
    shown_things = answer.data if isinstance(answer.data, list) else [answer.data]
    ids = {str(each.get("id")) for each in shown_things if isinstance(each, dict)}
    return bool(ids & view.known.odd)


class Told(NamedTuple):
    """A difference between an answer and what is known.

    ``suspect`` is the request that must have caused it although it should have had no effect.
    """

    rule: str
    expected: str
    actual: str
    suspect: Suspect | None = None


_Content = Callable[[RequestView, Answer], Iterator[Told]]


def _nothing(view: RequestView, answer: Answer) -> Iterator[Told]:  # noqa: ARG001 - the table's signature
    yield from ()


def _association(view: RequestView, answer: Answer) -> Iterator[Told]:
    asked = view.named_owner
    echoed = [entry.get("id") for entry in answer.data]
    if asked is not None and not view.json.ambiguous and asked.id not in echoed:
        yield Told(SUCCESS, f"the identifier {asked.id} sent back", f"{echoed}")


def _new_cart(view: RequestView, answer: Answer) -> Iterator[Told]:
    yield from _fields(view, answer)
    asked = view.data.get("id")
    if isinstance(asked, str) and asked and answer.data.get("id") != asked:
        yield Told(SUCCESS, f"the cart {asked}", f"the cart {answer.data.get('id')}")
    owner = view.owner
    if owner is not None and owner not in shown_owners(answer.data):
        wanted = f"a cart of the {owner.kind} who made it"
        yield Told(SUCCESS, wanted, f"a cart without that {owner.kind}")


def _changed_cart(view: RequestView, answer: Answer) -> Iterator[Told]:
    yield from _fields(view, answer)
    yield from _same_id(view.cart_id, answer)


def _fields(view: RequestView, answer: Answer) -> Iterator[Told]:
    if view.json.ambiguous:
        return
    rule = "any-symbol" if has_symbols(view) else SUCCESS
    for name in ("name", "description"):
        sent = view.data.get(name)
        came = answer.data.get(name)
        if isinstance(sent, str) and sent.isprintable() and (came or "") != sent:
            yield Told(rule, f"{name} {sent!r} unchanged", f"{came!r}")


def _same_id(asked: str, answer: Answer) -> Iterator[Told]:
    came = answer.data.get("id")
    if asked and came != asked:
        yield Told(SUCCESS, f"id {asked}", f"id {came}")


def _cart(view: RequestView, answer: Answer) -> Iterator[Told]:
    yield from _same_id(view.cart_id, answer)
    known = view.known.carts.get(view.cart_id)
    if known is None or not known.exists or known.owners is None:
        return
    found = shown_owners(answer.data)
    for owner in sorted(known.owners - found):
        yield _missing(known, CART_SIDE, f"the cart's owners have {owner} among them", _all(found))
    for owner in sorted(found - known.owners):
        wanted = f"the cart's owners do not have {owner} among them"
        yield _unexpected(known, CART_SIDE, owner, wanted, _all(found))


def _all(owners: set[OwnerRef]) -> str:
    return ", ".join(map(str, sorted(owners))) or "none"


def _cart_page(view: RequestView, answer: Answer) -> Iterator[Told]:
    yield from _page(view, answer)
    owner = view.owner
    if owner is None:
        return
    side = list_side(owner)
    listed = [str(cart.get("id")) for cart in answer.data]
    for cart_id, cart in zip(listed, answer.data, strict=True):
        known = view.known.carts.get(cart_id)
        if known is None or not known.exists or known.owners is None:
            # The answer may say itself that only others have it.
            others = sorted(shown_owners(cart))
            if others and owner not in others:
                wanted = f"no cart {cart_id} in the list of {owner}"
                actual = f"it is there, with {', '.join(map(str, others))}"
                yield Told("others-cannot-see", wanted, actual)
            continue
        if owner not in known.owners:
            wanted = f"no cart {cart_id} in the list of {owner}"
            listed_at = view.known.listed_at(owner)
            yield _unexpected(known, side, owner, wanted, "it is there", listed_at)
    if view.query or total(answer, 0) > len(listed):
        return
    for cart_id in sorted(view.known.carts_of(owner) - set(listed)):
        wanted = f"cart {cart_id} in the list of {owner}"
        yield _missing(view.known.carts[cart_id], side, wanted, "it is not there")


def _missing(known: KnownCart, side: str, expected: str, actual: str) -> Told:
    """Describe a missing association, and name the rule that it breaks."""
    if side in known.suspects:
        suspect = known.suspects[side]
        return Told(suspect.rule, expected, actual, suspect)
    shared = len(known.owners or ()) > 1 or known.removed
    return Told("shared-cart" if shared else "association-visible", expected, actual)


def _unexpected(
    known: KnownCart, side: str, owner: OwnerRef, expected: str, actual: str, listed_at: int = 0
) -> Told:
    """Describe an unexpected association, and name the rule that it breaks."""
    suspect = known.suspects.get(side) or known.suspect_since(listed_at)
    if suspect is not None:
        return Told(suspect.rule, expected, actual, suspect)
    if owner in known.removed:
        return Told("association-deleted", expected, actual)
    others = side != CART_SIDE and known.owners
    return Told("others-cannot-see" if others else "association-visible", expected, actual)


def state_rules(view: RequestView) -> list[str]:
    """Return the rules about effects that a success of this request tests."""
    known, found = view.known, set[str]()
    if view.operation == "getACart":
        cart = known.carts.get(view.cart_id)
        if cart is not None and cart.exists and cart.owners is not None:
            found |= {"association-visible"} if cart.owners else set()
            found |= {"association-deleted"} if cart.removed else set()
    elif view.operation == "getCarts" and view.owner is not None:
        owners = [*islice(known.owners_with_carts(), 2)]
        found |= {"association-visible"} if owners else set()
        found |= {"others-cannot-see"} if {*owners} - {view.owner} else set()
        found |= {"association-deleted"} if known.has_removed_owners() else set()
    return sorted(found)


def _page(view: RequestView, answer: Answer) -> Iterator[Told]:
    asked = dict(view.query)
    page = answer.document["meta"]["page"]
    for name in ("limit", "offset"):
        wanted = asked.get(f"page[{name}]")
        if wanted is not None and wanted.isdecimal() and page.get(name) != int(wanted):
            yield Told(SUCCESS, f"meta.page.{name} {wanted}", f"{page.get(name)}")
    # The default number of customers on a page is not published.
    limit = asked.get("page[limit]", "20" if view.operation == "getCarts" else "")
    if limit.isdecimal() and len(answer.data) > int(limit):
        yield Told(SUCCESS, f"at most {limit} entries", f"{len(answer.data)}")


def _customer(view: RequestView, answer: Answer) -> Iterator[Told]:
    if view.customer_id:
        yield from _same_id(view.customer_id, answer)
    if view.json.ambiguous:
        return
    name, email = view.data.get("name"), view.data.get("email")
    if isinstance(name, str) and name.isprintable() and answer.data["name"].strip() != name.strip():
        yield Told(SUCCESS, f"name {name!r}", f"{answer.data['name']!r}")
    if isinstance(email, str) and answer.data["email"].casefold() != email.casefold():
        yield Told(SUCCESS, f"email {email!r}", f"{answer.data['email']!r}")


def _login(view: RequestView, answer: Answer) -> Iterator[Told]:
    email = view.data.get("email")
    holder = view.known.holder_of(email) if isinstance(email, str) else None
    if holder is not None and answer.data["customer_id"] != holder:
        yield Told(SUCCESS, f"customer_id {holder}", f"{answer.data['customer_id']}")


_CONTENT: dict[str, _Content] = {
    "createCustomerCartAssociation": _association,
    "createAccountCartAssociation": _association,
    "createACart": _new_cart,
    "updateACart": _changed_cart,
    "getACart": _cart,
    "getCarts": _cart_page,
    "getCustomers": _page,
    "createCustomer": _customer,
    "getCustomer": _customer,
    "updateCustomer": _customer,
    "createCustomerToken": _login,
}
