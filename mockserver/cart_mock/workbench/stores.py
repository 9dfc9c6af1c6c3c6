"""Stores: list, make, look at, reset and delete them."""

from __future__ import annotations

from typing import Any

from cart_mock.breaks import layer_of
from cart_mock.tenants.registry import UnknownStore
from cart_mock.tenants.tenant import Bench, Benches
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.times import clock_shown

Body = dict[str, Any]


def store_shown(bench: Bench) -> Body:
    """A store at a glance."""
    store = bench.store
    store.now()  # carts that are past their time are not counted
    return {
        "client_id": store.name,
        **store.counts(),
        "requests": len(store.journal.entries),
        "faults": len(bench.faults),
        "snapshots": list(bench.snapshots),
        "breaks": list(bench.breaks),
        "clock": clock_shown(store.clock),
    }


def set_breaks(bench: Bench, breaks: tuple[str, ...]) -> None:
    """Let a store break exactly these rules. Raises BreakError."""
    bench.store.set_interceptor("breaks", layer_of(breaks) if breaks else None)
    bench.breaks = breaks


class StoreOperations:
    """The operations on stores, each named after its ``operationId``."""

    def __init__(self, benches: Benches) -> None:
        self._benches = benches
        self._stores = benches.engine.stores

    async def list_stores(self) -> Body:
        """Every store, by name."""
        benches = [self._benches.of(store) for store in self._stores]
        return {"data": [store_shown(b) for b in sorted(benches, key=lambda b: b.store.name)]}

    async def create_store(self, body: Body) -> tuple[Body, int]:
        """Make a store before it is used."""
        name = body["client_id"]
        if self._stores.get(name) is not None:
            raise Refusal(
                "store-exists",
                f"there is a store {name[:200]!r}",
                "Use it, reset it with POST /_mock/stores/{store}/reset, or take another name.",
                "client_id",
            )
        try:
            store = self._stores.use(name)
        except UnknownStore:
            raise Refusal(
                "store-not-pinned",
                f"{name[:200]!r} is not among them",
                "Use a client_id of the file that cart-mock was started with.",
                "client_id",
            ) from None
        return {"data": store_shown(self._benches.of(store))}, 201

    async def get_store(self, store: str) -> Body:
        """One store at a glance."""
        return {"data": store_shown(self._benches.named(store))}

    async def delete_store(self, store: str) -> tuple[None, int]:
        """Delete a store with all it holds."""
        self._benches.delete(self._benches.named(store))
        return None, 204

    async def reset_store(self, store: str, body: Body | None = None) -> Body:
        """Bring a store back to what a new one is, but for what the body names."""
        bench = self._benches.named(store)
        keep = set((body or {}).get("keep", ()))
        held = bench.store
        if "clock" not in keep:
            held.clock.follow_machine()
        if "state" not in keep:
            self._stores.reset(held)
        if "faults" not in keep:
            bench.faults.clear()
        if "breaks" not in keep:
            set_breaks(bench, self._benches.breaks_of_new_stores)
        if "requests" not in keep:
            held.journal.entries.clear()
        if "coverage" not in keep:
            held.journal.exercised.clear()
        return {"data": store_shown(bench)}
