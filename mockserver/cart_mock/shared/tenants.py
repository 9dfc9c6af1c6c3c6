"""The tenants of a mock of many: those that this process was asked for, and the store of all."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from cart_mock.api.endpoints import Mock
from cart_mock.api.faults import FaultInjector
from cart_mock.breaks import interceptor_of
from cart_mock.breaks.hooks import memory
from cart_mock.formats import NOT_JSON
from cart_mock.shared.client import ANY_GENERATION, StoreClient
from cart_mock.shared.errors import StoreDamaged, StoreUnavailable, TenantGone
from cart_mock.shared.replay import (
    Record,
    ReplicaIds,
    ReplicaLog,
    ReplicaStorage,
    ReplicaTime,
    replaying,
)
from cart_mock.shared.replica import Replica, Work
from cart_mock.shared.state import (
    Order,
    State,
    Unreadable,
    decode_state,
    encode_state,
    state_of,
    untagged,
)
from cart_mock.state.clock import Clock
from cart_mock.state.seed import Seed
from cart_mock.state.snapshots import SnapshotMemory
from cart_mock.state.store import READ_CARTS, Store
from cart_mock.state.tinydb_tables import StoreMemory
from cart_mock.tenants.refill import fill, refill, seeded
from cart_mock.tenants.registry import MAX_STORES, TenantRegistry
from cart_mock.tenants.request_log import DEFAULT_LENGTH, LogMemory
from cart_mock.tenants.stubs import Stubs
from cart_mock.tenants.tenant import Tenant, TooManyTenants

logger = logging.getLogger(__name__)

STORELESS = ""
"""The name of what has the requests that belong to no store. No client_id is empty."""
LOG_MEMORY = 8 * 1024 * 1024
"""How many bytes the request log of one tenant keeps, the same in every process."""
_WATCH = 1.0
"""Seconds between two looks at the shared store, its identity and idle replicas."""
_TOUCH = 60.0
"""Seconds after which the index notes again that a tenant is in use."""
_ATTEMPTS = 5
"""How often a tenant is deleted again because it was made again meanwhile."""
_LISTED = 500
"""How many tenants of the index one look checks for expiry."""


class Identity(msgspec.Struct, frozen=True):
    """What all mocks of a shared store must have in common."""

    format: str
    version: str
    options: dict[str, Any]
    signing_key: str

    @property
    def seed(self) -> str:
        """The digest of the seed."""
        return str(self.options.get("seed", ""))

    def with_seed(self, digest: str) -> Identity:
        """Return the same with another seed."""
        return replace(self, options={**self.options, "seed": digest})


class SharedTenants(TenantRegistry):
    """Finds, makes and keeps the tenants of this process.

    ``version`` and ``options`` must be the same in every process of the shared store. ``most`` is
    how many tenants the store may have, ``held`` how many this process keeps in memory, and
    ``idle`` after how many seconds without a request it forgets one. Those in memory take about
    ``store_memory`` bytes at most, and the snapshots of one ``snapshot_memory``. Nothing can be
    added to a tenant that has more than ``most_bytes`` in the shared store.
    """

    mock: Mock
    injector: FaultInjector

    def __init__(
        self, client: StoreClient, *, version: str, options: Mapping[str, Any] | None = None,
        clients: Mapping[str, str | None] | None = None, seed: Seed | None = None,
        journal: int = DEFAULT_LENGTH, most: int = MAX_STORES, most_read_carts: int = READ_CARTS,
        held: int = 10_000, idle: float = 600.0, most_bytes: int = 64 * 1024 * 1024,
        snapshot_memory: int | None = None, store_memory: int | None = None,
    ) -> None:  # fmt: skip
        self.client = client
        self._journal = journal
        new_log = partial(self._new_log, STORELESS)
        super().__init__(
            clients=clients, new_request_log=new_log, most=most, most_read_carts=most_read_carts
        )
        self.seed_digest = _digest_of(seed)
        """Which seed new stores of this process have."""
        self._seeds = {"": Seed(), self.seed_digest: seed or Seed()}
        self._seed_of_reset = ""
        self._next_seed: Seed | None = None
        self._identity = Identity(
            "cart-mock shared", version,
            {
                **(options or {}),
                "clients": clients is not None,
                "journal": journal,
                "max-read-carts": most_read_carts,
                "snapshot-memory": snapshot_memory,
                "seed": self.seed_digest,
            },
            self.signing_key.hex(),
        )  # fmt: skip
        self._is_identified = False
        self._identifying = asyncio.Lock()
        self._held = held
        self._idle = idle
        self.most_bytes = most_bytes
        self._snapshot_limit = snapshot_memory
        self._store_limit = store_memory
        self._counted = StoreMemory()
        self.process = f"{socket.gethostname()}:{os.getpid()}"
        self._replicas: dict[str, Replica] = {}
        self._loading: dict[tuple[str, bool], asyncio.Task[Replica | None]] = {}
        self._touched: dict[str, float] = {}
        self._collected: list[Record] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._mismatch: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.workbench: Callable[[Order, Tenant], Awaitable[Any]] | None = None
        self.loads = 0
        """How many replicas were made from a snapshot, for the metrics."""

    # ---- Records ----------------------------------------------------------------------------

    def _new_log(self, store: str) -> ReplicaLog:
        return ReplicaLog(self._journal, LogMemory(LOG_MEMORY), store=store, sink=self._sink)

    def _sink(self, record: Record) -> None:
        if self._collected is not None:
            self._collected.append(record)
        else:
            self._in_background(self.note(record))

    @contextmanager
    def collecting(self) -> Iterator[list[Record]]:
        """Collect the records that are made in a block, which does not wait."""
        collected: list[Record] = []
        before, self._collected = self._collected, collected
        try:
            yield collected
        finally:
            self._collected = before

    async def note(self, record: Record) -> None:
        """Append a record to the log of its store, or to that of requests without a store."""
        name = record.log.store
        for _ in range(_ATTEMPTS):
            replica = await self.hold(name, create=name == STORELESS)
            if replica is None:
                return  # its store was deleted
            try:
                await replica.submit(Work(record=record))
                return
            except TenantGone:
                continue
        raise StoreUnavailable("the log of the shared store changes too often")

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.warning("the shared store: %s", task.exception())

    async def settle(self) -> None:
        """Wait until the records that were made on the way are in the store."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- The identity of the store ----------------------------------------------------------

    async def ready(self) -> None:
        """Learn the signing key of the shared store. Raises StoreUnavailable."""
        if not self._is_identified:
            async with self._identifying:
                if not self._is_identified:
                    await self._identify()

    async def _identify(self) -> None:
        key = self.client.key("identity")
        found = await self.client.command(key, "GET")
        is_new = found is None
        if is_new:
            # A store that was emptied gets the key back that its mocks have.
            await self.client.command(key, "SET", msgspec.json.encode(self._identity), "NX")
            found = await self.client.command(key, "GET")
        self._mismatch = None
        try:
            identity = msgspec.json.decode(found or b"", type=Identity)
        except NOT_JSON:
            raise self._differs("there are keys of something else under its prefix") from None
        if identity.version != self._identity.version:
            raise self._differs(
                f"its mocks are of version {identity.version}, and this one is "
                f"{self._identity.version}"
            )
        is_known = self._is_identified and identity.signing_key == self._identity.signing_key
        if is_known and identity == self._identity.with_seed(identity.seed):
            # Another mock watches the file of its seed, and took a new one up.
            await self.learn_seed(identity.seed)
            self._identity, self.seed_digest = identity, identity.seed
        if identity.options != self._identity.options:
            names = sorted(
                f"--{name}" for name in {**identity.options, **self._identity.options}
                if identity.options.get(name) != self._identity.options.get(name)
            )  # fmt: skip
            raise self._differs(f"its mocks were started with another {', '.join(names)}")
        if is_new or not self._is_identified:
            await self._publish(self._seeds[self.seed_digest], self.seed_digest)
        if identity.signing_key != self._identity.signing_key or not self._is_identified:
            for replica in list(self._replicas.values()):
                self.drop(replica)
            self._identity = identity
            self.signing_key = bytes.fromhex(identity.signing_key)
            self.mock.tokens.sign_with(self.signing_key)
            self.mock.callers.forget()
        self._is_identified = True

    def _differs(self, reason: str) -> StoreUnavailable:
        self._is_identified = False
        self._mismatch = f"{reason}; give this mock another prefix"
        return StoreUnavailable(f"the shared store cannot be used: {self._mismatch}")

    async def _publish(self, seed: Seed, digest: str) -> None:
        """Take the hashes of a seed's passwords from the mock that made them first."""
        if digest:
            key = self.client.key(f"seed:{digest}")
            if await self.client.command(key, "EXISTS") == 0:
                made = await asyncio.to_thread(_hashed, seed)
                await self.client.command(key, "SET", msgspec.json.encode(made), "NX")
            self._seeds[digest] = await self._published(digest)

    async def learn_seed(self, digest: str) -> None:
        """Have the seed of that digest ready for a reset. Raises StoreUnavailable."""
        if digest not in self._seeds:
            self._seeds[digest] = await self._published(digest)

    async def _published(self, digest: str) -> Seed:
        found = await self.client.command(self.client.key(f"seed:{digest}"), "GET")
        try:
            return msgspec.json.decode(found or b"", type=Seed)
        except NOT_JSON:
            raise StoreDamaged("the shared store has lost a seed") from None

    def take_up(self, clients: Mapping[str, str | None] | None, seed: Seed | None) -> None:
        """Use other clients from now on, and soon another seed, in every mock of the store."""
        self._clients = clients
        self._next_seed = seed or Seed()
        if self._loop is not None:
            # This is the thread that watches the files. It reports the change when it is in force.
            taking = asyncio.run_coroutine_threadsafe(self._take_up_seed(), self._loop)
            with suppress(StoreUnavailable):
                taking.result()

    async def _take_up_seed(self) -> None:
        """Bring the seed that was read last to every mock. Raises StoreUnavailable."""
        await self.ready()
        seed = self._next_seed
        if seed is None:
            return
        digest = _digest_of(seed)
        if digest != self.seed_digest:
            await self._publish(seed, digest)
            identity = self._identity.with_seed(digest)
            await self.client.command(
                self.client.key("identity"), "SET", msgspec.json.encode(identity)
            )
            self._identity, self.seed_digest = identity, digest
        if self._next_seed is seed:
            self._next_seed = None

    # ---- Replicas ---------------------------------------------------------------------------

    async def hold(self, name: str, *, create: bool = False) -> Replica | None:
        """Return the replica of a tenant, made if need be; None if the tenant does not exist.

        Raises StoreUnavailable, TooManyTenants.
        """
        replica = self._replicas.get(name)
        if replica is None:
            key = (name, create)
            loading = self._loading.get(key)
            if loading is None:
                loading = self._loading[key] = asyncio.create_task(self._load(name, create=create))
                loading.add_done_callback(lambda task: self._loaded(key, task))
            replica = await asyncio.shield(loading)
            if replica is None:
                return None
        replica.last_used = time.monotonic()
        return replica

    def _loaded(self, key: tuple[str, bool], task: asyncio.Task[Replica | None]) -> None:
        self._loading.pop(key, None)
        if not task.cancelled():
            task.exception()  # each caller gets it

    async def _load(self, name: str, *, create: bool) -> Replica | None:
        await self.ready()
        opened = await self.client.open(name)
        if opened is None and create:
            await self.create(name)
            opened = await self.client.open(name)
        if opened is None:
            return None
        try:
            state = decode_state(opened.state)
        except Unreadable as error:
            raise StoreDamaged(f"the shared store cannot be used: {error}") from error
        held = self._replicas.get(name)  # another load may have been faster
        if held is not None and not held.is_dropped:
            return held
        incarnation = opened.generation.decode()
        tenant, storage, moment, ids = self._tenant(name, state, incarnation)
        replica = Replica(self, tenant, storage, moment, ids, opened)
        self._replicas[name] = replica
        if name != STORELESS:
            self._tenants[name] = tenant
        self.loads += 1
        return replica

    async def create(self, name: str) -> bool:
        """Make a tenant in the shared store; return whether it did not exist.

        Raises StoreUnavailable, TooManyTenants.
        """
        await self.ready()
        if name != STORELESS:
            await self._admit(name)
        content = await self._new_state(name)
        is_new = await self.client.create(name, secrets.token_hex(8).encode(), content)
        if is_new and name != STORELESS:
            await self._list(name)  # again, because a deletion may have come in between
        return is_new

    async def _admit(self, name: str) -> None:
        index = self.client.key("stores")
        score = await self.client.command(index, "ZSCORE", name.encode())
        if score is None and await self.client.command(index, "ZCARD") >= self._most:
            raise TooManyTenants(f"there are {self._most} stores already")
        await self._list(name)

    async def _list(self, name: str) -> None:
        """Put a tenant into the index of all, or note there that it is in use."""
        index = self.client.key("stores")
        await self.client.command(index, "ZADD", int(time.time()), name.encode())
        self._touched[name] = time.monotonic()

    async def _unlist(self, name: str) -> None:
        """Take a tenant that is gone out of the index of all."""
        await self.client.command(self.client.key("stores"), "ZREM", name.encode())
        if await self.client.open(name) is not None:
            await self._list(name)  # it was made again meanwhile

    async def _new_state(self, name: str) -> bytes:
        tenant, storage, _, _ = self._tenant(name, None)
        with replaying():
            if name != STORELESS:
                self._seed_of_reset = self.seed_digest
                self.reset(tenant)
        state = state_of(tenant, storage.read())
        return await asyncio.to_thread(encode_state, state)

    def _tenant(
        self, name: str, state: State | None, incarnation: str = ""
    ) -> tuple[Tenant, ReplicaStorage, ReplicaTime, ReplicaIds]:
        storage = ReplicaStorage({} if state is None else state.tables)
        moment, ids = ReplicaTime(lambda: self.client.ahead), ReplicaIds()
        log = self._new_log(name)
        if name == STORELESS and state is not None:
            assert isinstance(self.mock.request_log, ReplicaLog)
            log = self.mock.request_log
            log.clear()
            log.exercised.clear()
        store = Store(storage, ids)
        store.most_read_carts = self._most_read_carts
        store.count_in(self._counted)
        snapshots = SnapshotMemory(self._snapshot_limit)
        tenant = Tenant(name, store, Clock(moment), ids, log, incarnation, snapshots)
        log.machine_time = moment
        for created in self.on_create:
            created(tenant)
        if state is not None:
            _restore(tenant, state)
        return tenant, storage, moment, ids

    def reset(self, tenant: Tenant) -> None:
        """Bring a tenant's store back to what a new one holds."""
        fill(tenant.store, self._seeds[self._seed_of_reset], int(tenant.clock.now()))

    async def reset_in_thread(self, tenant: Tenant) -> None:
        """Reset as ``reset`` does, while other requests are served. Raises TenantDeleted."""
        seed = self._seeds[self._seed_of_reset]
        now = int(tenant.clock.now())
        await refill(tenant, len(seed.carts) + len(seed.customers), partial(seeded, seed, now))

    def drop(self, replica: Replica) -> None:
        """Forget a replica. The tenant is loaded again when it is asked for."""
        name = replica.tenant.name
        replica.is_dropped = True
        if self._replicas.get(name) is replica:
            del self._replicas[name]
            self._tenants.pop(name, None)
            self._touched.pop(name, None)
            replica.tenant.is_deleted = True
            replica.tenant.close()

    async def carry_out(self, order: Order, tenant: Tenant) -> Any:
        """Carry out an operation of the workbench."""
        assert self.workbench is not None
        self._seed_of_reset = order.seed
        return await self.workbench(order, tenant)

    async def delete_everywhere(self, name: str) -> bool:
        """Delete a tenant from the shared store; return whether it existed."""
        for _ in range(_ATTEMPTS):
            try:
                replica = await self.hold(name)
            except StoreDamaged:
                await self.client.delete(name, ANY_GENERATION)
                break
            if replica is None:
                await self._unlist(name)
                return False
            try:
                await self.client.delete(name, replica.generation)
                break
            except TenantGone:
                continue  # it was deleted, and may have been made again
            finally:
                self.drop(replica)
        else:
            raise StoreUnavailable("the store of this request changes too often")
        await self._unlist(name)
        return True

    def counts(self) -> Iterator[tuple[str, str, float]]:
        """Yield what this process did with the shared store, for the metrics."""
        yield "round_trips", "Calls to the shared store.", self.client.round_trips
        yield "loads", "Stores that were loaded from a snapshot.", self.loads

    async def names(self) -> list[str]:
        """Return the names of all tenants of the shared store, the one used last first."""
        await self.ready()
        found = await self.client.command(self.client.key("stores"), "ZREVRANGE", 0, -1)
        return [name.decode() for name in found]

    def accepts(self, name: str) -> bool:
        """Return whether a tenant may have that name: all may, unless keys are pinned."""
        return self._clients is None or name in self._clients

    # ---- Looking after it -------------------------------------------------------------------

    def problem(self) -> str | None:
        """Return why the shared store cannot be used now, None if it can."""
        if self._mismatch is not None:
            return f"the shared store cannot be used: {self._mismatch}"
        if self.client.problem is None and not self._is_identified:
            return "the shared store has not answered yet"
        return self.client.problem

    async def check(self) -> str | None:
        """Ask the shared store, and return its problem."""
        try:
            await self._identify()
            # A write, because a full store can still be read.
            await self.client.command(self.client.key("alive"), "SET", int(time.time()), "EX", 60)
        except StoreDamaged as error:
            return str(error)
        except StoreUnavailable as error:
            return self.problem() or str(error)
        return self.problem()

    async def watch(self) -> None:
        """Look after the shared store and the replicas, until it is cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            await self.check()
            self._forget_idle()
            try:
                await self._take_up_seed()
                await self._touch()
                await self._sweep()
            except StoreUnavailable:
                pass
            await asyncio.sleep(_WATCH)

    def _forget_idle(self) -> None:
        before = time.monotonic() - self._idle
        by_use = sorted(self._replicas.values(), key=lambda replica: replica.last_used)
        too_many = len(by_use) - self._held
        for number, replica in enumerate(by_use):
            is_last = number == len(by_use) - 1
            is_too_much = number < too_many or (self._uses_too_much() and not is_last)
            if (is_too_much or replica.last_used < before) and not replica.is_busy:
                self.drop(replica)

    def _uses_too_much(self) -> bool:
        """Return whether the replicas take more memory than they may."""
        if self._store_limit is None or not self._replicas:
            return False
        kept = sum(replica.tenant.snapshots.used for replica in self._replicas.values())
        return self._counted.used + kept > self._store_limit

    async def _touch(self) -> None:
        now = time.monotonic()
        index = self.client.key("stores")
        for name, replica in list(self._replicas.items()):
            if name == STORELESS or replica.last_used < self._touched.get(name, 0.0):
                continue
            if now - self._touched.get(name, 0.0) >= _TOUCH:
                await self.client.command(index, "ZADD", "XX", int(time.time()), name.encode())
                self._touched[name] = now

    async def _sweep(self) -> None:
        """Take tenants out of the index that the server let expire."""
        if not self.client.ttl:
            return
        index = self.client.key("stores")
        until = int(time.time() - self.client.ttl)
        old = await self.client.command(index, "ZRANGEBYSCORE", "-inf", until, "LIMIT", 0, _LISTED)
        for raw in old:
            with suppress(StoreDamaged):  # it stays, so that the list of all stores names it
                if await self.client.open(raw.decode()) is None:
                    await self._unlist(raw.decode())

    async def aclose(self) -> None:
        """Close the connections, and what this process holds."""
        for task in list(self._tasks):
            task.cancel()
        for replica in list(self._replicas.values()):
            self.drop(replica)
        await self.client.close()


def _restore(tenant: Tenant, state: State) -> None:
    tenant.store.order_carts(state.cart_order)
    tenant.clock.restore(state.clock)
    tenant.faults.restore(state.faults)
    tenant.breaks = tuple(state.breaks)
    if tenant.breaks:
        tenant.interceptors.set("breaks", interceptor_of(tenant.breaks))
    memory(tenant).update(untagged(state.memory))
    tenant.snapshots.update(state.snapshots)
    log = tenant.request_log
    assert isinstance(log, ReplicaLog)
    for kept in state.requests:
        log.keep(kept)
    log.forgotten = state.forgotten
    tenant.forward, tenant.stubs = state.forward, Stubs(state.stubs)
    log.exercised.clear()
    log.exercised.update({tuple(key): count for *key, count in state.exercised})  # type: ignore[misc]  # of four parts


def _digest_of(seed: Seed | None) -> str:
    """Return the digest of a seed, empty for none."""
    if seed is None or seed == Seed():
        return ""
    return hashlib.sha256(msgspec.json.encode(seed)).hexdigest()


def _hashed(seed: Seed) -> Seed:
    """Return a seed with the hashes of its passwords in place of them."""
    hashes = {c.id: c.password_hash for c in seed.customer_entities(0)}
    members = {m.id: m.password_hash for m in seed.account_entities(0).members}
    return replace(
        seed,
        customers=tuple(
            replace(c, password=None, password_hash=hashes[c.id]) for c in seed.customers
        ),
        members=tuple(replace(m, password=None, password_hash=members[m.id]) for m in seed.members),
    )
