"""Named snapshots of a store's carts and customers, and what changed from one to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from cart_mock.state.accounts import NO_ACCOUNTS, AccountContent
from cart_mock.state.entities import Cart, Customer
from cart_mock.state.seed import exported
from cart_mock.state.shop import NO_CONTENT, ShopContent
from cart_mock.state.store import Store


class Snapshot(NamedTuple):
    """The content of a store at ``taken_at``, in seconds since the epoch of its tenant's time."""

    taken_at: int
    customers: tuple[Customer, ...]
    carts: tuple[Cart, ...]
    associations: int
    """How many associations the carts have together."""
    shop: ShopContent = NO_CONTENT
    accounts: AccountContent = NO_ACCOUNTS


def freeze_snapshot(store: Store, now: float) -> Callable[[], Snapshot]:
    """Return a function that makes the snapshot of a store as it is ``now``, in any thread."""
    read, read_shop = store.freeze(), store.shop.freeze()
    read_accounts = store.accounts.freeze()

    def make() -> Snapshot:
        customers, carts = read()
        associations = sum(len(cart.owners) for cart in carts)
        return Snapshot(
            int(now), tuple(customers), tuple(carts), associations, read_shop(), read_accounts()
        )

    return make


def difference(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """Return what is added, removed and changed; passwords are compared, and left out."""
    old, new = (
        exported(s.customers, s.carts, s.shop, accounts=s.accounts, times=True)
        for s in (before, after)
    )
    customers = _changes(old["customers"], new["customers"])
    carts = _changes(old["carts"], new["carts"])
    links = [{tuple(link.items()): link for link in state["associations"]} for state in (old, new)]
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
    return {
        "same": has_same_settings and not any(found for p in all_parts for found in p.values()),
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
