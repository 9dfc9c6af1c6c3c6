"""Operations on rules that a store breaks on purpose."""

from __future__ import annotations

from typing import Any

from cart_mock.breaks import BREAKS, BreakError, interceptor_of
from cart_mock.tenants.tenant import Tenant
from cart_mock.workbench.control import tenant_named
from cart_mock.workbench.errors import Refusal

Body = dict[str, Any]


def replace_breaks(tenant: Tenant, names: tuple[str, ...]) -> None:
    """Let a tenant break exactly these rules. Raises BreakError if a name is unknown."""
    tenant.interceptors.set("breaks", interceptor_of(names) if names else None)
    tenant.breaks = names


async def list_breaks() -> Body:
    """List the ways in which a rule can be broken."""
    return {
        "data": [
            {"id": name, "rule": b.rule, "sentence": b.sentence, "scope": str(b.scope)}
            for name, b in BREAKS.items()
        ]
    }


async def get_breaks(store: str) -> Body:
    """List the rules that a store breaks."""
    return {"data": list(tenant_named(store).breaks)}


async def set_breaks(store: str, body: Body) -> Body:
    """Let a store break exactly the rules that are named."""
    tenant = tenant_named(store)
    try:
        replace_breaks(tenant, tuple(body["breaks"]))
    except BreakError as error:
        hint = "GET /_mock/breaks lists the valid names."
        raise Refusal("break-unknown", str(error).rstrip("."), hint, "breaks") from None
    return {"data": list(tenant.breaks)}
