"""Creating, changing and deleting carts."""

from __future__ import annotations

from mockserver.facts import Facts
from mockserver.http import Breach
from mockserver.rules.registry import predicate
from mockserver.text import MAX_NAME, UNSAFE_CHARACTER, kind, shown


@predicate
def cart_unknown(facts: Facts) -> Breach | None:
    if facts.cart is not None:
        return None
    return Breach(
        f"there is no cart {shown(facts.cart_id)}", "Create it with POST /v2/carts first.", "cartID"
    )


@predicate
def cart_name_missing(facts: Facts) -> Breach | None:
    if "name" not in facts.data:
        if facts.request.method == "PUT":
            return None
        what = '"name" is absent'
    else:
        name = facts.data["name"]
        if not isinstance(name, str):
            what = f'"name" is {kind(name)}'
        elif not name:
            what = '"name" is empty'
        elif len(name) > MAX_NAME:
            what = f'"name" has {len(name)} characters'
        else:
            return None
    return Breach(what, f"Send a string of 1 to {MAX_NAME} characters.", "data.name")


@predicate
def cart_name_blank(facts: Facts) -> Breach | None:
    name = facts.data.get("name")
    if not isinstance(name, str) or name.strip():
        return None
    return Breach(
        "it is white space only", "Send a name with at least one other character.", "data.name"
    )


@predicate
def new_cart_id_unsafe(facts: Facts) -> Breach | None:
    cart_id = facts.data.get("id", "id")
    if not isinstance(cart_id, str):
        what = f"it is {kind(cart_id)}, not a string"
    elif not cart_id:
        what = "it is empty"
    elif (unsafe := UNSAFE_CHARACTER.search(cart_id)) is not None:
        what = shown(unsafe.group())
    else:
        return None
    return Breach(what, "Use only 0-9, A-Z, a-z, _ and -, or leave the id out.", "data.id")


@predicate
def cart_id_taken(facts: Facts) -> Breach | None:
    cart_id = facts.data.get("id")
    if cart_id is None or facts.store.cart(cart_id) is None:
        return None
    return Breach(f"a cart {shown(cart_id)} exists", "Send another id, or leave it out.", "data.id")


@predicate
def contact_on_registered_cart(facts: Facts) -> Breach | None:
    if not facts.contact_email:
        return None
    if facts.request.method == "PUT":
        registered = facts.cart is not None and bool(facts.cart.customers)
    else:
        registered = facts.caller.customer_id is not None
    if not registered:
        return None
    return Breach(
        "this cart has one",
        "Leave contact.email out, or disassociate the customer first.",
        "data.contact.email",
    )


@predicate
def last_cart(facts: Facts) -> Breach | None:
    cart = facts.cart
    if cart is None or all(facts.store.cart_count_of(c) > 1 for c in cart.customers):
        return None
    return Breach(
        "one of its customers has no other", "Disassociate that customer instead.", "cartID"
    )
