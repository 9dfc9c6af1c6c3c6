"""What a request names of a store's orders and addresses, as far as its caller may see it."""

from __future__ import annotations

from cart_mock.rules.context import RequestContext
from cart_mock.state.entities import Customer
from cart_mock.state.shop import Address, Order


def order_of(ctx: RequestContext) -> Order | None:
    """Return the order that the path names; None if it is missing, or belongs only to others."""
    order = ctx.store.shop.order(ctx.request.path_params["orderID"])
    owner = ctx.caller.owner
    if order is None or owner is None or not order.owners or owner in order.owners:
        return order
    return None


def customer_of_addresses(ctx: RequestContext) -> Customer | None:
    """Return the customer that the path names; None if it is missing, or is another one."""
    if ctx.caller.customer_id not in (None, ctx.customer_id):
        return None
    return ctx.customer


def address_of(ctx: RequestContext) -> Address | None:
    """Return the address that the path names, or None if that customer has no such address."""
    return ctx.store.shop.address(ctx.customer_id, ctx.request.path_params["addressID"])
