"""A tenant: a ``client_id`` and all that belongs to it."""

from __future__ import annotations

from collections.abc import Callable

from cart_mock.state.clock import Clock
from cart_mock.state.snapshots import SnapshotMemory, Snapshots
from cart_mock.state.store import Store
from cart_mock.tenants.faults import Faults
from cart_mock.tenants.forward import Forward
from cart_mock.tenants.interceptors import InterceptorChain
from cart_mock.tenants.request_log import RequestLog
from cart_mock.tenants.stubs import Stubs


class TenantDeleted(Exception):
    """A tenant that was deleted during one of its requests."""


class TooManyTenants(Exception):
    """The process has as many tenants as it may have; the message says how many."""


class Tenant:
    """A ``client_id`` with its store, clock, request log, interceptors, faults and snapshots.

    ``new_id`` makes the ids of new carts and customers; ``breaks`` are the names of its breaks.
    ``stubs``, and then the server of ``forward``, answer for paths that the contract does not have;
    without a ``forward`` of its own, the tenant has the process's. A ``client_id`` that is used
    again after its deletion has another ``incarnation``, so that its old tokens are not valid.
    """

    def __init__(
        self, name: str, store: Store, clock: Clock, new_id: Callable[[], str],
        request_log: RequestLog, incarnation: str = "",
        snapshot_memory: SnapshotMemory | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.incarnation = incarnation
        self.store = store
        self.clock = clock
        self.new_id = new_id
        self.request_log = request_log
        self.interceptors = InterceptorChain()
        self.faults = Faults(self.interceptors)
        self.breaks: tuple[str, ...] = ()
        self.snapshots = Snapshots(snapshot_memory)
        self.stubs = Stubs()
        self.forward: Forward | None = None
        self.is_deleted = False

    def now(self) -> float:
        """Return the clock's time in seconds since the epoch; carts past their time are gone."""
        now = self.clock.now()
        if now >= self.store.next_expiry:
            self.store.expire(now)
        return now

    def require(self) -> None:
        """Raise TenantDeleted if the tenant is gone. Call this after each wait in a request."""
        if self.is_deleted:
            raise TenantDeleted(self.name)

    def close(self) -> None:
        """Close the store; nothing is written to it any more."""
        self.store.close()
