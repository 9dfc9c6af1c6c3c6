"""Captures the state behind a refusal when it is logged; it cannot be reconstructed later."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from msgspec import to_builtins

from cart_mock.messages import Answer
from cart_mock.rules.context import RequestContext
from cart_mock.state.entities import Account, Cart, Customer

MOST_OWNERS = 100
"""How many owners of a cart are captured; a cart may have any number."""


def refusal_context(answer: Answer, ctx: RequestContext) -> dict[str, Any]:
    """Return the state behind a refusal: what was looked up, and what its rule depends on.

    Moments are in seconds since the epoch.
    """
    looked_up = vars(ctx)
    state = {name: _SHOWN[name](looked_up[name]) for name in _SHOWN if name in looked_up}
    capture = _CAPTURES.get(answer.refused_by or "")
    if capture is not None and not answer.is_injected:
        state |= capture(ctx)
    return state


def _cart(cart: Cart | None) -> dict[str, Any] | None:
    if cart is None:
        return None
    owners = [*islice(cart.owners, MOST_OWNERS)]
    customers = [owner.id for owner in owners if owner.type == "customer"]
    found: dict[str, Any] = {"id": cart.id, "name": cart.name, "customers": customers}
    accounts = [owner.id for owner in owners if owner.type == "account"]
    if accounts:
        found["accounts"] = accounts
    if cart.contact is not None:
        found["contact"] = to_builtins(cart.contact)
    return {**found, "updated_at": cart.updated_at}


def _customer(customer: Customer | None) -> dict[str, Any] | None:
    if customer is None:
        return None
    return {"id": customer.id, "name": customer.name, "email": customer.email}


def _account(account: Account | None) -> dict[str, Any] | None:
    return None if account is None else {"id": account.id, "name": account.name}


_SHOWN: dict[str, Callable[[Any], dict[str, Any] | None]] = {
    "cart": _cart, "customer": _customer, "account": _account,
}  # fmt: skip


def _last_cart(ctx: RequestContext) -> dict[str, Any]:
    owners = () if ctx.cart is None else islice(ctx.cart.owners, MOST_OWNERS)
    return {"carts_of": {owner.id: ctx.store.cart_count_of(owner) for owner in owners}}


def _customer_with_email(ctx: RequestContext) -> dict[str, Any]:
    email = ctx.data.get("email")
    customer = ctx.store.customer_with_email(email) if isinstance(email, str) else None
    if customer is None:
        return {"customer_with_email": None}
    has_password = customer.password_hash is not None
    return {"customer_with_email": {"id": customer.id, "has_password": has_password}}


def _cart_with_id(ctx: RequestContext) -> dict[str, Any]:
    cart_id = ctx.data.get("id")
    cart = ctx.store.cart(cart_id) if isinstance(cart_id, str) else None
    return {"cart_with_id": None if cart is None else {"id": cart.id, "name": cart.name}}


_CAPTURES: dict[str, Callable[[RequestContext], dict[str, Any]]] = {
    "last-cart": _last_cart,
    "email-taken": _customer_with_email,
    "credentials-wrong": _customer_with_email,
    "cart-id-taken": _cart_with_id,
}
