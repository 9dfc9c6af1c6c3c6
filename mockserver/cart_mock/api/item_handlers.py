"""What the operations on a cart's items do once their checks have passed.

Each function is named after its ``operationId``, as in ``handlers.py``.
"""

from __future__ import annotations

from msgspec.structs import replace

from cart_mock.api import item_serializers
from cart_mock.api.handlers import CART_NAME, Content, existing_cart, new_cart
from cart_mock.errors import ErrorCatalogue
from cart_mock.messages import encode_json
from cart_mock.rules.cart_changes import change_of
from cart_mock.rules.context import RequestContext
from cart_mock.state.entities import Cart
from cart_mock.state.items import Item


def get_cart_items(ctx: RequestContext) -> Content:
    cart = ctx.cart
    if cart is None:
        cart = new_cart(ctx, ctx.cart_id, name=CART_NAME)
        ctx.store.put_read_cart(cart)
    return _items(cart)


def add_cart_items(errors: ErrorCatalogue, ctx: RequestContext) -> Content:
    cart = ctx.cart or new_cart(ctx, ctx.cart_id, name=CART_NAME)
    return _changed(errors, ctx, cart)


def update_cart_items(errors: ErrorCatalogue, ctx: RequestContext) -> Content:
    return _changed(errors, ctx, existing_cart(ctx))


def update_cart_item(errors: ErrorCatalogue, ctx: RequestContext) -> Content:
    return _changed(errors, ctx, existing_cart(ctx))


def delete_cart_item(errors: ErrorCatalogue, ctx: RequestContext) -> Content:
    return _changed(errors, ctx, existing_cart(ctx))


def delete_cart_items(ctx: RequestContext) -> Content:
    cart = existing_cart(ctx)
    if cart.items:
        _store(ctx, cart, ())
    return None


def _changed(errors: ErrorCatalogue, ctx: RequestContext, cart: Cart) -> Content:
    change = change_of(ctx)
    if change.is_changed:
        items = tuple(
            item if item.id else replace(item, id=ctx.tenant.new_id()) for item in change.items
        )
        cart = _store(ctx, cart, items)
    elif ctx.cart is None:
        ctx.store.put_cart(cart)
    if not change.failures:
        return _items(cart)
    entries = [entry for failed in change.failures for entry in errors.entries(*failed)]
    return {**item_serializers.cart_items(cart), "errors": entries}


def _store(ctx: RequestContext, cart: Cart, items: tuple[Item, ...]) -> Cart:
    """Store a cart with other items, which updates it."""
    lifetime = ctx.store.shop.settings.cart_lifetime
    changed = replace(cart, items=items, updated_at=ctx.now, lifetime=lifetime)
    ctx.store.put_cart(changed)
    return changed


def _items(cart: Cart) -> bytes:
    """Return the items of a cart, encoded once and kept with the immutable cart."""
    kept: bytes | None = cart.__dict__.get("items")
    if kept is None:
        kept = cart.__dict__["items"] = encode_json(item_serializers.cart_items(cart))
    return kept
