"""Judges what a success says, against what was asked for and what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from conformance.client import NOT_JSON, Answer
from conformance.events import Kind
from conformance.findings import Finding
from conformance.judge import shown
from conformance.oracle.must import SUCCESS, has_symbols
from conformance.oracle.reading import Reading
from conformance.schemas import Schemas
from conformance.state import customers_of
from openapi import Contract
from openapi.contract import Level

NO_CONTENT = 204


class Successes:
    """Holds successes against the contract's statuses, its schemas, and what is known."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._schemas = Schemas(contract)

    def findings(self, reading: Reading, answer: Answer) -> Iterator[Finding]:
        """How the success ``answer`` deviates. ``reading`` breaks no rule for sure."""
        operation = reading.operation
        assert operation is not None, "only known operations are judged"
        tell = partial(self._finding, operation, answer)
        wrong = self._wrong_status(reading, answer)
        if wrong is not None:
            yield tell(*wrong)
            return
        if answer.status == NO_CONTENT:
            return
        if answer.document is NOT_JSON:
            yield tell(SUCCESS, Kind.SCHEMA, "a body in JSON", "one that is not JSON")
            return
        problem = self._schemas.problem(operation, answer.status, answer.document)
        if problem is not None:
            yield tell(SUCCESS, Kind.SCHEMA, f"a body that matches {operation}'s schema", problem)
            return
        for rule, expected, actual in _CONTENT.get(operation, _nothing)(reading, answer):
            yield tell(rule, Kind.EFFECT, expected, actual)

    def _wrong_status(self, reading: Reading, answer: Answer) -> tuple[str, Kind, str, str] | None:
        assert reading.operation is not None
        method, path = self._contract.operations[reading.operation]
        responses = self._contract.document["paths"][path][method.lower()]["responses"]
        documented = [int(status) for status in responses if status.startswith("2")]
        if answer.status not in documented:
            wanted = " or ".join(map(str, documented))
            return SUCCESS, Kind.WRONG_STATUS, wanted, shown(answer)
        if reading.operation != "createCustomerCartAssociation" or reading.json.ambiguous:
            return None
        customers = reading.known.customers_of(reading.cart_id)
        if customers is None or reading.named_customer is None:
            return None
        if reading.named_customer in customers:
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


Told = Iterator[tuple[str, str, str]]
"""Rule, what was expected, what came."""

_Content = Callable[[Reading, Answer], Told]


def _nothing(reading: Reading, answer: Answer) -> Told:  # noqa: ARG001 - the table's signature
    yield from ()


def _association(reading: Reading, answer: Answer) -> Told:
    asked = reading.named_customer
    echoed = [entry.get("id") for entry in answer.data]
    if asked is not None and not reading.json.ambiguous and asked not in echoed:
        yield SUCCESS, f"the identifier {asked} sent back", f"{echoed}"


def _new_cart(reading: Reading, answer: Answer) -> Told:
    yield from _fields(reading, answer)
    asked = reading.data.get("id")
    if isinstance(asked, str) and asked and answer.data.get("id") != asked:
        yield SUCCESS, f"the cart {asked}", f"the cart {answer.data.get('id')}"
    customer = reading.customer
    if customer is not None and customer not in customers_of(answer.data):
        yield SUCCESS, "a cart of the customer who made it", "a cart without that customer"


def _changed_cart(reading: Reading, answer: Answer) -> Told:
    yield from _fields(reading, answer)
    yield from _same_id(reading.cart_id, answer)


def _fields(reading: Reading, answer: Answer) -> Told:
    if reading.json.ambiguous:
        return
    rule = "any-symbol" if has_symbols(reading) else SUCCESS
    for name in ("name", "description"):
        sent = reading.data.get(name)
        came = answer.data.get(name)
        if isinstance(sent, str) and sent.isprintable() and (came or "") != sent:
            yield rule, f"{name} {sent!r} unchanged", f"{came!r}"


def _same_id(asked: str, answer: Answer) -> Told:
    came = answer.data.get("id")
    if asked and came != asked:
        yield SUCCESS, f"id {asked}", f"id {came}"


def _cart(reading: Reading, answer: Answer) -> Told:
    yield from _same_id(reading.cart_id, answer)
    known = reading.known.carts.get(reading.cart_id)
    if known is None or not known.exists or known.customers is None:
        return
    found = set(customers_of(answer.data))
    for customer in sorted(known.customers - found):
        rule = "association-visible"
        if customer in known.refused:
            rule = "refusal-changes-nothing"
        elif len(known.customers) > 1 or known.removed:
            rule = "shared-cart"
        yield rule, f"the cart's customers have {customer} among them", f"{sorted(found)}"
    for customer in sorted(found - known.customers):
        if customer in known.refused:
            rule = "refusal-changes-nothing"
        elif customer in known.removed:
            rule = "association-deleted"
        else:
            rule = "association-visible"
        yield rule, f"the cart's customers do not have {customer} among them", f"{sorted(found)}"


def _cart_page(reading: Reading, answer: Answer) -> Told:
    yield from _page(reading, answer)
    customer = reading.customer
    if customer is None:
        return
    listed = [cart.get("id") for cart in answer.data]
    for cart_id in listed:
        yield from _listed_cart(reading, str(cart_id), customer)
    if reading.query or _total(answer) > len(listed):
        return
    for cart_id in sorted(reading.known.carts_of(customer) - set(map(str, listed))):
        known = reading.known.carts[cart_id]
        rule = "association-visible"
        if customer in known.refused:
            rule = "refusal-changes-nothing"
        elif known.customers is not None and len(known.customers) > 1:
            rule = "shared-cart"
        yield rule, f"cart {cart_id} in the list of customer {customer}", "it is not there"


def _listed_cart(reading: Reading, cart_id: str, customer: str) -> Told:
    known = reading.known.carts.get(cart_id)
    if known is None or not known.exists or known.customers is None or customer in known.customers:
        return
    if customer in known.refused:
        rule = "refusal-changes-nothing"
    elif customer in known.removed:
        rule = "association-deleted"
    elif known.customers:
        rule = "others-cannot-see"
    else:
        rule = "association-visible"
    yield rule, f"no cart {cart_id} in the list of customer {customer}", "it is there"


def _page(reading: Reading, answer: Answer) -> Told:
    asked = dict(reading.query)
    page = answer.document["meta"]["page"]
    for name in ("limit", "offset"):
        wanted = asked.get(f"page[{name}]")
        if wanted is not None and wanted.isdecimal() and page.get(name) != int(wanted):
            yield SUCCESS, f"meta.page.{name} {wanted}", f"{page.get(name)}"
    limit = asked.get("page[limit]", "20")
    if limit.isdecimal() and len(answer.data) > int(limit):
        yield SUCCESS, f"at most {limit} entries", f"{len(answer.data)}"


def _total(answer: Answer) -> int:
    total: Any = answer.document["meta"]["results"]["total"]
    return total if isinstance(total, int) else 0


def _customer(reading: Reading, answer: Answer) -> Told:
    if reading.customer_id:
        yield from _same_id(reading.customer_id, answer)
    if reading.json.ambiguous:
        return
    name, email = reading.data.get("name"), reading.data.get("email")
    if isinstance(name, str) and name.isprintable() and answer.data["name"].strip() != name.strip():
        yield SUCCESS, f"name {name!r}", f"{answer.data['name']!r}"
    if isinstance(email, str) and answer.data["email"].casefold() != email.casefold():
        yield SUCCESS, f"email {email!r}", f"{answer.data['email']!r}"


def _login(reading: Reading, answer: Answer) -> Told:
    email = reading.data.get("email")
    holder = reading.known.holder_of(email) if isinstance(email, str) else None
    if holder is not None and answer.data["customer_id"] != holder:
        yield SUCCESS, f"customer_id {holder}", f"{answer.data['customer_id']}"


_CONTENT: dict[str, _Content] = {
    "createCustomerCartAssociation": _association,
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
