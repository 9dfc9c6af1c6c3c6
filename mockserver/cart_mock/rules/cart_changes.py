"""What a request makes of a cart's items, computed before anything is written.

The checks refuse with what went wrong, and the handler stores what came out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from cart_mock.formats import format_value, kind
from cart_mock.messages import Violation
from cart_mock.rules.context import RequestContext
from cart_mock.state.items import MOST_ITEMS, MOST_OF_ONE, Item
from cart_mock.state.money import MOST
from cart_mock.state.shop import Product

ANY_PRODUCT_PRICE = {"USD": 1000}
"""What everything costs in a store without products."""
_CURRENCY_HEADER = b"x-moltin-currency"
_CURRENCY = re.compile(rb"[A-Za-z]{3}")
_DETAILS = ("custom_inputs", "custom_attributes", "location", "shipping_group_id")
_KEPT_OF_PRODUCTS = ("description", "slug", "image")


class Failure(NamedTuple):
    """An entry of a request that could not be done, as the error of the contract."""

    error_id: str
    violation: Violation


class CartChange(NamedTuple):
    """The items of a cart after a request. New ones have no id yet.

    ``failures`` are the entries that could not be done. ``refusal`` is the one that refuses the
    whole request, None if something is done.
    """

    items: tuple[Item, ...]
    is_changed: bool
    failures: tuple[Failure, ...]
    refusal: Failure | None


def change_of(ctx: RequestContext) -> CartChange:
    """Return what a request makes of the cart's items. It is computed once for each request."""
    change: CartChange | None = vars(ctx).get("cart_change")
    if change is None:
        change = vars(ctx)["cart_change"] = _change(ctx)
    return change


def _change(ctx: RequestContext) -> CartChange:
    basket = _Basket(ctx)
    is_put, options = ctx.request.method == "PUT", {}
    if ctx.request.method == "DELETE":
        basket.update({"id": ctx.request.path_params["itemID"], "quantity": 0}, "itemID", "itemID")
    elif "itemID" in ctx.request.path_params:
        entry = {**ctx.data, "id": ctx.request.path_params["itemID"]}
        basket.update(entry, "data", "itemID")
    elif is_put:
        options = ctx.body.get("options", {})
        for entry, source in _entries(ctx.body["data"]):
            basket.update(entry, source, f"{source}.id")
    else:
        options = ctx.body.get("options", {})
        for entry, source in _entries(ctx.body["data"]):
            basket.add(entry, source)
    option, default = ("update_all_or_nothing", True) if is_put else ("add_all_or_nothing", False)
    is_refused = options.get(option, default) or not basket.is_changed
    return CartChange(
        tuple(basket.items),
        basket.is_changed,
        tuple(basket.failures),
        basket.failures[0] if basket.failures and is_refused else None,
    )


def _entries(data: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the entries under ``data`` with the names of their places."""
    if isinstance(data, list):
        yield from ((entry, f"data[{number}]") for number, entry in enumerate(data))
    else:
        yield data, "data"


class _Failed(Exception):
    """An entry cannot be done."""

    def __init__(self, error_id: str, reason: str, hint: str, source: str) -> None:
        super().__init__(reason)
        self.failure = Failure(error_id, Violation(reason, hint, source))


class _Basket:
    """The items of a cart while a request is worked off."""

    def __init__(self, ctx: RequestContext) -> None:
        cart = ctx.cart
        self._ctx = ctx
        self._shop = ctx.store.shop
        self._age = 0 if cart is None else max(0, ctx.now - cart.created_at)
        self.items: list[Item] = [] if cart is None else list(cart.items)
        self.failures: list[Failure] = []
        self.is_changed = False

    # ---- Additions --------------------------------------------------------------------------

    def add(self, entry: dict[str, Any], source: str) -> None:
        """Add what an entry names, or note why that failed."""
        try:
            if entry["type"] == "cart_items":
                self._merge(entry, source)
            else:
                self._put(self._item_of(entry, source), f"{source}.quantity", source)
        except _Failed as failed:
            self.failures.append(failed.failure)

    def _merge(self, entry: dict[str, Any], source: str) -> None:
        cart_id, source = _needed(entry, "cart_id", source), f"{source}.cart_id"
        if cart_id == self._ctx.cart_id:
            what = f"{format_value(cart_id)} is this cart"
            raise _Failed("merge-with-itself", what, "Send the id of another cart.", source)
        other = self._ctx.store.cart(cart_id)
        if other is None:
            what = self._ctx.absent("cart", cart_id)
            raise _Failed(
                "merge-cart-not-found", what, "Send the id of a cart that exists.", source
            )
        for item in other.items:
            try:
                merged = replace(item, id="", added=self._age, changed=self._age)
                self._put(merged, source, source)
            except _Failed as failed:
                self.failures.append(failed.failure)

    def _item_of(self, entry: dict[str, Any], source: str) -> Item:
        if entry["type"] == "promotion_item":
            code = _needed(entry, "code", source)
            raise _Failed(
                "promotion-not-found", f"the code is {format_value(code)}",
                "The mock has no promotions; leave it out.", f"{source}.code",
            )  # fmt: skip
        details = {name: entry[name] for name in _DETAILS if name in entry}
        if entry["type"] == "custom_item":
            price = _needed(entry, "price", source)
            if "description" in entry:
                details["description"] = entry["description"]
            return Item(
                "", "custom_item", _needed(entry, "name", source),
                _needed(entry, "quantity", source), price["amount"], self._currency or "USD",
                sku=entry.get("sku"), includes_tax=price.get("includes_tax", True),
                added=self._age, changed=self._age, details=details,
            )  # fmt: skip
        product, currency = self._product(entry, source)
        for name in _KEPT_OF_PRODUCTS:
            if getattr(product, name):
                details[name] = getattr(product, name)
        return Item(
            "", "cart_item", entry.get("name", product.name), _needed(entry, "quantity", source),
            product.price[currency], currency, product_id=product.id, sku=product.sku,
            has_stock=product.stock is not None,
            added=self._age, changed=self._age, details=details,
        )  # fmt: skip

    def _product(self, entry: dict[str, Any], source: str) -> tuple[Product, str]:
        """Return the product that an entry names, and the currency of its price."""
        key = "id" if "id" in entry else "sku"
        value = entry.get(key)
        if value is None:
            raise _Failed(
                "item-invalid", '"id" and "sku" are absent',
                "Send the id or the sku of a product.", f"{source}.id",
            )  # fmt: skip
        product: Product | None
        if not self._shop.has_products:
            product = Product(value, value, value, ANY_PRODUCT_PRICE)
        elif key == "id":
            product = self._shop.product(value)
        else:
            product = self._shop.product_with_sku(value)
        if product is None:
            raise _Failed(
                "product-not-found",
                f"the store has no product with the {key} {format_value(value)}",
                "Send the id or sku of a product of the store.", f"{source}.{key}",
            )  # fmt: skip
        currency = self._currency
        if currency not in product.price and not self.items:
            currency = next(iter(product.price))
        if currency not in product.price:
            raise _Failed(
                "price-missing",
                f"{format_value(value)} has {', '.join(product.price)}, and the cart has "
                f"{currency}",
                "Use one currency in a cart.", f"{source}.{key}",
            )  # fmt: skip
        return product, currency

    @property
    def _currency(self) -> str:
        """The currency of the cart; of an empty one, that of the header, or an empty string."""
        if self.items:
            return self.items[0].currency
        sent = self._ctx.request.headers.get(_CURRENCY_HEADER, b"").strip()
        return sent.decode().upper() if _CURRENCY.fullmatch(sent) else ""

    def _put(self, item: Item, at_quantity: str, source: str) -> None:
        """Add an item; the quantity of the same item in the cart goes up instead."""
        if self.items and item.currency != self.items[0].currency:
            raise _Failed(
                "price-missing",
                f"{format_value(item.name)} has {item.currency}, and the cart has "
                f"{self.items[0].currency}",
                "Use one currency in a cart.", source,
            )  # fmt: skip
        for place, old in enumerate(self.items):
            if old.is_same(item):
                quantity = old.quantity + item.quantity
                more = replace(
                    old, quantity=quantity, changed=self._age,
                    details={**old.details, **item.details},
                )  # fmt: skip
                self._replace(place, more, at_quantity, source)
                return
        self._replace(len(self.items), item, at_quantity, source)

    # ---- Updates ----------------------------------------------------------------------------

    def update(self, entry: dict[str, Any], source: str, at_id: str) -> None:
        """Change the item that an entry names, or note why that failed."""
        try:
            self._update(entry, source, at_id)
        except _Failed as failed:
            self.failures.append(failed.failure)

    def _update(self, entry: dict[str, Any], source: str, at_id: str) -> None:
        item_id = _needed(entry, "id", source)
        place = next((n for n, item in enumerate(self.items) if item.id == item_id), None)
        if place is None:
            what = f"the cart has no item {format_value(item_id)}"
            hint = f"Send the id of an item of GET /v2/carts/{self._ctx.cart_id}/items."
            if self._ctx.cart is None:
                what = self._ctx.absent("cart", self._ctx.cart_id)
                hint = "Use the client_id that it was created with."
            raise _Failed("item-not-found", what, hint, at_id)
        item = self.items[place]
        if entry.get("quantity") == 0:
            del self.items[place]
            self.is_changed = True
            return
        details = {name: entry[name] for name in _DETAILS if name in entry}
        changed = replace(
            item, quantity=entry.get("quantity", item.quantity), changed=self._age,
            details={**item.details, **details},
        )  # fmt: skip
        self._replace(place, changed, f"{source}.quantity", source)

    # ---- Limits -----------------------------------------------------------------------------

    def _replace(self, place: int, item: Item, at_quantity: str, source: str) -> None:
        """Set the item at a place, which may be the end. Raises _Failed over a limit."""
        others = [other for n, other in enumerate(self.items) if n != place]
        if len(others) >= MOST_ITEMS:
            raise _Failed(
                "cart-limit-exceeded", f"it would have {len(others) + 1} different items",
                f"A cart has {MOST_ITEMS} at most.", source,
            )  # fmt: skip
        self._check_stock(item, others, at_quantity)
        if item.quantity > MOST_OF_ONE:
            raise _Failed(
                "cart-limit-exceeded", f"the quantity would be {item.quantity}",
                f"Send a quantity that stays within {MOST_OF_ONE}.", at_quantity,
            )  # fmt: skip
        amount = sum(each.value for each in (*others, item))
        if amount > MOST:
            raise _Failed(
                "cart-limit-exceeded", f"its items would cost {amount} together",
                f"Send a quantity that keeps them within {MOST}.", at_quantity,
            )  # fmt: skip
        self.items[place : place + 1] = [item]
        self.is_changed = True

    def _check_stock(self, item: Item, others: list[Item], at_quantity: str) -> None:
        if not item.has_stock or item.product_id is None:
            return
        product = self._shop.product(item.product_id)
        if product is None or product.stock is None:
            return
        same = (other for other in others if other.product_id == item.product_id)
        wanted = item.quantity + sum(other.quantity for other in same)
        if wanted > product.stock:
            raise _Failed(
                "insufficient-stock",
                f"{wanted} of {format_value(product.id)} are wanted, and {product.stock} are in "
                "stock",
                "Send a smaller quantity.", at_quantity,
            )  # fmt: skip


def _needed(entry: dict[str, Any], name: str, source: str) -> Any:
    """Return a field of an entry. Raises _Failed if it is missing."""
    if entry.get(name) is not None:
        return entry[name]
    what = f'"{name}" is {kind(None) if name in entry else "absent"}'
    needs = entry.get("type", "an item")
    raise _Failed("item-invalid", what, f'Send "{name}", which {needs} needs.', f"{source}.{name}")
