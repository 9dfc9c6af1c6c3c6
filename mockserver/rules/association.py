"""Associating a customer with a cart, and taking that back."""

from __future__ import annotations

from mockserver.facts import SEND_ENVELOPE, Facts, Fault
from mockserver.http import Breach
from mockserver.reading import of_request
from mockserver.rules.registry import predicate
from mockserver.text import UNSAFE_CHARACTER, kind, shown

_OF_OTHERS = Breach(
    "the cart belongs to other customers only",
    "Use a cart of this customer, or one without a customer.",
    "cartID",
)


@predicate
@of_request
def cart_id_unsafe(facts: Facts) -> Breach | None:
    unsafe = UNSAFE_CHARACTER.search(facts.cart_id)
    if unsafe is None:
        return None
    return Breach(shown(unsafe.group()), "Use only 0-9, A-Z, a-z, _ and -.", "cartID")


@predicate
@of_request
def payload_not_array(facts: Facts) -> Breach | None:
    entries = facts.entries
    return Breach(*entries, "data") if isinstance(entries, Fault) else None


@predicate
@of_request
def entry_not_object(facts: Facts) -> Breach | None:
    for i, entry in enumerate(facts.entries):
        if not isinstance(entry, dict):
            return Breach(f"the entry is {kind(entry)}", SEND_ENVELOPE, facts.field(f"[{i}]"))
    return None


@predicate
@of_request
def customer_missing(facts: Facts) -> Breach | None:
    if facts.entries:
        return None
    return Breach(
        "the array is empty", 'Send one {"type":"customer","id":"CUSTOMER_ID"} in it.', "data"
    )


@predicate
@of_request
def more_than_one_customer(facts: Facts) -> Breach | None:
    count = len(facts.entries)
    if count <= 1:
        return None
    return Breach(f"the array has {count} entries", "Send one request for each customer.", "data")


@predicate
@of_request
def type_not_customer(facts: Facts) -> Breach | None:
    entry = facts.entry
    if entry.get("type") == "customer":
        return None
    what = f"it is {shown(entry['type'])}" if "type" in entry else "it is absent"
    return Breach(what, 'Send "type":"customer".', facts.field("[0].type"))


@predicate
@of_request
def customer_id_missing(facts: Facts) -> Breach | None:
    customer_id = facts.entry.get("id")
    if isinstance(customer_id, str) and customer_id:
        return None
    if "id" not in facts.entry:
        what = '"id" is absent'
    else:
        what = '"id" is empty' if customer_id == "" else f'"id" is {kind(customer_id)}'
    return Breach(what, "Send the id of a customer as a string.", facts.field("[0].id"))


@predicate
def customer_not_permitted(facts: Facts) -> Breach | None:
    if facts.caller.customer_id is None or facts.caller.customer_id == facts.entry["id"]:
        return None
    return Breach(
        'the customer token belongs to another customer than "id" names',
        "Send the id of the customer who is logged in.",
        facts.field("[0].id"),
    )


@predicate
def cart_not_found(facts: Facts) -> Breach | None:
    if facts.cart is not None:
        return None
    return Breach(
        f"there is no cart {shown(facts.cart_id)}", "Create it with POST /v2/carts first.", "cartID"
    )


@predicate
def cart_not_permitted(facts: Facts) -> Breach | None:
    return _OF_OTHERS if facts.is_cart_of_others else None


@predicate
def customer_not_found(facts: Facts) -> Breach | None:
    customer_id = facts.entry["id"]
    if not facts.caller.is_administrator or facts.store.has_customer(customer_id):
        return None
    return Breach(
        f"there is no customer {shown(customer_id)}",
        "Create it with POST /v2/customers first.",
        facts.field("[0].id"),
    )


@predicate
def cart_has_contact_email(facts: Facts) -> Breach | None:
    cart = facts.cart
    if cart is None or cart.contact is None or not cart.contact.email:
        return None
    return Breach(
        "this cart has one",
        f'Remove it with PUT /v2/carts/{cart.id} and {{"data":{{"contact":null}}}} first.',
        "contact.email",
    )


@predicate
def cart_of_others(facts: Facts) -> Breach | None:
    return _OF_OTHERS if facts.is_cart_of_others else None
