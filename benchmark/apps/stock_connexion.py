"""Stock Connexion on the contract: its whole pipeline, simple handlers, state in dicts.

This is the work of an afternoon. It validates against the document's schemas, and keeps carts,
customers and associations. It does not check passwords or most rules.
"""

from __future__ import annotations

import os
from typing import Any

from cart_spec import load_contract
from connexion import AsyncApp, Resolver, request

from benchmark.peers.base import ACCESS_TOKEN
from benchmark.population import Population

POPULATION = Population(int(os.environ["BENCHMARK_CARTS"]))
CONTRACT = load_contract()
CART = CONTRACT.example("cart")["data"]
TOKEN = CONTRACT.example("customer-token")

customers_of: dict[str, list[str]] = {}
carts_of: dict[str, list[str]] = {POPULATION.writer: []}
for _customer, _cart in POPULATION.carts_of_readers:
    customers_of[_cart] = [_customer]
    carts_of.setdefault(_customer, []).append(_cart)
for _cart in POPULATION.writable:
    customers_of[_cart] = []


def _cart_body(cart: str) -> dict[str, Any]:
    customers = [{"type": "customer", "id": customer} for customer in customers_of.get(cart, ())]
    relationships = {"customers": {"data": customers}, "items": {"data": None}}
    return {**CART, "id": cart, "relationships": relationships}


async def get_cart(cartID: str) -> Any:  # noqa: N803 - the contract's parameter name
    return {"data": _cart_body(cartID)}


async def list_carts() -> Any:
    customer = request.headers["X-Moltin-Customer-Token"]
    carts = [_cart_body(cart) for cart in carts_of[customer]]
    return {"data": carts, "links": {}, "meta": {"results": {"total": len(carts)}}}


async def associate(cartID: str, body: Any) -> Any:  # noqa: N803 - the contract's parameter name
    customer = body["data"][0]["id"]
    if customer in customers_of[cartID]:
        return None, 204
    customers_of[cartID].append(customer)
    carts_of[customer].append(cartID)
    return body, 200


async def dissociate(cartID: str, body: Any) -> Any:  # noqa: N803 - the contract's parameter name
    customer = body["data"][0]["id"]
    if customer in customers_of[cartID]:
        customers_of[cartID].remove(customer)
        carts_of[customer].remove(cartID)
    return None, 204


async def login() -> Any:
    return TOKEN


async def token_info(token: str) -> dict[str, str] | None:
    return {"sub": token} if token == ACCESS_TOKEN else None


HANDLERS = {
    "getACart": get_cart,
    "getCarts": list_carts,
    "createCustomerCartAssociation": associate,
    "deleteCustomerCartAssociation": dissociate,
    "createCustomerToken": login,
}


def _document() -> dict[str, Any]:
    """Return the contract with only the operations that have a handler here."""
    document = dict(CONTRACT.document)
    document.pop("x-rule-catalogue")
    schemes = {
        name: {**scheme, "x-bearerInfoFunc": "benchmark.apps.stock_connexion.token_info"}
        for name, scheme in document["components"]["securitySchemes"].items()
    }
    document["components"] = {**document["components"], "securitySchemes": schemes}
    document["paths"] = {
        path: {
            key: value
            for key, value in item.items()
            if not isinstance(value, dict) or value.get("operationId") in HANDLERS
        }
        for path, item in document["paths"].items()
    }
    return document


app = AsyncApp(__name__)
app.add_api(_document(), resolver=Resolver(HANDLERS.__getitem__))
