"""Carries out an entry of a tenant's log, so that each process comes to the same state.

What a request does depends on the tenant's state, on the request, and on time, ids and salts. The
last three are taken from the entry here. Slow work, such as checking a password, was done by the
process that got the request, and its result is in the entry.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, NamedTuple

import msgspec
from msgspec.structs import astuple

from cart_mock.messages import Answer, Request
from cart_mock.rules.context import RequestContext
from cart_mock.shared.state import (
    KeptRecords,
    Order,
    RecordLine,
    Records,
    TakenFaults,
    Unreadable,
    decode_lines,
    encoded_lines,
    record_line,
)
from cart_mock.state.tinydb_tables import Changes, InMemoryStorage, Replacement
from cart_mock.tenants.faults import InjectedFault, Plan
from cart_mock.tenants.interceptors import Interceptor
from cart_mock.tenants.request_log import DEFAULT_LENGTH, Entry, LogMemory, RequestLog
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
    request: Request
    operation_id: str
    answer: Answer
    ctx: object
    refusal_context: Mapping[str, Any]


class ReplicaLog(RequestLog):
    """A request log that keeps requests only at their place in the tenant's log.

    Other requests go to ``sink``. ``store`` is the name of the tenant, empty for no store.
    Requests that changed nothing stay encoded until the workbench looks at the log. Those that it
    would have dropped by then are never decoded.
    """

    def __init__(
        self, length: int = DEFAULT_LENGTH, memory: LogMemory | None = None, *, store: str,
        sink: Callable[[Record], None],
    ) -> None:  # fmt: skip
        self._unread: deque[_Unread] = deque()
        self._unread_number = self._unread_size = 0
        super().__init__(length, memory)
        self._sink = sink
        self.store = store
        self.keeps = False
        self.context_of: Callable[[RecordLine], object] = lambda _: None
        """Returns the context of a line, for the explanation of its request."""

    def record(
        self, request: Request, operation_id: str, answer: Answer, ctx: object = None,
        refusal_context: Mapping[str, Any] = {},  # never changed
    ) -> None:  # fmt: skip
        """Keep a request, or pass it on."""
        if self.keeps:
            super().record(request, operation_id, answer, ctx, refusal_context)
        else:
            self._sink(Record(self, request, operation_id, answer, ctx, refusal_context))

    def add(self, at: float, records: Records) -> None:
        """Count the records of an entry, and keep them as they are. ``at`` is its time."""
        for *key, count in records.exercised:
            exercised = self.exercised
            exercised[tuple(key)] = exercised.get(tuple(key), 0) + count  # type: ignore[index,arg-type]  # of four parts
        self._put_off(_Unread(at, records.number, len(memoryview(records.lines)), records.lines))

    def kept(self) -> tuple[list[KeptRecords], int]:
        """Return what the log keeps, as it is in a snapshot, and how many requests it forgot."""
        kept = []
        if self._entries:
            lines = [
                record_line(e.request, e.operation_id, e.answer, e.ctx, e.refusal_context, e.at)
                for e in self._entries
            ]
            kept.append(KeptRecords(0.0, len(lines), encoded_lines(lines)))
        for at, number, _, content in self._unread:
            raw = encoded_lines([record_line(*content)]) if isinstance(content, tuple) else content
            kept.append(KeptRecords(at, number, raw))
        return kept, self._forgotten

    def take_up(self, kept: list[KeptRecords], forgotten: int) -> None:
        """Keep what another log kept, which is counted already."""
        self._forgotten = forgotten
        for at, number, lines in map(astuple, kept):
            own = lines.copy()  # not a view of the whole snapshot
            self._put_off(_Unread(at, number, len(memoryview(own)), own))

    def keep(self, *record: Any) -> None:
        """Keep a request that was counted, after those that are not decoded yet."""
        if not self._unread:
            super().keep(*record)
        else:
            size = len(record[0].body) + len(record[2].body)
            self._put_off(_Unread(self.machine_time(), 1, size, record))

    def _keep_at(self, at: float, *record: Any) -> None:
        before, self.machine_time = self.machine_time, lambda: at
        super().keep(*record)
        self.machine_time = before

    def _put_off(self, unread: _Unread) -> None:
        self._unread.append(unread)
        self._unread_number += unread.number
        self._unread_size += unread.size
        while self._unread_number - self._unread[0].number >= self.length:
            # So many came later that the log would have dropped them.
            first = self._unread.popleft()
            self._unread_number -= first.number
            self._unread_size -= first.size
            self._forgotten += first.number
            if not self._unread:
                return
        if self._unread_size > self.memory.limit:
            self._read_up()

    def _read_up(self) -> None:
        """Decode what was put off, and keep it."""
        unread, self._unread = self._unread, deque()
        self._unread_number = self._unread_size = 0
        for at, number, _, content in unread:
            if isinstance(content, tuple):
                self._keep_at(at, *content)
                continue
            try:
                lines = decode_lines(content)
            except Unreadable:
                self._forgotten += number
                continue
            for line in lines:
                self._keep_at(
                    line.at or at, line.request, line.operation_id, line.answer,
                    self.context_of(line), line.refusal_context,
                )  # fmt: skip

    # What the workbench and a snapshot look at is complete.

    @property
    def entries(self) -> deque[Entry]:
        """The requests that are kept, the oldest first."""
        if self._unread:
            self._read_up()
        return self._entries

    @entries.setter
    def entries(self, entries: deque[Entry]) -> None:
        self._entries = entries

    @property
    def forgotten(self) -> int:
        """How many requests were dropped since the log was last cleared."""
        if self._unread:
            self._read_up()
        return self._forgotten

    @forgotten.setter
    def forgotten(self, number: int) -> None:
        self._forgotten = number


class _Unread(NamedTuple):
    """Requests that are kept encoded, or a request that follows them, and their size in bytes."""

    at: float
    number: int
    size: int
    content: msgspec.Raw | tuple[Any, ...]


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
