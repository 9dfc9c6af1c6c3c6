"""Named snapshots of a store's carts and customers, and what changed from one to another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

import msgspec

from cart_mock.state.accounts import NO_ACCOUNTS, AccountContent
from cart_mock.state.entities import Cart, Customer
from cart_mock.state.long_work import free
from cart_mock.state.seed import exported
from cart_mock.state.shop import NO_CONTENT, ShopContent
from cart_mock.state.store import Store
from cart_mock.state.turns import in_turns

_ENTITY, _TEXT = 400, 2
"""How many bytes a cart, a customer and the like take, and how many for each byte of their JSON."""


class Snapshot(NamedTuple):
    """The content of a store at ``taken_at``, in seconds since the epoch of its tenant's time."""

    taken_at: int
    customers: tuple[Customer, ...]
    carts: tuple[Cart, ...]
    associations: int
    """How many associations the carts have together."""
    shop: ShopContent = NO_CONTENT
    accounts: AccountContent = NO_ACCOUNTS
    size: int = 0
    """How many bytes it takes, about."""

    def parts(self) -> list[list[Any]]:
        """Return the parts of the snapshot, so that a thread can free them."""
        return [list(self.carts), list(self.customers), *map(list, self.shop[:3])]


class SnapshotsFull(Exception):
    """A snapshot would take more memory than all of them may; the message says how much."""


class SnapshotMemory:
    """What all snapshots of a process may take together, in bytes; None is any number."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.used = 0


class Snapshots(MutableMapping[str, Snapshot]):
    """The snapshots of one store by name, the one taken last at the end."""

    def __init__(self, memory: SnapshotMemory | None = None) -> None:
        self._memory = memory or SnapshotMemory()
        self._all: dict[str, Snapshot] = {}

    @property
    def used(self) -> int:
        """How many bytes the snapshots take that share a memory with these."""
        return self._memory.used

    def __getitem__(self, name: str) -> Snapshot:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __setitem__(self, name: str, snapshot: Snapshot) -> None:
        """Keep a snapshot in place of the one of that name. Raises SnapshotsFull."""
        old = self._all.get(name)
        used = self._memory.used + snapshot.size - (0 if old is None else old.size)
        limit = self._memory.limit
        if limit is not None and used > limit:
            raise SnapshotsFull(f"the snapshots of all stores would take more than {limit} bytes")
        self._all.pop(name, None)
        self._all[name] = snapshot
        self._memory.used = used

    def __delitem__(self, name: str) -> None:
        self._memory.used -= self._all.pop(name).size


def freeze_snapshot(store: Store, now: float) -> Callable[[], Snapshot]:
    """Return a function that makes the snapshot of a store as it is ``now``, in any thread."""
    read, read_shop = store.freeze(), store.shop.freeze()
    read_accounts = store.accounts.freeze()

    def make() -> Snapshot:
        all_customers, all_carts = read()
        customers, carts = tuple(all_customers), tuple(all_carts)
        associations = sum(len(cart.owners) for cart in carts)
        shop, accounts = read_shop(), read_accounts()
        entities = itertools.chain(customers, carts, *shop[:3], *accounts)
        size = sum(_ENTITY + _TEXT * len(_encode(entity)) for entity in in_turns(entities))
        return Snapshot(int(now), customers, carts, associations, shop, accounts, size)

    return make


def _encode(entity: object) -> bytes:
    return msgspec.json.encode(entity, enc_hook=tuple)  # the owners of a cart that has many


def difference(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """Return what is added, removed and changed; passwords are compared, and left out."""
    old, new = (
        exported(s.customers, s.carts, s.shop, accounts=s.accounts, times=True)
        for s in (before, after)
    )
    customers = _changes(old["customers"], new["customers"])
    carts = _changes(old["carts"], new["carts"])
    links: list[Any] = [
        {tuple(link.items()): link for link in state["associations"]} for state in (old, new)
    ]
    associations = {
        "added": [link for key, link in links[1].items() if key not in links[0]],
        "removed": [link for key, link in links[0].items() if key not in links[1]],
    }
    parts: dict[str, Any] = {
        name: _changes(old.get(name, ()), new.get(name, ()))
        for name in ("accounts", "members", "memberships", "products", "addresses", "orders")
        if name in old or name in new
    }
    has_same_settings = before.shop.settings == after.shop.settings
    all_parts = (customers, carts, associations, *parts.values())
    is_same = not any(found for p in all_parts for found in p.values())
    free([*links, *(each for state in (old, new) for each in state.values())])
    return {
        "same": has_same_settings and is_same,
        "customers": customers,
        "carts": carts,
        "associations": associations,
        **parts,
        **({} if has_same_settings else {"settings": _settings(before, after)}),
    }


def _settings(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    old, new = (msgspec.to_builtins(each.shop.settings) for each in (before, after))
    return {"changed": _fields(old, new)}


def _changes(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> dict[str, list[Any]]:
    old, new = ({entry["id"]: entry for entry in state} for state in (before, after))
    return {
        "added": [_without_hash(entry) for key, entry in new.items() if key not in old],
        "removed": [_without_hash(entry) for key, entry in old.items() if key not in new],
        "changed": [
            {"id": key, "fields": _fields(old[key], entry)}
            for key, entry in new.items()
            if key in old and old[key] != entry
        ],
    }


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {
        "password" if name == "password_hash" else name: (
            {"changed": True}
            if name == "password_hash"
            else {"before": before.get(name), "after": after.get(name)}
        )
        for name in changed
    }


def _without_hash(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "password_hash"}
