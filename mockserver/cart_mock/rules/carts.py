"""The predicates of creating, changing and deleting carts."""

from __future__ import annotations

from cart_mock.formats import MAX_NAME, UNSAFE_CHARACTER, format_value, kind
from cart_mock.messages import Violation
from cart_mock.rules.association import no_cart
from cart_mock.rules.context import RequestContext
from cart_mock.rules.registry import predicate


@predicate
def cart_unknown(ctx: RequestContext) -> Violation | None:
    if ctx.cart is not None:
        return None
    return no_cart(ctx)


@predicate
def cart_name_missing(ctx: RequestContext) -> Violation | None:
    if "name" not in ctx.data:
        if ctx.request.method == "PUT":
            return None
        what = '"name" is absent'
    else:
        name = ctx.data["name"]
        if not isinstance(name, str):
            what = f'"name" is {kind(name)}'
        elif not name:
            what = '"name" is empty'
        elif len(name) > MAX_NAME:
            what = f'"name" has {len(name)} characters'
        else:
            return None
    return Violation(what, f"Send a string of 1 to {MAX_NAME} characters.", "data.name")


@predicate
def cart_name_blank(ctx: RequestContext) -> Violation | None:
    name = ctx.data.get("name")
    if not isinstance(name, str) or name.strip():
        return None
    return Violation(
        "it is white space only", "Send a name with at least one other character.", "data.name"
    )


@predicate
def new_cart_id_unsafe(ctx: RequestContext) -> Violation | None:
    cart_id = ctx.data.get("id", "id")
    if not isinstance(cart_id, str):
        what = f"it is {kind(cart_id)}, not a string"
    elif not cart_id:
        what = "it is empty"
    elif (unsafe := UNSAFE_CHARACTER.search(cart_id)) is not None:
        what = format_value(unsafe.group())
    else:
        return None
    return Violation(what, "Use only 0-9, A-Z, a-z, _ and -, or leave the id out.", "data.id")


@predicate
def cart_id_taken(ctx: RequestContext) -> Violation | None:
    cart_id = ctx.data.get("id")
    if cart_id is None or ctx.store.cart(cart_id) is None:
        return None
    return Violation(
        f"a cart {format_value(cart_id)} exists", "Send another id, or leave it out.", "data.id"
    )


@predicate
def contact_on_registered_cart(ctx: RequestContext) -> Violation | None:
    if not ctx.contact_email:
        return None
    if ctx.request.method == "PUT":
        registered = ctx.cart is not None and bool(ctx.cart.owners)
    else:
        registered = ctx.caller.owner is not None
    if not registered:
        return None
    return Violation(
        "this cart has a customer or an account",
        "Leave contact.email out, or disassociate them first.",
        "data.contact.email",
    )


@predicate
def last_cart(ctx: RequestContext) -> Violation | None:
    cart = ctx.cart
    if cart is None or all(ctx.store.cart_count_of(owner) > 1 for owner in cart.owners):
        return None
    return Violation("one of its owners has no other", "Disassociate that owner instead.", "cartID")
