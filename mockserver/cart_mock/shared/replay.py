"""Carries out an entry of a tenant's log, so that each process comes to the same state.

What a request does depends on the tenant's state, on the request, and on time, ids and salts. The
last three are taken from the entry here. Slow work, such as checking a password, was done by the
process that got the request, and its result is in the entry.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, NamedTuple

from cart_mock.messages import Answer, Request
from cart_mock.rules.context import RequestContext
from cart_mock.shared.state import Order, Records, TakenFaults
from cart_mock.state.tinydb_tables import Changes, InMemoryStorage, Replacement
from cart_mock.tenants.faults import InjectedFault, Plan
from cart_mock.tenants.interceptors import Interceptor
from cart_mock.tenants.request_log import (
    DEFAULT_LENGTH,
    Exercised,
    Kept,
    LogMemory,
    RequestLog,
    encoded,
    exercised_by,
)
from cart_mock.tenants.tenant import Tenant

PREPARED = tuple(RequestContext.__annotations__)
"""The names of what the preparation of an operation leaves in its context."""

_is_replaying: ContextVar[bool] = ContextVar("is_replaying", default=False)


class WouldChange(Exception):
    """A request that was judged outside the log would change the tenant's state."""


class NotPrepared(Exception):
    """The slow work of an operation was not done before its entry was written."""


class Delayed(Exception):
    """A fault delays the request: it is judged later, by an entry of its own."""

    def __init__(self, seconds: float, taken: TakenFaults) -> None:
        super().__init__(f"delayed by {seconds} s")
        self.seconds, self.taken = seconds, taken


class ReplicaStorage(InMemoryStorage):
    """A storage that changes only while an entry is carried out."""

    can_share: ClassVar = False  # a snapshot holds every document

    def commit(self, *changes: Changes) -> None:
        """Apply changes. Raises WouldChange outside of an entry."""
        if not _is_replaying.get():
            raise WouldChange
        super().commit(*changes)

    def replace(self, replacement: Replacement) -> None:
        """Put tables in place. Raises WouldChange outside of an entry."""
        if not _is_replaying.get():
            raise WouldChange
        super().replace(replacement)


class ReplicaTime:
    """A tenant's machine time: that of the entry, or of the server's clock, and never back."""

    def __init__(self, ahead: Callable[[], float]) -> None:
        self._ahead = ahead
        self._fixed: float | None = None
        self._latest = 0.0

    def __call__(self) -> float:
        """Return the time in seconds since the epoch."""
        if self._fixed is not None:
            return self._fixed
        self._latest = max(self._latest, time.time() + self._ahead())
        return self._latest

    def fix(self, at: float | None) -> None:
        """Stop at a time, or go on."""
        self._fixed = at
        if at is not None:
            self._latest = max(self._latest, at)


class ReplicaIds:
    """A source of ids: those that an entry gives, or random ones outside of an entry."""

    def __init__(self) -> None:
        self._seed = b""
        self._made = 0

    def __call__(self) -> str:
        """Return a new id."""
        if not self._seed:
            return str(uuid.uuid4())
        self._made += 1
        digest = hashlib.sha256(b"%b/%d" % (self._seed, self._made)).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def begin(self, seed: bytes) -> None:
        """Give the ids of that seed from now on; an empty one ends this."""
        self._seed, self._made = seed, 0


class Record(NamedTuple):
    """A request for a request log, before it is kept."""

    log: ReplicaLog
    exercised: Exercised | None
    request_id: str
    line: bytes


class ReplicaLog(RequestLog):
    """A request log that keeps requests only at their place in the tenant's log.

    Other requests go to ``sink``. ``store`` is the name of the tenant, empty for no store.
    """

    def __init__(
        self, length: int = DEFAULT_LENGTH, memory: LogMemory | None = None, *, store: str,
        sink: Callable[[Record], None],
    ) -> None:  # fmt: skip
        super().__init__(length, memory)
        self._sink = sink
        self.store = store
        self.keeps = False

    def record(
        self, request: Request, operation_id: str, answer: Answer, caller: object = None,
        refusal_context: Mapping[str, Any] = {},  # never changed
    ) -> None:  # fmt: skip
        """Keep a request, or pass it on."""
        if self.keeps:
            super().record(request, operation_id, answer, caller, refusal_context)
            return
        line = encoded(request, operation_id, answer, caller, refusal_context)
        self._sink(Record(self, exercised_by(operation_id, answer), request.id, line))

    def add(self, at: float, records: Records) -> None:
        """Count and keep the records of an entry. ``at`` is its time."""
        for *exercised, count in records.exercised:
            self.count(tuple(exercised), count)  # type: ignore[arg-type]  # of four parts
        for request_id, line in records.lines:
            self.keep(Kept(at, request_id, line))


class Replay:
    """What an entry, or a request that is judged at once, brings along for the endpoints."""

    def __init__(self, order: Order, injector: Any) -> None:
        self._order = order
        self._injector = injector

    def interceptors(self, tenant: Tenant) -> tuple[Interceptor, ...]:
        """Return the tenant's interceptors, with faults that were taken before in their place."""
        taken, active = self._order.taken, tenant.interceptors.active
        if taken is None:
            return active
        rest = tuple(each for each in active if each is not tenant.faults.injector)
        return (self._apply_taken, *rest)

    def _apply_taken(self, endpoint: Any, ctx: Any, proceed: Any) -> Any:
        taken = self._order.taken
        assert taken is not None
        decisive = None
        if taken.decisive is not None:
            decisive = InjectedFault(taken.decisive_id, Plan(**taken.decisive))
            decisive.applied = taken.applied
        return self._injector.finish(decisive, taken.latency, endpoint, ctx, proceed)

    def delay(self, seconds: float, latency: Mapping[str, Any], decisive: InjectedFault | None
              ) -> Any:  # fmt: skip
        """End this entry; the request goes on when the delay is over. Raises Delayed."""
        taken = TakenFaults(dict(latency))
        if decisive is not None:
            plan = {k: v for k, v in decisive.plan._asdict().items() if v is not None}
            taken = TakenFaults(dict(latency), plan, decisive.id, decisive.applied)
        raise Delayed(seconds, taken)

    async def prepare(self, ctx: RequestContext) -> None:
        """Bring in what was prepared. Raises NotPrepared."""
        prepared = self._order.prepared
        if prepared is None:
            raise NotPrepared
        for name, value in prepared.items():
            setattr(ctx, name, value)


@contextmanager
def replaying() -> Iterator[None]:
    """Let this task change the state of tenants."""
    token = _is_replaying.set(True)
    try:
        yield
    finally:
        _is_replaying.reset(token)


def finished(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Return the result of a coroutine that has nothing to wait for. Raises RuntimeError."""
    try:
        work.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    work.close()
    raise RuntimeError("an entry of the log waits for something")
