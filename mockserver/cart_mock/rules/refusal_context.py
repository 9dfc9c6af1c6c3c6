"""Captures the store state behind a refusal when it is logged; it cannot be reconstructed later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cart_mock.messages import Answer
from cart_mock.rules.context import RequestContext

_NOTHING: Mapping[str, Any] = {}


def refusal_context(answer: Answer, ctx: RequestContext) -> Mapping[str, Any]:
    """Return the state behind a refusal, for the rules whose context does not include it."""
    capture = _CAPTURES.get(answer.refused_by or "")
    return _NOTHING if capture is None or answer.is_injected else capture(ctx)


def _last_cart(ctx: RequestContext) -> dict[str, Any]:
    owners = () if ctx.cart is None else ctx.cart.owners
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
