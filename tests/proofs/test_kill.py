"""A mock that is killed at any moment keeps what it acknowledged, and nothing that it deleted."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.mock.processes import COMMAND, mock
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


_CHECKED = re.compile(rb'\{"crc32":"[0-9a-f]{8}","changes":(.*)\}', re.DOTALL)
_END = re.compile(rb'"version":2,"crc32":"[0-9a-f]{8}"\}\}\}$')


def make_old(data: Path) -> None:
    """Rewrite a data directory as version 1, which has no checksums and no incarnations."""
    identity = json.loads((data / "cart-mock.json").read_bytes())
    old = {"format": "cart-mock", "version": 1, "signing_key": identity["signing_key"]}
    (data / "cart-mock.json").write_text(json.dumps(old))
    for name in data.glob("stores/*/name.json"):
        found = json.loads(name.read_bytes())
        name.write_text(json.dumps(found if isinstance(found, str) else found["client_id"]))
    for journal in data.glob("stores/*/journal.jsonl"):
        header, *lines = journal.read_bytes().split(b"\n")
        lines = [_CHECKED.sub(rb"\1", line) for line in lines]
        journal.write_bytes(b"\n".join((header.replace(b'"version":2', b'"version":1'), *lines)))
    for snapshot in data.glob("stores/*/snapshot.json"):
        snapshot.write_bytes(_END.sub(b'"version":1}}}', snapshot.read_bytes()))


def kill_a_start(data: Path, rng: random.Random) -> None:
    """Start a mock, and kill it while it loads its code or reads its files."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--data", str(data)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    threading.Event().wait(rng.uniform(0.2, 1.0))
    process.kill()
    process.wait()


def is_compacting(data: Path) -> bool:
    """Whether a snapshot is being written."""
    return any(data.glob("stores/store-large/.snapshot.json.*"))


def is_deleting(data: Path) -> bool:
    """Whether a store is half deleted, or half made."""
    store = data / "stores/store-short"
    return store.exists() and not (store / "name.json").exists()


MOMENTS: dict[str, Callable[[Path], bool] | None] = {
    "compaction": is_compacting, "migration": None, "deletion": is_deleting, "any": None,
}  # fmt: skip
"""What the mock does when it is killed, and how that is seen; None is any moment."""


def wait_for(moment: str, data: Path, jobs: list[Future[Any]], rng: random.Random) -> None:
    """Wait until the mock does that, at most some seconds."""
    is_there = MOMENTS[moment]
    if is_there is None:
        threading.Event().wait(rng.random())
        return
    end = time.monotonic() + 10
    while not is_there(data) and time.monotonic() < end and not any(job.done() for job in jobs):
        time.sleep(0.0005)


def test_killed_mock_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    kills, compared = portion(2, 500), 0
    killed: Counter[str] = Counter()
    rng = random.Random(1)
    writers = [Writer("small", ""), Writer("large", LARGE)]
    deleted: list[dict[str, str]] = []
    for number in range(kills):
        moment = list(MOMENTS)[number % len(MOMENTS)]
        if moment == "migration":
            make_old(tmp_path)
            kill_a_start(tmp_path, rng)
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
            wait_for(moment, tmp_path, jobs, rng)
            process.send_signal(signal.SIGKILL)
            process.wait()
            for job in jobs:
                job.result()
        killed[moment] += 1
        killed["while a snapshot was written"] += is_compacting(tmp_path)
        killed["while a store was deleted or made"] += is_deleting(tmp_path)
    said(f"{kills} kills {dict(killed)}, {compared} carts compared, "
         f"{len(deleted)} stores deleted")  # fmt: skip
    assert compared > 0
    with mock("--data", str(tmp_path)) as (_, url):
        for writer in writers:
            writer.check(url)
    assert not (tmp_path / "damaged").exists()
