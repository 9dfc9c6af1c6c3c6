"""The objects that the control API's functions use: mock, metrics, and the tenant in the path."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from cart_spec.paths import decoded_path
from connexion import request as current_request

from cart_mock.api.endpoints import Mock
from cart_mock.state.seed import Seed
from cart_mock.telemetry.metrics import Metrics
from cart_mock.tenants.tenant import Tenant, TenantDeleted
from cart_mock.workbench.errors import Refusal

_acting: ContextVar[Control | None] = ContextVar("acting", default=None)

CONTROL: Final = "cart-mock.control"
"""The name in the ASGI scope under which the `Control` is stored."""

SEED: Final = "cart-mock.seed"
"""The name in the ASGI scope of a list with the seed that was read from a large body."""
_STORE = 3
SNAPSHOT: Final = 5
"""The place of a snapshot's name in ``/_mock/stores/STORE/snapshots/SNAPSHOT``."""
_SLASH = re.compile(rb"%2[Ff]")


Refresh = Callable[[str | None], Awaitable[None]]


async def nothing_new(_store: str | None) -> None:
    """Bring in nothing: this process has everything."""


@dataclass(frozen=True, slots=True)
class Control:
    """A mock with its metrics. ``started`` is its start time by the monotonic clock.

    ``refresh`` brings in what other processes did to a store, or to the requests without one.
    """

    mock: Mock
    metrics: Metrics
    refresh: Refresh = nothing_new
    started: float = field(default_factory=time.monotonic)


def control() -> Control:
    """Return the control object of the current request."""
    found: Control = _acting.get() or current_request.scope[CONTROL]
    return found


def sent_seed() -> list[Seed]:
    """Return the large state that the current request sent, as its only entry, if it was read.

    Take it out, so that a thread can free it.
    """
    found: list[Seed] = [] if _acting.get() else current_request.scope.get(SEED, [])
    return found


@contextmanager
def acting(for_whom: Control) -> Iterator[None]:
    """Let operations run in a block without a request."""
    token = _acting.set(for_whom)
    try:
        yield
    finally:
        _acting.reset(token)


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


@contextmanager
def exists(tenant: Tenant) -> Iterator[None]:
    """Raise Refusal in place of TenantDeleted from a block."""
    try:
        yield
    except TenantDeleted:
        raise _unknown(tenant.name) from None


def _unknown(name: str) -> Refusal:
    return Refusal(
        "store-unknown",
        f"the store {name[:200]!r} does not exist",
        "Use it once with its client_id, or make it with POST /_mock/stores.",
        "store",
    )


def name_in_path(segment: str, place: int = _STORE) -> str:
    """Decode the name in a path segment, in which only an encoded slash is still encoded.

    ``place`` is the segment's place in the path. The path as it was sent says whether ``%2F`` is an
    encoded slash, or a part of the name whose percent sign was encoded.
    """
    if "%2" not in segment:
        return segment
    sent: list[bytes] = current_request.scope["raw_path"].split(b"/")
    return "/".join(decoded_path(piece) for piece in _SLASH.split(sent[place]))
