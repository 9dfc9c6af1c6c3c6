"""Bringing a store into a state: scenarios, import, export, snapshots and their difference."""

from __future__ import annotations

import asyncio
from typing import Any

from cart_mock.state.scenarios import BIG_SHOP, SCENARIOS, scenario
from cart_mock.state.seed import Seed, SeedError, exported, seed_of
from cart_mock.state.snapshots import Snapshot, difference, snapshot_of
from cart_mock.tenants.tenant import Bench, Benches, name_in_path
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.stores import store_shown
from cart_mock.workbench.times import shown_time

Body = dict[str, Any]

MOST_SNAPSHOTS = 100
"""How many snapshots a store keeps."""


def _snapshot_shown(name: str, snapshot: Snapshot) -> Body:
    return {
        "name": name,
        "taken_at": shown_time(snapshot.taken_at),
        "customers": len(snapshot.customers),
        "carts": len(snapshot.carts),
        "associations": snapshot.associations,
    }


def _snapshot(bench: Bench, name: str, source: str = "snapshot") -> Snapshot:
    snapshot = bench.snapshots.get(name)
    if snapshot is None:
        known = ", ".join(bench.snapshots) or "none yet"
        raise Refusal(
            "snapshot-unknown",
            f"there is no snapshot {name!r}",
            f"The snapshots of this store are: {known}. "
            "Take one with PUT /_mock/stores/{store}/snapshots/{snapshot}.",
            source,
        )
    return snapshot


class StateOperations:
    """The operations on a store's state, each named after its ``operationId``."""

    def __init__(self, benches: Benches) -> None:
        self._benches = benches

    async def list_scenarios(self) -> Body:
        """The ready scenarios."""
        return {"data": [{"name": n, "description": text} for n, text in SCENARIOS.items()]}

    async def seed_store(self, store: str, body: Body) -> Body:
        """Bring a store to a ready scenario."""
        bench, name = self._benches.named(store), body["scenario"]
        if name not in SCENARIOS:
            raise Refusal(
                "scenario-unknown",
                f"there is no scenario {name[:200]!r}",
                f"The scenarios are: {', '.join(SCENARIOS)}.",
                "scenario",
            )
        if "carts" in body and name != BIG_SHOP:
            advice = f"Leave it out, or take the scenario {BIG_SHOP}."
            what = f"the scenario {name} has its own carts"
            raise Refusal("request-invalid", what, advice, "carts")
        await _fill(bench, await asyncio.to_thread(scenario, name, body.get("carts")))
        return {"data": store_shown(bench)}

    async def export_state(self, store: str, times: bool = False) -> Body:
        """A store's state as a seed file."""
        bench = self._benches.named(store)
        bench.store.now()  # carts that are past their time are not there
        return exported(*bench.store.everything(), times=times)

    async def import_state(self, store: str, body: Body) -> Body:
        """Bring a store to what an export holds, or change nothing."""
        bench = self._benches.named(store)
        try:
            seed = await asyncio.to_thread(seed_of, body, "the state")
        except SeedError as error:
            raise Refusal(
                "state-invalid", str(error), "Nothing was changed; send it corrected."
            ) from None
        await _fill(bench, seed)
        return {"data": store_shown(bench)}

    async def list_snapshots(self, store: str) -> Body:
        """The snapshots of a store, oldest first."""
        snapshots = self._benches.named(store).snapshots
        return {"data": [_snapshot_shown(name, s) for name, s in snapshots.items()]}

    async def take_snapshot(self, store: str, snapshot: str) -> Body:
        """Keep the present state under a name."""
        bench, snapshot = self._benches.named(store), name_in_path(snapshot)
        if len(bench.snapshots) >= MOST_SNAPSHOTS and snapshot not in bench.snapshots:
            what = f"this store has {MOST_SNAPSHOTS} snapshots"
            raise Refusal("request-invalid", what, "Delete one first.", "snapshot")
        bench.snapshots.pop(snapshot, None)
        taken = bench.snapshots[snapshot] = snapshot_of(bench.store)
        return {"data": _snapshot_shown(snapshot, taken)}

    async def export_snapshot(self, store: str, snapshot: str, times: bool = False) -> Body:
        """A snapshot as a seed file."""
        found = _snapshot(self._benches.named(store), name_in_path(snapshot))
        return exported(found.customers, found.carts, times=times)

    async def delete_snapshot(self, store: str, snapshot: str) -> tuple[None, int]:
        """Forget a snapshot."""
        bench, snapshot = self._benches.named(store), name_in_path(snapshot)
        _snapshot(bench, snapshot)
        del bench.snapshots[snapshot]
        return None, 204

    async def restore_snapshot(self, store: str, snapshot: str) -> Body:
        """Bring a store back to a snapshot."""
        bench = self._benches.named(store)
        found = _snapshot(bench, name_in_path(snapshot))
        bench.store.fill(found.customers, found.carts)
        return {"data": store_shown(bench)}

    async def diff_states(self, store: str, before: str, after: str | None = None) -> Body:
        """What changed from one snapshot to another, or to the present state."""
        bench = self._benches.named(store)
        first = _snapshot(bench, before, "before")
        second = snapshot_of(bench.store) if after is None else _snapshot(bench, after, "after")
        return difference(first, second)


async def _fill(bench: Bench, seed: Seed) -> None:
    now = int(bench.store.clock.now())
    # Hashing passwords is slow on purpose, and the seed is nobody else's.
    customers = await asyncio.to_thread(seed.customer_entities, now)
    bench.store.fill(customers, seed.cart_entities(now))
