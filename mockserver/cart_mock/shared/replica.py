"""One tenant in one process: its state, its place in the tenant's log, and the rounds between.

In each round, everything that waits goes to the store in one call, which returns the entries that
other processes wrote in the meantime. These are carried out first, then what this process wrote.
A request that changes nothing is judged before the call. It counts if no entry came in between that
changes something. If one did, it is judged again, now that the replica is as it was when the server
carried out the call, and its record follows in the next round.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from cart_mock.api.endpoints import Endpoint, Mock
from cart_mock.messages import Answer
from cart_mock.shared.client import Appended, Batch, LogEntry, Opened, Position, StoreClient
from cart_mock.shared.errors import StoreDamaged, StoreUnavailable, TenantGone
from cart_mock.shared.replay import (
    NotPrepared,
    Record,
    Replay,
    ReplicaIds,
    ReplicaLog,
    ReplicaTime,
    WouldChange,
    finished,
    replaying,
)
from cart_mock.shared.state import (
    TICK,
    Order,
    Unreadable,
    decode_orders,
    decode_records,
    encode_orders,
    encode_records,
    encode_state,
    state_of,
)
from cart_mock.state.tinydb_tables import InMemoryStorage, StorageFailed
from cart_mock.tenants.tenant import Tenant

logger = logging.getLogger(__name__)

_MOST = 256
"""How many requests one round takes."""
COMPACT_COUNT, COMPACT_BYTES = 1000, 1024 * 1024
"""After so many entries, or bytes, a log is folded into its snapshot. A large snapshot waits for as
many bytes as it has."""


class Outcome(NamedTuple):
    """The result of a piece of work. ``strays`` are records for the log without a store."""

    result: Any
    strays: tuple[Record, ...] = ()


class Work:
    """Something that waits for a round.

    An ``order`` is carried out by every replica; ``at_once`` says that it may be judged before the
    round. A ``record`` is appended. Without both, the replica only catches up.
    """

    __slots__ = ("at_once", "endpoint", "future", "order", "outcome", "own", "record")

    def __init__(
        self, order: Order | None = None, endpoint: Endpoint | None = None, *,
        at_once: bool = False, record: Record | None = None,
    ) -> None:  # fmt: skip
        self.order = order
        self.endpoint = endpoint
        self.at_once = at_once
        self.record = record
        self.own: Record | None = None
        self.outcome: Outcome | Exception | None = None
        self.future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def forget(self) -> None:
        """Forget how it was judged."""
        self.own, self.outcome = None, None

    def finish(self, outcome: Outcome | Exception) -> None:
        """Give the result to the one who waits, if there still is one."""
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Host(Protocol):
    """What a replica needs of its process."""

    mock: Mock
    client: StoreClient
    injector: Any
    most_bytes: int

    def collecting(self) -> AbstractContextManager[list[Record]]:
        """Collect the records that are made in a block, which does not wait."""

    async def carry_out(self, order: Order, tenant: Tenant) -> Any:
        """Carry out an operation of the workbench."""

    async def learn_seed(self, digest: str) -> None:
        """Have the seed of that digest ready for a reset. Raises StoreUnavailable."""

    def drop(self, replica: Replica) -> None:
        """Forget a replica that is not that of the store any more."""


class Replica:
    """A tenant of this process. It is made from a snapshot and catches up in its first round."""

    def __init__(
        self, host: Host, tenant: Tenant, storage: InMemoryStorage, time: ReplicaTime,
        ids: ReplicaIds, opened: Opened,
    ) -> None:  # fmt: skip
        self.tenant = tenant
        self.generation = opened.generation
        self.last_used = 0.0
        self.compactions = 0
        self._host = host
        self._client = host.client
        self._storage = storage
        self._time = time
        self._ids = ids
        self._position = opened.position
        self._version = self._folded = opened.version
        self.is_dropped = False
        self._snapshot_size = len(opened.state)
        self._pending: list[Work] = []
        self._round_task: asyncio.Task[None] | None = None
        self._compaction: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something waits for a round, or is in one."""
        return self._round_task is not None or self._compaction is not None

    @property
    def is_full(self) -> bool:
        """Whether the store has the size that it may have, so that nothing can be added to it."""
        return self._snapshot_size > self._host.most_bytes

    @property
    def log(self) -> ReplicaLog:
        """The tenant's request log."""
        log = self.tenant.request_log
        assert isinstance(log, ReplicaLog)
        return log

    def submit(self, work: Work) -> asyncio.Future[Outcome]:
        """Add work to the next round. Its future raises TenantGone or StoreUnavailable."""
        if self.is_dropped:
            work.finish(TenantGone("dropped"))
            return work.future
        self._pending.append(work)
        if self._round_task is None:
            self._round_task = asyncio.create_task(self._run())
        return work.future

    async def catch_up(self) -> None:
        """Bring the replica up to now, its expired carts included."""
        await self.submit(Work())
        if self.tenant.clock.now() >= self.tenant.store.next_expiry:
            await self.submit(Work(TICK))

    async def _run(self) -> None:
        try:
            while self._pending:
                works, self._pending = self._pending[:_MOST], self._pending[_MOST:]
                try:
                    await self._round(works)
                except TenantGone as error:
                    self._host.drop(self)
                    works += self._pending
                    self._pending = []
                    _fail(works, error)
                except StoreUnavailable as error:
                    _fail(works, error)
                except Unreadable as error:
                    self._host.drop(self)
                    _fail(works, StoreDamaged(f"the shared store cannot be used: {error}"))
                except Exception as error:
                    self._host.drop(self)
                    logger.exception("a replica failed and is dropped")
                    _fail(works, error)
        finally:
            self._round_task = None

    # ---- A round ----------------------------------------------------------------------------

    async def _round(self, works: list[Work]) -> None:
        reads, records, orders = self._sorted(works)
        tag = secrets.token_hex(8).encode()
        batch = Batch(
            tag,
            _encoded(work.own for work in reads),
            _encoded(work.record for work in records),
            encode_orders([work.order for work in orders if work.order is not None]),
        )
        version, is_applied, is_unsure = self._version, False, False
        while True:
            appended = await self._client.append(
                self.tenant.name, self.generation, self._position, version, batch,
                is_unsure=is_unsure,
            )  # fmt: skip
            is_unsure |= appended.is_unsure
            for entry in appended.entries:
                if entry.position.tag == tag:
                    accepted = b"reads" in entry.fields if batch.reads else not reads
                    own = reads if accepted else []
                    await self._apply_own(entry.position, batch, own, records, orders)
                    is_applied = True
                else:
                    await self._apply(entry)
            if not appended.is_behind:
                break
        if not is_applied:
            accepted = appended.accepted
            own = reads if accepted else []
            await self._apply_own(appended.position, batch, own, records, orders)
        self._snapshot_size = appended.size
        self._finish(works, reads, accepted=accepted)
        self._compact_if_due(appended, batch)

    def _sorted(self, works: list[Work]) -> tuple[list[Work], list[Work], list[Work]]:
        """Return reads, which are judged already, records and orders. A full store adds nothing."""
        reads: list[Work] = []
        records: list[Work] = []
        orders: list[Work] = []
        for work in works:
            if work.record is not None:
                records.append(work)
            elif work.order is not None:
                is_request = work.order.request is not None
                at_once = work.at_once or (self.is_full and is_request)
                at_once = at_once and not self.tenant.interceptors.active
                if at_once and self._judge(work):
                    reads.append(work)
                elif self.is_full and _adds(work.order):
                    work.outcome = too_large()
                else:
                    orders.append(work)
        return reads, records, orders

    def _finish(self, works: list[Work], reads: list[Work], *, accepted: bool) -> None:
        again: list[Work] = []
        if not accepted:
            for work in reads:
                work.forget()
                if not self._judge(work):
                    work.at_once = False
                    again.append(work)
                elif work.own is not None:
                    work.record = work.own
                    again.append(work)
        self._pending[:0] = again
        waiting = set(map(id, again))
        for work in works:
            if id(work) not in waiting:
                work.finish(Outcome(None) if work.outcome is None else work.outcome)

    def _judge(self, work: Work) -> bool:
        """Judge a request at the present state; return False if it would change something."""
        order, endpoint, mock = work.order, work.endpoint, self._host.mock
        assert order is not None
        assert endpoint is not None
        assert order.request is not None
        mock.replay = Replay(order, self._host.injector)
        try:
            with self._host.collecting() as collected:
                made = endpoint.answer(order.request)
                answer = made if isinstance(made, Answer) else finished(made)  # type: ignore[arg-type]  # endpoints are coroutine functions
        except (WouldChange, NotPrepared) as error:
            if isinstance(error, NotPrepared):
                work.outcome = error
                return True
            return False
        except Exception as error:  # noqa: BLE001  # the client gets the 500
            work.outcome = error
            return True
        finally:
            mock.replay = None
        log = self.tenant.request_log
        work.own = next((record for record in collected if record.log is log), None)
        strays = tuple(record for record in collected if record.log is not log)
        work.outcome = Outcome(answer, strays)
        return True

    # ---- Entries ----------------------------------------------------------------------------

    async def _apply_own(
        self, position: Position, batch: Batch, reads: list[Work], records: list[Work],
        orders: list[Work],
    ) -> None:  # fmt: skip
        if not (reads and batch.reads) and not records and not orders:
            return
        if reads and batch.reads:
            self.log.add(position.at, decode_records(batch.reads))
        if records:
            self.log.add(position.at, decode_records(batch.records))
        for number, work in enumerate(orders):
            assert work.order is not None
            work.outcome = await self._carry_out(position, number, work.order)
        self._move_to(position, has_orders=bool(orders))

    async def _apply(self, entry: LogEntry) -> None:
        """Carry out an entry that another process wrote."""
        position, fields = entry
        orders = decode_orders(fields[b"writes"]) if b"writes" in fields else []
        for order in orders:
            if order.seed:
                await self._host.learn_seed(order.seed)  # first: an entry is never half done
        for name in (b"reads", b"records"):
            if name in fields:
                self.log.add(position.at, decode_records(fields[name]))
        for number, order in enumerate(orders):
            await self._carry_out(position, number, order)
        self._move_to(position, has_orders=bool(orders))

    def _move_to(self, position: Position, *, has_orders: bool) -> None:
        self._position = position
        if has_orders:
            self._version = position.id

    async def _carry_out(
        self, position: Position, number: int, order: Order
    ) -> Outcome | Exception:
        log, tenant, mock = self.log, self.tenant, self._host.mock
        self._time.fix(position.at)
        self._ids.begin(b"%b/%d" % (position.tag, number))
        try:
            with replaying():
                if order.request is None:
                    if order.operation_id:
                        return Outcome(await self._host.carry_out(order, tenant))
                    tenant.now()
                    return Outcome(None)
                endpoint = mock.endpoints[order.operation_id]
                mock.replay, log.keeps = Replay(order, self._host.injector), True
                try:
                    with self._host.collecting() as collected:
                        made = endpoint.answer(order.request)
                        answer = made if isinstance(made, Answer) else finished(made)  # type: ignore[arg-type]  # as above
                finally:
                    mock.replay, log.keeps = None, False
                return Outcome(answer, tuple(collected))
        except Exception as error:  # noqa: BLE001  # the process that wrote the order reports it
            return error
        finally:
            self._ids.begin(b"")
            self._time.fix(None)

    # ---- Snapshots --------------------------------------------------------------------------

    def _compact_if_due(self, appended: Appended, batch: Batch) -> None:
        # One process is enough: that whose entry makes the log so long, or so long once more.
        added = len(batch.reads) + len(batch.records) + len(batch.writes)
        limit = max(COMPACT_BYTES, self._snapshot_size)
        is_due = bool(added) and (
            appended.entry_count % COMPACT_COUNT == 0
            or (appended.byte_count - added) // limit < appended.byte_count // limit
        )
        # A store that is full may have become smaller, which only its next snapshot shows.
        is_due |= self.is_full and self._version != self._folded
        if is_due and self._compaction is None:
            self._folded = self._version
            state = state_of(self.tenant, self._storage.read())
            self._compaction = asyncio.create_task(self._compact(state, self._position))

    async def _compact(self, state: Any, position: Position) -> None:
        try:
            content = await asyncio.to_thread(encode_state, state)
            await self._client.compact(self.tenant.name, self.generation, position, content)
            self.compactions += 1
        except (TenantGone, StoreUnavailable) as error:
            logger.info("a log is not compacted now: %s", error)
        finally:
            self._compaction = None


_ADDITIONS = {"importState", "seedStore", "takeSnapshot", "addCustomer", "setStubs"}
"""The operations of the workbench that make a store larger."""


def _adds(order: Order | None) -> bool:
    assert order is not None
    if order.request is None:
        return order.operation_id in _ADDITIONS
    return order.request.method != "DELETE"


def too_large() -> StorageFailed:
    """Return why nothing can be added to a store."""
    return StorageFailed(errno.EDQUOT, "its store is larger than --store-size allows")


def _encoded(records: Iterable[Record | None]) -> bytes:
    made = [record for record in records if record is not None]
    lines = [(record.request_id, record.line) for record in made]
    return encode_records((record.exercised for record in made), lines)


def _fail(works: list[Work], error: Exception) -> None:
    for work in works:
        work.finish(error)
