"""Scenarios, export and import, snapshots and their difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cart_mock.state.scenarios import SCENARIOS, scenario, scenario_or_file
from cart_mock.state.seed import SeedError, parse_seed
from cart_mock.testing import CartMock, WorkbenchError
from connexion.validators.json import JSONRequestBodyValidator

HOLDS = {
    # How many customers, carts and associations.
    "empty-shop": (0, 0, 0),
    "one-shopper": (1, 3, 2),
    "shared-cart": (3, 3, 4),
    "contact-email": (1, 2, 1),
    "shop": (2, 0, 0),
    "guest-cart": (1, 2, 1),
    "two-devices": (1, 2, 2),
    "merge": (1, 2, 1),
    "account-member": (0, 3, 2),
    "big-shop": (10_000, 100_000, 100_000),
}


def state(mock: CartMock, **query: Any) -> dict[str, Any]:
    exported: dict[str, Any] = mock.workbench("GET", f"/stores/{mock.client_id}/state", **query)
    return exported


def put_state(mock: CartMock, content: Any) -> None:
    mock.workbench("PUT", f"/stores/{mock.client_id}/state", content)


def snapshot(mock: CartMock, name: str) -> None:
    mock.workbench("PUT", f"/stores/{mock.client_id}/snapshots/{name}")


def test_every_scenario_is_listed(cart_mock: CartMock) -> None:
    listed = {entry["name"] for entry in cart_mock.workbench("GET", "/scenarios")["data"]}
    assert listed == set(HOLDS) == set(SCENARIOS)


@pytest.mark.parametrize("name", HOLDS)
def test_a_scenario_holds_what_it_says_and_nothing_is_wrong_with_it(
    cart_mock: CartMock, name: str
) -> None:
    seed = scenario(name)
    assert seed.problems() == []
    assert (len(seed.customers), len(seed.carts), len(seed.associations)) == HOLDS[name]
    cart_mock.seed(name)
    store = cart_mock.workbench("GET", f"/stores/{cart_mock.client_id}")["data"]
    assert (store["customers"], store["carts"]) == HOLDS[name][:2]


def test_a_mock_can_be_started_with_a_scenario_or_a_file(tmp_path: Path) -> None:
    assert scenario_or_file(Path("one-shopper")).carts == scenario("one-shopper").carts
    file = tmp_path / "shop.json"
    file.write_text('{"carts": [{"id": "mine"}]}')
    assert [cart.id for cart in scenario_or_file(file).carts] == ["mine"]
    with pytest.raises(SeedError, match="the ready scenarios are: empty-shop"):
        scenario_or_file(tmp_path / "mall")
    file.write_text("{")
    with pytest.raises(SeedError, match="is not JSON"):
        scenario_or_file(file)


WITHOUT_CARTS_OF_ADA = {"empty-shop", "shop", "account-member"}


@pytest.mark.parametrize("name", [name for name in HOLDS if name not in WITHOUT_CARTS_OF_ADA])
def test_ada_can_log_in_in_every_scenario_that_has_her(cart_mock: CartMock, name: str) -> None:
    cart_mock.seed(name, **({"carts": 30} if name == "big-shop" else {}))
    ada = cart_mock.headers("ada@example.com", "ada-password")
    carts = cart_mock.client.get("/v2/carts", headers=ada).json()["data"]
    assert carts


def test_the_shared_cart_is_in_both_lists_and_not_in_the_third(cart_mock: CartMock) -> None:
    cart_mock.seed("shared-cart")
    seen = {}
    for name in ("ada", "bob", "cleo"):
        headers = cart_mock.headers(f"{name}@example.com", f"{name}-password")
        carts = cart_mock.client.get("/v2/carts", headers=headers).json()["data"]
        seen[name] = "household" in {cart["id"] for cart in carts}
    assert seen == {"ada": True, "bob": True, "cleo": False}


def test_the_contact_email_of_its_scenario_keeps_customers_away(cart_mock: CartMock) -> None:
    cart_mock.seed("contact-email")
    answer = cart_mock.client.post(
        "/v2/carts/guest-cart/relationships/customers",
        headers=cart_mock.headers(),
        json={"data": [{"type": "customer", "id": "ada"}]},
    )
    assert answer.status_code == 422


def test_seeding_a_store_that_is_deleted_meanwhile_is_refused(
    cart_mock: CartMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CartMock(cart_mock.client)

    def slow(*arguments: Any) -> object:
        cart_mock.workbench("DELETE", f"/stores/{store.client_id}")
        return scenario(*arguments)

    monkeypatch.setattr("cart_mock.workbench.state_api.scenario", slow)
    with pytest.raises(WorkbenchError, match="Store not found"):
        store.seed("one-shopper")


@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("name", ["one-shopper", "shared-cart", "contact-email"])
def test_an_import_of_an_export_is_the_same_state(
    cart_mock: CartMock, name: str, times: bool
) -> None:
    cart_mock.clock("freeze")
    cart_mock.seed(name)
    exported = state(cart_mock, times=times)
    cart_mock.seed("empty-shop")
    put_state(cart_mock, exported)
    assert state(cart_mock, times=times) == exported
    # A login works after it: the hash of the password travels with the customer.
    assert cart_mock.headers("ada@example.com", "ada-password")


def test_an_export_can_be_given_to_a_mock_as_its_seed(cart_mock: CartMock) -> None:
    cart_mock.seed("shared-cart")
    exported = state(cart_mock, times=True)
    seed = parse_seed(json.dumps(exported).encode(), "the export")
    assert [cart.id for cart in seed.carts] == [cart["id"] for cart in exported["carts"]]


def test_times_are_kept_only_when_they_are_asked_for(cart_mock: CartMock) -> None:
    cart_mock.clock("set", at="2030-01-01T00:00:00Z")
    cart_mock.clock("freeze")
    cart_mock.seed("one-shopper")
    plain, timed = state(cart_mock), state(cart_mock, times=True)
    assert "updated_at" not in plain["carts"][0]
    assert timed["carts"][0]["updated_at"] == "2030-01-01T00:00:00Z"
    cart_mock.clock("advance", seconds=3600)
    put_state(cart_mock, timed)
    assert state(cart_mock, times=True) == timed
    put_state(cart_mock, plain)
    assert state(cart_mock, times=True)["carts"][0]["updated_at"] == "2030-01-01T01:00:00Z"


def test_an_import_keeps_the_order_of_the_cart_list(cart_mock: CartMock) -> None:
    cart_mock.clock("freeze")
    cart_mock.seed("one-shopper")
    cart_mock.clock("advance", seconds=10)
    headers = cart_mock.headers()
    cart_mock.client.put("/v2/carts/gifts", headers=headers, json={"data": {"name": "New"}})
    listed = [
        cart["id"] for cart in cart_mock.client.get("/v2/carts", headers=headers).json()["data"]
    ]
    assert listed[0] == "gifts"
    assert listed.index("groceries") > 0
    put_state(cart_mock, state(cart_mock))
    again = [
        cart["id"] for cart in cart_mock.client.get("/v2/carts", headers=headers).json()["data"]
    ]
    assert again == listed


ADA = {"id": "ada", "name": "Ada", "email": "ada@example.com"}
CART = {"id": "c", "name": "Cart"}
BAD_STATES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": (
        {"carts": [{**CART, "colour": "red"}]},
        "carts[0]: Object contains unknown field `colour`",
    ),
    "a missing field": (
        {"customers": [{"id": "ada"}]},
        "customers[0]: Object missing required field `name`",
    ),
    "a wrong type": ({"carts": [{**CART, "name": 3}]}, "carts[0].name: Expected `str`, got `int`"),
    "an unsafe cart id": (
        {"carts": [{**CART, "id": "a b"}]},
        "carts[0].id: 'a b' has more than 0-9",
    ),
    "the same cart twice": ({"carts": [CART, CART]}, "carts[1]: the id 'c' stands twice"),
    "the same email twice": (
        {"customers": [ADA, {**ADA, "id": "b", "email": "ADA@example.com"}]},
        "customers[1]: the email 'ada@example.com' stands twice",
    ),
    "no email": (
        {"customers": [{**ADA, "email": "ada"}]},
        "customers[0].email: 'ada' is not an email address",
    ),
    "a blank name": (
        {"carts": [{**CART, "name": "  "}]},
        "carts[0].name: must have 1 to 255 characters",
    ),
    "a cart that is not there": (
        {"customers": [ADA], "associations": [{"cart": "c", "customer": "ada"}]},
        "associations[0].cart: no cart 'c' in this file",
    ),
    "a customer who is not there": (
        {"carts": [CART], "associations": [{"cart": "c", "customer": "ada"}]},
        "associations[0].customer: no customer 'ada' in this file",
    ),
    "an association with a contact email": (
        {
            "customers": [ADA],
            "carts": [{**CART, "contact": {"email": "g@example.com"}}],
            "associations": [{"cart": "c", "customer": "ada"}],
        },
        "associations[0].cart: 'c' has a contact email",
    ),
    "a contact email that is none": (
        {"carts": [{**CART, "contact": {"email": "g"}}]},
        "carts[0].contact.email: 'g' is not an email address",
    ),
    "a time without a zone": (
        {"carts": [{**CART, "updated_at": "2030-01-01T00:00:00"}]},
        "carts[0].updated_at: ",
    ),
    "a time that is none": (
        {"carts": [{**CART, "created_at": "noon"}]},
        "carts[0].created_at: Invalid RFC3339",
    ),
    "a hash that is none": (
        {"customers": [{**ADA, "password_hash": "x"}]},
        "customers[0].password_hash: is not an Argon2 hash",
    ),
    "a hash that takes forever": (
        {
            "customers": [
                {
                    **ADA,
                    "password_hash": "$argon2id$v=19$m=4194304,t=900,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
                }
            ]
        },
        "customers[0].password_hash: is not an Argon2 hash",
    ),
    "a password and a hash": (
        {"customers": [{**ADA, "password": "p", "password_hash": "x"}]},
        "leave one out",
    ),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_an_import_with_anything_wrong_says_where_and_changes_nothing(
    cart_mock: CartMock, case: str
) -> None:
    cart_mock.seed("shared-cart")
    before = state(cart_mock, times=True)
    content, says = BAD_STATES[case]
    with pytest.raises(WorkbenchError) as refused:
        put_state(cart_mock, content)
    assert str(refused.value).startswith("The state cannot be imported: the state: ")
    assert says in str(refused.value)
    assert "Nothing was changed" in str(refused.value)
    assert state(cart_mock, times=True) == before


def test_connexion_never_reads_a_large_state(
    cart_mock: CartMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    monkeypatch.setattr(JSONRequestBodyValidator, "_validate", lambda _, body: read.append(body))
    carts = [{"id": f"c{number}", "name": "n" * 100} for number in range(1_000)]
    put_state(cart_mock, {"carts": carts})
    assert read == [{}]
    assert len(state(cart_mock)["carts"]) == 1_000
    for wrong, says in (
        ([*carts, carts[0]], r"carts\[1000\]: the id 'c0' stands twice\. Nothing was changed"),
        ([*carts, {"id": 5}], r"carts\[1000\]\.id: Expected `str`, got `int`\. Nothing was"),
    ):
        with pytest.raises(WorkbenchError, match=says):
            put_state(cart_mock, {"carts": wrong})
    path = f"/_mock/stores/{cart_mock.client_id}/state"
    content = json.dumps({"carts": carts})
    for sent, media, status in (
        (content[:-1], "application/json", 400),
        (json.dumps({"carts": [*carts, {"id": "\ud800"}]}), "application/json", 400),
        (content, "application/json; charset=utf-16", 415),
        (content, "text/plain", 415),
        (content, "Application/JSON; charset=UTF-8", 200),
    ):
        answer = cart_mock.client.put(path, content=sent, headers={"Content-Type": media})
        assert answer.status_code == status, answer.text
    assert len(read) == 2
    assert len(state(cart_mock)["carts"]) == 1_000


def test_only_states_and_stubs_have_long_bodies(cart_mock: CartMock) -> None:
    store = f"/_mock/stores/{cart_mock.client_id}"
    long = json.dumps({"stubs": [{"path": "/x", "text": "x" * 1024 * 1024}]})
    for method, path, status in (
        ("PUT", f"{store}/stubs", 200),
        ("PUT", f"{store}/state", 400),
        ("POST", f"{store}/faults", 413),
        ("POST", "/_mock/nothing", 413),
    ):
        answer = cart_mock.client.request(
            method, path, content=long, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status, answer.text


def test_a_snapshot_is_restored_as_it_was(cart_mock: CartMock) -> None:
    cart_mock.seed("shared-cart")
    before = state(cart_mock, times=True)
    snapshot(cart_mock, "before")
    cart_mock.client.delete("/v2/carts/household", headers=cart_mock.headers())
    cart_mock.seed("one-shopper")
    assert state(cart_mock, times=True) != before
    cart_mock.workbench("POST", f"/stores/{cart_mock.client_id}/snapshots/before/restore")
    assert state(cart_mock, times=True) == before
    exported = cart_mock.workbench(
        "GET", f"/stores/{cart_mock.client_id}/snapshots/before", times=True
    )
    assert exported == before


def test_snapshots_are_listed_replaced_and_forgotten(cart_mock: CartMock) -> None:
    path = f"/stores/{cart_mock.client_id}/snapshots"
    snapshot(cart_mock, "empty")
    cart_mock.seed("shared-cart")
    snapshot(cart_mock, "full")
    snapshot(cart_mock, "empty")
    listed = cart_mock.workbench("GET", path)["data"]
    assert [(s["name"], s["carts"], s["associations"]) for s in listed] == [
        ("full", 3, 4),
        ("empty", 3, 4),
    ]
    cart_mock.workbench("DELETE", f"{path}/full")
    assert [s["name"] for s in cart_mock.workbench("GET", path)["data"]] == ["empty"]


def test_the_difference_says_what_is_new_gone_and_changed(cart_mock: CartMock) -> None:
    diff = f"/stores/{cart_mock.client_id}/diff"
    cart_mock.clock("freeze")
    cart_mock.seed("shared-cart")
    snapshot(cart_mock, "before")
    assert cart_mock.workbench("GET", diff, before="before")["same"] is True
    headers = cart_mock.headers()
    client = cart_mock.client
    client.post("/v2/carts", headers=headers, json={"data": {"id": "new", "name": "New"}})
    client.put("/v2/carts/adas", headers=headers, json={"data": {"name": "Renamed"}})
    client.request(
        "DELETE",
        "/v2/carts/household/relationships/customers",
        headers=headers,
        json={"data": [{"type": "customer", "id": "bob"}]},
    )
    client.delete("/v2/customers/cleo", headers=headers)
    changed = cart_mock.workbench("GET", diff, before="before")
    assert changed["same"] is False
    assert [cart["id"] for cart in changed["carts"]["added"]] == ["new"]
    assert changed["carts"]["changed"] == [
        {"id": "adas", "fields": {"name": {"before": "Ada's own", "after": "Renamed"}}}
    ]
    assert [c["id"] for c in changed["customers"]["removed"]] == ["cleo"]
    assert "password_hash" not in changed["customers"]["removed"][0]
    assert changed["associations"]["removed"] == [
        {"cart": "household", "customer": "bob"},
        {"cart": "cleos", "customer": "cleo"},
    ]
    snapshot(cart_mock, "after")
    assert cart_mock.workbench("GET", diff, before="before", after="after") == changed
