"""All tenants of a process: one for each ``client_id``, made on first use."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import tempfile
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from cart_spec.files import sync_folder, write_atomically

from cart_mock.formats import NOT_JSON
from cart_mock.state.clock import Clock
from cart_mock.state.journal_storage import (
    FORMAT,
    JOURNAL,
    SNAPSHOT,
    VERSION,
    Damaged,
    DataError,
    JournalStorage,
    OpenJournals,
    check_header,
)
from cart_mock.state.long_work import LARGE, free, in_thread
from cart_mock.state.seed import Seed
from cart_mock.state.snapshots import SnapshotMemory
from cart_mock.state.store import READ_CARTS, Store
from cart_mock.state.tinydb_tables import InMemoryStorage, StorageFailed, StoreMemory
from cart_mock.tenants.refill import fill, refill, seeded
from cart_mock.tenants.request_log import LogMemory, RequestLog
from cart_mock.tenants.tenant import Tenant, TooManyTenants
from cart_mock.tenants.watched import Watched

if TYPE_CHECKING:
    from filelock import FileLock

logger = logging.getLogger(__name__)

_IDENTITY, _LOCK, _STORES, _NAME = "cart-mock.json", "cart-mock.lock", "stores", "name.json"
_PREFIX = "store-"
"""How the name of a store's directory begins."""
_DAMAGED = "damaged"
"""The directory for stores with a damaged file."""
_KEY_LENGTH = 32
_INCARNATION_LENGTH = 6
_LARGE = 1_000
"""A seed with more carts and customers takes more than 10 ms to be written."""
MAX_STORES = 100_000
"""Default maximum number of tenants in a process."""
_PROBE = 4096
"""How many bytes are written to find out whether a data directory can be written."""
# Shorter than a digest, and the same on a file system that folds letter case.
_READABLE = re.compile(r"[a-z0-9_-]{1,60}")


class UnknownTenant(Exception):
    """Keys are pinned, and that ``client_id`` is not one of them."""


def random_id() -> str:
    """Return a random UUID in its usual form."""
    return str(uuid.uuid4())


class _Start(NamedTuple):
    """What a new store starts with: the ``seed``, or the content of a ``store`` made ``at`` a time.

    If a seed has only some of its times, its order depends on the present time, and ``store`` is
    None.
    """

    seed: Seed
    store: Store | None
    at: int
    is_large: bool
    is_relative: bool


class TenantRegistry:
    """Finds and makes tenants. With ``data``, a directory, their state is kept there.

    ``clients`` lists the keys that exist: ``client_id`` to its secret, or None for a key without
    one. ``seed`` is what a new store starts with. ``on_create`` are called with each tenant that is
    made. ``most`` is the maximum number of tenants. ``store_memory``, ``snapshot_memory`` and
    ``most_of_document`` are the maxima in bytes of their content, of their snapshots and of one
    document. With ``sync`` each change is on the disk before it is acknowledged. A store with a
    damaged file is moved aside, and a log line says so. Raises DataError if ``data`` cannot be
    used.
    """

    def __init__(
        self,
        *,
        data: Path | None = None,
        clients: Mapping[str, str | None] | None = None,
        seed: Seed | None = None,
        new_id: Callable[[], str] = random_id,
        new_clock: Callable[[], Clock] = Clock,
        new_request_log: Callable[[], RequestLog] | None = None,
        most: int = MAX_STORES,
        most_read_carts: int = READ_CARTS,
        snapshot_memory: int | None = None,
        store_memory: int | None = None,
        most_of_document: int | None = None,
        sync: bool = False,
    ) -> None:
        self._clients = clients
        self._most = most
        self._most_read_carts = most_read_carts
        self._snapshot_memory = SnapshotMemory(snapshot_memory)
        self._store_memory = StoreMemory(store_memory, most_of_document)
        self.watched: Watched | None = None
        """The files that this process watches, if any."""
        self.process: str | None = None
        """The name of this process in the metrics, if it is one of many."""
        self._new_id = new_id
        self._new_clock = new_clock
        self.new_request_log = new_request_log or partial(RequestLog, memory=LogMemory())
        self._data = data
        self._start: _Start
        self._take_seed(seed or Seed())
        self.on_create: list[Callable[[Tenant], None]] = []
        self._tenants: dict[str, Tenant] = {}
        self._making = asyncio.Lock()
        self._directories: dict[str, Path] = {}
        self._journals = OpenJournals(sync=sync)
        self._lock: FileLock | None = None
        if data is None:
            self.signing_key = secrets.token_bytes(_KEY_LENGTH)
        else:
            self._lock = _take(data)
            try:
                self.signing_key = _identify(data)
                self._take_up_stores(data)
            except OSError as error:
                self.close()
                where = error.filename or data
                raise DataError(f"{where}: cannot be used: {error.strerror or error}") from error
            except BaseException:
                self.close()
                raise

    def _take_up_stores(self, data: Path) -> None:
        """Open the stores of a data directory. A damaged one is moved aside, and never served.

        What a making or a deletion that was killed has left is removed.
        """
        for directory in sorted((data / _STORES).iterdir()):
            if not directory.is_dir():
                continue  # what a file manager leaves
            try:
                named = _named(directory / _NAME)
                if named is None:
                    if directory.name.startswith(_PREFIX) and not _is_foreign(directory):
                        _remove_or_warn(directory)
                else:
                    name, incarnation = named
                    self._tenants[name] = self._open(name, directory, incarnation)
                    self._directories[name] = directory
            except Damaged as error:
                aside = _set_aside(directory, data / _DAMAGED)
                logger.error(
                    "%s. Its store is not served; it is kept in %s. To have it back, stop this "
                    "mock, restore the file there, and move the directory back to %s",
                    error, aside, directory.parent,
                )  # fmt: skip

    def __iter__(self) -> Iterator[Tenant]:
        return iter(list(self._tenants.values()))

    def get(self, name: str) -> Tenant | None:
        """Return the tenant of that ``client_id`` if it was used before, else None."""
        return self._tenants.get(name)

    def use(self, name: str) -> Tenant:
        """Return the tenant of that ``client_id``. Make it if it does not exist.

        Raises UnknownTenant, TooManyTenants, StorageFailed.
        """
        tenant = self._tenants.get(name)
        if tenant is not None:
            return tenant
        if self._clients is not None and name not in self._clients:
            raise UnknownTenant(name)
        if len(self._tenants) >= self._most:
            raise TooManyTenants(f"there are {self._most} stores already")
        tenant = self._tenants[name] = self._make(name)
        return tenant

    def takes_long(self, name: str) -> bool:
        """Return whether ``use`` would take long, because it would write a large seed to a file."""
        if self._data is None or name in self._tenants or len(self._tenants) >= self._most:
            return False
        is_known = self._clients is None or name in self._clients
        return is_known and self._start.is_large

    async def use_in_thread(self, name: str) -> None:
        """Make a tenant as ``use`` does, while other requests are served.

        Raises TooManyTenants, StorageFailed.
        """
        async with self._making:
            if self.takes_long(name):
                self._tenants[name] = await asyncio.to_thread(self._make, name)

    def _make(self, name: str) -> Tenant:
        try:
            return self._make_with_files(name)
        except StorageFailed:
            raise
        except OSError as error:
            raise StorageFailed(error.errno, error.strerror, error.filename) from error

    def _make_with_files(self, name: str) -> Tenant:
        directory = None
        if self._data is not None:
            directory = _free_directory(self._data / _STORES, name)
            # Left by a start or a deletion that was killed: nothing of it may come back.
            _remove(directory)
        incarnation = secrets.token_urlsafe(_INCARNATION_LENGTH)
        tenant = self._open(name, directory, incarnation)
        try:
            self.reset(tenant)
            if directory is not None:
                # Named last, so that an incomplete one is never taken up again.
                sealed = _sealed("client_id", name, incarnation)
                write_atomically(directory / _NAME, sealed, sync=self._journals.sync)
                self._directories[name] = directory
        except OSError:
            tenant.close()
            raise
        return tenant

    def reset(self, tenant: Tenant) -> None:
        """Reset a tenant's store to the content of a new one."""
        now = int(tenant.clock.now())
        start = self._start
        if start.store is not None:
            tenant.store.share(start.store, now - start.at if start.is_relative else 0)
        else:
            fill(tenant.store, start.seed, now)

    async def reset_in_thread(self, tenant: Tenant) -> None:
        """Reset as ``reset`` does, while other requests are served.

        Raises TenantDeleted, StorageFailed.
        """
        now, start = int(tenant.clock.now()), self._start
        if start.store is not None and self._data is None:
            size, had = sum(tenant.store.counts().values()), tenant.store.parts()
            self.reset(tenant)
            await in_thread(size, free, had)
        elif start.store is not None:
            later = now - start.at if start.is_relative else 0
            await refill(tenant, LARGE if start.is_large else 0, partial(start.store.later, later))
        else:
            await refill(tenant, LARGE if start.is_large else 0, partial(seeded, start.seed, now))

    def counts(self) -> Iterable[tuple[str, str, float]]:
        """Return further counts for the metrics: name, description and value."""
        return ()

    @property
    def pins_secrets(self) -> bool:
        """Whether the secrets of the keys are configured."""
        return self._clients is not None

    def take_up(self, clients: Mapping[str, str | None] | None, seed: Seed | None) -> None:
        """Use other clients from now on, and another seed for new stores and for resets."""
        self._clients = clients
        self._take_seed(seed or Seed())

    def _take_seed(self, seed: Seed) -> None:
        now = int(self._new_clock().now())
        is_large = len(seed.carts) + len(seed.customers) > _LARGE
        # Meanwhile other threads may serve a request.
        self._start = _Start(seed, None, now, is_large, is_relative=False)
        if seed.is_relative is None:
            return  # its order depends on the present time
        store = seeded(seed, now, is_indexed=self._data is None)
        # Not with the seed, which takes more memory than the store.
        self._start = _Start(Seed(), store, now, is_large, is_relative=seed.is_relative)

    def has_secret(self, tenant: Tenant, secret: str) -> bool:
        """Return whether that is the secret of the tenant's key, compared in constant time."""
        if self._clients is None:
            return tenant.store.accepts_secret(secret)
        pinned = self._clients.get(tenant.name)
        return secrets.compare_digest(secret.encode(), (pinned or "").encode()) and bool(pinned)

    def delete(self, name: str) -> None:
        """Delete a tenant and its files, if it exists.

        Raises StorageFailed with nothing changed.
        """
        tenant = self._tenants.get(name)
        if tenant is None:
            return
        directory = self._directories.get(name)
        if directory is not None:
            try:
                _remove_name(directory, sync=self._journals.sync)
            except OSError as error:
                raise StorageFailed(error.errno, error.strerror, error.filename) from error
        del self._tenants[name]
        self._directories.pop(name, None)
        tenant.is_deleted = True
        tenant.faults.clear()
        tenant.request_log.clear()
        tenant.snapshots.clear()
        tenant.close()
        if directory is not None:
            _remove_or_warn(directory)

    def problem(self) -> str | None:
        """Return why the tenants cannot be used now, None if they can."""
        if self._data is None:
            return None
        try:
            # A start that finds this file takes it for a part of the identity.
            with tempfile.TemporaryFile(prefix=f".{_IDENTITY}.", dir=self._data) as file:
                file.write(b"x" * _PROBE)
        except OSError as error:
            return f"its data directory cannot be written ({error.strerror or error})"
        return None

    def close(self) -> None:
        """Close every store and leave the data directory to others."""
        for tenant in self._tenants.values():
            tenant.close()
        if self._lock is not None:
            self._lock.release()

    def _open(self, name: str, directory: Path | None, incarnation: str) -> Tenant:
        storage = (
            InMemoryStorage()
            if directory is None
            else JournalStorage(directory, journals=self._journals)
        )
        try:
            store = Store(storage, self._new_id)
        except msgspec.ValidationError as error:
            storage.close()
            raise Damaged(f"{directory}: is damaged ({error}); restore a copy") from error
        store.most_read_carts = self._most_read_carts
        store.count_in(self._store_memory)
        tenant = Tenant(
            name, store, self._new_clock(), self._new_id, self.new_request_log(), incarnation,
            self._snapshot_memory,
        )  # fmt: skip
        for created in self.on_create:
            created(tenant)
        return tenant


def _take(data: Path) -> FileLock:
    """Make the directory and lock it, so that two mocks cannot write the same files."""
    # Imported here: a mock that keeps nothing on disk starts without it.
    from filelock import FileLock, Timeout

    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = {_IDENTITY, _LOCK, _STORES, _DAMAGED}
        # A start that was killed may have left a part of the identity.
        part = f".{_IDENTITY}."
        names = [path.name for path in data.iterdir()]
        foreign = [name for name in names if name not in ours and not name.startswith(part)]
        if foreign and not (data / _IDENTITY).exists():
            raise DataError(
                f"{data}: holds files that are not cart-mock's ({foreign[0]}); "
                "name an empty directory"
            )
        (data / _STORES).mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(data / _LOCK, mode=0o600)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise DataError(f"{data}: another cart-mock uses it; stop that one first") from error
    except OSError as error:
        raise DataError(f"{data}: cannot be written: {error.strerror or error}") from error
    return lock


def _identify(data: Path) -> bytes:
    """Return the key that signs this directory's tokens, made on first use; a restart keeps it."""
    path = data / _IDENTITY
    if path.exists():
        try:
            identity: Any = msgspec.json.decode(path.read_bytes())
        except NOT_JSON as error:
            raise DataError(f"{path}: is not a file of cart-mock; move it away") from error
        check_header(identity, path)
        try:
            key = bytes.fromhex(identity["signing_key"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: its signing_key is damaged; restore a copy") from error
        if len(key) != _KEY_LENGTH or not _is_sealed(identity, key.hex()):
            raise DataError(f"{path}: its signing_key is damaged; restore a copy")
        return key
    key = secrets.token_bytes(_KEY_LENGTH)
    # Without it nothing else in the directory can be used, so it is worth the wait.
    write_atomically(path, _sealed("signing_key", key.hex()), sync=True)
    return key


def _named(path: Path) -> tuple[str, str] | None:
    """Return the client_id and the incarnation of a store, None if it was never named.

    One that an older version made has an empty incarnation, as its tokens have.
    """
    try:
        named: Any = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:  # made, and killed before it was named
        return None
    except NOT_JSON as error:
        raise Damaged(f"{path}: is not a file of cart-mock; move it away") from error
    if isinstance(named, str):  # version 1
        return named, ""
    check_header(named, path)
    name, incarnation = named.get("client_id"), named.get("incarnation", "")
    if not (
        isinstance(name, str)
        and isinstance(incarnation, str)
        and _is_sealed(named, name + incarnation)
    ):
        raise Damaged(f"{path}: is damaged (its checksum is another); restore a copy")
    return name, incarnation


def _set_aside(directory: Path, damaged: Path) -> Path:
    """Move a store's directory to those of damaged ones; return its new place. Raises OSError."""
    damaged.mkdir(mode=0o700, exist_ok=True)
    aside = damaged / directory.name
    number = 1
    while aside.exists():
        number += 1
        aside = damaged / f"{directory.name}.{number}"
    return directory.rename(aside)


def _sealed(field: str, value: str, incarnation: str = "") -> bytes:
    """Return a file of one value and, of a store, its incarnation, with their checksum."""
    checksum = f"{zlib.crc32((value + incarnation).encode()):08x}"
    content = {"format": FORMAT, "version": VERSION, field: value, "crc32": checksum}
    if incarnation:
        content["incarnation"] = incarnation
    return msgspec.json.encode(content)


def _is_sealed(content: dict[str, Any], value: str) -> bool:
    """Whether a file's value has its checksum; files of version 1 have no checksum."""
    return content["version"] == 1 or content.get("crc32") == f"{zlib.crc32(value.encode()):08x}"


def _free_directory(root: Path, name: str) -> Path:
    """Return the directory for a new tenant: no other has it, also if letter case is folded."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    directory = root / f"{_PREFIX}{name if _READABLE.fullmatch(name) else digest}"
    # An older version may have given it to another client_id.
    while (directory / _NAME).exists() or _is_foreign(directory):
        directory = directory.with_name(f"{directory.name}-{digest[:8]}")
    return directory


def _remove_name(directory: Path, *, sync: bool) -> None:
    """Remove a store's name, so that no start takes it up again. Raises OSError."""
    (directory / _NAME).unlink(missing_ok=True)
    if sync:
        sync_folder(directory)


def _is_foreign(directory: Path) -> bool:
    """Return whether a directory has files that are not a store's, so that it must stay."""
    files = (SNAPSHOT, JOURNAL, _NAME)
    parts = tuple(f".{name}." for name in files)
    names = [path.name for path in directory.iterdir()] if directory.exists() else []
    return any(name not in files and not name.startswith(parts) for name in names)


def _remove_or_warn(directory: Path) -> None:
    try:
        _remove(directory)
    except OSError as error:  # without its name it never comes back
        logger.warning("%s: cannot be removed now: %s", directory, error)


def _remove(directory: Path) -> None:
    """Remove a store's directory, which has no name any more. Raises OSError."""
    if not directory.exists():
        return
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
