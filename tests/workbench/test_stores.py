"""Stores: listed, created, shown, reset, deleted, and isolated from each other."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.auth.clients import load_clients
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.testing import CartMock, WorkbenchError, in_process

WORKERS = 40


def test_a_store_is_made_by_its_first_use_or_by_hand(cart_mock: CartMock) -> None:
    other = f"{cart_mock.client_id}-other"
    form = {"grant_type": "implicit", "client_id": other}
    cart_mock.client.post("/oauth/access_token", data=form)
    names = [store["client_id"] for store in cart_mock.workbench("GET", "/stores")["data"]]
    assert {cart_mock.client_id, other} <= set(names)
    assert names == sorted(names)


def test_a_store_that_exists_is_not_made_again(cart_mock: CartMock) -> None:
    with pytest.raises(WorkbenchError, match="The store exists"):
        cart_mock.workbench("POST", "/stores", {"client_id": cart_mock.client_id})


@pytest.mark.parametrize(
    "name", ["a b", "ä/ö", "a?b=c", "100%", "..", "🛒", "a%2Fb", "a%252fb/%2F"]
)
def test_a_store_may_have_any_name(cart_mock: CartMock, name: str) -> None:
    from urllib.parse import quote

    cart_mock.workbench("POST", "/stores", {"client_id": name})
    path = f"/stores/{quote(name, safe='').replace('.', '%2E')}"
    assert cart_mock.workbench("GET", path)["data"]["client_id"] == name
    cart_mock.workbench("DELETE", path)


def test_encoded_slash_in_a_name_is_not_a_slash(cart_mock: CartMock) -> None:
    from urllib.parse import quote

    names = ["x/y", "x%2Fy", "x%252Fy"]
    for name in names:
        cart_mock.workbench("POST", "/stores", {"client_id": name})
        cart_mock.workbench(
            "PUT", f"/stores/{quote(name, safe='')}/snapshots/{quote(name, safe='')}"
        )
    for name in names:
        path = f"/stores/{quote(name, safe='')}"
        assert cart_mock.workbench("GET", path)["data"]["client_id"] == name
        taken = cart_mock.workbench("GET", f"{path}/snapshots")["data"]
        assert [snapshot["name"] for snapshot in taken] == [name]
        cart_mock.workbench("DELETE", f"{path}/snapshots/{quote(name, safe='')}")
        cart_mock.workbench("DELETE", path)


def test_a_deleted_store_is_gone_and_its_tokens_with_it(cart_mock: CartMock) -> None:
    headers = cart_mock.headers()
    assert cart_mock.client.get("/v2/carts", headers=headers).status_code == 200
    cart_mock.workbench("DELETE", f"/stores/{cart_mock.client_id}")
    assert cart_mock.client.get("/v2/carts", headers=headers).status_code == 401
    with pytest.raises(WorkbenchError, match="Store not found"):
        cart_mock.workbench("GET", f"/stores/{cart_mock.client_id}")
    cart_mock.workbench("POST", "/stores", {"client_id": cart_mock.client_id})


def _spoiled(mock: CartMock) -> None:
    mock.seed("one-shopper")
    mock.clock("freeze")
    mock.fault("drop", operation="getCart" + "s")
    mock.breaks("last-cart")
    mock.client.get("/v2/carts/gifts", headers=mock.headers())


def _glance(mock: CartMock) -> dict[str, object]:
    store = mock.workbench("GET", f"/stores/{mock.client_id}")["data"]
    return {
        "state": store["carts"],
        "clock": store["clock"]["frozen"],
        "faults": store["faults"],
        "breaks": len(store["breaks"]),
        "requests": store["requests"],
        "coverage": mock.coverage()["summary"]["answers"]["covered"],
    }


NEW = {"state": 0, "clock": False, "faults": 0, "breaks": 0, "requests": 0, "coverage": 0}


def test_a_reset_brings_a_store_back_to_new(cart_mock: CartMock) -> None:
    _spoiled(cart_mock)
    assert all(_glance(cart_mock).values())
    cart_mock.reset()
    assert _glance(cart_mock) == NEW


@pytest.mark.parametrize("sent", [{}, {"json": {}}, {"json": {"keep": []}}])
def test_a_reset_needs_no_body(cart_mock: CartMock, sent: dict[str, Any]) -> None:
    _spoiled(cart_mock)
    answer = cart_mock.client.post(f"/_mock/stores/{cart_mock.client_id}/reset", **sent)
    assert answer.status_code == 200
    assert _glance(cart_mock) == NEW


@pytest.mark.parametrize("kept", NEW)
def test_a_reset_keeps_what_it_is_told_to(cart_mock: CartMock, kept: str) -> None:
    _spoiled(cart_mock)
    before = _glance(cart_mock)
    cart_mock.reset(kept)
    assert _glance(cart_mock) == {**NEW, kept: before[kept]}


def test_with_pinned_keys_an_unknown_one_is_refused_loudly(tmp_path: Path) -> None:
    file = tmp_path / "clients.json"
    file.write_text(json.dumps({"pinned": "secret"}))
    with in_process(create_app(tenants=TenantRegistry(clients=load_clients(file)))) as client:
        refused = client.post("/_mock/stores", json={"client_id": "other"})
        assert refused.status_code == 403
        assert "not among them" in refused.json()["errors"][0]["detail"]
        assert client.post("/_mock/stores", json={"client_id": "pinned"}).status_code == 201
        form = {"grant_type": "implicit", "client_id": "other"}
        token = client.post("/oauth/access_token", data=form)
        assert token.status_code == 401
        assert "not one of the pinned ones" in token.json()["errors"][0]["detail"]


def _scenario(client: httpx.Client, worker: int) -> list[str]:
    """Run one worker's requests; return what it saw of other workers."""
    mock = CartMock(client, f"worker-{worker}")
    mock.seed("one-shopper")
    ada = mock.headers("ada@example.com", "ada-password")
    if worker % 2:
        mock.clock("advance", seconds=60)
        mock.fault("error", rule="service-unavailable", operation="getACart", times=1)
    strange = []
    mine = f"Cart of worker {worker}"
    made = client.post("/v2/carts", headers=ada, json={"data": {"id": "same", "name": mine}})
    if made.status_code != 201:
        strange.append(made.text)
    for attempt in range(5):
        body = {"data": {"description": f"{worker}.{attempt}"}}
        changed = client.put("/v2/carts/same", headers=ada, json=body).json()["data"]
        if (changed["name"], changed["description"]) != (mine, f"{worker}.{attempt}"):
            strange.append(str(changed))
    got = client.get("/v2/carts/same", headers=ada)
    if got.status_code != (503 if worker % 2 else 200):
        strange.append(f"{worker}: {got.status_code}")
    names = {cart["name"] for cart in client.get("/v2/carts", headers=ada).json()["data"]}
    if names != {mine, "Gifts", "Groceries"}:
        strange.append(f"{worker}: {names}")
    if any(request["store"] != mock.client_id for request in mock.requests(limit=1000)):
        strange.append(f"{worker}: a request of another store")
    mock.verify(operation="updateACart", times=5)
    return strange


@pytest.mark.full
def test_forty_workers_with_a_client_id_each_never_see_each_other(
    live_cart_mock: CartMock,
) -> None:
    def run(worker: int) -> list[str]:
        with httpx.Client(base_url=live_cart_mock.url, timeout=120) as client:
            return _scenario(client, worker)

    with ThreadPoolExecutor(WORKERS) as pool:
        strange = [found for worker in pool.map(run, range(WORKERS)) for found in worker]
    assert strange == []
    stores = live_cart_mock.workbench("GET", "/stores")["data"]
    workers = [store for store in stores if store["client_id"].startswith("worker-")]
    assert [(s["carts"], s["customers"]) for s in workers] == [(4, 1)] * WORKERS
