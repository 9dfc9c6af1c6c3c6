"""Checkout, orders, payments, settings and addresses, and that stores keep them all."""

from __future__ import annotations

from typing import Any

import pytest
from cart_mock.owners import Owner
from cart_mock.state.clock import Clock
from cart_mock.state.entities import Account
from cart_mock.state.scenarios import scenario
from cart_mock.state.seed import SeedError, exported, seed_of
from cart_mock.state.shop import Address, Order, ShopContent
from cart_mock.state.snapshots import difference, freeze_snapshot
from cart_mock.state.store import Store, store_of
from cart_mock.state.tinydb_tables import InMemoryStorage
from cart_mock.tenants.registry import TenantRegistry

from tests.mock.storefront import ADDRESS, PRODUCTS, Storefront, product
from tests.mock.test_store import steps_of
from tests.mock.world import START, MachineTime, World
from tests.probes import CONTRACT

BUYER = {"name": "Guest", "email": "guest@example.com"}


@pytest.fixture
def shop(world: World) -> Storefront:
    shop = Storefront(world)
    shop.add("c", product("mug", 2), product("tee"))
    return shop


def as_account(world: World, account: str) -> dict[str, str]:
    """The headers of a shopper with a token of an account, which is made if need be."""
    if world.store.accounts.account(account) is None:
        now = int(START)
        world.store.accounts.put_account(Account(account, account, account, now, now))
    owner = Owner("account", account)
    token, _ = world.site.app.mock.tokens.issue_owner(
        world.client_id, owner, world.tenant.now(), "token", incarnation=world.tenant.incarnation
    )
    return {**world.anonymous, "EP-Account-Management-Authentication-Token": token}


def ids(answer: Any) -> list[str]:
    return [entry["id"] for entry in answer.json()["data"]]


def test_checkout_makes_an_order_of_the_items_and_keeps_the_cart(shop: Storefront) -> None:
    before = shop.items("c")
    order = shop.check_out("c", customer=BUYER, shipping_address={"line_1": "12 Square"})
    assert (order["status"], order["payment"], order["shipping"]) == (
        "incomplete", "unpaid", "unfulfilled",
    )  # fmt: skip
    assert order["customer"] == BUYER
    assert order["shipping_address"] == {"line_1": "12 Square"}
    price = order["meta"]["display_price"]
    assert price["with_tax"] == {"amount": 4999, "currency": "USD", "formatted": "$49.99"}
    assert price["balance_owing"]["amount"] == 4999
    assert shop.items("c") == before
    items = shop.send("GET", f"/orders/{order['id']}/items").json()["data"]
    assert [(item["sku"], item["quantity"], item["value"]["amount"]) for item in items] == [
        ("MUG-1", 2, 2500),
        ("TEE-M", 1, 2499),
    ]
    assert [item["relationships"]["cart_item"]["data"]["id"] for item in items] == [
        item["id"] for item in before
    ]


def test_an_order_is_not_changed_by_its_cart(shop: Storefront) -> None:
    order = shop.check_out("c")
    shop.send("DELETE", "/carts/c/items")
    shop.send("DELETE", "/carts/c")
    assert shop.send("GET", f"/orders/{order['id']}").json()["data"] == order


def test_checkout_with_a_customer_id_or_token_makes_it_that_customers(shop: Storefront) -> None:
    world = shop.world
    by_id = shop.check_out("c", customer={"id": world.ada})
    assert by_id["customer"] == {"id": world.ada, "name": "ada", "email": "ada@example.com"}
    by_token = shop.check_out("c", world.as_ada())
    guests = shop.check_out("c")
    bobs = shop.check_out("c", world.as_bob())
    for order, owner in ((by_id, world.ada), (by_token, world.ada)):
        related = order["relationships"]["customer"]["data"]
        assert related == {"type": "customer", "id": owner}
    assert "customer" not in guests["relationships"]
    ada = world.as_ada()
    assert ids(shop.send("GET", "/orders", headers=ada)) == [by_token["id"], by_id["id"]]
    everything = ids(shop.send("GET", "/orders", headers=world.admin))
    assert everything == [bobs["id"], guests["id"], by_token["id"], by_id["id"]]


def test_orders_of_an_account_are_its_own(shop: Storefront) -> None:
    acme, bolt = as_account(shop.world, "acme"), as_account(shop.world, "bolt")
    order = shop.check_out("c", acme, contact=BUYER)
    assert order["relationships"]["account"]["data"] == {"type": "account", "id": "acme"}
    assert order["contact"] == BUYER
    assert ids(shop.send("GET", "/orders", headers=acme)) == [order["id"]]
    assert ids(shop.send("GET", "/orders", headers=bolt)) == []
    assert shop.send("GET", f"/orders/{order['id']}", headers=bolt).status_code == 404
    assert shop.send("GET", f"/orders/{order['id']}", headers=acme).status_code == 200
    named = shop.check_out("c", shop.world.admin, contact=BUYER, account={"id": "acme"})
    assert named["relationships"]["account"]["data"] == {"type": "account", "id": "acme"}
    assert ids(shop.send("GET", "/orders", headers=acme)) == [named["id"], order["id"]]


def test_orders_come_in_pages_with_their_items(shop: Storefront) -> None:
    ada = shop.world.as_ada()
    made = [shop.check_out("c", ada)["id"] for _ in range(3)]
    page = shop.send("GET", "/orders?page[limit]=2&page[offset]=1&include=items", headers=ada)
    assert ids(page) == [made[1], made[0]]
    assert page.json()["meta"]["results"]["total"] == 3
    assert len(page.json()["included"]["items"]) == 4


def test_an_order_is_read_by_its_id_with_a_token_that_is_not_anothers(shop: Storefront) -> None:
    world = shop.world
    path = f"/orders/{shop.check_out('c', world.as_ada())['id']}"
    for headers, status in (
        (world.anonymous, 200),
        (world.admin, 200),
        (world.as_ada(), 200),
        (world.as_bob(), 404),
    ):
        assert shop.send("GET", path, headers=headers).status_code == status
        assert shop.send("GET", f"{path}/items", headers=headers).status_code == status
    pay = {"data": {"gateway": "manual", "method": "purchase"}}
    assert shop.send("POST", f"{path}/payments", pay, world.as_bob()).status_code == 404


@pytest.mark.parametrize(
    ("payments", "payment", "status", "owing"),
    [
        ([("purchase", None)], "paid", "complete", 0),
        ([("authorize", None)], "authorized", "incomplete", 0),
        ([("purchase", 999)], "partially_paid", "incomplete", 4000),
        ([("purchase", 999), ("purchase", None)], "paid", "complete", 0),
        ([("purchase", 999), ("authorize", 1)], "partially_authorized", "incomplete", 3999),
    ],
)
def test_a_payment_moves_the_order(
    shop: Storefront, payments: list[tuple[str, int | None]], payment: str, status: str, owing: int
) -> None:
    path = f"/orders/{shop.check_out('c')['id']}"
    paid = 0
    for method, amount in payments:
        data: dict[str, Any] = {"gateway": "manual", "method": method}
        data |= {} if amount is None else {"amount": amount}
        answer = shop.send("POST", f"{path}/payments", {"data": data})
        transaction = answer.json()["data"]
        assert (answer.status_code, transaction["status"]) == (200, "complete")
        assert transaction["transaction_type"] == method
        assert transaction["amount"] == (4999 - paid if amount is None else amount)
        paid += transaction["amount"]
    order = shop.send("GET", path).json()["data"]
    assert (order["payment"], order["status"]) == (payment, status)
    assert order["meta"]["display_price"]["balance_owing"]["amount"] == owing


def test_addresses_are_created_listed_updated_and_deleted(shop: Storefront) -> None:
    world = shop.world
    ada, path = world.as_ada(), f"/customers/{world.ada}/addresses"
    first = shop.send("POST", path, {"data": ADDRESS}, ada)
    assert first.status_code == 201
    second = shop.send("POST", path, {"data": {**ADDRESS, "name": "Work"}}, world.admin)
    assert ids(shop.send("GET", path, headers=ada)) == [
        first.json()["data"]["id"], second.json()["data"]["id"],
    ]  # fmt: skip
    one = f"{path}/{first.json()['data']['id']}"
    world.wait(10)
    changed = shop.send("PUT", one, {"data": {"type": "address", "postcode": "N1"}}, ada).json()
    assert changed["data"] | {"meta": 0} == first.json()["data"] | {"postcode": "N1", "meta": 0}
    assert changed["data"]["meta"] != first.json()["data"]["meta"]
    assert shop.send("GET", one, headers=ada).json() == changed
    assert shop.send("DELETE", one, headers=ada).status_code == 204
    assert ids(shop.send("GET", path, headers=ada)) == [second.json()["data"]["id"]]


def test_addresses_go_with_their_customer(shop: Storefront) -> None:
    world = shop.world
    shop.send("POST", f"/customers/{world.ada}/addresses", {"data": ADDRESS}, world.admin)
    shop.send("POST", f"/customers/{world.bob}/addresses", {"data": ADDRESS}, world.admin)
    shop.send("DELETE", f"/customers/{world.ada}", headers=world.admin)
    assert world.store.shop.counts()["addresses"] == 1
    assert world.store.shop.addresses_of(world.ada) == []


def test_an_invalid_address_has_an_error_for_each_field(shop: Storefront) -> None:
    world = shop.world
    path = f"/customers/{world.ada}/addresses"
    answer = shop.send("POST", path, {"data": {"first_name": "Ada", "line_1": ""}}, world.admin)
    assert answer.status_code == 400
    assert {error["title"] for error in answer.json()["errors"]} == {"Failed Validation"}
    assert [error["source"] for error in answer.json()["errors"]] == [
        "data.type", "data.last_name", "data.line_1", "data.postcode", "data.country",
        "data.region",
    ]  # fmt: skip


def paid(shop: Storefront) -> str:
    path = f"/orders/{shop.check_out('c')['id']}/payments"
    shop.send("POST", path, {"data": {"gateway": "manual", "method": "purchase"}})
    return path


PAYMENT = {"data": {"gateway": "manual", "method": "purchase"}}
SETTINGS = {"data": {"type": "settings", "cart_expiry_days": 3}}
BOTH_TOKENS = "both"
REFUSED: list[tuple[str, str, str, Any, str]] = [
    ("checkout-customer-required", "POST", "/carts/c/checkout", {"data": {}}, "guest"),
    ("checkout-customer-required", "POST", "/carts/c/checkout", {"data": {"customer": {}}}, "ada"),
    ("checkout-email-invalid", "POST", "/carts/c/checkout",
     {"data": {"customer": {"name": "x", "email": "x"}}}, "guest"),
    ("checkout-email-invalid", "POST", "/carts/c/checkout",
     {"data": {"contact": {"name": "x"}}}, "guest"),
    ("checkout-customer-not-found", "POST", "/carts/c/checkout",
     {"data": {"customer": {"id": "none"}}}, "guest"),
    ("checkout-customer-not-found", "POST", "/carts/c/checkout",
     {"data": {"customer": {"id": "{bob}"}}}, "ada"),
    ("orders-need-an-owner", "GET", "/orders", None, "guest"),
    ("order-not-found", "GET", "/orders/none", None, "admin"),
    ("order-not-found", "GET", "/orders/none/items", None, "guest"),
    ("order-not-found", "POST", "/orders/none/payments", PAYMENT, "guest"),
    ("order-paid", "POST", "{paid}", PAYMENT, "guest"),
    ("payment-amount-invalid", "POST", "/orders/{order}/payments",
     {"data": {"gateway": "manual", "method": "purchase", "amount": 5000}}, "guest"),
    ("request-invalid", "POST", "/orders/{order}/payments",
     {"data": {"gateway": "stripe", "method": "purchase"}}, "guest"),
    ("settings-not-permitted", "GET", "/settings/cart", None, "guest"),
    ("settings-not-permitted", "GET", "/settings/cart", None, "ada"),
    ("settings-not-permitted", "PUT", "/settings/cart", SETTINGS, "guest"),
    ("request-invalid", "PUT", "/settings/cart",
     {"data": {"type": "settings", "cart_expiry_days": 0}}, "admin"),
    ("customer-filter-invalid", "GET", "/customers?filter=eq(colour,red)", None, "admin"),
    ("customer-sort-invalid", "GET", "/customers?sort=colour", None, "admin"),
    ("address-not-permitted", "GET", "/customers/{ada}/addresses", None, "guest"),
    ("address-customer-not-found", "GET", "/customers/{ada}/addresses", None, "bob"),
    ("address-customer-not-found", "GET", "/customers/none/addresses", None, "admin"),
    ("address-not-found", "GET", "/customers/{ada}/addresses/none", None, "ada"),
    ("address-not-found", "DELETE", "/customers/{ada}/addresses/none", None, "admin"),
    ("address-invalid", "POST", "/customers/{ada}/addresses",
     {"data": {**ADDRESS, "postcode": ""}}, "ada"),
]  # fmt: skip


@pytest.mark.parametrize(("error_id", "method", "path", "body", "caller"), REFUSED)
def test_a_request_is_refused_in_the_words_of_the_contract(
    shop: Storefront, error_id: str, method: str, path: str, body: Any, caller: str
) -> None:
    world = shop.world
    callers = {"guest": world.anonymous, "admin": world.admin}
    if caller in ("ada", "bob"):
        callers[caller] = world.log_in(f"{caller}@example.com")
    names = {"ada": world.ada, "bob": world.bob}
    names["order"] = shop.check_out("c")["id"] if "{order}" in path else ""
    names["paid"] = paid(shop) if "{paid}" in path else ""
    if caller == "ada" and body:
        buyer = body["data"].get("customer", {})
        body = {
            "data": {**body["data"], "customer": {k: v.format(**names) for k, v in buyer.items()}}
        }
        body["data"] = {k: v for k, v in body["data"].items() if v or k == "postcode"}
    before = (world.store.everything(), world.store.shop.freeze()())
    answer = shop.send(method, path.format(**names), body, callers[caller])
    error = CONTRACT.protocol_error(error_id)
    entry = answer.json()["errors"][0]
    assert (answer.status_code, entry["title"]) == (error.status, error.text)
    assert entry["detail"].startswith(error.detail or error.text)
    assert (world.store.everything(), world.store.shop.freeze()()) == before


def test_every_published_error_is_tried() -> None:
    from tests.mock.test_items import REFUSED as OF_ITEMS

    tried = {row[0] for row in (*OF_ITEMS, *REFUSED)}
    published = {error.id for error in CONTRACT.protocol_errors if error.operations}
    assert published - tried == set()


@pytest.mark.rule("two-owner-tokens")
def test_tokens_of_a_customer_and_an_account_together_are_refused(shop: Storefront) -> None:
    world = shop.world
    both = {**as_account(world, "acme"), **world.as_ada()}
    for method, path in (("GET", "/carts/c/items"), ("GET", "/orders"), ("GET", "/settings/cart")):
        assert shop.send(method, path, headers=both).status_code == 400


# ---- What stores keep ---------------------------------------------------------------------------


def content(store: Store) -> dict[str, Any]:
    accounts = store.accounts.freeze()()
    return exported(*store.everything(), store.shop.freeze()(), accounts=accounts, times=True)


def test_an_export_has_everything_and_can_be_imported(shop: Storefront) -> None:
    world = shop.world
    world.wait(60)
    shop.send("PUT", "/settings/cart", SETTINGS, world.admin)
    shop.add("c", product(custom_inputs={"engraving": "Ada"}))
    shop.send("POST", f"/customers/{world.ada}/addresses", {"data": ADDRESS}, world.admin)
    shop.check_out("c", world.as_ada())
    paid(shop)
    before = content(world.store)
    assert {"products", "addresses", "orders", "settings"} <= set(before)
    seed = seed_of(before, "the export")
    again = store_of(seed.customer_entities(0), seed.cart_entities(0), seed.shop_entities(0))
    assert content(again) == before
    assert again.everything() == world.store.everything()
    assert again.shop.freeze()() == world.store.shop.freeze()()


def test_a_snapshot_keeps_and_compares_everything(shop: Storefront) -> None:
    world = shop.world
    before = freeze_snapshot(world.store, START)()
    order = shop.check_out("c", world.as_ada())
    shop.send("PUT", "/settings/cart", SETTINGS, world.admin)
    shop.send("POST", f"/customers/{world.ada}/addresses", {"data": ADDRESS}, world.admin)
    after = freeze_snapshot(world.store, START)()
    found = difference(before, after)
    assert not found["same"]
    assert [entry["id"] for entry in found["orders"]["added"]] == [order["id"]]
    assert len(found["addresses"]["added"]) == 1
    assert found["settings"] == {"changed": {"cart_expiry_days": {"before": 7, "after": 3}}}
    assert difference(after, after)["same"]
    world.store.share(store_of(before.customers, before.carts, before.shop, before.accounts))
    assert freeze_snapshot(world.store, START)() == before


@pytest.mark.parametrize("on_disk", [False, True])
def test_each_store_starts_with_the_seed_and_changes_alone(tmp_path: Any, on_disk: bool) -> None:
    time = MachineTime()
    tenants = TenantRegistry(
        data=tmp_path / "data" if on_disk else None, seed=scenario("shop"),
        new_clock=lambda: Clock(time),
    )  # fmt: skip
    one = tenants.use("one")
    time.now += 1000
    two = tenants.use("two")
    orders = [t.store.shop.orders_of(Owner("customer", "ada"), 0, 10)[0][0] for t in (one, two)]
    assert orders[1].created_at - orders[0].created_at == 1000
    [address] = two.store.shop.addresses_of("ada")
    two.store.shop.delete_address(address)
    assert len(one.store.shop.addresses_of("ada")) == 1
    assert two.store.shop.addresses_of("ada") == []
    tenants.reset(two)
    assert len(two.store.shop.addresses_of("ada")) == 1
    tenants.close()
    if on_disk:
        kept = TenantRegistry(data=tmp_path / "data", new_clock=lambda: Clock(time))
        store = kept.get("one")
        assert store is not None
        assert store.store.shop.order("adas-order") == orders[0]
        assert len(store.store.shop.products(10)) == 4
        kept.close()


BAD_SEEDS: list[tuple[Any, str]] = [
    ({"products": [{**PRODUCTS[0], "price": {}}]}, "products[0].price: Expected `object`"),
    ({"products": [{**PRODUCTS[0], "price": {"usd": 1}}]}, "products[0].price"),
    ({"products": [{**PRODUCTS[0], "price": {"USD": 1.5}}]}, "Expected `int`, got `float`"),
    ({"products": [PRODUCTS[0], {**PRODUCTS[1], "sku": "MUG-1"}]},
     "products[1]: the sku 'MUG-1' stands twice"),
    ({"carts": [{"id": "c", "items": [{"product_id": "none"}]}]},
     "carts[0].items[0]: has neither the product_id of a product in this file"),
    ({"carts": [{"id": "c", "items": [{"name": "x", "amount": 1, "quantity": 0}]}]},
     "carts[0].items[0].quantity: Expected `int` >= 1"),
    ({"carts": [{"id": "c", "items": [{"name": "x", "amount": 1}] * 101}]},
     "carts[0].items: has 101; 100 is the most"),
    ({"carts": [{"id": "c", "expiry_days": 0}]}, "carts[0].expiry_days: must be 1 to 3650"),
    ({"carts": [{"id": "c", "items": [{"name": "x", "amount": 1, "currency": "EUR"},
                                      {"name": "y", "amount": 1}]}]},
     "carts[0].items: have more than one currency"),
    ({"addresses": [{"id": "a", "customer": "none"}]},
     "addresses[0].customer: no customer 'none' in this file"),
    ({"orders": [{"id": "o"}, {"id": "o"}]}, "orders[1]: the id 'o' stands twice"),
    ({"settings": {"cart_expiry_days": 0}}, "settings.cart_expiry_days: Expected `int` >= 1"),
]  # fmt: skip


@pytest.mark.parametrize(("seed", "message"), BAD_SEEDS)
def test_a_bad_seed_is_refused_with_its_place(seed: Any, message: str) -> None:
    with pytest.raises(SeedError) as raised:
        seed_of(seed, "seed")
    assert message in str(raised.value)


# ---- Costs --------------------------------------------------------------------------------------


def in_shop_of(size: int) -> dict[str, int]:
    """Return the steps of each operation, in a shop with so many orders and addresses of others."""
    base, store = (Store(InMemoryStorage(), lambda: "salt") for _ in range(2))
    orders = tuple(Order(f"o{n}", 0, 0, (), customer=f"u{n % 50}") for n in range(size))
    addresses = tuple(Address(f"a{n}", f"u{n % 50}", 0, 0) for n in range(size))
    base.fill((), (), ShopContent(addresses=addresses, orders=orders))
    ada = Owner("customer", "ada")
    own = Order("own", 1, 1, (), customer="ada")
    address = Address("home", "ada", 1, 1)
    return {
        "share": steps_of(lambda: store.share(base, 5)),
        "put order": steps_of(lambda: store.shop.put_order(own)),
        "put address": steps_of(lambda: store.shop.put_address(address)),
        "own orders": steps_of(lambda: store.shop.orders_of(ada, 0, 20)),
        "all orders": steps_of(lambda: store.shop.all_orders(0, 20)),
        "addresses": steps_of(lambda: store.shop.addresses_of("ada")),
        "delete address": steps_of(lambda: store.shop.delete_address(address)),
    }


def test_no_cost_grows_with_what_others_have() -> None:
    assert in_shop_of(100) == in_shop_of(5000)


def test_what_is_shared_is_not_changed() -> None:
    base, store = (Store(InMemoryStorage(), lambda: "salt") for _ in range(2))
    order, address = Order("o", 0, 0, customer="ada"), Address("a", "ada", 0, 0)
    base.fill((), (), ShopContent(addresses=(address,), orders=(order,)))
    before = base.shop.freeze()()
    store.share(base, 7)
    ada = Owner("customer", "ada")
    store.shop.put_order(Order("p", 9, 9, customer="ada"))
    store.shop.put_address(Address("b", "ada", 9, 9))
    assert [o.id for o in store.shop.orders_of(ada, 0, 9)[0]] == ["p", "o"]
    assert [a.created_at for a in store.shop.addresses_of("ada")] == [7, 9]
    assert base.shop.freeze()() == before
    assert [o.id for o in base.shop.orders_of(ada, 0, 9)[0]] == ["o"]
    assert [a.id for a in base.shop.addresses_of("ada")] == ["a"]
