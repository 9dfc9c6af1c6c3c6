"""Operations on stores: list, create, get, reset and delete them."""

from __future__ import annotations

from typing import Any

from connexion.lifecycle import ConnexionResponse

from cart_mock.errors import no_more_stores
from cart_mock.state.long_work import free, in_thread
from cart_mock.tenants.registry import UnknownTenant
from cart_mock.tenants.stubs import Stubs
from cart_mock.tenants.tenant import Tenant, TooManyTenants
from cart_mock.workbench.breaks_api import replace_breaks
from cart_mock.workbench.control import control, exists, tenant_named
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.slices import json_lists
from cart_mock.workbench.times import clock_to_dict

Body = dict[str, Any]


def tenant_to_dict(tenant: Tenant) -> Body:
    """Return a summary of a tenant's store and situation."""
    tenant.now()  # carts that have expired are not counted
    return {
        "client_id": tenant.name,
        **tenant.store.counts(),
        **tenant.store.shop.counts(),
        "requests": len(tenant.request_log.kept),
        "faults": len(tenant.faults),
        "snapshots": list(tenant.snapshots),
        "breaks": list(tenant.breaks),
        "stubs": len(tenant.stubs),
        "clock": clock_to_dict(tenant.clock),
    }


async def list_stores() -> ConnexionResponse:
    """List every store, by name."""
    tenants = sorted(control().mock.tenants, key=lambda tenant: tenant.name)
    return await json_lists({"data": map(tenant_to_dict, tenants)})


async def create_store(body: Body) -> tuple[Body, int]:
    """Create a store before it is used."""
    name, tenants = body["client_id"], control().mock.tenants
    if tenants.get(name) is not None:
        raise Refusal(
            "store-exists",
            f"there is a store {name[:200]!r}",
            "Use it, reset it with POST /_mock/stores/{store}/reset, or take another name.",
            "client_id",
        )
    try:
        if tenants.takes_long(name):
            await tenants.use_in_thread(name)
        tenant = tenants.use(name)
    except TooManyTenants as error:
        raise Refusal("service-unavailable", *no_more_stores(error)[:2]) from None
    except UnknownTenant:
        raise Refusal(
            "store-not-pinned",
            f"{name[:200]!r} is not among them",
            "Use a client_id of the file that cart-mock was started with.",
            "client_id",
        ) from None
    return {"data": tenant_to_dict(tenant)}, 201


async def get_store(store: str) -> Body:
    """Return a summary of one store."""
    return {"data": tenant_to_dict(tenant_named(store))}


async def delete_store(store: str) -> tuple[None, int]:
    """Delete a store with all its content."""
    tenant = tenant_named(store)
    size, had = sum(tenant.store.counts().values()), tenant.store.parts()
    for parts in [snapshot.parts() for snapshot in tenant.snapshots.values()]:
        size += len(parts[0])
        had += parts
    control().mock.tenants.delete(tenant.name)
    del tenant  # or its tables would keep what they have
    await in_thread(size, free, had)
    return None, 204


async def reset_store(store: str, body: Body | None = None) -> Body:
    """Reset a store to the state of a new one, except for the parts that the body names."""
    tenant, mock = tenant_named(store), control().mock
    keep = set((body or {}).get("keep", ()))
    if "clock" not in keep:
        tenant.clock.follow_machine()
    if "state" not in keep:
        with exists(tenant):
            await mock.tenants.reset_in_thread(tenant)
    if "faults" not in keep:
        tenant.faults.clear()
    if "breaks" not in keep:
        replace_breaks(tenant, () if mock.breaks is None else mock.breaks.of_stores)
    if "forward" not in keep:
        tenant.forward = None
    if "stubs" not in keep:
        tenant.stubs = Stubs()
    if "requests" not in keep:
        tenant.request_log.clear()
    if "coverage" not in keep:
        tenant.request_log.exercised.clear()
    return {"data": tenant_to_dict(tenant)}
