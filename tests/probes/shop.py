"""What the shop of the probe table has besides its carts: a full cart, an order, an address."""

from __future__ import annotations

from typing import Any

from cart_mock.state.entities import Cart
from cart_mock.state.items import Item
from cart_mock.state.shop import Address, Order
from cart_mock.state.store import Store

from tests.probes.row import ADDRESS, ADDRESS_FIELDS, FULL_LIST, ITEM, ORDER

_MUG = Item(ITEM, "cart_item", "Mug", 1, 1000, "USD", product_id="mug", sku="mug")


def stock_shop(store: Store, customer_id: str, now: int) -> None:
    """Bring the full cart, the order and the address of a customer into a store."""
    cart = Cart(FULL_LIST, "Groceries", now, now, items=(_MUG,))
    if store.cart(FULL_LIST) != cart:
        store.put_cart(cart)
    order = Order(ORDER, now, now, (_MUG,))
    if store.shop.order(ORDER) != order:
        store.shop.put_order(order)
    address = Address(ADDRESS, customer_id, now, now, ADDRESS_FIELDS)
    if store.shop.address(customer_id, ADDRESS) != address:
        store.shop.put_address(address)


def shop_seed(customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the same as sections of a seed file."""
    item = {"id": ITEM, "product_id": "mug", "sku": "mug", "name": "Mug", "amount": 1000}
    return {
        "orders": [{"id": ORDER, "items": [item]}],
        "addresses": [{"id": ADDRESS, "customer": customer_id, "fields": ADDRESS_FIELDS}],
        "carts": [{"id": FULL_LIST, "name": "Groceries", "items": [item]}],
    }
