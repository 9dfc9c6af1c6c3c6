"""What each operation does once its rules have passed: write to the store, say what to show.

Each function is named after its ``operationId``. It returns the content of the answer, or None for
an answer without any; the statuses of both are in the contract.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from mockserver import passwords, present
from mockserver.entities import Cart, Contact, Customer
from mockserver.facts import Facts, GrantFacts
from mockserver.http import encode_json
from mockserver.tokens import Tokens

Content = dict[str, Any] | bytes | None
"""What an answer shows: a JSON object, one that is encoded already, or nothing."""

CART_NAME = "Cart"
"""The name of a cart that an unknown id returns."""


class Operation(NamedTuple):
    """``act`` answers a request that passed its rules; ``prepare`` does its slow work before."""

    act: Callable[[Facts], Content]
    prepare: Callable[[Facts], Awaitable[None]] | None = None


# ---- Associations -------------------------------------------------------------------------------


def create_customer_cart_association(facts: Facts) -> Content:
    cart, customer_id = _cart(facts), facts.entry["id"]
    if customer_id in cart.customers:
        return None
    customers = (*cart.customers, customer_id)
    facts.store.put_cart(replace(cart, customers=customers, updated_at=facts.now))
    return {"data": [present.identifier(customer_id)]}


def delete_customer_cart_association(facts: Facts) -> Content:
    cart, customer_id = _cart(facts), facts.entry["id"]
    if customer_id in cart.customers:
        customers = tuple(c for c in cart.customers if c != customer_id)
        facts.store.put_cart(replace(cart, customers=customers, updated_at=facts.now))
    return None


# ---- Carts --------------------------------------------------------------------------------------


def get_carts(facts: Facts) -> Content:
    offset, limit = facts.offset, facts.limit

    def show(carts: list[Cart], total: int) -> bytes:
        page = present.page("/v2/carts", present.cart_json, carts, total, offset, limit)
        return encode_json(page)

    return facts.store.shown_carts(facts.caller.customer_id, offset, limit, show)


def create_a_cart(facts: Facts) -> Content:
    data = facts.data
    return _new_cart(
        facts,
        data.get("id") or facts.store.new_id(),
        name=data["name"],
        description=data.get("description", ""),
        contact=_contact(data.get("contact")),
    )


def get_a_cart(facts: Facts) -> Content:
    if facts.cart is None:
        return _new_cart(facts, facts.cart_id, name=CART_NAME)
    return {"data": present.cart_json(facts.cart)}


def update_a_cart(facts: Facts) -> Content:
    cart, data = _cart(facts), facts.data
    changed = replace(
        cart,
        name=data.get("name", cart.name),
        description=data.get("description", cart.description),
        contact=_contact(data["contact"]) if "contact" in data else cart.contact,
        updated_at=facts.now,
    )
    facts.store.put_cart(changed)
    return {"data": present.cart_json(changed)}


def delete_a_cart(facts: Facts) -> Content:
    facts.store.delete_cart(facts.cart_id)
    return None


def _cart(facts: Facts) -> Cart:
    if facts.cart is None:
        raise LookupError("the rules let a request pass whose cart does not exist")
    return facts.cart


def _new_cart(
    facts: Facts, cart_id: str, *, name: str, description: str = "", contact: Contact | None = None
) -> Content:
    owner = facts.caller.customer_id
    cart = Cart(
        id=cart_id,
        name=name,
        description=description,
        contact=contact,
        customers=() if owner is None else (owner,),
        created_at=facts.now,
        updated_at=facts.now,
    )
    facts.store.put_cart(cart)
    return {"data": present.cart_json(cart)}


def _contact(sent: dict[str, Any] | None) -> Contact | None:
    if sent is None or not sent.get("email"):
        return None
    return Contact(email=sent["email"], name=sent.get("name"))


# ---- Customers ----------------------------------------------------------------------------------

_FILTER = re.compile(r"eq\((email|name|id),(.*)\)")


def get_customers(facts: Facts) -> Content:
    offset, limit = facts.offset, facts.limit
    wanted = _FILTER.fullmatch(facts.query.get("filter", ""))
    if wanted is None:
        customers, total = facts.store.customers(offset, limit)
    else:
        found = _filtered(facts, *wanted.groups())
        customers, total = found[offset : offset + limit], len(found)
    return present.page("/v2/customers", present.customer, customers, total, offset, limit)


def _filtered(facts: Facts, field: str, value: str) -> list[Customer]:
    store = facts.store
    if field == "name":
        everyone, _ = store.customers(0, store.counts()["customers"])
        return [customer for customer in everyone if customer.name == value]
    one = store.customer_with_email(value) if field == "email" else store.customer(value)
    return [] if one is None else [one]


def create_customer(facts: Facts) -> Content:
    customer = Customer(
        id=facts.store.new_id(),
        name=facts.data["name"],
        email=facts.data["email"],
        password_hash=facts.password_hash,
        created_at=facts.now,
        updated_at=facts.now,
    )
    facts.store.put_customer(customer)
    return {"data": present.customer(customer)}


def get_customer(facts: Facts) -> Content:
    return {"data": present.customer(_customer(facts))}


def update_customer(facts: Facts) -> Content:
    customer, data = _customer(facts), facts.data
    changed = replace(
        customer,
        name=data.get("name", customer.name),
        email=data.get("email", customer.email),
        password_hash=facts.password_hash or customer.password_hash,
        updated_at=facts.now,
    )
    facts.store.put_customer(changed)
    return {"data": present.customer(changed)}


def delete_customer(facts: Facts) -> Content:
    facts.store.delete_customer(facts.customer_id)
    return None


def _customer(facts: Facts) -> Customer:
    if facts.customer is None:
        raise LookupError("the rules let a request pass whose customer does not exist")
    return facts.customer


async def _hash_password(facts: Facts) -> None:
    password = facts.data.get("password")
    if isinstance(password, str) and password:
        facts.password_hash = await passwords.hash_in_thread(password)


# ---- Tokens -------------------------------------------------------------------------------------


async def _check_password(facts: Facts) -> None:
    email, password = facts.data.get("email"), facts.data.get("password")
    if isinstance(email, str) and isinstance(password, str):
        customer = facts.store.customer_with_email(email)
        known = None if customer is None else customer.password_hash
        facts.password_matches = await passwords.matches_in_thread(password, known)


def create_access_token(facts: GrantFacts, tokens: Tokens) -> Content:
    store, grant = facts.store, facts.grant
    if store is None or grant is None:
        raise LookupError("the rules let a request pass without a key or a grant")
    token, expires = tokens.issue_access(store.name, grant, store.now(), store.new_id())
    return present.access_token(token, grant, expires)


def create_customer_token(facts: Facts, tokens: Tokens) -> Content:
    store = facts.store
    customer = store.customer_with_email(facts.data["email"])
    if customer is None:
        raise LookupError("the rules let a request pass whose customer does not exist")
    token_id = store.new_id()
    token, expires = tokens.issue_customer(store.name, customer.id, facts.caller.now, token_id)
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
            lambda facts: create_customer_token(facts, tokens), _check_password
        ),
    }
