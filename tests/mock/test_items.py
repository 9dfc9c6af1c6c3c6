"""The items of carts: what they cost, what they do to the cart's clock, and how they are merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cart_mock.state.items import MOST_ITEMS
from cart_mock.state.money import MOST, formatted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mock.storefront import Storefront, custom, merge, product
from tests.mock.world import DAY, World
from tests.probes import CONTRACT

MEMBERS = ["with_tax", "without_tax", "tax", "discount", "without_discount", "shipping"]


@pytest.fixture
def shop(world: World) -> Storefront:
    return Storefront(world)


def test_get_items_of_an_unknown_cart_creates_it(shop: Storefront) -> None:
    answer = shop.send("GET", "/carts/born/items")
    assert answer.status_code == 200
    assert answer.json()["data"] == []
    price = answer.json()["meta"]["display_price"]
    assert price == {name: {"amount": 0, "currency": "", "formatted": "0"} for name in MEMBERS}
    assert shop.world.store.cart("born") is not None


def test_get_items_with_a_customer_token_associates_the_new_cart(shop: Storefront) -> None:
    ada = shop.world.as_ada()
    shop.send("GET", "/carts/born/items", headers=ada)
    assert shop.world.carts_of(ada) == ["born"]


def test_add_product_twice_adds_up_and_shows_its_price(shop: Storefront) -> None:
    shop.add("c", product("mug", 2))
    answer = shop.add("c", {"type": "cart_item", "sku": "MUG-1", "quantity": 1})
    assert answer.status_code == 201
    (item,) = answer.json()["data"]
    assert (item["product_id"], item["name"], item["quantity"]) == ("mug", "Mug", 3)
    assert item["unit_price"] == {"amount": 1250, "currency": "USD", "includes_tax": True}
    assert item["value"]["amount"] == 3750
    value = {"amount": 3750, "currency": "USD", "formatted": "$37.50"}
    assert item["meta"]["display_price"]["with_tax"]["value"] == value
    price = answer.json()["meta"]["display_price"]
    assert list(price) == MEMBERS
    assert price["with_tax"] == price["without_tax"] == price["without_discount"] == value
    assert price["tax"] == {"amount": 0, "currency": "USD", "formatted": "$0.00"}


def test_add_product_with_other_custom_inputs_is_another_item(shop: Storefront) -> None:
    shop.add("c", product(custom_inputs={"engraving": "Ada"}), product())
    assert len(shop.items("c")) == 2


def test_add_custom_item_with_the_same_sku_adds_up(shop: Storefront) -> None:
    shop.add("c", custom(sku="WRAP"), custom(sku="WRAP", quantity=2), custom(), custom())
    assert [item["quantity"] for item in shop.items("c")] == [3, 1, 1]


def test_add_item_in_a_store_without_products_takes_any_id_or_sku(world: World) -> None:
    shop = Storefront(world, products=False)
    shop.add("c", product("anything"), {"type": "cart_item", "sku": "anything", "quantity": 1})
    (item,) = shop.items("c")
    assert (item["quantity"], item["unit_price"]["amount"]) == (2, 1000)
    assert item["unit_price"]["currency"] == "USD"


def test_cart_shows_its_items_and_their_price(shop: Storefront) -> None:
    shop.add("c", product("mug", 2))
    plain = shop.send("GET", "/carts/c").json()
    (item,) = shop.items("c")
    assert plain["data"]["relationships"]["items"]["data"] == [
        {"type": "cart_item", "id": item["id"]}
    ]
    assert plain["data"]["meta"]["display_price"]["with_tax"]["formatted"] == "$25.00"
    assert "included" not in plain
    assert shop.send("GET", "/carts/c?include=items").json()["included"]["items"] == [item]


def test_the_currency_header_decides_for_the_first_item_only(shop: Storefront) -> None:
    euros = {**shop.world.anonymous, "X-MOLTIN-CURRENCY": "EUR"}
    shop.send("POST", "/carts/c/items", {"data": product()}, euros)
    shop.add("c", product())
    (item,) = shop.items("c")
    assert item["value"] == {"amount": 2300, "currency": "EUR", "includes_tax": True}
    assert shop.add("c", product("tee")).json()["errors"][0]["status"] == 400


def put_item(quantity: int) -> Callable[[Storefront, str], Any]:
    return lambda shop, item: shop.send(
        "PUT", f"/carts/c/items/{item}", {"data": {"quantity": quantity}}
    )


CHANGES: dict[str, Callable[[Storefront, str], Any]] = {
    "add": lambda shop, _item: shop.add("c", product()),
    "update": put_item(2),
    "update many": lambda shop, item: shop.send(
        "PUT", "/carts/c/items", {"data": [{"id": item, "quantity": 5}]}
    ),
    "remove by a quantity of 0": put_item(0),
    "delete": lambda shop, item: shop.send("DELETE", f"/carts/c/items/{item}"),
    "delete all": lambda shop, _item: shop.send("DELETE", "/carts/c/items"),
    "merge": lambda shop, _item: shop.add("c", merge("other")),
}


@pytest.mark.rule("updated-at-moves")
@pytest.mark.parametrize("name", CHANGES)
def test_every_change_of_items_moves_updated_at_and_expires_at(shop: Storefront, name: str) -> None:
    shop.add("other", product("tee"))
    shop.add("c", product())
    (item,) = shop.items("c")
    before = shop.world.store.cart("c")
    shop.world.wait(100)
    assert CHANGES[name](shop, item["id"]).is_success
    after = shop.world.store.cart("c")
    assert before is not None
    assert after is not None
    assert after.updated_at == before.updated_at + 100
    assert after.expires_at == before.expires_at + 100
    assert after.items != before.items


def test_reading_items_and_refused_changes_keep_the_clock(shop: Storefront) -> None:
    shop.add("c", product())
    before = shop.world.store.cart("c")
    shop.world.wait(100)
    shop.items("c")
    shop.add("c", product("none"))
    shop.send("POST", "/carts/c/checkout", {"data": {"customer": {"name": "x", "email": "x"}}})
    assert shop.world.store.cart("c") == before


def test_merge_adds_quantities_up_and_leaves_the_other_cart(shop: Storefront) -> None:
    shop.add("guest", product("mug", 2), product("tee"), custom(sku="WRAP"))
    shop.add("c", product("mug"), custom(sku="WRAP"))
    assert shop.add("c", merge("guest")).status_code == 201
    assert shop.quantities("c") == {"MUG-1": 3, "WRAP": 2, "TEE-M": 1}
    assert shop.quantities("guest") == {"MUG-1": 2, "TEE-M": 1, "WRAP": 1}
    ids = {item["id"] for cart in ("c", "guest") for item in shop.items(cart)}
    assert len(ids) == 6


@pytest.mark.parametrize("entries", [(merge("guest"),), ([merge("guest")],)])
def test_merge_partly_done_reports_what_was_left_out(shop: Storefront, entries: Any) -> None:
    shop.add("guest", product("mug"), product("tee", 2))
    shop.add("c", product("tee", 2))
    answer = shop.add("c", *entries)
    assert answer.status_code == 201
    (error,) = answer.json()["errors"]
    assert (error["status"], error["title"]) == (400, "Insufficient stock")
    assert shop.quantities("c") == {"TEE-M": 2, "MUG-1": 1}


def test_merge_all_or_nothing_refuses_and_changes_nothing(shop: Storefront) -> None:
    shop.add("guest", product("mug"), product("tee", 2))
    shop.add("c", product("tee", 2))
    answer = shop.add("c", merge("guest"), options={"add_all_or_nothing": True})
    assert (answer.status_code, answer.json()["errors"][0]["title"]) == (400, "Insufficient stock")
    assert shop.quantities("c") == {"TEE-M": 2}


def test_update_many_is_all_or_nothing_unless_told_otherwise(shop: Storefront) -> None:
    shop.add("c", product("mug"), product("tee"))
    mug, tee = (item["id"] for item in shop.items("c"))
    data = [{"id": mug, "quantity": 4}, {"id": tee, "quantity": 9}, {"id": "none", "quantity": 1}]
    assert shop.send("PUT", "/carts/c/items", {"data": data}).status_code == 400
    assert shop.quantities("c") == {"MUG-1": 1, "TEE-M": 1}
    options = {"update_all_or_nothing": False}
    answer = shop.send("PUT", "/carts/c/items", {"data": data, "options": options})
    assert answer.status_code == 200
    assert [error["status"] for error in answer.json()["errors"]] == [400, 404]
    assert shop.quantities("c") == {"MUG-1": 4, "TEE-M": 1}


def test_a_cart_has_a_hundred_different_items_at_most(shop: Storefront) -> None:
    shop.add("c", *(custom(sku=f"sku-{number}") for number in range(MOST_ITEMS)))
    answer = shop.add("c", custom())
    assert answer.status_code == 400
    assert "101 different items" in answer.json()["errors"][0]["detail"]
    assert shop.add("c", custom(sku="sku-7")).status_code == 201
    assert len(shop.items("c")) == MOST_ITEMS


def test_items_go_with_a_deleted_cart(shop: Storefront) -> None:
    shop.add("c", product())
    shop.send("DELETE", "/carts/c")
    assert shop.items("c") == []


def test_an_association_keeps_the_items(shop: Storefront) -> None:
    shop.add("c", product())
    before = shop.items("c")
    assert shop.world.associate("c", shop.world.ada).status_code == 200
    assert shop.items("c") == before


@given(
    entries=st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(1, 10**4)), min_size=1, max_size=20
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
def test_sums_of_money_are_exact(property_shop: Storefront, entries: list[tuple[int, int]]) -> None:
    shop = property_shop
    shop.send("DELETE", "/carts/c/items")
    sent = [custom(amount, quantity) for amount, quantity in entries]
    answer = shop.add("c", sent)
    wanted = sum(amount * quantity for amount, quantity in entries)
    price = answer.json()["meta"]["display_price"]["with_tax"]
    assert price["amount"] == wanted
    assert type(price["amount"]) is int
    assert price["formatted"].replace("$", "").replace(",", "").replace(".", "").lstrip("0") == (
        str(wanted).lstrip("0")
    )
    assert [item["value"]["amount"] for item in answer.json()["data"]] == [
        amount * quantity for amount, quantity in entries
    ]


@pytest.fixture(scope="module")
def property_shop() -> Any:
    with World(client_id="property") as world:
        shop = Storefront(world)
        shop.items("c")
        yield shop


def test_a_sum_that_a_client_could_not_read_exactly_is_refused(shop: Storefront) -> None:
    shop.add("c", custom(MOST))
    answer = shop.add("c", custom(1))
    assert answer.status_code == 400
    assert str(MOST + 1) in answer.json()["errors"][0]["detail"]
    price = shop.send("GET", "/carts/c").json()["data"]["meta"]["display_price"]
    assert price["with_tax"]["amount"] == MOST


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "", "0"),
        (5, "USD", "$0.05"),
        (123_456_789, "USD", "$1,234,567.89"),
        (-250, "EUR", "-€2.50"),
        (980, "JPY", "¥980"),
        (1234, "KWD", "KWD 1.234"),
        (MOST, "GBP", "£90,071,992,547,409.91"),
    ],
)
def test_money_is_formatted_for_its_currency(amount: int, currency: str, text: str) -> None:
    assert formatted(amount, currency) == text


REFUSED: list[tuple[str, str, str, Any]] = [
    ("item-invalid", "POST", "/carts/c/items", {"data": {"type": "cart_item", "quantity": 1}}),
    ("item-invalid", "POST", "/carts/c/items", {"data": {"type": "cart_item", "id": "mug"}}),
    ("item-invalid", "POST", "/carts/c/items", {"data": {"type": "custom_item", "quantity": 1}}),
    ("item-invalid", "POST", "/carts/c/items", {"data": {"type": "promotion_item"}}),
    ("item-invalid", "POST", "/carts/c/items", {"data": {"type": "cart_items"}}),
    ("item-invalid", "PUT", "/carts/c/items", {"data": [{"quantity": 1}]}),
    ("product-not-found", "POST", "/carts/c/items", {"data": product("none")}),
    ("promotion-not-found", "POST", "/carts/c/items",
     {"data": {"type": "promotion_item", "code": "SPRING"}}),
    ("merge-cart-not-found", "POST", "/carts/c/items", {"data": merge("none")}),
    ("merge-with-itself", "POST", "/carts/c/items", {"data": merge("c")}),
    ("price-missing", "POST", "/carts/c/items", {"data": product("yen")}),
    ("item-not-found", "PUT", "/carts/c/items/none", {"data": {"quantity": 1}}),
    ("item-not-found", "PUT", "/carts/none/items/none", {"data": {"quantity": 1}}),
    ("item-not-found", "PUT", "/carts/c/items", {"data": [{"id": "none", "quantity": 1}]}),
    ("item-not-found", "DELETE", "/carts/c/items/none", None),
    ("insufficient-stock", "POST", "/carts/c/items", {"data": product("tee", 4)}),
    ("cart-limit-exceeded", "POST", "/carts/c/items", {"data": custom(MOST)}),
    ("cart-limit-exceeded", "POST", "/carts/c/items", {"data": product("mug", 2**31 - 1)}),
    ("items-cart-not-found", "DELETE", "/carts/none/items", None),
    ("items-cart-not-found", "POST", "/carts/none/checkout",
     {"data": {"customer": {"name": "x", "email": "x@example.com"}}}),
    ("request-invalid", "POST", "/carts/c/items", {"data": product("mug", 0)}),
    ("request-invalid", "POST", "/carts/c/items", {"data": {**product(), "quantity": 1.5}}),
    ("request-invalid", "POST", "/carts/c/items", {"data": {**product(), "type": "gift"}}),
    ("request-invalid", "POST", "/carts/c/items", {"data": custom(-1)}),
    ("request-invalid", "POST", "/carts/c/items", {"data": []}),
    ("request-invalid", "POST", "/carts/c/items",
     {"data": product(custom_attributes={f"a{n}": {} for n in range(21)})}),
    ("request-invalid", "PUT", "/carts/c/items/none", {"data": {"quantity": -1}}),
]  # fmt: skip


@pytest.mark.parametrize(("error_id", "method", "path", "body"), REFUSED)
def test_a_change_of_items_is_refused_in_the_words_of_the_contract(
    shop: Storefront, error_id: str, method: str, path: str, body: Any
) -> None:
    shop.add("c", product())
    before = shop.world.store.everything()
    answer = shop.send(method, path, body)
    error = CONTRACT.protocol_error(error_id)
    (entry,) = answer.json()["errors"]
    assert (answer.status_code, entry["title"]) == (error.status, error.text)
    assert entry["detail"].startswith(error.detail or error.text)
    assert entry["source"]
    assert shop.world.store.everything() == before


def test_a_changed_expiry_counts_from_the_next_update_of_a_cart(shop: Storefront) -> None:
    world = shop.world
    for cart in ("left", "changed"):
        shop.add(cart, product())
    body = {"data": {"type": "settings", "cart_expiry_days": 30}}
    answer = shop.send("PUT", "/settings/cart", body, world.admin)
    assert answer.json()["data"]["cart_expiry_days"] == 30
    shop.add("changed", product())
    shop.items("new")
    world.wait(8 * DAY)
    world.admin, world.anonymous = world.token("client_credentials"), world.token("implicit")
    assert world.store.cart("left") is None
    assert shop.quantities("changed") == {"MUG-1": 2}
    assert world.store.cart("new") is not None
    world.wait(22 * DAY)
    world.tenant.now()
    assert world.store.counts()["carts"] == 0


def test_a_shorter_expiry_is_kept_by_its_carts_alone(shop: Storefront) -> None:
    world = shop.world
    shop.items("usual")
    body = {"data": {"type": "settings", "cart_expiry_days": 1}}
    shop.send("PUT", "/settings/cart", body, world.admin)
    shop.items("short")
    world.wait(DAY)
    world.tenant.now()
    assert [cart.id for cart in world.store.everything()[1]] == ["usual"]


def test_show_all_carts_decides_over_the_list_of_administrators(shop: Storefront) -> None:
    world = shop.world
    shop.items("guest")
    world.cart("hers", world.as_ada())
    assert world.carts_of(world.admin) == ["hers", "guest"]
    body = {"data": {"type": "settings", "show_all_carts": False}}
    shop.send("PUT", "/settings/cart", body, world.admin)
    assert world.carts_of(world.admin) == ["hers"]
    filtered = world.send("GET", "/v2/carts?filter=ilike(name,*)", world.admin).json()["data"]
    assert [cart["id"] for cart in filtered] == ["hers"]
