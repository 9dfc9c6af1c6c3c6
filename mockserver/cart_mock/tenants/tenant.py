"""What the workbench keeps for each store beside what the store itself holds."""

from __future__ import annotations

from cart_mock.api.endpoints import Engine
from cart_mock.state.snapshots import Snapshot
from cart_mock.state.store import Store
from cart_mock.tenants.faults import Faults, Plan
from cart_mock.workbench.errors import Refusal


def name_in_path(part: str) -> str:
    """The name that a part of a path stands for: an encoded slash arrives there as it was sent."""
    return part.replace("%2F", "/").replace("%2f", "/")


class Bench:
    """One store with its faults, snapshots and broken rules."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self.store = store
        self.faults = faults
        self.snapshots: dict[str, Snapshot] = {}
        self.breaks: tuple[str, ...] = ()


class Benches:
    """Finds the bench of a store, made when the workbench first looks at it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._benches: dict[Store, Bench] = {}

    def named(self, name: str) -> Bench:
        """The bench of the store with that ``client_id``. Raises Refusal if there is none."""
        store = self.engine.stores.get(name_in_path(name))
        if store is None:
            raise Refusal(
                "store-unknown",
                f"there is no store {name[:200]!r}",
                "Use it once with its client_id, or make it with POST /_mock/stores.",
                "store",
            )
        return self.of(store)

    @property
    def breaks_of_new_stores(self) -> tuple[str, ...]:
        """The rules that the process was started to break in every store."""
        return () if self.engine.breaks is None else self.engine.breaks.of_stores

    def of(self, store: Store) -> Bench:
        """The bench of a store."""
        bench = self._benches.get(store)
        if bench is None:
            faults = Faults(store, self.engine.errors, self._operations_of)
            bench = self._benches[store] = Bench(store, faults)
            bench.breaks = self.breaks_of_new_stores
        return bench

    def delete(self, bench: Bench) -> None:
        """Delete a store with all it holds, here too."""
        bench.faults.clear()
        self._benches.pop(bench.store, None)
        self.engine.stores.delete(bench.store.name)

    def _operations_of(self, plan: Plan) -> frozenset[str]:
        contract = self.engine.contract
        operations = frozenset(contract.operations)
        rule = next((rule for rule in contract.rules if rule.id == plan.rule), None)
        if rule is not None:
            operations = frozenset(rule.operations)
        return operations if plan.operation is None else operations & {plan.operation}
