"""What ``--data`` promises when the machine loses power: a simulated storage loses what it may."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cart_mock.state.entities import Cart
from cart_mock.state.journal_storage import JournalStorage
from cart_mock.state.store import store_of
from cart_mock.tenants.registry import TenantRegistry

from tests.mock.power import LosingDisk
from tests.proofs.sizes import portion, said

NOW = 2**31
NAMES = ("shop", "other")
State = dict[str, dict[str, str]]
"""The stores, and the names of their carts by id."""


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[LosingDisk]:
    disk = LosingDisk(monkeypatch)
    yield disk
    disk.close()


class Workload:
    """Random changes of stores in a data directory, and power failures after and within them."""

    def __init__(self, disk: LosingDisk, folder: Path, seed: int, *, sync: bool) -> None:
        self._disk = disk
        self._folder = folder
        self.seed = seed
        self._rng = random.Random(seed)
        self._root = folder / "data"
        self._tenants = TenantRegistry(data=self._root, sync=sync)
        self.state: State = {}
        self.copies: list[Path] = []
        self._failures = 0
        disk.before_sync = self._fail_now_and_then

    def close(self) -> None:
        """Stop the mock."""
        self._disk.before_sync = lambda: None
        self._tenants.close()

    def step(self) -> None:
        """Do one thing, and lose power after it."""
        rng, name = self._rng, self._rng.choice(NAMES)
        tenant = self._tenants.use(name)
        carts = self.state.setdefault(name, {})
        actions = ("put", "remove", "compact", "replace", "delete")
        action = rng.choices(actions, (10, 3, 2, 2, 1))[0]
        cart = f"cart-{rng.randrange(4)}"
        if action == "put":
            value = f"name-{rng.random()}"
            tenant.store.put_cart(Cart(cart, value, NOW, NOW))
            carts[cart] = value
        elif action == "remove":
            tenant.store.delete_cart(cart)
            carts.pop(cart, None)
        elif action == "compact":
            storage = tenant.store._storage
            assert isinstance(storage, JournalStorage)
            storage.compact()
        elif action == "replace":
            new = {f"cart-{n}": f"new-{rng.random()}" for n in range(rng.randrange(4))}
            base = store_of((), [Cart(id_, text, NOW, NOW) for id_, text in new.items()])
            with tenant.store.taking(base) as replacement:
                replacement.write()
                tenant.store.take(base, replacement)
            self.state[name] = new
        else:
            self._tenants.delete(name)
            del self.state[name]
        self.fail()

    def fail(self) -> None:
        """Keep a copy of the directory as a power failure now may leave it."""
        self._failures += 1
        place = self._folder / f"copy-{self._failures}"
        self._disk.lose(self._root, place, self._rng)
        self.copies.append(place)

    def _fail_now_and_then(self) -> None:
        if self._rng.random() < 0.5:
            self.fail()

    def taken_up(self) -> Iterator[tuple[State, list[str]]]:
        """Yield what a mock finds in each copy: its stores, and the names of those set aside."""
        self._disk.is_on = False
        for place in self.copies:
            tenants = TenantRegistry(data=place)
            found = {
                tenant.name: {cart.id: cart.name for cart in tenant.store.everything()[1]}
                for tenant in tenants
            }
            tenants.close()
            damaged = place / "damaged"
            yield found, [path.name for path in damaged.iterdir()] if damaged.exists() else []
        self._disk.is_on = True
        self.copies.clear()


# The first seed finds a part of a journal that is replayed over a newer snapshot.
SEEDS = range(58, 58 + portion(3, 2_000))


def workloads(disk: LosingDisk, folder: Path, *, sync: bool) -> Iterator[Workload]:
    """Yield a workload of each seed, in a folder of its own, and stop its mock."""
    for seed in SEEDS:
        own = folder / str(seed)
        own.mkdir()
        work = Workload(disk, own, seed, sync=sync)
        yield work
        work.close()


def test_power_failure_costs_no_acknowledged_change_with_sync(
    disk: LosingDisk, tmp_path: Path
) -> None:
    failures = 0
    for work in workloads(disk, tmp_path, sync=True):
        for _ in range(15):
            before: State = copy.deepcopy(work.state)
            work.step()
            # A store that was made on the way is there without carts, or not at all.
            ways: list[Any] = [before, work.state]
            ways += [{**before, name: {}} for name in NAMES if name not in before]
            ways += [{n: c for n, c in before.items() if n != name} for name in NAMES]
            found = list(work.taken_up())
            assert all(state in ways and aside == [] for state, aside in found), (work.seed, found)
            assert found[-1][0] == work.state, work.seed
            failures += len(found)
    said(f"{failures} power failures with --sync always")


def test_power_failure_leaves_each_store_as_it_once_was_without_sync(
    disk: LosingDisk, tmp_path: Path
) -> None:
    failures = 0
    for work in workloads(disk, tmp_path, sync=False):
        past: dict[str, list[Any]] = {name: [{}] for name in NAMES}
        for _ in range(15):
            work.step()
            for name, carts in work.state.items():
                past[name].append(dict(carts))
            for state, aside in work.taken_up():
                failures += 1
                for name, carts in state.items():
                    assert carts in past[name], (work.seed, name, carts)
                # A file whose content was lost is found, and nothing of it is served.
                assert {name.removeprefix("store-") for name in aside} <= set(NAMES)
    said(f"{failures} power failures without --sync")
