"""What each operation does once its rules have passed: change the store, return the content.

Each function is named after its ``operationId``. It returns the content of the answer, or None for
an answer without any; the statuses of both are in the contract.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from cart_mock.api import item_serializers, serializers
from cart_mock.auth import passwords
from cart_mock.auth.tokens import Tokens
from cart_mock.rules.cart_filter import parse_cart_filter, passes
from cart_mock.rules.context import RequestContext, TokenRequestContext
from cart_mock.state.entities import Cart, Contact, Customer

Content = dict[str, Any] | bytes | None
"""The content of an answer: a JSON object, an encoded one, or nothing."""

_KEPT_OF_CARTS = (
    "custom_attributes", "discount_settings", "inventory_settings", "snapshot_date", "is_quote",
)  # fmt: skip
_OWN_FIELDS_OF_CUSTOMERS = {
    "id", "type", "name", "email", "password", "links", "meta", "relationships",
}  # fmt: skip
CART_NAME = "Cart"
"""The name of a cart that is created by reading an unknown id."""


# ---- Associations -------------------------------------------------------------------------------


def create_customer_cart_association(ctx: RequestContext) -> Content:
    cart, customer_id = existing_cart(ctx), ctx.entry["id"]
    if customer_id in cart.customers:
        return None
    ctx.store.associate(cart, customer_id)
    return {"data": [serializers.identifier(customer_id)]}


def delete_customer_cart_association(ctx: RequestContext) -> Content:
    cart, customer_id = existing_cart(ctx), ctx.entry["id"]
    if customer_id in cart.customers:
        ctx.store.dissociate(cart, customer_id)
    return None


# ---- Carts --------------------------------------------------------------------------------------


def get_carts(ctx: RequestContext) -> Content:
    owner, offset, limit = ctx.caller.customer_id, ctx.offset, ctx.limit
    wanted = parse_cart_filter(ctx.query.get("filter", "")) if owner is None else None
    shows_all = ctx.store.shop.settings.show_all_carts
    if wanted is not None:
        found = ctx.store.carts_that(
            lambda cart: passes(wanted, cart.name) and (shows_all or bool(cart.customers))
        )
        carts, total = found[offset : offset + limit], len(found)
    elif owner is None and shows_all:
        carts, total = ctx.store.all_carts(offset, limit)
    elif owner is None:
        carts, total = ctx.store.registered_carts(offset, limit)
    else:
        carts, total = ctx.store.carts_of(owner, offset, limit)
    return serializers.page("/v2/carts", serializers.cart_json, carts, total, offset, limit)


def create_a_cart(ctx: RequestContext) -> Content:
    data = ctx.data
    cart = new_cart(
        ctx,
        data.get("id") or ctx.tenant.new_id(),
        name=data["name"],
        description=data.get("description", ""),
        contact=_contact(data.get("contact")),
        kept=_kept_of_cart(data),
    )
    ctx.store.put_cart(cart)
    return {"data": serializers.cart_json(cart)}


def get_a_cart(ctx: RequestContext) -> Content:
    cart = ctx.cart
    if cart is None:
        cart = new_cart(ctx, ctx.cart_id, name=CART_NAME)
        ctx.store.put_cart(cart)
    content: dict[str, Any] = {"data": serializers.cart_json(cart)}
    if ctx.request.query and "items" in ctx.query.get("include", "").split(","):
        content["included"] = {"items": item_serializers.cart_items(cart)["data"]}
    return content


def update_a_cart(ctx: RequestContext) -> Content:
    cart, data = existing_cart(ctx), ctx.data
    changed = replace(
        cart,
        name=data.get("name", cart.name),
        description=data.get("description", cart.description),
        contact=_contact(data["contact"]) if "contact" in data else cart.contact,
        kept={**cart.kept, **_kept_of_cart(data)},
        updated_at=ctx.now,
        lifetime=ctx.store.shop.settings.cart_lifetime,
    )
    ctx.store.put_cart(changed)
    return {"data": serializers.cart_json(changed)}


def delete_a_cart(ctx: RequestContext) -> Content:
    ctx.store.delete_cart(ctx.cart_id)
    return None


def existing_cart(ctx: RequestContext) -> Cart:
    """Return the cart of a request whose checks have found that it exists."""
    if ctx.cart is None:
        raise LookupError("the rules let a request pass whose cart does not exist")
    return ctx.cart


def new_cart(
    ctx: RequestContext,
    cart_id: str,
    *,
    name: str,
    description: str = "",
    contact: Contact | None = None,
    kept: dict[str, Any] | None = None,
) -> Cart:
    """Return a new cart, associated with the customer who is logged in; it is not stored yet."""
    owner = ctx.caller.customer_id
    return Cart(
        id=cart_id,
        name=name,
        description=description,
        contact=contact,
        customers=() if owner is None else (owner,),
        created_at=ctx.now,
        updated_at=ctx.now,
        kept=kept or {},
        lifetime=ctx.store.shop.settings.cart_lifetime,
    )


def _kept_of_cart(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in _KEPT_OF_CARTS if name in data}


def _contact(sent: dict[str, Any] | None) -> Contact | None:
    if sent is None or not sent.get("email"):
        return None
    return Contact(email=sent["email"], name=sent.get("name"))


# ---- Customers ----------------------------------------------------------------------------------

_FILTER = re.compile(r"eq\((email|name|id),(.*)\)")


def get_customers(ctx: RequestContext) -> Content:
    offset, limit = ctx.offset, ctx.limit
    wanted = _FILTER.fullmatch(ctx.query.get("filter", ""))
    if wanted is None:
        customers, total = ctx.store.customers(offset, limit)
    else:
        found = _filtered(ctx, *wanted.groups())
        customers, total = found[offset : offset + limit], len(found)
    return serializers.page("/v2/customers", serializers.customer, customers, total, offset, limit)


def _filtered(ctx: RequestContext, field: str, value: str) -> list[Customer]:
    store = ctx.store
    if field == "name":
        return store.customers_named(value)
    one = store.customer_with_email(value) if field == "email" else store.customer(value)
    return [] if one is None else [one]


def create_customer(ctx: RequestContext) -> Content:
    customer = Customer(
        id=ctx.tenant.new_id(),
        name=ctx.data["name"],
        email=ctx.data["email"],
        password_hash=ctx.password_hash,
        created_at=ctx.now,
        updated_at=ctx.now,
        kept=_kept_of_customer(ctx.data),
    )
    ctx.store.put_customer(customer)
    return {"data": serializers.customer(customer)}


def get_customer(ctx: RequestContext) -> Content:
    return {"data": serializers.customer(_customer(ctx))}


def update_customer(ctx: RequestContext) -> Content:
    customer, data = _customer(ctx), ctx.data
    changed = replace(
        customer,
        name=data.get("name", customer.name),
        email=data.get("email", customer.email),
        password_hash=ctx.password_hash or customer.password_hash,
        updated_at=ctx.now,
        kept={**customer.kept, **_kept_of_customer(data)},
    )
    ctx.store.put_customer(changed)
    return {"data": serializers.customer(changed)}


def delete_customer(ctx: RequestContext) -> Content:
    ctx.store.delete_customer(ctx.customer_id)
    return None


def _kept_of_customer(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in _OWN_FIELDS_OF_CUSTOMERS}


def _customer(ctx: RequestContext) -> Customer:
    if ctx.customer is None:
        raise LookupError("the rules let a request pass whose customer does not exist")
    return ctx.customer


async def _hash_password(ctx: RequestContext) -> None:
    password = ctx.data.get("password")
    if isinstance(password, str) and password:
        ctx.password_hash = await passwords.hash_in_thread(password)


# ---- Tokens -------------------------------------------------------------------------------------


def create_access_token(tokens: Tokens, ctx: TokenRequestContext) -> Content:
    tenant, grant = ctx.tenant, ctx.grant
    if tenant is None or grant is None:
        raise LookupError("the rules let a request pass without a key or a grant")
    token, expires = tokens.issue_access(tenant.name, grant, tenant.now(), tenant.new_id())
    return serializers.access_token(token, grant, expires)


async def _check_password(ctx: RequestContext) -> None:
    email, password = ctx.data.get("email"), ctx.data.get("password")
    if isinstance(email, str) and isinstance(password, str):
        customer = ctx.store.customer_with_email(email)
        known = None if customer is None else customer.password_hash
        ctx.password_matches = await passwords.matches_in_thread(password, known)


def create_customer_token(tokens: Tokens, ctx: RequestContext) -> Content:
    tenant = ctx.tenant
    customer = ctx.store.customer_with_email(ctx.data["email"])
    if customer is None:
        raise LookupError("the rules let a request pass whose customer does not exist")
    token_id = tenant.new_id()
    token, expires = tokens.issue_customer(tenant.name, customer.id, ctx.caller.now, token_id)
    return {"data": serializers.customer_token(token_id, customer.id, token, expires)}


PREPARATIONS: Mapping[str, Callable[[RequestContext], Awaitable[None]]] = {
    "createCustomer": _hash_password,
    "updateCustomer": _hash_password,
    "createCustomerToken": _check_password,
}
"""The slow work of operations, done in a thread before their rules judge."""


def handlers(tokens: Tokens) -> dict[str, Callable[[Any], Content]]:
    """Return the function of each operation, by its ``operationId``.

    All take a RequestContext, but for ``createAccessToken``, which takes a TokenRequestContext.
    """
    return {
        "createAccessToken": partial(create_access_token, tokens),
        "createCustomerCartAssociation": create_customer_cart_association,
        "deleteCustomerCartAssociation": delete_customer_cart_association,
        "getCarts": get_carts,
        "createACart": create_a_cart,
        "getACart": get_a_cart,
        "updateACart": update_a_cart,
        "deleteACart": delete_a_cart,
        "getCustomers": get_customers,
        "createCustomer": create_customer,
        "getCustomer": get_customer,
        "updateCustomer": update_customer,
        "deleteCustomer": delete_customer,
        "createCustomerToken": partial(create_customer_token, tokens),
    }
