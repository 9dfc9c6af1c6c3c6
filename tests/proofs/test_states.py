"""Whatever state the control API accepts, with odd values in each place, is served."""

from __future__ import annotations

import json
import re
from typing import Any

from cart_mock.app import create_app
from cart_mock.testing import CartMock, in_process

from tests.proofs.hostile import Attacker, operations
from tests.proofs.sizes import portion, said

TIMES = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-02T00:00:00Z"}
ITEM = {"id": "i", "product_id": "p", "name": "Tea", "sku": "tea", "quantity": 2,
        "amount": 5, "currency": "USD", "includes_tax": True, "type": "cart_item"}  # fmt: skip
STATE: dict[str, Any] = {
    "customers": [{"id": "c", "name": "A", "email": "a@example.com", "kept": {"a": [1]}, **TIMES}],
    "accounts": [{"id": "a", "name": "Acme", "legal_name": "Acme", "kept": {"b": 1}, **TIMES}],
    "members": [{"id": "m", "name": "Ann", "email": "m@example.com", "username": "ann", **TIMES}],
    "memberships": [{"id": "ms", "account": "a", "member": "m", **TIMES}],
    "products": [{"id": "p", "sku": "tea", "name": "Tea", "price": {"USD": 5}, "stock": 3,
                  "description": "", "slug": "s", "image": "http://x/y"}],
    "carts": [{"id": "x", "name": "X", "description": "d", "items": [ITEM], "expiry_days": 5,
               "kept": {"custom_attributes": {"k": 1}}, **TIMES},
              {"id": "y", "contact": {"email": "e@example.com", "name": "E"}, **TIMES}],
    "associations": [{"cart": "x", "customer": "c"}, {"cart": "x", "account": "a"}],
    "addresses": [{"id": "d", "customer": "c", "fields": {"name": "home", "city": 1}, **TIMES}],
    "orders": [{"id": "o", "customer": "c", "items": [ITEM], "status": "complete", "paid": 1,
                "payment": "paid", "authorized": 2, "details": {"customer": {"name": 1}},
                **TIMES}],
    "settings": {"cart_expiry_days": 7, "show_all_carts": True},
}  # fmt: skip
IDS = {"{cartID}": "x", "{customerID}": "c", "{customerId}": "c", "{accountID}": "a",
       "{orderID}": "o", "{addressID}": "d", "{accountMemberID}": "m"}  # fmt: skip
CLOCKS = ("1970-01-01T00:00:00Z", "9999-12-30T23:59:59Z", "2020-01-03T00:00:00Z")
"""The first time that a clock can have, one of the last, and one near those of the state."""
_PARAMETER = re.compile(r"\{[^}]+\}")


def address(path: str) -> str:
    """Return the address of what is in the state, or at least was before it became odd."""
    path = path.replace("{store}", "shop").replace("{snapshot}", "one")
    return _PARAMETER.sub(lambda found: IDS.get(found[0], "x"), path)


def test_odd_states_are_refused_or_served() -> None:
    reads = sorted({address(each.path) for each in operations() if each.method == "GET"})
    attacker, number, accepted, served = Attacker(1, []), portion(100, 50_000), 0, 0
    with in_process(create_app()) as client:
        mock, store = CartMock(client, "shop"), "/_mock/stores/shop"
        client.put(f"{store}/state", json=STATE).raise_for_status()
        for path in reads:
            client.get(path, headers=mock.headers()).read()
        for at in range(number):
            body = json.dumps(STATE)
            for _ in range(2 if at % 4 == 0 else 1):
                body = attacker.replaced(body)
            content = body.encode("utf-8", "surrogatepass")
            headers = {"Content-Type": "application/json"}
            sent = client.put(f"{store}/state", content=content, headers=headers)
            assert sent.status_code in (200, 400), (sent.text, body)
            if sent.status_code == 400:
                continue
            accepted += 1
            clock = {"action": "set", "at": CLOCKS[at % len(CLOCKS)]}
            assert client.post(f"{store}/clock", json=clock).status_code == 200
            assert client.put(f"{store}/snapshots/one").status_code == 200, body
            headers = mock.headers()
            for path in reads:
                answer = client.get(path, headers=headers)
                assert answer.status_code < 500, (path, answer.text, body)
                served += 1
    said(f"{number} states, {accepted} accepted, {served} answers")
    assert accepted > number // 20
