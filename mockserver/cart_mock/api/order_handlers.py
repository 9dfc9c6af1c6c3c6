"""What the operations on orders, settings and addresses do once their checks have passed.

Each function is named after its ``operationId``, as in ``handlers.py``.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from cart_mock.api import item_serializers, serializers
from cart_mock.api.handlers import Content, existing_cart, required
from cart_mock.rules.context import RequestContext
from cart_mock.rules.shop_facts import address_of, order_of
from cart_mock.state.items import Item
from cart_mock.state.shop import Address, Order

_KEPT_OF_ORDERS = (
    "contact", "billing_address", "shipping_address", "order_number", "external_ref",
)  # fmt: skip
_OWN_FIELDS_OF_ADDRESSES = {"id", "type", "links", "meta", "relationships"}


# ---- Orders -------------------------------------------------------------------------------------


def checkout_cart(ctx: RequestContext) -> Content:
    cart, data = existing_cart(ctx), ctx.data
    details = {name: data[name] for name in _KEPT_OF_ORDERS if name in data}
    buyer = data.get("customer")
    customer_id = buyer.get("id") if buyer else None
    account_id = data.get("account", {}).get("id")
    if buyer:
        details["customer"] = _buyer(ctx, buyer)
    order = Order(
        id=ctx.tenant.new_id(),
        created_at=ctx.now,
        updated_at=ctx.now,
        items=tuple(_ordered(ctx, item) for item in cart.items),
        customer=ctx.caller.customer_id or customer_id,
        account=ctx.caller.account_id or account_id,
        details=details,
    )
    ctx.store.shop.put_order(order)
    return {"data": item_serializers.order(order)}


def _buyer(ctx: RequestContext, sent: dict[str, Any]) -> dict[str, Any]:
    customer = ctx.store.customer(sent["id"]) if "id" in sent else None
    if customer is None:
        return {name: sent[name] for name in ("name", "email") if name in sent}
    return {"id": customer.id, "name": customer.name, "email": customer.email}


def _ordered(ctx: RequestContext, item: Item) -> Item:
    return replace(item, id=ctx.tenant.new_id(), cart_item_id=item.id, added=0, changed=0)


def get_orders(ctx: RequestContext) -> Content:
    owner, offset, limit = ctx.caller.owner, ctx.offset, ctx.limit
    shop = ctx.store.shop
    if owner is None:
        orders, total = shop.all_orders(offset, limit)
    else:
        orders, total = shop.orders_of(owner, offset, limit)
    data = [item_serializers.order(order) for order in orders]
    content = serializers.page("/v2/orders", data, total, offset, limit)
    return {**content, **_included(ctx, *orders)}


def get_order(ctx: RequestContext) -> Content:
    order = _order(ctx)
    return {"data": item_serializers.order(order), **_included(ctx, order)}


def get_order_items(ctx: RequestContext) -> Content:
    return {"data": item_serializers.order_items(_order(ctx))}


def create_order_payment(ctx: RequestContext) -> Content:
    order, data = _order(ctx), ctx.data
    amount, method = data.get("amount", order.owing), data["method"]
    paid = replace(
        order,
        paid=order.paid + (amount if method == "purchase" else 0),
        authorized=order.authorized + (amount if method == "authorize" else 0),
        updated_at=ctx.now,
    )
    word = "authorized" if paid.authorized or method == "authorize" else "paid"
    paid = replace(
        paid,
        payment=f"partially_{word}" if paid.owing else word,
        status="complete" if not paid.owing and word == "paid" else order.status,
    )
    ctx.store.shop.put_order(paid)
    sent = data.get("paymentmethod_meta", {})
    meta = {name: sent[name] for name in ("name", "custom_reference") if name in sent}
    return {
        "data": item_serializers.transaction(
            paid, ctx.tenant.new_id(), amount, method, ctx.now, meta
        )
    }


def _order(ctx: RequestContext) -> Order:
    return required(order_of(ctx), "order")


def _included(ctx: RequestContext, *orders: Order) -> dict[str, Any]:
    if "items" not in ctx.query.get("include", "").split(","):
        return {}
    items = [item for order in orders for item in item_serializers.order_items(order)]
    return {"included": {"items": items}}


# ---- Settings -----------------------------------------------------------------------------------


def get_cart_settings(ctx: RequestContext) -> Content:
    return {"data": item_serializers.settings(ctx.store.shop.settings)}


def update_cart_settings(ctx: RequestContext) -> Content:
    sent = {n: ctx.data[n] for n in ("cart_expiry_days", "show_all_carts") if n in ctx.data}
    settings = replace(ctx.store.shop.settings, **sent)
    ctx.store.shop.put_settings(settings)
    return {"data": item_serializers.settings(settings)}


# ---- Addresses ----------------------------------------------------------------------------------


def get_customer_addresses(ctx: RequestContext) -> Content:
    addresses = ctx.store.shop.addresses_of(ctx.customer_id)
    return {"data": [item_serializers.address(address) for address in addresses]}


def create_customer_address(ctx: RequestContext) -> Content:
    address = Address(
        id=ctx.tenant.new_id(),
        customer=ctx.customer_id,
        created_at=ctx.now,
        updated_at=ctx.now,
        fields=_fields(ctx.data),
    )
    ctx.store.shop.put_address(address)
    return {"data": item_serializers.address(address)}


def get_customer_address(ctx: RequestContext) -> Content:
    return {"data": item_serializers.address(_address(ctx))}


def update_customer_address(ctx: RequestContext) -> Content:
    address = _address(ctx)
    changed = replace(address, fields={**address.fields, **_fields(ctx.data)}, updated_at=ctx.now)
    ctx.store.shop.put_address(changed)
    return {"data": item_serializers.address(changed)}


def delete_customer_address(ctx: RequestContext) -> Content:
    ctx.store.shop.delete_address(_address(ctx))
    return None


def _address(ctx: RequestContext) -> Address:
    return required(address_of(ctx), "address")


def _fields(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in _OWN_FIELDS_OF_ADDRESSES}
