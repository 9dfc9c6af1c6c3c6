"""Operations on a store's content: built-in scenarios, import and export."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from connexion.lifecycle import ConnexionResponse

from cart_mock.state.accounts import AccountContent
from cart_mock.state.entities import Cart, Customer
from cart_mock.state.long_work import LARGE, free, in_thread
from cart_mock.state.scenarios import BIG_SHOP, SCENARIOS, scenario
from cart_mock.state.seed import Seed, SeedError, export_lists, seed_of
from cart_mock.state.shop import ShopContent
from cart_mock.state.shop_seed import settings_of
from cart_mock.state.store import Store
from cart_mock.tenants.refill import refill, seeded
from cart_mock.tenants.tenant import Tenant
from cart_mock.workbench.control import exists, sent_seed, tenant_named
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.slices import json_answer, json_bytes
from cart_mock.workbench.stores_api import tenant_to_dict

Body = dict[str, Any]


STATE = "the state"
"""The name of a state in errors."""


def invalid_state(error: SeedError) -> Refusal:
    """Return the refusal of a state that cannot be imported."""
    return Refusal("state-invalid", str(error), "Nothing was changed; send it corrected.")


async def list_scenarios() -> Body:
    """List the built-in scenarios."""
    return {"data": [{"name": n, "description": text} for n, text in SCENARIOS.items()]}


async def seed_store(store: str, body: Body) -> Body:
    """Replace a store's content by a built-in scenario."""
    tenant, name = tenant_named(store), body["scenario"]
    if name not in SCENARIOS:
        raise Refusal(
            "scenario-unknown",
            f"the scenario {name[:200]!r} does not exist",
            f"The scenarios are: {', '.join(SCENARIOS)}.",
            "scenario",
        )
    if "carts" in body and name != BIG_SHOP:
        raise Refusal(
            "request-invalid",
            f"the scenario {name} has its own carts",
            f"Leave it out, or take the scenario {BIG_SHOP}.",
            "carts",
        )
    size = body.get("carts", LARGE) if name == BIG_SHOP else 0
    await _fill(tenant, [await in_thread(size, scenario, name, body.get("carts"))])
    return {"data": tenant_to_dict(tenant)}


async def export_state(store: str, times: bool = False) -> ConnexionResponse:
    """Export a store's content as a seed file."""
    tenant = tenant_named(store)
    tenant.now()  # carts that have expired are not exported
    held = tenant.store
    read = partial(
        _exported, held.freeze(by_update=True), held.shop.freeze(), held.accounts.freeze()
    )
    return json_answer(await in_thread(sum(held.counts().values()), read, times))


def _exported(
    read: Callable[[], tuple[Iterable[Customer], Iterable[Cart]]],
    read_shop: Callable[[], ShopContent], read_accounts: Callable[[], AccountContent], times: bool,
) -> bytes:  # fmt: skip
    shop = read_shop()
    lists = export_lists(*read(), shop, accounts=read_accounts(), times=times)
    return json_bytes(lists, **settings_of(shop))


async def import_state(store: str, body: Body) -> Body:
    """Replace a store's content by that of an export. An invalid export changes nothing."""
    tenant, seeds = tenant_named(store), sent_seed()
    if not seeds:
        try:
            seeds = [await asyncio.to_thread(seed_of, body, STATE)]
        except SeedError as error:
            raise invalid_state(error) from None
    await _fill(tenant, seeds)
    return {"data": tenant_to_dict(tenant)}


async def fill(tenant: Tenant, size: int, make: Callable[[], Store]) -> None:
    """Replace a store's content by that of a store that a thread makes. Raises Refusal."""
    with exists(tenant):
        await refill(tenant, size, make)


async def _fill(tenant: Tenant, seeds: list[Seed]) -> None:
    # Hashing passwords is slow on purpose, and a seed can have 1,000,000 carts.
    size = len(seeds[0].carts) + len(seeds[0].customers)
    await fill(tenant, size, partial(_filled, seeds, int(tenant.clock.now())))


def _filled(seeds: list[Seed], now: int) -> Store:
    """Return a store with the last seed, which is taken out: this thread frees it, not the loop."""
    seed = seeds.pop()
    made = seeded(seed, now)
    lists = [list(each) for each in (seed.carts, seed.customers, seed.associations)]
    del seed
    free(lists)
    return made
