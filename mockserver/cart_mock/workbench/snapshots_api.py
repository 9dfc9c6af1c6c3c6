"""Operations on snapshots: take, list, export, restore, compare and delete them."""

from __future__ import annotations

from functools import partial
from typing import Any

from connexion.lifecycle import ConnexionResponse

from cart_mock.state.long_work import free, in_thread
from cart_mock.state.seed import by_update, export_lists
from cart_mock.state.shop_seed import settings_of
from cart_mock.state.snapshots import Snapshot, SnapshotsFull, difference, freeze_snapshot
from cart_mock.state.store import store_of
from cart_mock.tenants.tenant import Tenant
from cart_mock.workbench.control import SNAPSHOT, check_exists, name_in_path, tenant_named
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.slices import json_answer, json_bytes, json_of
from cart_mock.workbench.state_api import fill
from cart_mock.workbench.stores_api import tenant_to_dict
from cart_mock.workbench.times import format_time

Body = dict[str, Any]

MAX_SNAPSHOTS = 100
"""Largest number of snapshots of one store."""


def _to_dict(name: str, snapshot: Snapshot) -> Body:
    return {
        "name": name,
        "taken_at": format_time(snapshot.taken_at),
        "customers": len(snapshot.customers),
        "accounts": len(snapshot.accounts.accounts),
        "carts": len(snapshot.carts),
        "associations": snapshot.associations,
    }


def _snapshot_named(tenant: Tenant, name: str, source: str = "snapshot") -> Snapshot:
    snapshot = tenant.snapshots.get(name)
    if snapshot is None:
        known = ", ".join(tenant.snapshots) or "none yet"
        raise Refusal(
            "snapshot-unknown",
            f"the snapshot {name[:200]!r} does not exist",
            f"The snapshots of this store are: {known}. "
            "Take one with PUT /_mock/stores/{store}/snapshots/{snapshot}.",
            source,
        )
    return snapshot


async def _now(tenant: Tenant) -> Snapshot:
    # The time first: carts that have expired are not in it.
    now = tenant.now()
    size = sum(tenant.store.counts().values())
    snapshot = await in_thread(size, freeze_snapshot(tenant.store, now))
    check_exists(tenant)
    return snapshot


async def list_snapshots(store: str) -> Body:
    """List the snapshots of a store, oldest first."""
    return {"data": [_to_dict(name, s) for name, s in tenant_named(store).snapshots.items()]}


async def take_snapshot(store: str, snapshot: str) -> Body:
    """Store the current content under a name."""
    tenant, name = tenant_named(store), name_in_path(snapshot, SNAPSHOT)
    taken = await _now(tenant)
    if len(tenant.snapshots) >= MAX_SNAPSHOTS and name not in tenant.snapshots:
        reason = f"this store has {MAX_SNAPSHOTS} snapshots"
        raise Refusal("request-invalid", reason, "Delete one first.", "snapshot")
    old = tenant.snapshots.get(name)
    had = [] if old is None else old.parts()
    del old
    try:
        tenant.snapshots[name] = taken
    except SnapshotsFull as error:
        hint = "Delete others, or raise --snapshot-memory."
        raise Refusal("snapshots-full", str(error), hint, "snapshot") from None
    await in_thread(sum(map(len, had)), free, had)
    return {"data": _to_dict(name, taken)}


async def export_snapshot(store: str, snapshot: str, times: bool = False) -> ConnexionResponse:
    """Export a snapshot as a seed file."""
    found = _snapshot_named(tenant_named(store), name_in_path(snapshot, SNAPSHOT))
    return json_answer(await in_thread(len(found.carts), _exported, found, times))


def _exported(snapshot: Snapshot, times: bool) -> bytes:
    lists = export_lists(
        snapshot.customers, by_update(snapshot.carts), snapshot.shop,
        accounts=snapshot.accounts, times=times,
    )  # fmt: skip
    return json_bytes(lists, **settings_of(snapshot.shop))


async def delete_snapshot(store: str, snapshot: str) -> tuple[None, int]:
    """Delete a snapshot."""
    tenant, name = tenant_named(store), name_in_path(snapshot, SNAPSHOT)
    had = _snapshot_named(tenant, name).parts()
    del tenant.snapshots[name]
    await in_thread(len(had[0]), free, had)
    return None, 204


async def restore_snapshot(store: str, snapshot: str) -> Body:
    """Replace a store's content by that of a snapshot."""
    tenant = tenant_named(store)
    found = _snapshot_named(tenant, name_in_path(snapshot, SNAPSHOT))
    make = partial(store_of, found.customers, found.carts, found.shop, found.accounts)
    await fill(tenant, len(found.customers) + len(found.carts), make)
    return {"data": tenant_to_dict(tenant)}


async def diff_states(store: str, before: str, after: str | None = None) -> ConnexionResponse:
    """Compare a snapshot with another one, or with the current content."""
    tenant = tenant_named(store)
    first = _snapshot_named(tenant, before, "before")
    if after is None:
        second, own = [await _now(tenant)], True
    else:
        second, own = [_snapshot_named(tenant, after, "after")], False
    size = len(first.carts) + len(second[0].carts)
    return json_answer(await in_thread(size, _compared, first, second, is_own=own))


def _compared(first: Snapshot, seconds: list[Snapshot], *, is_own: bool) -> bytes:
    """Return the JSON of a difference. Remove the second snapshot, so that this thread frees it."""
    second = seconds.pop()
    found = difference(first, second)
    content = json_of(found)
    had: list[Any] = [e for part in found.values() if isinstance(part, dict) for e in part.values()]
    if is_own:
        had += second.parts()
    del found, second
    free(had)
    return content
