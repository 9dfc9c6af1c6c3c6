"""Replaces the content of a tenant's store while other requests are served."""

from __future__ import annotations

from collections.abc import Callable

from cart_mock.state.long_work import free, in_thread
from cart_mock.state.seed import Seed
from cart_mock.state.store import Store, store_of
from cart_mock.tenants.tenant import Tenant


async def refill(tenant: Tenant, size: int, make: Callable[[], Store]) -> None:
    """Replace the content of a tenant's store by that of a store that is made in a thread.

    It has about ``size`` carts and customers. Raises TenantDeleted, StorageFailed.
    """
    store = tenant.store
    size += sum(store.counts().values())
    filled = await in_thread(size, make)
    tenant.require()
    with store.taking(filled) as replacement:
        await in_thread(size, replacement.write)
        tenant.require()
        had = store.parts()
        store.take(filled, replacement)
    await in_thread(size, free, had)


def seeded(seed: Seed, now: int, *, is_indexed: bool = True) -> Store:
    """Return a store in memory with a seed that is sown ``now``, in seconds since the epoch."""
    return store_of(
        seed.customer_entities(now), seed.cart_entities(now), seed.shop_entities(now),
        seed.account_entities(now), is_indexed=is_indexed,
    )  # fmt: skip


def fill(store: Store, seed: Seed, now: int) -> None:
    """Replace the content of a store by a seed that is sown ``now``."""
    store.fill(
        seed.customer_entities(now), seed.cart_entities(now), seed.shop_entities(now),
        seed.account_entities(now),
    )  # fmt: skip
