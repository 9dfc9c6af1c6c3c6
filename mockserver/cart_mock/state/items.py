"""The items of a cart or an order. A cart's document has them, for there are 100 at most."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ItemType = Literal["cart_item", "custom_item"]
MOST_ITEMS = 100
"""How many different items a cart may have."""
MOST_OF_ONE = 2**31 - 1
"""The largest quantity of one item."""


class Item(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An item. ``amount`` is the price of one, in the smallest unit of ``currency``.

    ``added`` and ``changed`` are seconds since its cart or order was made, so that they move with
    it. ``details`` are fields that are only kept and shown, such as ``custom_inputs``.
    """

    id: str
    type: ItemType
    name: str
    quantity: int
    amount: int
    currency: str
    product_id: str | None = None
    sku: str | None = None
    includes_tax: bool = True
    has_stock: bool = False
    added: int = 0
    changed: int = 0
    details: dict[str, Any] = {}
    cart_item_id: str | None = None
    """For an item of an order: the item of the cart that it was."""

    @property
    def value(self) -> int:
        """What all of it costs, in the smallest unit of its currency."""
        return self.quantity * self.amount

    def is_same(self, other: Item) -> bool:
        """Return whether both are the same thing, so that their quantities add up."""
        if self.type != other.type:
            return False
        if self.type == "custom_item":
            return self.sku is not None and self.sku == other.sku
        inputs = [item.details.get("custom_inputs") for item in (self, other)]
        return self.product_id == other.product_id and inputs[0] == inputs[1]
