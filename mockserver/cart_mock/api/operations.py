"""The function of every operation, by its ``operationId``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cart_mock.api import item_handlers, order_handlers
from cart_mock.api.handlers import Content, handlers
from cart_mock.auth.tokens import Tokens
from cart_mock.errors import ErrorCatalogue


def operations(tokens: Tokens, errors: ErrorCatalogue) -> dict[str, Callable[[Any], Content]]:
    """Return the function of each operation. Those that may do a part render ``errors``."""
    return {
        **handlers(tokens),
        "getCartItems": item_handlers.get_cart_items,
        "addCartItems": partial(item_handlers.add_cart_items, errors),
        "updateCartItems": partial(item_handlers.update_cart_items, errors),
        "updateCartItem": partial(item_handlers.update_cart_item, errors),
        "deleteCartItem": partial(item_handlers.delete_cart_item, errors),
        "deleteCartItems": item_handlers.delete_cart_items,
        "checkoutCart": order_handlers.checkout_cart,
        "getOrders": order_handlers.get_orders,
        "getOrder": order_handlers.get_order,
        "getOrderItems": order_handlers.get_order_items,
        "createOrderPayment": order_handlers.create_order_payment,
        "getCartSettings": order_handlers.get_cart_settings,
        "updateCartSettings": order_handlers.update_cart_settings,
        "getCustomerAddresses": order_handlers.get_customer_addresses,
        "createCustomerAddress": order_handlers.create_customer_address,
        "getCustomerAddress": order_handlers.get_customer_address,
        "updateCustomerAddress": order_handlers.update_customer_address,
        "deleteCustomerAddress": order_handlers.delete_customer_address,
    }
