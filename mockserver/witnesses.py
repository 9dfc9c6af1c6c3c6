"""State that a refusal rests on and that only its moment knows: noted when it is journalled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockserver.facts import Facts


def witnessed(rule_id: str, facts: Any) -> Mapping[str, Any]:
    """What the store held of what that rule judged, for the rules that leave no trace of it."""
    witness = _WITNESSES.get(rule_id)
    return {} if witness is None else witness(facts)


def _last_cart(facts: Facts) -> dict[str, Any]:
    customers = () if facts.cart is None else facts.cart.customers
    return {"carts_of": {c: facts.store.cart_count_of(c) for c in customers}}


def _customer_with_email(facts: Facts) -> dict[str, Any]:
    email = facts.data.get("email")
    customer = facts.store.customer_with_email(email) if isinstance(email, str) else None
    if customer is None:
        return {"customer_with_email": None}
    has_password = customer.password_hash is not None
    return {"customer_with_email": {"id": customer.id, "has_password": has_password}}


def _cart_with_id(facts: Facts) -> dict[str, Any]:
    cart_id = facts.data.get("id")
    cart = facts.store.cart(cart_id) if isinstance(cart_id, str) else None
    return {"cart_with_id": None if cart is None else {"id": cart.id, "name": cart.name}}


_WITNESSES: dict[str, Callable[[Facts], dict[str, Any]]] = {
    "last-cart": _last_cart,
    "email-taken": _customer_with_email,
    "credentials-wrong": _customer_with_email,
    "cart-id-taken": _cart_with_id,
}
