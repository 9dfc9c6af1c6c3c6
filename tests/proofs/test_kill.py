"""A mock that is killed at any moment keeps what it acknowledged, and nothing that it deleted."""

from __future__ import annotations

import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.mock.processes import mock
from tests.proofs.sizes import portion, said


def admin_headers(client: httpx.Client, client_id: str) -> dict[str, str]:
    """Return the headers of a store's administrator; the store is made if need be."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "x"}
    answer = client.post("/oauth/access_token", data=form).raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


LARGE = "x" * 500_000
"""Some of these make a journal grow until it is folded into the snapshot."""


class Writer:
    """Writes carts of one store until the mock is gone; ``carts`` are those that it must have."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._text = text
        self.carts: dict[str, str] = {}
        self.unknown: set[str] = set()
        """Carts whose last change was not acknowledged."""

    def write(self, url: str, rng: random.Random) -> None:
        """Create, change and delete carts until the mock is gone."""
        with httpx.Client(base_url=url, timeout=60) as client:
            try:
                self._write(client, rng)
            except httpx.TransportError:
                return

    def _write(self, client: httpx.Client, rng: random.Random) -> None:
        headers = admin_headers(client, self.name)
        while True:
            cart = f"cart-{rng.randrange(20)}"
            self.unknown.add(cart)
            path = f"/v2/carts/{cart}"
            if cart in self.carts and rng.random() < 0.3:
                client.delete(path, headers=headers).raise_for_status()
                del self.carts[cart]
            else:
                name = f"name-{rng.random()}"
                client.get(path, headers=headers).raise_for_status()
                body = {"data": {"name": name, "description": self._text}}
                client.put(path, headers=headers, json=body).raise_for_status()
                self.carts[cart] = name
            self.unknown.discard(cart)

    def check(self, url: str) -> int:
        """Compare what the mock has; return how many carts were compared."""
        state = httpx.get(f"{url}/_mock/stores/{self.name}/state", timeout=60).json()
        kept = {cart["id"]: cart["name"] for cart in state["carts"]}
        known = {cart: name for cart, name in kept.items() if cart not in self.unknown}
        wanted = {cart: name for cart, name in self.carts.items() if cart not in self.unknown}
        assert known == wanted
        self.carts = kept
        self.unknown.clear()
        return len(known)


def delete_again_and_again(url: str, deleted: list[dict[str, str]]) -> None:
    """Make a store and delete it until the mock is gone; note the tokens of those that are gone."""
    with httpx.Client(base_url=url, timeout=60) as client:
        try:
            while True:
                headers = admin_headers(client, "short")
                client.get("/v2/carts/c", headers=headers).raise_for_status()
                client.delete("/_mock/stores/short").raise_for_status()
                deleted.append(headers)
        except httpx.TransportError:
            return


def test_killed_mock_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    kills, compared, folded = portion(2, 500), 0, 0
    rng = random.Random(1)
    writers = [Writer("small", ""), Writer("large", LARGE)]
    deleted: list[dict[str, str]] = []
    for _ in range(kills):
        with (
            mock("--data", str(tmp_path), "--log-level", "error") as (process, url),
            ThreadPoolExecutor() as pool,
        ):
            compared += sum(writer.check(url) for writer in writers if writer.carts)
            for headers in deleted[-20:]:
                answer = httpx.get(f"{url}/v2/carts", headers=headers)
                assert answer.status_code == 401, answer.text
            jobs = [
                pool.submit(writer.write, url, random.Random(rng.random())) for writer in writers
            ]
            jobs.append(pool.submit(delete_again_and_again, url, deleted))
            before = len(deleted)
            while len(deleted) < before + 3 and not any(job.done() for job in jobs):
                time.sleep(0.05)
            threading.Event().wait(rng.random())
            process.send_signal(signal.SIGKILL)
            process.wait()
            for job in jobs:
                job.result()
        folded += (tmp_path / "stores/store-large/snapshot.json").exists()
    said(f"{kills} kills, {compared} carts compared, {len(deleted)} stores deleted, "
         f"{folded} times with a snapshot")  # fmt: skip
    assert compared > 0
    with mock("--data", str(tmp_path)) as (_, url):
        for writer in writers:
            writer.check(url)
    assert not (tmp_path / "damaged").exists()
