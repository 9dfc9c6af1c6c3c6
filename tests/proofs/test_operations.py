"""What concurrent clients of one mock see is explained by some order of their requests."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import httpx
from cart_mock.testing import CartMock

from tests.mock.processes import mock
from tests.proofs.sizes import portion, said
from tests.shared.linearizability import Workload


async def disturb(client: httpx.AsyncClient) -> None:
    """Fail requests of the shop now and then; import, reset and delete other stores."""
    for number in itertools.count():
        kind = ("lose-reply", "drop", "latency")[number % 3]
        fault: dict[str, Any] = {"kind": kind, "times": 2}
        if kind == "latency":
            fault["seconds"] = 0.01
        await client.post("/_mock/stores/shop/faults", json=fault)
        other = f"/_mock/stores/other-{number % 3}"
        state = {"carts": [{"id": f"linear-{cart}"} for cart in range(20)]}
        await client.post("/_mock/stores", json={"client_id": f"other-{number % 3}"})
        await client.put(f"{other}/state", json=state)
        await client.post(f"{other}/reset")
        await client.delete(other)
        await asyncio.sleep(0.3)


def test_answers_of_concurrent_clients_are_explained(tmp_path: Path) -> None:
    requests = portion(400, 500_000)
    with (
        mock("--data", str(tmp_path), "--log-level", "error") as (process, url),
        httpx.Client(base_url=url, timeout=60) as control,
    ):
        shop = CartMock(control, "shop")
        customers = ["ada", "bob", "eve"]
        # The last cart of a customer cannot be taken away, so each has one that stays.
        state = {
            "customers": [{"id": c, "name": c, "email": f"{c}@example.com"} for c in customers],
            "carts": [{"id": f"kept-{c}"} for c in customers],
            "associations": [{"cart": f"kept-{c}", "customer": c} for c in customers],
        }
        shop.client.put("/_mock/stores/shop/state", json=state).raise_for_status()

        async def work() -> Workload:
            limits = httpx.Limits(max_connections=80)
            async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
                workload = Workload(
                    client.request, shop.headers(), customers, carts=portion(10, 12_500), seed=1
                )
                disturbing = asyncio.create_task(disturb(client))
                await workload.run(32, requests)
                assert not disturbing.done()
                disturbing.cancel()
                return workload

        workload = asyncio.run(work())
        process.terminate()
        _, errors = process.communicate(timeout=60)
    said(f"{requests} requests of 32 clients, {workload.unknown} without an answer")
    assert workload.wrong() == []
    assert errors == ""
