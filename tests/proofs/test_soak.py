"""A mock under load for a long time takes no more memory; its latency is printed, not judged."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import httpx
from cart_mock.testing import CartMock

from tests.mock.processes import mock
from tests.proofs.sizes import portion, said


def memory_of(process: int) -> int:
    """Return how many bytes a process has in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096


def test_memory_stays_flat_under_load(tmp_path: Path) -> None:
    seconds, rounds = portion(4, 7_200), 8
    options = ("--journal-memory", "4", "--max-read-carts", "200", "--log-level", "error")
    memory, latency, sent = [], [], 0
    with (
        mock("--data", str(tmp_path), *options) as (process, url),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        shop = CartMock(client, "shop")
        headers = shop.headers()
        for _ in range(rounds):
            end, times = time.monotonic() + seconds / rounds, []
            while time.monotonic() < end:
                sent += 1
                began = time.perf_counter()
                client.get(f"/v2/carts/read-{sent}", headers=headers).raise_for_status()
                times.append(time.perf_counter() - began)
                body = {"data": {"name": f"name-{sent}"}}
                cart = f"/v2/carts/read-{sent}"
                client.put(cart, headers=headers, json=body).raise_for_status()
                client.delete(cart, headers=headers).raise_for_status()
                if sent % 50 == 0:
                    client.post("/_mock/stores", json={"client_id": "other"})
                    client.delete("/_mock/stores/other")
            memory.append(memory_of(process.pid))
            latency.append(statistics.median(times))
        assert client.get("/_mock/health").status_code == 200
    said(
        f"{3 * sent} requests in {seconds} s: "
        f"memory {', '.join(f'{size / 1e6:.0f}' for size in memory)} MB, "
        f"median read {', '.join(f'{each * 1000:.2f}' for each in latency)} ms"
    )
    # The first part fills the request log, which is bounded.
    assert memory[-1] < memory[1] + 12e6
