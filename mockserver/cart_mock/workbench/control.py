"""What the control API's functions work on: the mock, its metrics, and the tenant in the path."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from connexion import request as current_request

from cart_mock.api.endpoints import Mock
from cart_mock.telemetry.metrics import Metrics
from cart_mock.tenants.tenant import Tenant
from cart_mock.workbench.errors import Refusal

CONTROL: Final = "cart-mock.control"
"""Where the ASGI scope of a request holds the `Control`."""


@dataclass(frozen=True, slots=True)
class Control:
    """One mock under control. ``started`` is when, by the monotonic clock."""

    mock: Mock
    metrics: Metrics
    started: float = field(default_factory=time.monotonic)


def control() -> Control:
    """Return what the present request controls."""
    found: Control = current_request.scope[CONTROL]
    return found


def tenant_named(name: str) -> Tenant:
    """Return the tenant with the ``client_id`` in a path. Raises Refusal if it does not exist."""
    tenant = control().mock.tenants.get(name_in_path(name))
    if tenant is None:
        raise _unknown(name)
    return tenant


def check_exists(tenant: Tenant) -> None:
    """Raise Refusal if a tenant was deleted while its request waited."""
    if tenant.is_deleted:
        raise _unknown(tenant.name)


def _unknown(name: str) -> Refusal:
    return Refusal(
        "store-unknown",
        f"the store {name[:200]!r} does not exist",
        "Use it once with its client_id, or make it with POST /_mock/stores.",
        "store",
    )


def name_in_path(segment: str) -> str:
    """Return the name in a path segment, in which an encoded slash is still encoded."""
    return segment.replace("%2F", "/").replace("%2f", "/")
