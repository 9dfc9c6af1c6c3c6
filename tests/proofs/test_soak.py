"""A mock under load for a long time takes no more memory and keeps no more files open.

CPU time and latency are printed, not judged: they depend on the machine.
"""

from __future__ import annotations

import os
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
from cart_mock.testing import CartMock

from tests.mock.processes import mock
from tests.proofs.sizes import SHARE, portion, said

RATE = 50 if SHARE else 0
"""How many requests are sent each second; 0 sends them as fast as they are answered."""
OPTIONS = ("--journal-memory", "4", "--max-read-carts", "200", "--log-level", "error")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
WARM_UP = 0.25
"""The share of the time in which the request log, the caches and the allocator fill."""


class Measured(NamedTuple):
    """What a process takes: bytes of memory, open files, seconds of CPU time so far."""

    memory: int
    files: int
    cpu: float


def measured(process: int) -> Measured:
    """Return what a process takes now."""
    place = Path(f"/proc/{process}")
    pages = int((place / "statm").read_text().split()[1])
    times = (place / "stat").read_text().rpartition(")")[2].split()
    cpu = (int(times[11]) + int(times[12])) / _TICKS
    return Measured(pages * _PAGE, len(list((place / "fd").iterdir())), cpu)


class Load:
    """Sends requests of all kinds, one after the other, at ``RATE``."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._mock = CartMock(client, "shop")
        self._headers: dict[str, str] = self._mock.headers()
        self._begin = time.monotonic()
        self.sent = 0
        self.times: list[float] = []
        """How long each answer took, in seconds."""

    def ask(self, method: str, path: str, expected: int, **content: object) -> httpx.Response:
        """Send a request and check the status of its answer; wait as long as the rate says."""
        self.sent += 1
        if RATE:
            time.sleep(max(0.0, self._begin + self.sent / RATE - time.monotonic()))
        began = time.perf_counter()
        answer = self._client.request(method, path, **{"headers": self._headers, **content})  # type: ignore[arg-type]  # the arguments of httpx
        self.times.append(time.perf_counter() - began)
        assert answer.status_code == expected, (method, path, answer.text)
        return answer

    def rounds(self) -> Iterator[None]:
        """Yield after each round of requests."""
        number = 0
        while True:
            number += 1
            self._carts(number)
            if number % 10 == 0:
                self._stores(number)
            if number % 50 == 0:
                self._customer(number)
                self._hostile()
                self._headers = self._mock.headers()  # a token is valid for an hour
            yield

    def _carts(self, number: int) -> None:
        cart = f"/v2/carts/read-{number}"
        self.ask("GET", f"{cart}-only", 200)  # one of those that leave by themselves
        self.ask("GET", cart, 200)
        self.ask("PUT", cart, 200, json={"data": {"name": f"name-{number}"}})
        item = {"type": "custom_item", "name": "Tea", "quantity": 1, "price": {"amount": 5}}
        self.ask("POST", f"{cart}/items", 201, json={"data": item})
        self.ask("GET", f"{cart}/items", 200)
        self.ask("GET", "/v2/carts?page[limit]=5", 200)
        self.ask("DELETE", cart, 204)
        self.ask("GET", f"/v2/nothing-{number}", 404)
        self.ask("POST", "/v2/carts", 400, content=b'{"data": ')

    def _stores(self, number: int) -> None:
        name = f"other-{number}"
        store = f"/_mock/stores/{name}"
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": "x"}
        token = self.ask("POST", "/oauth/access_token", 200, data=form, headers={}).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        self.ask("GET", "/v2/carts/c", 200, headers=headers)
        self.ask("PUT", f"{store}/snapshots/one", 200)
        self.ask("POST", f"{store}/seed", 200, json={"scenario": "one-shopper"})
        self.ask("POST", f"{store}/faults", 201, json={"kind": "latency", "seconds": 0})
        self.ask("GET", "/v2/carts/c", 200, headers=headers)
        self.ask("POST", f"{store}/snapshots/one/restore", 200)
        self.ask("POST", f"{store}/reset", 200)
        self.ask("GET", f"{store}/requests?limit=5", 200)
        self.ask("DELETE", store, 204)
        self.ask("GET", "/v2/carts/c", 401, headers=headers)
        self.ask("GET", "/_mock/metrics", 200)

    def _customer(self, number: int) -> None:
        email = f"ada-{number}@example.com"
        data = {"type": "customer", "name": "Ada", "email": email, "password": "correct horse"}
        made = self.ask("POST", "/v2/customers", 201, json={"data": data}).json()["data"]["id"]
        login = {"type": "token", "authentication_mechanism": "password", "email": email,
                 "password": "correct horse"}  # fmt: skip
        self.ask("POST", "/v2/customers/tokens", 200, json={"data": login})
        self.ask("DELETE", f"/v2/customers/{made}", 204)

    def _hostile(self) -> None:
        """Leave in the middle of a request, and send what is not HTTP."""
        address = (self._client.base_url.host, self._client.base_url.port or 80)
        for content in (b"GET / HTTP/1.1\r\nHost: x", b"\xff\x00\r\n\r\n", b""):
            with socket.create_connection(address, timeout=60) as connection:
                connection.sendall(content)


def test_memory_and_open_files_stay_flat_under_load(tmp_path: Path) -> None:
    seconds = portion(4, 7_200)
    parts = max(8, round(seconds / 60))
    found = []
    with (
        mock("--data", str(tmp_path), *OPTIONS) as (process, url),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        load = Load(client)
        rounds = load.rounds()
        began, before = time.monotonic(), measured(process.pid)
        for part in range(parts):
            sent, load.times = load.sent, []
            while time.monotonic() < began + seconds * (part + 1) / parts:
                next(rounds)
            now, times = measured(process.pid), sorted(load.times) or [0.0]
            each = (now.cpu - before.cpu) / max(1, load.sent - sent)
            said(
                f"{time.monotonic() - began:6.0f} s: {load.sent} requests, "
                f"{now.memory / 1e6:.1f} MB, {now.files} open files, "
                f"{each * 1000:.2f} ms of CPU time for each request, latency "
                f"{statistics.median(times) * 1000:.1f} ms in the middle, "
                f"{times[len(times) * 99 // 100] * 1000:.0f} ms for 99 of 100"
            )
            found.append(now)
            before = now
        assert client.get("/_mock/health").status_code == 200
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert errors == "", errors[-5000:]
    warm = found[int(parts * WARM_UP)]
    assert found[-1].memory < warm.memory + 12e6
    assert max(each.files for each in found) <= warm.files + 10
