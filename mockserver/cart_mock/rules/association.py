"""The predicates of association requests."""

from __future__ import annotations

from cart_spec import OwnerKind

from cart_mock.formats import UNSAFE_CHARACTER, format_value
from cart_mock.formats import kind as value_kind
from cart_mock.messages import Violation
from cart_mock.rules.context import RequestContext
from cart_mock.rules.registry import owner_predicate, predicate


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
            return Violation(
                f"the entry is {value_kind(entry)}", ctx.envelope_hint, ctx.field(f"[{i}]")
            )
    return None


@owner_predicate
def owner_missing(ctx: RequestContext, kind: OwnerKind) -> Violation | None:
    if ctx.entries:
        return None
    entry = f'{{"type":"{kind.name}","id":"{kind.name.upper()}_ID"}}'
    return Violation("the array is empty", f"Send one {entry} in it.", "data")


@owner_predicate
def more_than_one_owner(ctx: RequestContext, kind: OwnerKind) -> Violation | None:
    count = len(ctx.entries)
    if count <= 1:
        return None
    return Violation(
        f"the array has {count} entries", f"Send one request for each {kind.name}.", "data"
    )


@owner_predicate
def type_not_owner(ctx: RequestContext, kind: OwnerKind) -> Violation | None:
    entry = ctx.entry
    if entry.get("type") == kind.name:
        return None
    what = f"it is {format_value(entry['type'])}" if "type" in entry else "it is absent"
    return Violation(what, f'Send "type":"{kind.name}".', ctx.field("[0].type"))


@owner_predicate
def owner_id_missing(ctx: RequestContext, kind: OwnerKind) -> Violation | None:
    owner_id = ctx.entry.get("id")
    if isinstance(owner_id, str) and owner_id:
        return None
    if "id" not in ctx.entry:
        what = '"id" is absent'
    else:
        what = '"id" is empty' if owner_id == "" else f'"id" is {value_kind(owner_id)}'
    hint = kind.worded("Send the id of {a} {owner} as a string.")
    return Violation(what, hint, ctx.field("[0].id"))


@owner_predicate
def owner_not_permitted(ctx: RequestContext, kind: OwnerKind) -> Violation | None:
    if ctx.caller.owner is None or ctx.caller.owner.id == ctx.entry["id"]:
        return None
    return Violation(
        f'the {kind.name} token belongs to another {kind.name} than "id" names',
        f"Send the id of the {kind.name} that is logged in.",
        ctx.field("[0].id"),
    )


@predicate
def cart_not_found(ctx: RequestContext) -> Violation | None:
    if ctx.cart is not None:
        return None
    return no_cart(ctx)


def no_cart(ctx: RequestContext) -> Violation:
    """Return the violation of naming a cart that the caller's store does not have."""
    return Violation(
        ctx.absent("cart", ctx.cart_id),
        "Create it with POST /v2/carts first, or use the client_id that it was created with.",
        "cartID",
    )


@owner_predicate
def owner_not_found(ctx: RequestContext, kind: OwnerKind) -> Violation | None:
    if not ctx.caller.is_administrator or ctx.store.has_owner(ctx.owner):
        return None
    return Violation(
        ctx.absent(kind.name, ctx.owner.id),
        f"Create it with POST /v2/{kind.plural} first.",
        ctx.field("[0].id"),
    )


@owner_predicate
def cart_has_contact_email(
    ctx: RequestContext,
    kind: OwnerKind,  # noqa: ARG001  # as the others take it
) -> Violation | None:
    cart = ctx.cart
    if cart is None or cart.contact is None or not cart.contact.email:
        return None
    return Violation(
        "this cart has one",
        f'Remove it with PUT /v2/carts/{cart.id} and {{"data":{{"contact":null}}}} first.',
        "contact.email",
    )
