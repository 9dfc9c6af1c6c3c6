"""The ready scenarios, played as a storefront would: take over, merge, check out."""

from __future__ import annotations

from typing import Any

from cart_mock.state.scenarios import scenario
from cart_mock.state.store import store_of

from tests.mock.storefront import Storefront, merge, product
from tests.mock.world import START, World

CHECKOUT = {"contact": {"name": "Ann", "email": "ann@example.com"}}


def shop_of(world: World, name: str) -> Storefront:
    """Return a storefront over a shop that has the content of a scenario."""
    seed, now = scenario(name), int(START)
    content = store_of(
        seed.customer_entities(now), seed.cart_entities(now), seed.shop_entities(now),
        seed.account_entities(now),
    )  # fmt: skip
    world.store.share(content)
    return Storefront(world, products=False)


def log_in(shop: Storefront, name: str) -> dict[str, str]:
    """Log a customer in; return the headers."""
    login = {"type": "token", "email": f"{name}@example.com", "password": f"{name}-password"}
    answer = shop.send("POST", "/customers/tokens", {"data": login})
    token = answer.json()["data"]["token"]
    return {**shop.world.anonymous, "X-Moltin-Customer-Token": token}


def associate(shop: Storefront, cart: str, owner: dict[str, str], headers: dict[str, str]) -> None:
    path = f"/carts/{cart}/relationships/{owner['type']}s"
    assert shop.send("POST", path, {"data": [owner]}, headers).status_code == 200


def test_guest_cart_is_taken_over_after_login(world: World) -> None:
    shop = shop_of(world, "guest-cart")
    before = shop.quantities("guest")
    ada = log_in(shop, "ada")
    associate(shop, "guest", {"type": "customer", "id": "ada"}, ada)
    assert set(shop.world.carts_of(ada)) == {"guest", "adas"}
    assert shop.quantities("guest") == before == {"MUG-1": 2, "POSTER-A2": 1}


def test_two_devices_see_and_join_each_others_carts(world: World) -> None:
    shop = shop_of(world, "two-devices")
    phone, laptop = log_in(shop, "ada"), log_in(shop, "ada")
    assert (
        set(shop.world.carts_of(phone)) == set(shop.world.carts_of(laptop)) == {"phone", "laptop"}
    )
    shop.add("laptop", merge("phone"))
    assert shop.quantities("laptop") == {"MUG-1": 1, "POSTER-A2": 1, "TEE-M": 2}
    shop.send("DELETE", "/carts/phone", headers=phone)
    assert shop.world.carts_of(laptop) == ["laptop"]
    assert shop.send("DELETE", "/carts/laptop", headers=laptop).json()["errors"][0]["title"] == (
        "Last cart"
    )


def test_merge_leaves_out_what_stock_does_not_allow(world: World) -> None:
    shop = shop_of(world, "merge")
    answer = shop.add("adas", merge("guest"))
    assert [error["title"] for error in answer.json()["errors"]] == ["Insufficient stock"]
    assert shop.quantities("adas") == {"MUG-1": 3, "POSTER-A2": 2, "TEE-M": 1}


def test_shop_has_products_an_address_and_an_order(world: World) -> None:
    shop = shop_of(world, "shop")
    ada = log_in(shop, "ada")
    (order,) = shop.send("GET", "/orders", headers=ada).json()["data"]
    assert order["payment"] == "paid"
    assert order["meta"]["display_price"]["with_tax"] == order["meta"]["display_price"]["paid"]
    (address,) = shop.send("GET", "/customers/ada/addresses", headers=ada).json()["data"]
    assert address["name"] == "Home"
    shop.add("new", product("mug"))
    sold_out = shop.add("new", product("lamp")).json()["errors"][0]
    assert sold_out["title"] == "Insufficient stock"


def test_account_member_chooses_one_of_two_accounts(world: World) -> None:
    shop = shop_of(world, "account-member")
    login: dict[str, Any] = {
        "type": "account_management_authentication_token",
        "authentication_mechanism": "password",
        "password_profile_id": "username-and-password",
        "username": "ann@example.com",
        "password": "ann-password",
    }
    tokens = shop.send("POST", "/account-members/tokens", {"data": login}).json()["data"]
    header = "EP-Account-Management-Authentication-Token"
    as_account = {
        each["account_id"]: {**shop.world.anonymous, header: each["token"]} for each in tokens
    }
    assert set(as_account) == {"acme", "bolt"}
    acme = as_account["acme"]
    assert shop.world.carts_of(acme) == ["acmes"]
    associate(shop, "guest", {"type": "account", "id": "acme"}, acme)
    shop.add("acmes", merge("guest"))
    assert shop.quantities("acmes") == {"MUG-1": 12, "POSTER-A2": 1, "TEE-M": 1}
    order = shop.check_out("acmes", acme, **CHECKOUT)
    assert order["relationships"]["account"]["data"]["id"] == "acme"
    assert shop.send("GET", f"/orders/{order['id']}", headers=as_account["bolt"]).status_code == 404
