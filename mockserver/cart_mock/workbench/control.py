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
    """Return the tenant that a path names by its ``client_id``. Raises Refusal if there is none."""
    tenant = control().mock.tenants.get(name_in_path(name))
    if tenant is None:
        raise Refusal(
            "store-unknown",
            f"there is no store {name[:200]!r}",
            "Use it once with its client_id, or make it with POST /_mock/stores.",
            "store",
        )
    return tenant


def name_in_path(segment: str) -> str:
    """Return the name in a path segment, in which an encoded slash is still encoded."""
    return segment.replace("%2F", "/").replace("%2f", "/")
