"""While a whole store is imported, restored or compared, other requests do not wait."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.owners import owners
from cart_mock.state.entities import Cart, Customer
from cart_mock.state.long_work import LARGE, free, in_thread
from cart_mock.state.shop import Address, ShopContent
from cart_mock.state.store import store_of
from cart_mock.tenants.registry import TenantRegistry

CARTS = 30_000
MOST = 0.06
"""How many seconds of CPU time the event loop may take in one turn. Each of these operations took
more than 0.1 s as long as it was done in the loop; 100,000 carts took more than a second."""
STORE = "/_mock/stores/shop"


def state(carts: int = CARTS) -> dict[str, Any]:
    ids = [f"u{number}" for number in range(carts // 10)]
    people = [{"id": id_, "name": "N", "email": f"{id_}@example.com"} for id_ in ids]
    return {
        "customers": people,
        "carts": [{"id": f"c{n}", "name": f"Cart {n}"} for n in range(carts)],
        "associations": [
            {"cart": f"c{n}", "customer": f"u{n % len(people)}"} for n in range(carts)
        ],
    }


class Turns:
    """The longest turn of the event loop, in seconds of its thread's CPU time."""

    longest = 0.0

    async def watch(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            self.longest = max(self.longest, time.thread_time() - before)
            await asyncio.sleep(0.001)


@asynccontextmanager
async def watched(client: httpx.AsyncClient) -> AsyncIterator[Turns]:
    turns = Turns()
    await client.get("/_mock/ready")  # makes the workbench
    watching = asyncio.create_task(turns.watch())
    try:
        yield turns
    finally:
        watching.cancel()


@pytest.mark.parametrize("data", [False, True], ids=["memory", "disk"])
def test_event_loop_is_not_held_up_by_work_on_a_whole_store(tmp_path: Path, data: bool) -> None:
    whole = state()
    content = json.dumps(whole)
    twice = json.dumps({**whole, "carts": [*whole["carts"], {"id": "c1"}]})
    tenants = TenantRegistry(data=tmp_path / "data" if data else None)

    async def run() -> None:
        transport = httpx.ASGITransport(app=create_app(tenants=tenants))
        longest: dict[str, float] = {}
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
            watched(client) as turns,
        ):

            async def send(name: str, method: str, path: str, status: int, **more: Any) -> Any:
                turns.longest = 0.0
                sent = client.build_request(method, path, **more)
                await asyncio.sleep(0.01)
                turns.longest = 0.0
                answer = await client.send(sent)
                assert answer.status_code == status, answer.text
                await asyncio.sleep(0.01)
                longest[name] = turns.longest
                return answer

            headers = {"Content-Type": "application/json"}
            await send("create", "POST", "/_mock/stores", 201, json={"client_id": "shop"})
            for name in ("import", "import again"):
                await send(name, "PUT", f"{STORE}/state", 200, content=content, headers=headers)
            refused = await send(
                "refused", "PUT", f"{STORE}/state", 400, content=twice, headers=headers
            )
            assert "carts[30000]: the id 'c1' stands twice" in refused.text
            await send("snapshot", "PUT", f"{STORE}/snapshots/one", 200)
            await send("restore", "POST", f"{STORE}/snapshots/one/restore", 200)
            sown = {"scenario": "big-shop", "carts": CARTS}
            await send("scenario", "POST", f"{STORE}/seed", 200, json=sown)
            compared = await send("diff", "GET", f"{STORE}/diff?before=one", 200)
            assert compared.json()["same"] is False
            await send("reset", "POST", f"{STORE}/reset", 200)
            await send("restore again", "POST", f"{STORE}/snapshots/one/restore", 200)
            await send("delete a snapshot", "DELETE", f"{STORE}/snapshots/one", 204)
            await send("delete", "DELETE", STORE, 204)
        assert {name: took for name, took in longest.items() if took > MOST} == {}

    asyncio.run(run())
    tenants.close()


def test_collector_waits_for_long_work_and_goes_on_after_it() -> None:
    gc.enable()  # a test of the command may have left it off

    async def run() -> None:
        def work(number: int) -> tuple[int, bool]:
            time.sleep(0.05)
            return number, gc.isenabled()

        few = await in_thread(LARGE - 1, work, 1)
        many = await asyncio.gather(*(in_thread(LARGE, work, number) for number in range(3)))
        assert few == (1, True)
        assert many == [(number, False) for number in range(3)]
        assert gc.isenabled()
        with pytest.raises(ZeroDivisionError):
            await in_thread(LARGE, lambda: 1 // 0)
        assert gc.isenabled()
        gc.disable()
        try:
            assert await in_thread(LARGE, work, 1) == (1, False)
            assert not gc.isenabled()
        finally:
            gc.enable()

    asyncio.run(run())


def test_what_is_freed_is_taken_apart_and_what_others_use_stays() -> None:
    used = {str(number): [number] for number in range(1000)}
    parts = [used, [object()] * 1000, 5, None]
    free(parts)
    assert parts == []
    assert len(used) == 1000


def test_parts_of_a_store_that_is_gone_are_held_by_nothing_else_when_their_turn_comes() -> None:
    ids = [str(number) for number in range(100)]
    store = store_of(
        [Customer(each, each, each, 1, 1) for each in ids],
        [Cart(each, each, 1, 1, owners=owners("customer", [each])) for each in ids],
        ShopContent(addresses=tuple(Address(each, each, 1, 1) for each in ids)),
    )
    parts, large = store.parts(), 0
    del store
    while parts:
        part = parts.pop()  # in the order of ``free``
        if isinstance(part, dict) and len(part) == len(ids):
            large += 1
            assert sys.getrefcount(part) == 2  # the name here, and the argument
    # Three tables, and the indexes by owner, by email and of addresses.
    assert large == 6
