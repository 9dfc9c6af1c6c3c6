"""Customers and accounts in the workbench: find them, add one, log one in."""

from __future__ import annotations

from typing import Any

import pytest
from cart_mock.testing import CartMock, WorkbenchError


def path(mock: CartMock, rest: str) -> str:
    return f"/stores/{mock.client_id}{rest}"


def test_people_are_found_by_a_part_of_what_they_are_called(cart_mock: CartMock) -> None:
    state: dict[str, Any] = {
        "customers": [
            {"id": f"c{n}", "name": f"Person {n}", "email": f"p{n}@example.com"} for n in range(450)
        ],
        "accounts": [{"id": "acme", "name": "Acme", "legal_name": "Person Ltd"}],
        "carts": [{"id": "k"}],
        "associations": [{"cart": "k", "account": "acme"}],
    }
    cart_mock.import_state(state)
    found = cart_mock.workbench("GET", path(cart_mock, "/people"), find="PERSON", limit=3)
    assert (len(found["data"]), found["meta"]["total"]) == (3, 451)
    [account] = cart_mock.workbench("GET", path(cart_mock, "/people"), find="ltd")["data"]
    assert (account["type"], account["id"], account["carts"]) == ("account", "acme", 1)
    assert cart_mock.workbench("GET", path(cart_mock, "/people"), find="p42@")["meta"]["total"] == 1


def test_customer_is_added_and_can_log_in(cart_mock: CartMock) -> None:
    new = {"name": "Dora", "email": "dora@example.com", "password": "dora-password"}
    added = cart_mock.workbench("POST", path(cart_mock, "/customers"), new)["data"]
    headers = cart_mock.headers("dora@example.com", "dora-password")
    answer = cart_mock.client.get(f"/v2/customers/{added['id']}", headers=headers)
    assert answer.json()["data"]["name"] == "Dora"


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ({"name": "X", "email": "ADA@example.com"}, "there is a customer with the email"),
        ({"name": "X", "email": "x"}, "is not an email address"),
        ({"name": " ", "email": "x@example.com"}, "the name is empty"),
    ],
)
def test_customer_that_cannot_be_is_refused(
    cart_mock: CartMock, new: dict[str, str], says: str
) -> None:
    cart_mock.seed("one-shopper")
    with pytest.raises(WorkbenchError, match=says):
        cart_mock.workbench("POST", path(cart_mock, "/customers"), new)
    assert cart_mock.summary()["customers"] == 1


@pytest.mark.parametrize(("kind", "person"), [("customer", "ada"), ("account", "acme")])
def test_login_without_a_password_is_as_good_as_any(
    cart_mock: CartMock, kind: str, person: str
) -> None:
    cart_mock.import_state(
        {
            "customers": [{"id": "ada", "name": "Ada", "email": "ada@example.com"}],
            "accounts": [{"id": "acme", "name": "Acme", "legal_name": "Acme"}],
            "carts": [{"id": "ada-cart"}, {"id": "acme-cart"}],
            "associations": [
                {"cart": "ada-cart", "customer": "ada"},
                {"cart": "acme-cart", "account": "acme"},
            ],
        }
    )
    login = {"type": kind, "id": person}
    made = cart_mock.workbench("POST", path(cart_mock, "/logins"), login)["data"]
    carts = cart_mock.client.get("/v2/carts", headers=made["headers"]).json()["data"]
    assert [cart["id"] for cart in carts] == [f"{person}-cart"]
    with pytest.raises(WorkbenchError, match=f"the store has no {kind} with the id 'nix'"):
        cart_mock.workbench("POST", path(cart_mock, "/logins"), {"type": kind, "id": "nix"})
