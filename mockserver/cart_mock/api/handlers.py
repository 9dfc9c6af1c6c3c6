"""What each operation does once its rules have passed: write to the store, say what to show.

Each function is named after its ``operationId``. It returns the content of the answer, or None for
an answer without any; the statuses of both are in the contract.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from cart_mock.api import serializers as present
from cart_mock.auth import passwords
from cart_mock.auth.tokens import Tokens
from cart_mock.http.messages import encode_json
from cart_mock.rules.context import RequestContext, TokenRequestContext
from cart_mock.state.entities import Cart, Contact, Customer

Content = dict[str, Any] | bytes | None
"""What an answer shows: a JSON object, one that is encoded already, or nothing."""

CART_NAME = "Cart"
"""The name of a cart that an unknown id returns."""


class Operation(NamedTuple):
    """``act`` answers a request that passed its rules; ``prepare`` does its slow work before."""

    act: Callable[[RequestContext], Content]
    prepare: Callable[[RequestContext], Awaitable[None]] | None = None


# ---- Associations -------------------------------------------------------------------------------


def create_customer_cart_association(ctx: RequestContext) -> Content:
    cart, customer_id = _cart(ctx), ctx.entry["id"]
    if customer_id in cart.customers:
        return None
    customers = (*cart.customers, customer_id)
    ctx.store.put_cart(replace(cart, customers=customers, updated_at=ctx.now))
    return {"data": [present.identifier(customer_id)]}


def delete_customer_cart_association(ctx: RequestContext) -> Content:
    cart, customer_id = _cart(ctx), ctx.entry["id"]
    if customer_id in cart.customers:
        customers = tuple(c for c in cart.customers if c != customer_id)
        ctx.store.put_cart(replace(cart, customers=customers, updated_at=ctx.now))
    return None


# ---- Carts --------------------------------------------------------------------------------------


def get_carts(ctx: RequestContext) -> Content:
    offset, limit = ctx.offset, ctx.limit

    def show(carts: list[Cart], total: int) -> bytes:
        page = present.page("/v2/carts", present.cart_json, carts, total, offset, limit)
        return encode_json(page)

    return ctx.store.shown_carts(ctx.caller.customer_id, offset, limit, show)


def create_a_cart(ctx: RequestContext) -> Content:
    data = ctx.data
    return _new_cart(
        ctx,
        data.get("id") or ctx.store.new_id(),
        name=data["name"],
        description=data.get("description", ""),
        contact=_contact(data.get("contact")),
    )


def get_a_cart(ctx: RequestContext) -> Content:
    if ctx.cart is None:
        return _new_cart(ctx, ctx.cart_id, name=CART_NAME)
    return {"data": present.cart_json(ctx.cart)}


def update_a_cart(ctx: RequestContext) -> Content:
    cart, data = _cart(ctx), ctx.data
    changed = replace(
        cart,
        name=data.get("name", cart.name),
        description=data.get("description", cart.description),
        contact=_contact(data["contact"]) if "contact" in data else cart.contact,
        updated_at=ctx.now,
    )
    ctx.store.put_cart(changed)
    return {"data": present.cart_json(changed)}


def delete_a_cart(ctx: RequestContext) -> Content:
    ctx.store.delete_cart(ctx.cart_id)
    return None


def _cart(ctx: RequestContext) -> Cart:
    if ctx.cart is None:
        raise LookupError("the rules let a request pass whose cart does not exist")
    return ctx.cart


def _new_cart(
    ctx: RequestContext,
    cart_id: str,
    *,
    name: str,
    description: str = "",
    contact: Contact | None = None,
) -> Content:
    owner = ctx.caller.customer_id
    cart = Cart(
        id=cart_id,
        name=name,
        description=description,
        contact=contact,
        customers=() if owner is None else (owner,),
        created_at=ctx.now,
        updated_at=ctx.now,
    )
    ctx.store.put_cart(cart)
    return {"data": present.cart_json(cart)}


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
    return present.page("/v2/customers", present.customer, customers, total, offset, limit)


def _filtered(ctx: RequestContext, field: str, value: str) -> list[Customer]:
    store = ctx.store
    if field == "name":
        everyone, _ = store.customers(0, store.counts()["customers"])
        return [customer for customer in everyone if customer.name == value]
    one = store.customer_with_email(value) if field == "email" else store.customer(value)
    return [] if one is None else [one]


def create_customer(ctx: RequestContext) -> Content:
    customer = Customer(
        id=ctx.store.new_id(),
        name=ctx.data["name"],
        email=ctx.data["email"],
        password_hash=ctx.password_hash,
        created_at=ctx.now,
        updated_at=ctx.now,
    )
    ctx.store.put_customer(customer)
    return {"data": present.customer(customer)}


def get_customer(ctx: RequestContext) -> Content:
    return {"data": present.customer(_customer(ctx))}


def update_customer(ctx: RequestContext) -> Content:
    customer, data = _customer(ctx), ctx.data
    changed = replace(
        customer,
        name=data.get("name", customer.name),
        email=data.get("email", customer.email),
        password_hash=ctx.password_hash or customer.password_hash,
        updated_at=ctx.now,
    )
    ctx.store.put_customer(changed)
    return {"data": present.customer(changed)}


def delete_customer(ctx: RequestContext) -> Content:
    ctx.store.delete_customer(ctx.customer_id)
    return None


def _customer(ctx: RequestContext) -> Customer:
    if ctx.customer is None:
        raise LookupError("the rules let a request pass whose customer does not exist")
    return ctx.customer


async def _hash_password(ctx: RequestContext) -> None:
    password = ctx.data.get("password")
    if isinstance(password, str) and password:
        ctx.password_hash = await passwords.hash_in_thread(password)


# ---- Tokens -------------------------------------------------------------------------------------


async def _check_password(ctx: RequestContext) -> None:
    email, password = ctx.data.get("email"), ctx.data.get("password")
    if isinstance(email, str) and isinstance(password, str):
        customer = ctx.store.customer_with_email(email)
        known = None if customer is None else customer.password_hash
        ctx.password_matches = await passwords.matches_in_thread(password, known)


def create_access_token(ctx: TokenRequestContext, tokens: Tokens) -> Content:
    store, grant = ctx.store, ctx.grant
    if store is None or grant is None:
        raise LookupError("the rules let a request pass without a key or a grant")
    token, expires = tokens.issue_access(store.name, grant, store.now(), store.new_id())
    return present.access_token(token, grant, expires)


def create_customer_token(ctx: RequestContext, tokens: Tokens) -> Content:
    store = ctx.store
    customer = store.customer_with_email(ctx.data["email"])
    if customer is None:
        raise LookupError("the rules let a request pass whose customer does not exist")
    token_id = store.new_id()
    token, expires = tokens.issue_customer(store.name, customer.id, ctx.caller.now, token_id)
    return {"data": present.customer_token(token_id, customer.id, token, expires)}


def operations(tokens: Tokens) -> dict[str, Operation]:
    """Every operation but ``createAccessToken``, by its ``operationId``."""
    return {
        "createCustomerCartAssociation": Operation(create_customer_cart_association),
        "deleteCustomerCartAssociation": Operation(delete_customer_cart_association),
        "getCarts": Operation(get_carts),
        "createACart": Operation(create_a_cart),
        "getACart": Operation(get_a_cart),
        "updateACart": Operation(update_a_cart),
        "deleteACart": Operation(delete_a_cart),
        "getCustomers": Operation(get_customers),
        "createCustomer": Operation(create_customer, _hash_password),
        "getCustomer": Operation(get_customer),
        "updateCustomer": Operation(update_customer, _hash_password),
        "deleteCustomer": Operation(delete_customer),
        "createCustomerToken": Operation(
            lambda ctx: create_customer_token(ctx, tokens), _check_password
        ),
    }
