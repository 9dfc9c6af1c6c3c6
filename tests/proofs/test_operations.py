"""What concurrent clients see is explained by some order of their requests."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from cart_mock.testing import CartMock

from tests.mock.processes import mock
from tests.proofs.plain import PlainClient
from tests.proofs.sizes import portion, said
from tests.shared.linearizability import Seen, Workload

CLIENTS, CARTS, REQUESTS = 32, 10, 400
"""Each round has so many clients, carts of its own, and requests: three clients share a cart."""
CUSTOMERS = ["ada", "bob", "eve"]
SHOP = "/_mock/stores/shop"


def state_with(carts: dict[str, tuple[str, frozenset[str]]]) -> dict[str, Any]:
    """Return a state to import: the customers, and those carts with a name and customers."""
    # The last cart of a customer cannot be taken away, so each has one that stays.
    links = [(f"kept-{customer}", customer) for customer in CUSTOMERS]
    links += [(cart, each) for cart, (_, owners) in carts.items() for each in sorted(owners)]
    return {
        "customers": [{"id": c, "name": c, "email": f"{c}@example.com"} for c in CUSTOMERS],
        "carts": [
            *({"id": f"kept-{customer}"} for customer in CUSTOMERS),
            *({"id": cart, "name": name} for cart, (name, _) in carts.items()),
        ],
        "associations": [{"cart": cart, "customer": customer} for cart, customer in links],
    }


class Round(Workload):
    """Clients of one store, which is imported and restored while they work."""

    def __init__(self, client: PlainClient, headers: dict[str, str], number: int) -> None:
        super().__init__(
            client.request, headers, CUSTOMERS, carts=CARTS, seed=number, lost_is_over=True,
            prefix=f"linear-{number}",
        )  # fmt: skip
        self._client = client
        self.replaced = 0

    async def _one(self) -> None:
        if self._random.random() < 0.01:
            await self._replace()
        else:
            await super()._one()

    async def _replace(self) -> None:
        """Replace the store: for each of its carts, that is a request which sets its state."""
        rng, carts = self._random, dict[str, tuple[str, frozenset[str]]]()
        if rng.random() < 0.5:
            method, path, body = "POST", f"{SHOP}/snapshots/begin/restore", None
        else:
            method, path = "PUT", f"{SHOP}/state"
            for cart in rng.sample(self._carts, CARTS // 2):
                owners = frozenset(rng.sample(CUSTOMERS, rng.randrange(3)))
                carts[cart] = f"imported-{next(self._values)}", owners
            body = state_with(carts)
        began = time.monotonic()
        answer = await self._client.request(method, path, headers={}, json=body)
        assert answer.status_code == 200, answer.content
        ended = time.monotonic()
        for cart in self._carts:
            self.histories[cart].append(Seen(began, ended, "set", carts.get(cart), (200, None)))
        self.replaced += 1


async def disturb(client: PlainClient, ends: asyncio.Event) -> None:
    """Fail requests of the shop now and then; import, reset and delete other stores."""
    for number in itertools.count():
        if ends.is_set():
            return
        kind = ("lose-reply", "drop", "latency", "truncate")[number % 4]
        fault: dict[str, Any] = {"kind": kind, "times": 2}
        if kind == "latency":
            fault["seconds"] = 0.01
        other = f"/_mock/stores/other-{number % 3}"
        state = {"carts": [{"id": f"linear-{cart}"} for cart in range(20)]}
        for method, path, body in (
            ("POST", f"{SHOP}/faults", fault),
            ("POST", "/_mock/stores", {"client_id": f"other-{number % 3}"}),
            ("PUT", f"{other}/state", state),
            ("POST", f"{other}/reset", None),
            ("DELETE", other, None),
        ):
            answer = await client.request(method, path, headers={}, json=body)
            assert answer.status_code < 300, answer.content
        await asyncio.sleep(0.2)


def begin(control: httpx.Client, rng: random.Random) -> dict[str, str]:
    """Delete the shop at times, then make it what a round begins with; return its headers."""
    control.delete(f"{SHOP}/faults")
    if rng.random() < 0.3:
        control.delete(SHOP)
    headers = CartMock(control, "shop", reset=True).headers()
    control.put(f"{SHOP}/state", json=state_with({})).raise_for_status()
    control.put(f"{SHOP}/snapshots/begin").raise_for_status()
    return headers


def test_answers_of_concurrent_clients_are_explained(tmp_path: Path) -> None:
    rounds = portion(1, 500_000 // REQUESTS)
    counts: Counter[str] = Counter()
    rng = random.Random(1)

    async def work(url: str, control: httpx.Client) -> None:
        client = PlainClient(url)
        for number in range(rounds):
            headers = begin(control, rng)
            workload = Round(client, headers, number)
            ends = asyncio.Event()
            disturbing = asyncio.create_task(disturb(client, ends))
            await workload.run(CLIENTS, REQUESTS)
            ends.set()
            await disturbing
            assert workload.wrong() == [], number
            counts.update(unknown=workload.unknown, replaced=workload.replaced)
        client.close()

    with (
        mock("--data", str(tmp_path), "--log-level", "error") as (process, url),
        httpx.Client(base_url=url, timeout=60) as control,
    ):
        asyncio.run(work(url, control))
        process.terminate()
        _, errors = process.communicate(timeout=60)
    said(f"{rounds * REQUESTS} requests of {CLIENTS} clients, {counts['unknown']} without an "
         f"answer, {counts['replaced']} replaced the store")  # fmt: skip
    assert errors == "", errors[-5000:]
