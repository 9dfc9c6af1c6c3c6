"""Effects on a shared cart, for the owner who came first and for the one who came second.

A server may treat the first owner of a cart, or the last, as its only one. So each effect is tried
for one of two owners, in both orders of their association.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.effects import sides, visible
from cart_conformance.cases.registry import Case, cases
from cart_conformance.errors import Untestable
from cart_conformance.target.credentials import CartOwner
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE
from cart_conformance.target.state import list_ids

ORDERS = (("A", "B", "the second"), ("B", "A", "the first"))
"""The owner who is associated first, the one who is second, and which of them is B."""

Effect = Callable[[CaseContext, str, CartOwner, CartOwner], None]
"""Takes a shared cart, the owner that the case is about, and the other one."""


@cases
def effects_for_each_of_two() -> Iterator[Case]:
    """Try each effect for owner B of a cart that A and B share."""
    table: tuple[tuple[str, str, str, Effect, int], ...] = (
        ("association-visible", "getACart", "named to each of two, shopper", _named, 10),
        ("association-visible", "getCarts", "listed with client credentials", _narrowed, 10),
        ("any-device", "getCarts", "a later login", _later_login, 10),
        ("association-repeat", ASSOCIATE, "repeated, shopper", _repeated, 12),
        ("association-deleted", DISSOCIATE, "removed, shopper", _removed, 12),
        ("others-cannot-see", "getCarts", "another cart of the other", _unseen, 12),
        ("customer-not-permitted", ASSOCIATE, "names the other", _names_other, 12),
        ("customer-not-permitted", DISSOCIATE, "names the other", _names_other, 12),
        ("refusal-changes-nothing", ASSOCIATE, "a wrong type", _wrong_type, 12),
        ("refusal-changes-nothing", DISSOCIATE, "a wrong type", _wrong_type, 12),
    )
    for rule, operation, variant, effect, requests in table:
        for first, second, which in ORDERS:
            yield Case(
                rule,
                operation,
                f"{variant}, for {which} of two on a cart",
                partial(_try, effect=effect, first=first, second=second),
                requests,
                optional=True,
            )


def _try(ctx: CaseContext, effect: Effect, first: str, second: str) -> None:
    cart = ctx.new_cart()
    for label in (first, second):
        ctx.associate(cart, ctx.owner(label))
    b, other = ctx.owner("B"), ctx.owner("A")
    state = ctx.state(cart, b, other)
    if not (visible(state, b) and visible(state, other)):
        raise Untestable("the cart does not have both owners")
    effect(ctx, cart, b, other)


def _named(ctx: CaseContext, cart: str, b: CartOwner, other: CartOwner) -> None:
    read = ctx.send(ctx.shopper(b), "getACart", cart=cart)
    shown = str(read.data.get("relationships")) if isinstance(read.data, dict) else ""
    good = b.id in shown and other.id in shown
    ctx.expect(good, "both owners in the cart's relationships", shown or str(read.status), read)


def _narrowed(ctx: CaseContext, cart: str, b: CartOwner, _: CartOwner) -> None:
    times = list_ids(ctx.session, ctx.narrowed(b)).count(cart)
    ctx.expect(times == 1, "the cart once in the owner's list", f"{times} times")


def _unseen(ctx: CaseContext, cart: str, b: CartOwner, other: CartOwner) -> None:
    apart = ctx.new_cart()
    answer = ctx.associate(apart, other)
    listed = list_ids(ctx.session, ctx.shopper(b))
    if cart not in listed:
        raise Untestable("the shared cart is not in the owner's list")
    ctx.expect(apart not in listed, "only the cart that is shared", "another one too", answer)


def _later_login(ctx: CaseContext, cart: str, b: CartOwner, _: CartOwner) -> None:
    later = replace(b, token=ctx.log_in(b))
    times = list_ids(ctx.session, ctx.shopper(later)).count(cart)
    ctx.expect(times == 1, "the cart once in the list of a later login", f"{times} times")


def _repeated(ctx: CaseContext, cart: str, b: CartOwner, other: CartOwner) -> None:
    before = ctx.state(cart, b, other)
    answer = ctx.send(ctx.shopper(b), ASSOCIATE, cart=cart, body=ctx.identifiers(b.id))
    ctx.status(answer, 204, what="and no change")
    after = ctx.state(cart, b, other)
    same = before.associations() == after.associations()
    ctx.expect(same, "both owners as before", sides(after, other), answer)


def _removed(ctx: CaseContext, cart: str, b: CartOwner, other: CartOwner) -> None:
    answer = ctx.send(ctx.shopper(b), DISSOCIATE, cart=cart, body=ctx.identifiers(b.id))
    ctx.status(answer, 204, what="and no body")
    if not answer.ok:
        return
    state = ctx.state(cart, b, other)
    gone = not state.names(b) and state.count(b.label) == 0
    ctx.expect(gone, "gone from both sides", sides(state, b), answer)
    ctx.expect(
        visible(state, other),
        "the other owner still there",
        sides(state, other),
        answer,
        rule="shared-cart",
    )


def _names_other(ctx: CaseContext, cart: str, b: CartOwner, other: CartOwner) -> None:
    before = ctx.state(cart, b, other)
    answer = ctx.send(ctx.shopper(b), DISSOCIATE, cart=cart, body=ctx.identifiers(other.id))
    if ctx.refused(answer):
        ctx.unchanged(before, ctx.state(cart, b, other), answer)


def _wrong_type(ctx: CaseContext, cart: str, b: CartOwner, other: CartOwner) -> None:
    before = ctx.state(cart, b, other)
    body = {"data": [{"type": "cart", "id": b.id}]}
    answer = ctx.send(ctx.administrator, ctx.operation, cart=cart, body=body)
    ctx.need_refusal(answer)
    ctx.unchanged(before, ctx.state(cart, b, other), answer)
