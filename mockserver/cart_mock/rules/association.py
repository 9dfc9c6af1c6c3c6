"""The predicates of association requests."""

from __future__ import annotations

from cart_mock.formats import UNSAFE_CHARACTER, format_value, kind
from cart_mock.messages import Violation
from cart_mock.rules.context import SEND_ENVELOPE, RequestContext
from cart_mock.rules.registry import predicate


@predicate
def cart_id_unsafe(ctx: RequestContext) -> Violation | None:
    unsafe = UNSAFE_CHARACTER.search(ctx.cart_id)
    if unsafe is None:
        return None
    return Violation(format_value(unsafe.group()), "Use only 0-9, A-Z, a-z, _ and -.", "cartID")


@predicate
def payload_not_array(ctx: RequestContext) -> Violation | None:
    entries = ctx.entries
    return entries if isinstance(entries, Violation) else None


@predicate
def entry_not_object(ctx: RequestContext) -> Violation | None:
    for i, entry in enumerate(ctx.entries):
        if not isinstance(entry, dict):
            return Violation(f"the entry is {kind(entry)}", SEND_ENVELOPE, ctx.field(f"[{i}]"))
    return None


@predicate
def customer_missing(ctx: RequestContext) -> Violation | None:
    if ctx.entries:
        return None
    return Violation(
        "the array is empty", 'Send one {"type":"customer","id":"CUSTOMER_ID"} in it.', "data"
    )


@predicate
def more_than_one_customer(ctx: RequestContext) -> Violation | None:
    count = len(ctx.entries)
    if count <= 1:
        return None
    return Violation(
        f"the array has {count} entries", "Send one request for each customer.", "data"
    )


@predicate
def type_not_customer(ctx: RequestContext) -> Violation | None:
    entry = ctx.entry
    if entry.get("type") == "customer":
        return None
    what = f"it is {format_value(entry['type'])}" if "type" in entry else "it is absent"
    return Violation(what, 'Send "type":"customer".', ctx.field("[0].type"))


@predicate
def customer_id_missing(ctx: RequestContext) -> Violation | None:
    customer_id = ctx.entry.get("id")
    if isinstance(customer_id, str) and customer_id:
        return None
    if "id" not in ctx.entry:
        what = '"id" is absent'
    else:
        what = '"id" is empty' if customer_id == "" else f'"id" is {kind(customer_id)}'
    return Violation(what, "Send the id of a customer as a string.", ctx.field("[0].id"))


@predicate
def customer_not_permitted(ctx: RequestContext) -> Violation | None:
    if ctx.caller.customer_id is None or ctx.caller.customer_id == ctx.entry["id"]:
        return None
    return Violation(
        'the customer token belongs to another customer than "id" names',
        "Send the id of the customer who is logged in.",
        ctx.field("[0].id"),
    )


@predicate
def cart_not_found(ctx: RequestContext) -> Violation | None:
    if ctx.cart is not None:
        return None
    return Violation(
        f"there is no cart {format_value(ctx.cart_id)}",
        "Create it with POST /v2/carts first.",
        "cartID",
    )


@predicate
def customer_not_found(ctx: RequestContext) -> Violation | None:
    customer_id = ctx.entry["id"]
    if not ctx.caller.is_administrator or ctx.store.has_customer(customer_id):
        return None
    return Violation(
        f"there is no customer {format_value(customer_id)}",
        "Create it with POST /v2/customers first.",
        ctx.field("[0].id"),
    )


@predicate
def cart_has_contact_email(ctx: RequestContext) -> Violation | None:
    cart = ctx.cart
    if cart is None or cart.contact is None or not cart.contact.email:
        return None
    return Violation(
        "this cart has one",
        f'Remove it with PUT /v2/carts/{cart.id} and {{"data":{{"contact":null}}}} first.',
        "contact.email",
    )
