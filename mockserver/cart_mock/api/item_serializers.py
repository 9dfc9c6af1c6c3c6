"""Renders items, orders, transactions, addresses and settings for answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from cart_mock.api.timestamps import timestamp
from cart_mock.messages import encode_json
from cart_mock.state.entities import Cart
from cart_mock.state.items import Item
from cart_mock.state.money import price
from cart_mock.state.shop import Address, Order, Settings

JsonObject = dict[str, Any]

# As a live store shows a cart without items.
_NO_PRICE: JsonObject = dict.fromkeys(
    ("with_tax", "without_tax", "tax", "discount", "without_discount", "shipping"), price(0, "")
)


# Most carts are empty, and encoding this takes as long as encoding the rest of one.
NO_PRICE_JSON = msgspec.Raw(encode_json(_NO_PRICE))


def display_price(items: Sequence[Item]) -> JsonObject:
    """Return what items cost together. No tax, discount or shipping is computed."""
    if not items:
        return _NO_PRICE
    currency = items[0].currency
    total = price(sum(item.value for item in items), currency)
    nothing = price(0, currency)
    return {
        "with_tax": total,
        "without_tax": total,
        "tax": nothing,
        "discount": nothing,
        "without_discount": total,
        "shipping": nothing,
    }


def cart_meta(cart: Cart) -> JsonObject:
    """Return the prices and times of a cart."""
    return {
        "display_price": display_price(cart.items) if cart.items else NO_PRICE_JSON,
        "timestamps": {
            "created_at": timestamp(cart.created_at),
            "updated_at": timestamp(cart.updated_at),
            "expires_at": timestamp(cart.expires_at),
        },
    }


def item_identifiers(cart: Cart) -> list[JsonObject] | None:
    """Return the resource identifiers of a cart's items, None if it is empty."""
    return [{"type": item.type, "id": item.id} for item in cart.items] if cart.items else None


def cart_item(item: Item, created_at: int) -> JsonObject:
    """Return an item of a cart that was created at that time."""
    details = {**item.details}
    image = details.pop("image", None)
    shown: JsonObject = {"id": item.id, "type": item.type, **_priced(item, created_at), **details}
    shown["manage_stock"] = item.has_stock
    if image is not None:
        shown["image"] = {"href": image}
    is_product = item.type == "cart_item"
    shown["links"] = (
        {"product": f"/v2/products/{quote(item.product_id or '')}"} if is_product else {}
    )
    return shown


def cart_items(cart: Cart) -> JsonObject:
    """Return all items of a cart, with its prices and times."""
    return {
        "data": [cart_item(item, cart.created_at) for item in cart.items],
        "meta": {**cart_meta(cart), "messages": []},
    }


def _priced(item: Item, created_at: int) -> JsonObject:
    unit, value = item.amount, item.value
    prices = {"unit": price(unit, item.currency), "value": price(value, item.currency)}
    nothing = {"unit": price(0, item.currency), "value": price(0, item.currency)}
    taxed = {"currency": item.currency, "includes_tax": item.includes_tax}
    shown: JsonObject = {
        "name": item.name,
        "quantity": item.quantity,
        "unit_price": {"amount": unit, **taxed},
        "value": {"amount": value, **taxed},
        "meta": {
            "display_price": {
                "with_tax": prices,
                "without_tax": prices,
                "tax": nothing,
                "discount": nothing,
                "without_discount": prices,
            },
            "timestamps": {
                "created_at": timestamp(created_at + item.added),
                "updated_at": timestamp(created_at + item.changed),
            },
        },
    }
    if item.product_id is not None:
        shown["product_id"] = item.product_id
    if item.sku is not None:
        shown["sku"] = item.sku
    return shown


def order(value: Order) -> JsonObject:
    """Return an order as the API renders it."""
    currency = value.currency
    relationships: JsonObject = {
        "items": {"data": [{"type": "item", "id": item.id} for item in value.items]}
    }
    for kind, owner_id in value.owners:
        relationships[kind] = {"data": {"type": kind, "id": owner_id}}
    return {
        **value.details,
        "id": value.id,
        "type": "order",
        "status": value.status,
        "payment": value.payment,
        "shipping": "unfulfilled",
        "anonymized": False,
        "links": {},
        "meta": {
            "display_price": {
                **display_price(value.items),
                "paid": price(value.paid, currency),
                "authorized": price(value.authorized, currency),
                "balance_owing": price(value.owing, currency),
            },
            "timestamps": {
                "created_at": timestamp(value.created_at),
                "updated_at": timestamp(value.updated_at),
            },
        },
        "relationships": relationships,
    }


def order_items(value: Order) -> list[JsonObject]:
    """Return the items of an order."""
    return [
        {
            "id": item.id,
            "type": "order_item",
            **_priced(item, value.created_at),
            "links": {},
            "relationships": {}
            if item.cart_item_id is None
            else {"cart_item": {"data": {"type": item.type, "id": item.cart_item_id}}},
        }
        for item in value.items
    ]


def transaction(
    value: Order, transaction_id: str, amount: int, method: str, now: int, meta: JsonObject
) -> JsonObject:
    """Return the transaction of a payment; ``meta`` has its name and reference, if any."""
    return {
        **meta,
        "id": transaction_id,
        "type": "transaction",
        "reference": "manual",
        "gateway": "manual",
        "amount": amount,
        "refunded_amount": 0,
        "currency": value.currency,
        "transaction_type": method,
        "status": "complete",
        "relationships": {"order": {"data": {"type": "order", "id": value.id}}},
        "meta": {
            "display_price": price(amount, value.currency),
            "timestamps": {"created_at": timestamp(now), "updated_at": timestamp(now)},
        },
    }


def address(value: Address) -> JsonObject:
    """Return an address of a customer."""
    path = f"/v2/customers/{quote(value.customer)}/addresses/{quote(value.id)}"
    return {
        **value.fields,
        "id": value.id,
        "type": "address",
        "links": {"self": path},
        "meta": {
            "timestamps": {
                "created_at": timestamp(value.created_at),
                "updated_at": timestamp(value.updated_at),
            }
        },
    }


def settings(value: Settings) -> JsonObject:
    """Return the cart settings of a store."""
    return {
        "type": "settings",
        "cart_expiry_days": value.cart_expiry_days,
        "show_all_carts": value.show_all_carts,
    }
