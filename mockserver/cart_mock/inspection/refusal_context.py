"""Captures the store state behind a refusal when it is logged; it cannot be reconstructed later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cart_mock.rules.context import RequestContext

JsonObject = dict[str, Any]


def refusal_context(rule_id: str, context: RequestContext) -> Mapping[str, Any]:
    """Return the state that a rule judged, for the rules that leave no trace of it."""
    capture = _CAPTURES.get(rule_id)
    return {} if capture is None else capture(context)


def _carts_of_customers(context: RequestContext) -> JsonObject:
    customers = () if context.cart is None else context.cart.customers
    return {"carts_of": {c: context.store.cart_count_of(c) for c in customers}}


def _customer_with_email(context: RequestContext) -> JsonObject:
    email = context.data.get("email")
    customer = context.store.customer_with_email(email) if isinstance(email, str) else None
    if customer is None:
        return {"customer_with_email": None}
    has_password = customer.password_hash is not None
    return {"customer_with_email": {"id": customer.id, "has_password": has_password}}


def _cart_with_id(context: RequestContext) -> JsonObject:
    cart_id = context.data.get("id")
    cart = context.store.cart(cart_id) if isinstance(cart_id, str) else None
    return {"cart_with_id": None if cart is None else {"id": cart.id, "name": cart.name}}


_CAPTURES: dict[str, Callable[[RequestContext], JsonObject]] = {
    "last-cart": _carts_of_customers,
    "email-taken": _customer_with_email,
    "credentials-wrong": _customer_with_email,
    "cart-id-taken": _cart_with_id,
}
