"""What the mock asks of the shared store, tried again until it answers or the time is up."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as LinkBroken

from cart_mock.shared.errors import StoreDamaged, StoreUnavailable, TenantGone
from cart_mock.shared.link import Servers

_SCRIPT = Path(__file__).with_name("store.lua").read_bytes()
_SHA = hashlib.sha1(_SCRIPT, usedforsecurity=False).hexdigest()
_PAUSE = 0.05
"""Seconds before a call is tried again, at first."""
_REFRESH = 0.2
"""Seconds between two searches for the servers."""
_REFUSED_FOR_NOW = ("READONLY", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "LOADING", "MASTERDOWN",
                    "BUSY", "NOREPLICAS", "UNBLOCKED")  # fmt: skip
_FOREIGN = "there are keys of something else under its prefix"
ANY_GENERATION = b""
"""Says that a tenant is to be deleted whatever its generation is."""
DAMAGED = "the shared store has something else in place of this store"

_MILLISECOND = 0.001
_SLACK = 1.0
"""Seconds after the end of a client's patience in which the server may still carry out its call."""


class Position(NamedTuple):
    """A place in a tenant's log: the id of an entry, and the tag of the batch that wrote it."""

    id: bytes
    tag: bytes

    @property
    def at(self) -> float:
        """When it was written, in seconds since the epoch by the server's clock."""
        return int(self.id.partition(b"-")[0]) / 1000


class LogEntry(NamedTuple):
    """One entry of a tenant's log."""

    position: Position
    fields: Mapping[bytes, bytes]


class Batch(NamedTuple):
    """What one round of a replica appends. ``reads`` depend on the version that they saw."""

    tag: bytes
    reads: bytes = b""
    records: bytes = b""
    writes: bytes = b""


class Appended(NamedTuple):
    """The outcome of an append.

    ``position`` is that of the batch's entry, or of the last one if the batch is empty or was not
    appended. ``entries`` are those that the replica lacked; if ``is_in_entries``, the batch's own
    entry is among them. If ``is_behind``, there are more, and nothing was appended. The log after
    the snapshot has so many entries and bytes, and the snapshot ``size`` bytes.
    """

    position: Position
    accepted: bool
    entries: list[LogEntry]
    is_in_entries: bool
    is_behind: bool
    entry_count: int
    byte_count: int
    size: int
    is_unsure: bool


class Opened(NamedTuple):
    """A tenant's snapshot: its generation, the position and version of its state, and the state.

    A version is the position of the last entry that changes something.
    """

    generation: bytes
    position: Position
    version: bytes
    state: bytes


class StoreClient:
    """Calls of ``store.lua`` and of a few plain commands.

    ``prefix`` is in front of every key. A call is tried for ``patience`` seconds. If ``replicas``
    is not 0, a change counts only when that many replicas have it. ``ttl`` is how many seconds an
    unused tenant stays in the store, 0 for ever. ``round_trips`` counts for the metrics.
    """

    def __init__(
        self, servers: Servers, *, prefix: str = "cart-mock", patience: float = 2.0,
        replicas: int = 0, ttl: float = 0,
    ) -> None:  # fmt: skip
        self._servers = servers
        self._prefix = prefix
        self._replicas = replicas
        self.patience = patience
        self.ttl = ttl
        self.ahead = 0.0
        """How many seconds the server's clock is ahead of this machine's."""
        self._knows_time = False
        self.problem: str | None = None
        """Why the last call failed, None if it did not."""
        self.round_trips = 0
        self._refresh_from = 0.0

    def key(self, name: str) -> bytes:
        """Return a key that belongs to no tenant."""
        return f"{self._prefix}:{name}".encode()

    # ---- Tenants ----------------------------------------------------------------------------

    async def append(
        self, tenant: str, generation: bytes, position: Position, version: bytes, batch: Batch,
        *, is_unsure: bool = False,
    ) -> Appended:  # fmt: skip
        """Append a batch after everything that the replica lacks, and return that.

        ``is_unsure`` says that an earlier call with this batch may have been carried out.
        Raises TenantGone, StoreUnavailable.
        """
        until = 0.0
        if self._knows_time:
            # A server that was stopped must not carry out a call that was given up long ago.
            until = (time.time() + self.ahead + self.patience + _SLACK) * 1000
        began = time.time()
        has_content = bool(batch.reads or batch.records or batch.writes)
        status, last, accepted, count, added, size, raw, is_unsure = await self._script(
            tenant, "append", generation, *position, version, batch.tag, batch.reads, batch.records,
            batch.writes, int(self.ttl * 1000), int(until), durable=has_content,
            was_unsure=is_unsure,
        )  # fmt: skip
        entries = [_entry(each) for each in raw]
        where = Position(last, batch.tag)
        if has_content and status == b"appended" and last != position.id:
            self._learn_time(began, where.at)
        return Appended(
            where, accepted == 1, entries, status == b"done", status == b"behind", count, added,
            size, is_unsure,
        )  # fmt: skip

    def _learn_time(self, began: float, at: float) -> None:
        # The server read its clock between the call and its return, so a slow call says little.
        least, most = at - time.time(), at + _MILLISECOND - began
        self.ahead = min(max(self.ahead, least), most)
        self._knows_time = True

    async def create(self, tenant: str, generation: bytes, state: bytes) -> bool:
        """Create a tenant with a state; return whether it did not exist."""
        status, *_ = await self._script(
            tenant, "create", generation, state, int(self.ttl * 1000), durable=True
        )
        return bool(status == b"created")

    async def open(self, tenant: str) -> Opened | None:
        """Return a tenant's snapshot, None if the tenant does not exist."""
        try:
            _, generation, base, tag, version, state, _ = await self._script(tenant, "open")
        except TenantGone:
            return None
        return Opened(generation, Position(base, tag), version, state)

    async def compact(
        self, tenant: str, generation: bytes, position: Position, state: bytes
    ) -> None:
        """Replace a tenant's snapshot by a later one. Raises TenantGone, StoreUnavailable."""
        ttl = int(self.ttl * 1000)
        await self._script(tenant, "compact", generation, *position, state, ttl)

    async def delete(self, tenant: str, generation: bytes) -> None:
        """Delete a tenant. Raises TenantGone, StoreUnavailable."""
        await self._script(tenant, "delete", generation, durable=True)

    async def _script(
        self, tenant: str, *arguments: Any, durable: bool = False, was_unsure: bool = False
    ) -> list[Any]:
        began = time.time()
        keys = _keys_of(self._prefix, tenant)
        found: list[Any]
        call = ("EVALSHA", _SHA, len(keys), *keys, *arguments)
        try:
            found, is_unsure = await self._try_until(keys[0], call, durable=durable)
        except StoreDamaged as error:
            raise StoreDamaged(DAMAGED) from error
        status = found[0]
        if status in (b"gone", b"reload"):
            if is_unsure or was_unsure:
                # An earlier attempt may have been carried out: doing it once more would be twice.
                raise StoreUnavailable("it is not known whether the request took effect")
            raise TenantGone(status.decode())
        if status == b"foreign":
            raise StoreDamaged(DAMAGED)
        if status == b"late":
            self._learn_time(began, Position(found[1], b"").at)
            raise StoreUnavailable("the shared store answers too late")
        return [*found, is_unsure]

    # ---- Plain commands ---------------------------------------------------------------------

    async def command(self, key: bytes, name: str, *arguments: Any) -> Any:
        """Send a command about one key, which may be carried out twice. Raises StoreUnavailable."""
        found, _ = await self._try_until(key, (name, key, *arguments))
        return found

    async def _try_until(
        self, key: bytes, command: tuple[Any, ...], *, durable: bool = False
    ) -> tuple[Any, bool]:
        """Send a command until it is answered.

        Return the answer, and whether an earlier attempt may have been carried out, too. Raises
        StoreUnavailable.
        """
        is_unsure = False
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + self.patience, _PAUSE
        while True:
            try:
                found = await self._send(key, command, durable, end - loop.time())
            except (RedisError, OSError, TimeoutError) as error:
                if "WRONGTYPE" in str(error):
                    raise StoreDamaged(_FOREIGN) from error  # the server itself answers
                problem = _problem(error)
                is_unsure |= not isinstance(error, ResponseError)
                if problem is None and loop.time() + pause < end:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, 0.5)
                    await self._refresh(error)
                    continue
                self.problem = problem or "the shared store cannot be reached"
                raise StoreUnavailable(self.problem) from error
            self.problem = None
            return found, is_unsure

    async def _refresh(self, error: BaseException) -> None:
        now = asyncio.get_running_loop().time()
        if isinstance(error, _TooFewReplicas) or now < self._refresh_from:
            return
        self._refresh_from = now + _REFRESH
        with suppress(RedisError, OSError, TimeoutError):
            await self._servers.refresh(is_refused=isinstance(error, ResponseError))

    async def _send(
        self, key: bytes, command: tuple[Any, ...], durable: bool, seconds: float
    ) -> Any:
        seconds = max(seconds, 0.001)
        link = await self._servers.link_to(key, seconds)
        commands = [command]
        if durable and self._replicas:
            milliseconds = max(1, int(seconds * 900))
            commands.append(("WAIT", self._replicas, milliseconds))
        self.round_trips += 1
        found, *copies = await link.call(*commands, seconds=seconds)
        if isinstance(found, NoScriptError) and command[0] == "EVALSHA":
            return await self._send(key, ("EVAL", _SCRIPT, *command[2:]), durable, seconds)
        if isinstance(found, Exception):
            raise found
        for copied in copies:
            if isinstance(copied, Exception):
                raise copied
            if copied < self._replicas:
                raise _TooFewReplicas(f"{copied} of {self._replicas} replicas have the change")
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._servers.close()


@lru_cache(maxsize=16_384)
def _keys_of(prefix: str, tenant: str) -> tuple[bytes, ...]:
    # What is in braces decides over the slot. A quoted name has no braces, and is never "%".
    base = f"{prefix}:{{{quote(tenant, safe='') or '%'}}}:"
    return tuple(f"{base}{part}".encode() for part in ("meta", "log", "snapshot"))


class _TooFewReplicas(RedisError):
    """Too few replicas have a change. The batch is sent again, and is found in the log."""


def _problem(error: BaseException) -> str | None:
    """Return why another attempt is useless, None if it may be."""
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return "the shared store refuses the user or the password of the mock"
    if isinstance(error, OutOfMemoryError) or str(error).startswith("OOM"):
        return "the shared store is full"
    if isinstance(error, ResponseError) and not isinstance(error, LinkBroken):
        text = str(error)
        if not text.startswith(_REFUSED_FOR_NOW) and not _is_of_a_moment(error):
            return "the shared store refuses a command of the mock: " + text[:100]
    return None


def _is_of_a_moment(error: BaseException) -> bool:
    # redis-py turns some replies into classes of their own, without the first word.
    return type(error) is not ResponseError


def _entry(raw: list[Any]) -> LogEntry:
    entry_id, flat = raw
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return LogEntry(Position(entry_id, fields[b"tag"]), fields)
