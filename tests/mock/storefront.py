"""A shop with products, each answer of which is checked against the contract's schema."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx
from cart_mock.rules.body_schemas import BodySchema
from cart_mock.state.seed import seed_of
from cart_mock.state.store import store_of

from tests.mock.world import START, World
from tests.probes import CONTRACT

PRODUCTS: list[dict[str, Any]] = [
    {"id": "mug", "sku": "MUG-1", "name": "Mug", "price": {"USD": 1250, "EUR": 1150}},
    {"id": "tee", "sku": "TEE-M", "name": "T-shirt", "price": {"USD": 2499}, "stock": 3},
    {"id": "yen", "sku": "YEN-1", "name": "Fan", "price": {"JPY": 980}},
]
ADDRESS = {
    "type": "address", "first_name": "Ada", "last_name": "Lovelace", "line_1": "12 Square",
    "county": "London", "postcode": "SW1Y 4JH", "country": "GB",
}  # fmt: skip


@cache
def _schema(operation_id: str, status: int) -> BodySchema | None:
    method, path = CONTRACT.operations[operation_id]
    response = CONTRACT.document["paths"][path][method.lower()]["responses"][str(status)]
    if "$ref" in response:
        response = CONTRACT.document["components"]["responses"][response["$ref"].split("/")[-1]]
    if "content" not in response:
        return None
    return BodySchema(response["content"]["application/json"]["schema"], CONTRACT.document)


class Storefront:
    """The calls of a storefront, by default as a guest with an implicit token."""

    def __init__(self, world: World, *, products: bool = True) -> None:
        self.world = world
        if products:
            seed = seed_of({"products": PRODUCTS}, "seed").shop_entities(int(START))
            customers, carts = world.store.everything()
            world.store.share(store_of(customers, carts, seed))

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a request below ``/v2``, and check its answer against the contract."""
        how = {} if body is None else {"json": body}
        answer = self.world.send(method, f"/v2{path}", headers or self.world.anonymous, **how)
        operation_id = self.world.tenant.request_log.entries[-1].operation_id
        schema = _schema(operation_id, answer.status_code)
        if schema is None:
            assert answer.content == b""
        else:
            assert schema.violation(answer.json()) is None, answer.text
        return answer

    def add(self, cart: str, *entries: Any, **more: Any) -> httpx.Response:
        """Add one entry, or several."""
        data = entries[0] if len(entries) == 1 else list(entries)
        return self.send("POST", f"/carts/{cart}/items", {"data": data, **more})

    def items(self, cart: str) -> list[dict[str, Any]]:
        """Return the items of a cart."""
        found: list[dict[str, Any]] = self.send("GET", f"/carts/{cart}/items").json()["data"]
        return found

    def quantities(self, cart: str) -> dict[str, int]:
        """Return the quantity of each item of a cart, by its sku or name."""
        return {item.get("sku", item["name"]): item["quantity"] for item in self.items(cart)}

    def check_out(self, cart: str, headers: dict[str, str] | None = None, **data: Any) -> Any:
        """Check a cart out; return the order."""
        data = data or {"customer": {"name": "Guest", "email": "guest@example.com"}}
        answer = self.send("POST", f"/carts/{cart}/checkout", {"data": data}, headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]


def product(key: str = "mug", quantity: int = 1, **more: Any) -> dict[str, Any]:
    """Return the entry of a product."""
    return {"type": "cart_item", "id": key, "quantity": quantity, **more}


def custom(amount: int = 5, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """Return the entry of a custom item."""
    price = {"amount": amount}
    return {"type": "custom_item", "name": "Wrap", "quantity": quantity, "price": price, **more}


def merge(cart: str) -> dict[str, Any]:
    """Return the entry that merges another cart."""
    return {"type": "cart_items", "cart_id": cart}
