"""What every mock of a shared store knows, whichever mock was asked to change it."""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cart_mock.shared import control
from cart_mock.shared import replica as replica_module
from cart_mock.state.accounts import PASSWORD_PROFILE
from cart_mock.state.seed import parse_seed
from cart_mock.workbench.routes import OPERATIONS

from tests.probes import CONTRACT
from tests.shared.servers import RedisServer
from tests.shared.site import SharedSite, Shop

PASSWORD = "correct horse"
NEWEST = "any-device:newest-token-only"


def customer(shop: Shop, email: str = "ada@example.com") -> str:
    """Make a customer with a password."""
    data = {"type": "customer", "name": "Ada", "email": email, "password": PASSWORD}
    made = shop.send("POST", "/v2/customers", {"data": data})
    assert made.status_code == 201, made.text
    customer_id: str = made.json()["data"]["id"]
    return customer_id


def logged_in(shop: Shop, email: str = "ada@example.com") -> dict[str, str]:
    """Return the headers of a customer."""
    data = {"type": "token", "email": email, "password": PASSWORD}
    answer = shop.send("POST", "/v2/customers/tokens", {"data": data})
    assert answer.status_code == 200, answer.text
    return {"X-Moltin-Customer-Token": answer.json()["data"]["token"]}


def same(shop: Shop, path: str) -> Any:
    """Return what every mock's workbench says about the store, which must be the same."""
    answers = shop.site.each("GET", f"/_mock/stores/{shop.client_id}{path}")
    assert {a.status_code for a in answers} == {200}
    texts = {a.text for a in answers}
    assert len(texts) == 1, texts
    return answers[0].json()["data"] if path != "/state?times=true" else answers[0].json()


def test_customer_logs_in_anywhere_and_its_carts_are_listed_everywhere(shop: Shop) -> None:
    customer_id = customer(shop)
    headers = logged_in(shop)
    for number in range(3):
        shop.cart(f"cart-{number}")
        entry = {"data": [{"type": "customer", "id": customer_id}]}
        shop.send("POST", f"/v2/carts/cart-{number}/relationships/customers", entry)
    lists = shop.site.each("GET", "/v2/carts", headers={**shop.admin, **headers})
    assert len({answer.text for answer in lists}) == 1
    assert [cart["id"] for cart in lists[0].json()["data"]] == ["cart-2", "cart-1", "cart-0"]
    wrong = {"data": {"type": "token", "email": "ada@example.com", "password": "wrong"}}
    for answer in shop.site.each("POST", "/v2/customers/tokens", headers=shop.admin, json=wrong):
        assert answer.status_code == 401


def test_carts_that_are_made_in_one_round_have_ids_of_their_own(shop: Shop) -> None:
    async def make() -> list[httpx.Response]:
        body = {"data": {"name": "Groceries"}}
        asks = (
            shop.site.ask("POST", "/v2/carts", at=0, headers=shop.admin, json=body)
            for _ in range(8)
        )
        return await asyncio.gather(*asks)

    made = {answer.json()["data"]["id"] for answer in shop.site.run(make())}
    assert len(made) == 8
    assert {cart["id"] for cart in same(shop, "/state?times=true")["carts"]} == made


def test_first_secret_of_a_key_counts_in_every_mock(shop: Shop) -> None:
    form = {"grant_type": "client_credentials", "client_id": shop.client_id}
    wrong = shop.site.each("POST", "/oauth/access_token", data={**form, "client_secret": "other"})
    right = shop.site.each("POST", "/oauth/access_token", data={**form, "client_secret": "secret"})
    assert [a.status_code for a in wrong] == [401] * 3
    assert [a.status_code for a in right] == [200] * 3


def test_clock_moves_for_every_mock_and_expires_carts_for_all(shop: Shop) -> None:
    shop.cart("old")
    shop.control("POST", "/clock", {"action": "freeze"})
    frozen = [
        a.json()["data"] for a in shop.site.each("GET", f"/_mock/stores/{shop.client_id}/clock")
    ]
    assert {(clock["now"], clock["frozen"]) for clock in frozen} == {(frozen[0]["now"], True)}
    shop.control("POST", "/clock", {"action": "advance", "seconds": 8 * 24 * 3600})
    assert all(
        answer.json()["data"]["carts"] == 0
        for answer in shop.site.each("GET", f"/_mock/stores/{shop.client_id}")
    )
    assert {a.status_code for a in shop.site.each("GET", "/v2/carts", headers=shop.admin)} == {401}
    shop.control("POST", "/clock", {"action": "follow"})
    assert same(shop, "/state?times=true")["carts"] == []


def test_fault_is_used_up_by_requests_to_all_mocks_together(shop: Shop) -> None:
    shop.cart("cart")
    shop.control("POST", "/faults", {"kind": "error", "rule": "service-unavailable", "times": 4})
    statuses = [shop.send("GET", "/v2/carts/cart").status_code for _ in range(6)]
    assert statuses == [503] * 4 + [200] * 2
    shop.control("POST", "/faults", {"kind": "error", "rule": "cart-unknown", "share": 0.5,
                                     "seed": 4})  # fmt: skip
    body = {"data": {"name": "x"}}
    seen = [shop.send("PUT", "/v2/carts/cart", body).status_code for _ in range(8)]
    [fault] = same(shop, "/faults")
    assert fault["applied"] == seen.count(404) > 0


def test_latency_is_injected_once_and_the_request_is_judged_after_it(shop: Shop) -> None:
    shop.control("POST", "/faults", {"kind": "latency", "seconds": 0.05, "times": 1})
    began = time.monotonic()
    assert shop.send("POST", "/v2/carts", {"data": {"name": "Slow"}}).status_code == 201
    assert time.monotonic() - began >= 0.05
    [request] = same(shop, "/requests?operation=createACart")
    assert request["fault"]["kind"] == "latency"


def test_broken_rule_is_broken_in_every_mock(shop: Shop) -> None:
    shop.control("PUT", "/breaks", {"breaks": ["cart-unknown:ignored"]})
    assert same(shop, "/breaks") == ["cart-unknown:ignored"]
    body = {"data": {"name": "x"}}
    answers = shop.site.each("PUT", "/v2/carts/none", headers=shop.admin, json=body)
    assert 404 not in {answer.status_code for answer in answers}


def test_snapshot_is_restored_and_compared_by_another_mock(shop: Shop) -> None:
    shop.cart("kept")
    shop.control("PUT", "/snapshots/before", at=0)
    shop.send("DELETE", "/v2/carts/kept", at=1)
    shop.cart("new")
    changes = shop.control("GET", "/diff?before=before", at=2)["carts"]
    assert [c["id"] for c in changes["added"]] == ["new"]
    assert [c["id"] for c in changes["removed"]] == ["kept"]
    shop.control("POST", "/snapshots/before/restore", at=1)
    assert [cart["id"] for cart in same(shop, "/state?times=true")["carts"]] == ["kept"]
    shop.control("DELETE", "/snapshots/before", at=2)
    assert same(shop, "/snapshots") == []


@pytest.mark.parametrize("scenario", ["one-shopper", "big-shop"])
def test_scenario_gives_every_mock_the_same_content(shop: Shop, scenario: str) -> None:
    body: dict[str, Any] = {"scenario": scenario}
    if scenario == "big-shop":
        body["carts"] = 100
    shop.control("POST", "/seed", body)
    assert same(shop, "/state?times=true")["carts"]


def test_imported_passwords_are_accepted_by_every_mock(shop: Shop) -> None:
    one = {"id": "ada", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    shop.control("PUT", "/state", {"customers": [one], "carts": [], "associations": []})
    assert same(shop, "/state?times=true")["customers"]
    login = {"data": {"type": "token", "email": "ada@example.com", "password": PASSWORD}}
    answers = shop.site.each("POST", "/v2/customers/tokens", headers=shop.admin, json=login)
    assert [answer.status_code for answer in answers] == [200] * 3


def test_refusal_is_logged_explained_verified_and_covered_everywhere(shop: Shop) -> None:
    shop.cart("cart")
    entry = {"data": [{"type": "customer", "id": "nobody"}]}
    refused = shop.send("POST", "/v2/carts/cart/relationships/customers", entry, at=0)
    assert refused.status_code == 404
    found = shop.site.each("GET", f"/_mock/requests/{refused.headers['X-Request-Id']}")
    assert len({answer.text for answer in found}) == 1
    explanation = found[0].json()["data"]["explanation"]
    assert explanation["rule"]["id"] == "customer-not-found"
    assert explanation["state"]["cart"]["id"] == "cart"
    assert len(same(shop, "/requests")) == 3
    headers = {**shop.admin, "Content-Encoding": "zstd"}
    unread = shop.site.each("POST", "/v2/carts", headers=headers, content=b"x")
    assert [answer.status_code for answer in unread] == [415] * 3
    assert len(same(shop, "/requests?rule=media-type-unsupported")) == 3
    wanted = {"operation": "createCustomerCartAssociation", "times": 1}
    for at in range(3):
        assert shop.control("POST", "/verify", wanted, at=at)["verified"]
        covered = shop.control("GET", "/coverage", at=at)["rules"]
        assert any(r["rule"] == "customer-not-found" and r["covered"] for r in covered)
    shop.control("DELETE", "/requests")
    assert same(shop, "/requests") == []


def test_request_without_a_store_is_logged_everywhere(site: SharedSite) -> None:
    refused = site.send("GET", "/v2/carts", headers={"Authorization": "Bearer nonsense"})
    unknown = site.send("GET", "/nowhere")
    for request_id in (r.headers["X-Request-Id"] for r in (refused, unknown)):
        assert {a.status_code for a in site.each("GET", f"/_mock/requests/{request_id}")} == {200}


def test_long_poll_at_one_mock_sees_a_request_that_another_answers(shop: Shop) -> None:
    last = shop.control("GET", "/requests")["meta"]["last"]
    path = f"/_mock/stores/{shop.client_id}/requests?since={last}&wait=5"

    async def follow() -> Any:
        polling = asyncio.create_task(shop.site.ask("GET", path, at=0))
        await asyncio.sleep(0.05)
        await shop.site.ask("GET", "/v2/carts/new", at=1, headers=shop.admin)
        return (await polling).json()["data"]

    began = time.monotonic()
    assert [request["path"] for request in shop.site.run(follow())] == ["/v2/carts/new"]
    assert time.monotonic() - began < 4


def test_reset_and_deletion_count_for_every_mock(shop: Shop) -> None:
    shop.cart("cart")
    shop.control("POST", "/faults", {"kind": "drop"})
    shop.control("POST", "/reset", {})
    assert same(shop, "/faults") == same(shop, "/requests") == []
    assert same(shop, "/state?times=true")["carts"] == []
    names = [s["client_id"] for s in shop.site.control("GET", "/stores")["data"]]
    assert shop.client_id in names
    again = shop.site.each("POST", "/_mock/stores", json={"client_id": shop.client_id})
    assert {answer.status_code for answer in again} == {409}
    shop.control("DELETE")
    assert {a.status_code for a in shop.site.each("GET", "/v2/carts", headers=shop.admin)} == {401}
    answers = shop.site.each("GET", f"/_mock/stores/{shop.client_id}")
    assert {answer.status_code for answer in answers} == {404}
    # A store that is made again is another one, for which tokens of before are not valid.
    later = Shop(shop.site, shop.client_id)
    refused = shop.site.each("GET", "/v2/carts", headers=shop.admin)
    assert {answer.status_code for answer in refused} == {401}
    answers = shop.site.each("GET", "/v2/carts", headers=later.admin)
    assert [answer.json()["data"] for answer in answers] == [[]] * 3


def test_tokens_of_a_deleted_store_count_in_no_mock(shop: Shop) -> None:
    customer(shop)
    old = {**shop.admin, **logged_in(shop)}
    assert {a.status_code for a in shop.site.each("GET", "/v2/carts", headers=old)} == {200}
    shop.control("DELETE", at=0)
    again = Shop(shop.site, shop.client_id)
    customer(again)
    new = {**again.admin, **logged_in(again)}
    mixed = {**again.admin, "X-Moltin-Customer-Token": old["X-Moltin-Customer-Token"]}
    for headers, status in ((new, 200), (old, 401), (mixed, 403)):
        answers = shop.site.each("GET", "/v2/carts", headers=headers)
        assert [answer.status_code for answer in answers] == [status] * 3
    held = [tenants.get(shop.client_id) for tenants in shop.site.tenants]
    assert len({tenant.incarnation for tenant in held if tenant is not None}) == 1


def test_new_mock_takes_up_everything_from_a_snapshot_and_the_log(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_module, "COMPACT_COUNT", 10)
    site = SharedSite(server.url, 2, prefix="snapshots")
    try:
        shop = Shop(site)
        customer(shop)
        shop.control("POST", "/faults", {"kind": "error", "rule": "cart-unknown", "share": 0.5,
                                         "seed": 9})  # fmt: skip
        # This break remembers the logins that it saw.
        shop.control("PUT", "/breaks", {"breaks": [NEWEST]})
        shop.control("POST", "/clock", {"action": "advance", "seconds": 60})
        for number in range(15):
            shop.cart(f"cart-{number}")
            shop.send("PUT", f"/v2/carts/cart-{number // 2}", {"data": {"name": "x"}})
            if number == 7:
                shop.control("PUT", "/snapshots/half")
        logged_in(shop)
        replicas = [r for t in site.tenants for r in t._replicas.values()]
        assert sum(replica.compactions for replica in replicas) >= 2
        site.add()
        for path in ("/state?times=true", "/requests", "/faults", "/breaks", "/snapshots"):
            same(shop, path)
        lists = site.each("GET", "/v2/carts", headers=shop.admin)
        assert len({answer.text for answer in lists}) == 1
        covered = site.each("GET", f"/_mock/stores/{shop.client_id}/coverage")
        assert len({json.dumps(a.json()["rules"]) for a in covered}) == 1
        # The random numbers of the fault continue from the same place.
        body = {"data": {"name": "y"}}
        for _ in range(6):
            shop.send("PUT", "/v2/carts/cart-1", body)
        same(shop, "/faults")
    finally:
        site.close()


def test_seed_file_gives_stores_of_every_mock_the_same_hashes(server: RedisServer) -> None:
    text = json.dumps(
        {"customers": [{"id": "ada", "name": "Ada", "email": "ada@example.com",
                        "password": PASSWORD}]}
    ).encode()  # fmt: skip
    site = SharedSite(server.url, 0, prefix="seeded")
    for _ in range(2):
        site._tenant_options = {"seed": parse_seed(text, "seed")}
        site.add()
    try:
        shop = Shop(site)
        logged_in(shop)
        shop.control("POST", "/reset", {"keep": ["faults"]})
        logged_in(shop)
        same(shop, "/state?times=true")
    finally:
        site.close()


def test_new_seed_of_a_watched_file_reaches_every_mock(server: RedisServer) -> None:
    def seed(*carts: str) -> Any:
        people = [{"id": "ada", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}]
        content = {"customers": people, "carts": [{"id": cart} for cart in carts]}
        return parse_seed(json.dumps(content).encode(), "seed")

    site = SharedSite(server.url, 2, prefix="watched", seed=seed("one"))
    try:
        shop = Shop(site)
        site.each("GET", "/_mock/ready")
        first = site.tenants[0]
        # The watching thread calls this, before or after the mock's loop has begun.
        first.take_up(None, seed("one", "two"))
        site.run(first._take_up_seed())
        # A reset has the seed of the mock that was asked, in every mock.
        for at, carts in ((1, ["one"]), (0, ["one", "two"])):
            shop.control("POST", "/reset", {}, at=at)
            state = same(shop, "/state?times=true")
            assert sorted(cart["id"] for cart in state["carts"]) == carts
            logged_in(shop)
        site.run(site.tenants[1].check())  # it does so each second
        shop.control("POST", "/reset", {}, at=1)
        assert len(same(shop, "/state?times=true")["carts"]) == 2
        assert site.send("GET", "/_mock/ready", at=1).status_code == 200
        # A mock that starts now must have the new file.
        site._tenant_options = {"seed": seed("one")}
        site.add()
        assert "another --seed" in site.send("GET", "/_mock/ready", at=2).text
        site._tenant_options = {"seed": seed("one", "two")}
        site.add()
        assert site.send("GET", "/_mock/ready", at=3).status_code == 200
    finally:
        site.close()


def test_carts_that_were_only_read_leave_every_mock_at_its_limit(server: RedisServer) -> None:
    site = SharedSite(server.url, 2, prefix="reading", most_read_carts=2)
    try:
        shop = Shop(site)
        shop.cart("kept")
        for number in range(5):
            assert shop.send("GET", f"/v2/carts/read-{number}").status_code == 200
        site.add()
        left = {cart["id"] for cart in same(shop, "/state?times=true")["carts"]}
        assert left == {"kept", "read-3", "read-4"}
        site._tenant_options["most_read_carts"] = 3
        site.add()
        assert "another --max-read-carts" in site.send("GET", "/_mock/ready", at=3).text
    finally:
        site.close()


def test_deletion_that_meets_a_new_store_of_the_same_name_leaves_it_listed(
    site: SharedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(site)
    [first, second] = site.tenants[:2]
    command = first.client.command

    async def slow(key: bytes, name: str, *arguments: Any) -> Any:
        if name == "ZREM":
            assert await second.create(shop.client_id)  # the store is made again just now
        return await command(key, name, *arguments)

    monkeypatch.setattr(first.client, "command", slow)
    shop.control("DELETE", at=0)
    assert shop.client_id in {each["client_id"] for each in site.control("GET", "/stores")["data"]}


def test_fewer_stores_are_made_than_the_limit_says(server: RedisServer) -> None:
    site = SharedSite(server.url, 1, prefix="few", most=2)
    try:
        Shop(site, "one")
        Shop(site, "two")
        form = {"grant_type": "implicit", "client_id": "three"}
        answers = site.each("POST", "/oauth/access_token", data=form)
        assert {answer.status_code for answer in answers} == {503}
        [error] = answers[0].json()["errors"]
        assert error["title"] == CONTRACT.protocol_error("service-unavailable").text
    finally:
        site.close()


def test_nothing_is_added_to_a_store_over_its_size(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_module, "COMPACT_COUNT", 10)
    site = SharedSite(server.url, 2, prefix="sizes", most_bytes=30_000, journal=1)
    numbers = random.Random(1)  # what cannot be compressed, not a secret
    try:
        large, other = Shop(site), Shop(site)
        large.cart("first")

        def add(number: int) -> httpx.Response:
            data = {
                "id": f"cart-{number}",
                "name": "Cart",
                "description": numbers.randbytes(800).hex(),
            }
            return large.send("POST", "/v2/carts", {"data": data})

        statuses = [add(number).status_code for number in range(120)]
        assert {*statuses} == {201, 507}
        # Each mock learns the size with its next call.
        for at in range(2):
            large.send("GET", "/v2/carts/first", at=at)
            refused = large.send("POST", "/v2/carts", {"data": {"name": "More"}}, at=at)
            [error] = refused.json()["errors"]
            assert error["status"] == 507
            assert "--store-size" in error["detail"]
            assert large.send("GET", "/v2/carts/not-yet", at=at).status_code == 507
            # Everything else goes on: reads, refusals, and other stores; and deletion.
            assert large.send("GET", "/v2/carts/first", at=at).status_code == 200
            assert large.send("PUT", "/v2/carts/none", {"data": {}}, at=at).status_code == 404
            assert other.send("POST", "/v2/carts", {"data": {"name": "A"}}).status_code == 201
        for at in range(2):
            assert large.send("DELETE", f"/v2/carts/cart-{at}", at=at).status_code == 204
        large.control("POST", "/reset", {})
        assert 201 in {add(number).status_code for number in range(40)}
        carts = [{"id": f"c{n}", "name": numbers.randbytes(80).hex()} for n in range(900)]
        body = {"customers": [], "carts": carts, "associations": []}
        path = f"/_mock/stores/{other.client_id}/state"
        assert site.send("PUT", path, json=body).status_code == 507
    finally:
        site.close()


def test_snapshots_of_a_store_have_a_bound_in_bytes(server: RedisServer) -> None:
    site = SharedSite(server.url, 2, prefix="snapshot-memory", snapshot_memory=60_000)
    try:
        shop, other = Shop(site), Shop(site)
        for each in (shop, other):
            each.cart("c", description="x" * 20_000)
            path = f"/_mock/stores/{each.client_id}/snapshots"
            for number in range(3):  # each takes the place of the one before
                assert site.send("PUT", f"{path}/one", at=number).status_code == 200
            refused = site.send("PUT", f"{path}/two")
            assert refused.status_code == 409
            assert "--snapshot-memory" in refused.json()["errors"][0]["detail"]
        site.add()  # a mock that loads what is kept
        path = f"/_mock/stores/{shop.client_id}/snapshots"
        listed = site.send("GET", path, at=2).json()["data"]
        assert [each["name"] for each in listed] == ["one"]
        assert site.send("PUT", f"{path}/two", at=2).status_code == 409
        assert site.send("DELETE", f"{path}/one").status_code == 204
        assert site.send("PUT", f"{path}/two", at=2).status_code == 200
    finally:
        site.close()


def test_mock_forgets_stores_that_take_too_much_memory(server: RedisServer) -> None:
    site = SharedSite(server.url, 1, prefix="store-memory", store_memory=50_000)
    try:
        tenants = site.tenants[0]
        shops = [Shop(site) for _ in range(5)]
        for shop in shops:
            shop.cart("c", description="x" * 20_000)
        assert tenants._counted.used > 100_000
        tenants._forget_idle()
        assert tenants._counted.used < 50_000
        held = [shop for shop in shops if tenants.get(shop.client_id) is not None]
        assert held == shops[-2:]  # those that were used last
        for shop in shops:
            assert shop.send("GET", "/v2/carts/c").status_code == 200
    finally:
        site.close()
    assert tenants._counted.used == 0


def test_metrics_name_the_process_and_its_round_trips(shop: Shop) -> None:
    shop.cart("cart")
    text = shop.site.send("GET", "/_mock/metrics", at=0).text
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(f'process="{shop.site.tenants[0].process}"' in line for line in samples)
    [trips] = [s for s in samples if s.startswith("cart_mock_shared_round_trips_total{")]
    assert float(trips.split()[-1]) > 0


def test_items_orders_accounts_and_people_are_the_same_everywhere(shop: Shop) -> None:
    shop.cart("cart")
    item = {
        "data": {"type": "custom_item", "name": "Wrap", "quantity": 2, "price": {"amount": 150}}
    }
    assert shop.send("POST", "/v2/carts/cart/items", item).status_code == 201
    address = {"first_name": "A", "last_name": "B", "line_1": "1", "region": "R", "postcode": "1",
               "country": "US"}  # fmt: skip
    order = {"customer": {"name": "Ada", "email": "ada@example.com"}, "billing_address": address,
             "shipping_address": address}  # fmt: skip
    made = shop.send("POST", "/v2/carts/cart/checkout", {"data": order})
    assert made.status_code == 201, made.text
    pay = {"data": {"gateway": "manual", "method": "purchase"}}
    order_id = made.json()["data"]["id"]
    assert shop.send("POST", f"/v2/orders/{order_id}/payments", pay).status_code == 200
    person = {"name": "Bob", "email": "bob@example.com", "password": PASSWORD}
    added = shop.control("POST", "/customers", person)["data"]
    shop.control("POST", "/logins", {"type": "customer", "id": added["id"]})
    for path in ("/v2/orders", "/v2/carts/cart/items", "/v2/carts/cart"):
        answers = shop.site.each("GET", path, headers=shop.admin)
        assert len({answer.text for answer in answers}) == 1, path
        assert answers[0].status_code == 200
    assert same(shop, "/people")
    assert same(shop, "/state?times=true")["orders"]


def test_stub_answers_from_every_mock_and_its_requests_are_logged(shop: Shop) -> None:
    stub = {"method": "GET", "path": "/v2/products/{id}", "body": {"id": "{{path.id}}"}}
    shop.control("PUT", "/stubs", {"stubs": [stub]})
    answers = shop.site.each("GET", "/v2/products/one", headers=shop.admin)
    assert [answer.json() for answer in answers] == [{"id": "one"}] * 3
    assert [r["path"] for r in same(shop, "/requests")][-3:] == ["/v2/products/one"] * 3
    assert same(shop, "/stubs")


FAULT = {"kind": "error", "rule": "cart-unknown", "seed": 7}
STUBS = {"stubs": [{"method": "GET", "path": "/v2/products", "body": {}}]}
BOB = {"name": "Bob", "email": "bob@example.com", "password": PASSWORD}
# Each change of the workbench, and where every mock must show it: the path, and what is there.
CHANGES: list[tuple[str, str, str, Any, str, Callable[[Any], bool]]] = [
    ("seedStore", "POST", "/seed", {"scenario": "account-member"}, "/state",
     lambda state: len(state["accounts"]) == 2),
    ("addCustomer", "POST", "/customers", BOB, "/people", lambda people: "Bob" in str(people)),
    ("takeSnapshot", "PUT", "/snapshots/a", None, "/snapshots", lambda found: len(found) == 1),
    ("importState", "PUT", "/state", {"customers": [], "carts": [], "associations": []}, "/state",
     lambda state: state["carts"] == []),
    ("restoreSnapshot", "POST", "/snapshots/a/restore", None, "/state",
     lambda state: len(state["accounts"]) == 2),
    ("deleteSnapshot", "DELETE", "/snapshots/a", None, "/snapshots", lambda found: found == []),
    ("addFault", "POST", "/faults", FAULT, "/faults", lambda faults: len(faults) == 1),
    ("removeFault", "DELETE", "/faults/{fault}", None, "/faults", lambda faults: faults == []),
    ("addFault", "POST", "/faults", FAULT, "/faults", lambda faults: faults[0]["seed"] == 7),
    ("removeFaults", "DELETE", "/faults", None, "/faults", lambda faults: faults == []),
    ("changeClock", "POST", "/clock", {"action": "freeze"}, "/clock", lambda c: c["frozen"]),
    ("setBreaks", "PUT", "/breaks", {"breaks": [NEWEST]}, "/breaks", lambda b: b == [NEWEST]),
    ("setForward", "PUT", "/forward", {"url": "http://127.0.0.1:1"}, "/forward",
     lambda forward: forward["url"] == "http://127.0.0.1:1"),
    ("removeForward", "DELETE", "/forward", None, "/forward", lambda f: f["url"] is None),
    ("setStubs", "PUT", "/stubs", STUBS, "/stubs", lambda stubs: len(stubs) == 1),
    ("removeStubs", "DELETE", "/stubs", None, "/stubs", lambda stubs: stubs == []),
    ("clearRequests", "DELETE", "/requests", None, "/requests", lambda found: found == []),
    ("clearCoverage", "DELETE", "/coverage", None, "/coverage",
     lambda coverage: not any(
         rule["covered"] for rule in coverage["rules"] if rule["rule"] != "access-token-invalid"
     )),  # requests without a store count, too
    ("resetStore", "POST", "/reset", {}, "/state", lambda state: state["customers"] == []),
]  # fmt: skip


def test_each_change_of_the_workbench_at_one_mock_is_seen_at_every_mock(shop: Shop) -> None:
    assert {operation for operation, *_ in CHANGES} == control._CHANGES
    shop.send("GET", "/v2/carts")
    for at, (operation, method, path, body, shown, is_there) in enumerate(CHANGES):
        fault = same(shop, "/faults")[0]["id"] if "{fault}" in path else ""
        shop.control(method, path.replace("{fault}", fault), body, at=at)
        answers = shop.site.each("GET", f"/_mock/stores/{shop.client_id}{shown}")
        contents = [answer.json().get("data", answer.json()) for answer in answers]
        if operation == "changeClock":
            for content in contents:
                content.pop("offset")  # the time since it stands still
        assert contents[0] == contents[1] == contents[2], operation
        assert is_there(contents[0]), (operation, contents[0])


def test_account_member_logs_in_at_one_mock_and_shops_at_the_others(shop: Shop) -> None:
    shop.control("POST", "/seed", {"scenario": "account-member"})
    login = {"type": "account_management_authentication_token", "password": "ann-password",
             "authentication_mechanism": "password", "password_profile_id": PASSWORD_PROFILE,
             "username": "ann@example.com"}  # fmt: skip
    answer = shop.send("POST", "/v2/account-members/tokens", {"data": login}, at=0)
    token = next(t["token"] for t in answer.json()["data"] if t["account_id"] == "acme")
    as_acme = {"headers": {"EP-Account-Management-Authentication-Token": token}}
    entry = {"data": [{"type": "account", "id": "acme"}]}
    shop.cart("new")
    joined = shop.send("POST", "/v2/carts/new/relationships/accounts", entry, at=1, **as_acme)
    assert joined.status_code == 200, joined.text
    for at in range(3):
        carts = shop.send("GET", "/v2/carts", at=at, **as_acme).json()["data"]
        assert carts[0]["id"] == "new"
    assert shop.send("DELETE", "/v2/accounts/acme", at=2).status_code == 204
    for at in range(3):
        assert shop.send("GET", "/v2/carts", at=at, **as_acme).status_code == 403


def test_each_operation_of_the_workbench_on_a_store_goes_through_the_log() -> None:
    own = {"deleteStore"}
    of_a_store = {
        name
        for name, operation in OPERATIONS.items()
        if "store" in inspect.signature(operation).parameters
    }
    assert of_a_store - own == control._CHANGES | control._READS
