"""TinyDB tables whose cost does not grow with the number of their documents.

Stock TinyDB reads and rewrites every table on each change. Here the storage stays in memory, and a
table commits only the documents that a change touched. ``Table._read_table`` and
``Table._update_table`` are the two places where TinyDB's public methods meet the storage;
``Table._get_next_id`` makes ids. All three are private to TinyDB: check them when upgrading it.

The storage keeps each document as its JSON, in one object: a dict of dicts and lists takes three
times as much memory, and the garbage collector looks at all of them. TinyDB's methods get a
decoded document, and files have the JSON as it is.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn

import msgspec
from tinydb import Storage, TinyDB
from tinydb.table import Table

Document = dict[str, Any]
"""A document as TinyDB's methods take and return it."""
Documents = dict[str, bytes]
"""Document id to the JSON of the document."""
Tables = dict[str, Documents]
TableChanges = dict[str, bytes | None]
"""Document id to its new JSON, or None if it was removed."""
Changes = dict[str, TableChanges]
"""Table name to what changed in it."""

_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


def encoded(entity: object) -> bytes:
    """Return the JSON of a document or of an entity that has its fields."""
    return b"%b" % _encode(entity)  # copied: what msgspec returns takes up to twice its size


def apply(changes: Changes, tables: Tables) -> None:
    """Apply changes to the tables."""
    for name, documents in changes.items():
        table = tables.get(name)
        if table is None:
            table = tables[name] = {}
        for document_id, document in documents.items():
            if document is None:
                table.pop(document_id, None)
            else:
                table[document_id] = document


class StorageClosed(RuntimeError):
    """A change came after the storage was closed. Nothing was written."""


class StorageFailed(OSError):
    """A change could not be made durable, and nothing has changed: a full disk, for example."""


_DOCUMENT = 800
"""How many bytes of memory a document takes besides its JSON, with its places in indexes."""


class StoreMemory:
    """What the documents of all stores may take together, in bytes; None is any number.

    One store may take half of it, so that others go on when one is full. One ``document`` may have
    that many bytes of JSON: each change of it takes time in proportion.
    """

    def __init__(self, limit: int | None = None, document: int | None = None) -> None:
        self.limit = limit
        self.document = document
        self.used = 0

    def check(self, used: int, grown: int) -> None:
        """Raise StorageFailed if a store of ``used`` bytes cannot grow by ``grown`` bytes."""
        limit = self.limit
        if limit is None or grown <= 0:
            return
        if self.used + grown > limit:
            raise StorageFailed(errno.EDQUOT, "All stores have what --store-memory allows")
        if used + grown > limit // 2:
            raise StorageFailed(errno.EDQUOT, "The store has half of what --store-memory allows")


def size_of(documents: Documents) -> int:
    """Return about how many bytes documents take."""
    return _DOCUMENT * len(documents) + sum(map(len, documents.values()))


class Replacement:
    """Tables that are to take the place of those of the same names in a storage."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.size = 0
        """How many bytes the tables take, once it is written."""

    def write(self) -> None:
        """Do the slow part, in a thread. Raises StorageFailed."""
        self.size = sum(map(size_of, self.tables.values()))


class InMemoryStorage(Storage):
    """A TinyDB storage that keeps the tables in memory and applies changes to them.

    In a ``transaction`` all changes wait for its end and are applied together, or not at all if it
    raises; until then, reads return the state before it.
    """

    can_share: ClassVar = True
    """Whether tables can be taken from another storage as they are."""

    def __init__(self, tables: Tables | None = None) -> None:
        self._tables: Tables = {} if tables is None else tables
        self._shared: set[str] = set()
        self._pending: list[Changes] | None = None
        self._is_closed = False
        self._may_lose = False
        self._memory = StoreMemory()
        self._used = 0
        """How many bytes its documents take; those that are shared take none."""

    def count_in(self, memory: StoreMemory) -> None:
        """Count what the storage has, and will have, in a memory."""
        self._memory = memory
        self._use(sum(map(size_of, self._tables.values())))

    def _use(self, used: int) -> None:
        # Removing a shared document frees no memory.
        self._memory.used += max(used, 0) - max(self._used, 0)
        self._used = used

    def _growth(self, changes: tuple[Changes, ...]) -> int:
        """Return by how many bytes changes make the storage grow. Raises StorageFailed."""
        grown, tables, most = 0, self._tables, self._memory.document
        seen: dict[tuple[str, str], bytes | None] = {}
        for number, change in enumerate(changes, start=1):
            for name, documents in change.items():
                table = tables.get(name) or {}
                for id_, text in documents.items():
                    old = table.get(id_)
                    if number > 1:
                        old = seen.get((name, id_), old)
                    if number < len(changes):
                        seen[name, id_] = text
                    if old is not None:
                        grown -= _DOCUMENT + len(old)
                    if text is not None:
                        grown += _DOCUMENT + len(text)
                        if most is not None and len(text) > most:
                            reason = f"It would have more than {most} bytes (see --body-limit)"
                            raise StorageFailed(errno.EFBIG, reason)
        return grown

    def read(self) -> Tables:
        """Return every table that has documents, live: read them, never change them."""
        return {name: documents for name, documents in self._tables.items() if documents}

    def write(self, data: Tables) -> None:
        """Replace every table; a table that is the live one is left alone.

        Raises StorageFailed or StorageClosed with nothing changed.
        """
        removed: Changes = {}
        added: Changes = {}
        for name in self._tables.keys() | data.keys():
            old, new = self._tables.get(name, {}), data.get(name, {})
            if new is not old:
                # Removed first, because the order of the documents is the order of insertion.
                removed[name], added[name] = dict.fromkeys(old), dict(new)
        self.commit(removed, added)

    def share(self, tables: Tables) -> None:
        """Take tables in place of those of the same names; each is copied when it is changed.

        They must not change otherwise. Raises StorageClosed with nothing changed.
        """
        if self._is_closed:
            raise StorageClosed("the storage is closed")
        self._tables.update(tables)
        self._shared.update(tables)
        kept = (each for name, each in self._tables.items() if name not in tables)
        self._use(sum(map(size_of, kept)))

    @contextmanager
    def replacing(self, tables: Tables) -> Iterator[Replacement]:
        """Prepare within a block that tables take the place of those of the same names.

        A thread writes the replacement, and ``replace`` ends it. The tables are the storage's then.
        """
        yield Replacement(tables)

    def replace(self, replacement: Replacement) -> None:
        """Put tables that were prepared in place. Raises StorageFailed or StorageClosed."""
        if self._is_closed:
            raise StorageClosed("the storage is closed")
        used = self.room_for(replacement)
        self._use(used)
        self._tables.update(replacement.tables)
        self._shared.difference_update(replacement.tables)

    def room_for(self, replacement: Replacement) -> int:
        """Return how many bytes the documents will take. Raises StorageFailed if too many."""
        names = replacement.tables
        kept = sum(size_of(each) for name, each in self._tables.items() if name not in names)
        used = replacement.size + kept
        self._memory.check(self._used, used - self._used)
        return used

    def documents(self, table: str) -> Documents:
        """Return one table, live: read it, never change it."""
        documents = self._tables.get(table)
        if documents is None:
            documents = self._tables[table] = {}
        return documents

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold changes back until the block ends, then commit them together.

        Raises RuntimeError within another transaction.
        """
        if self._pending is not None:
            raise RuntimeError("a transaction cannot be within another")
        self._pending = []
        try:
            yield
            changes = self._pending
        finally:
            self._pending = None
        if changes:
            self.commit(*changes)

    @contextmanager
    def repeatable(self) -> Iterator[None]:
        """Let changes of a block be lost at a restart rather than fail; they are repeated then."""
        self._may_lose = True
        try:
            yield
        finally:
            self._may_lose = False

    def commit(self, *changes: Changes) -> None:
        """Make changes durable, then visible, one after the other.

        Raises StorageFailed or StorageClosed with nothing changed.
        """
        if self._is_closed:
            raise StorageClosed("the storage is closed")
        if self._pending is not None:
            self._pending += changes
            return
        grown = self._growth(changes)
        self._memory.check(self._used, grown)
        try:
            self.record(changes)
        except StorageFailed:
            if not self._may_lose:
                raise
        for change in changes:
            for name in self._shared.intersection(change):
                self._tables[name] = self._tables[name].copy()
                self._shared.discard(name)
            apply(change, self._tables)
        self._use(self._used + grown)

    def record(self, changes: tuple[Changes, ...]) -> None:
        """Make changes durable, all or none. A storage in memory has nothing to do."""

    def close(self) -> None:
        """Refuse every further change."""
        self._is_closed = True
        self._use(0)


class ChangeTracker(MutableMapping[str, Document]):
    """A table as TinyDB's methods see it: they read copies, and their changes are collected."""

    def __init__(self, live: Documents) -> None:
        self._live = live
        self._touched: dict[str, Document | None] = {}

    def __getitem__(self, key: str) -> Document:
        if key not in self._touched:
            self._touched[key] = _decode(self._live[key])
        document = self._touched[key]
        if document is None:
            raise KeyError(key)
        return document

    def __setitem__(self, key: str, document: Document) -> None:
        self._touched[key] = document

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._touched[key] = None

    def __contains__(self, key: object) -> bool:
        if key in self._touched:
            return self._touched[key] is not None
        return key in self._live

    def __iter__(self) -> Iterator[str]:
        touched = self._touched
        yield from (key for key in self._live if key not in touched or touched[key] is not None)
        yield from (
            key for key, value in touched.items() if value is not None and key not in self._live
        )

    def __len__(self) -> int:
        return len(self._live) + sum(
            (document is not None) - (key in self._live) for key, document in self._touched.items()
        )

    def clear(self) -> None:
        """Delete every document."""
        self._touched = dict.fromkeys(self._live)

    def changes(self) -> TableChanges:
        """Return the documents that are new, changed or removed."""
        changes: TableChanges = {}
        for key, document in self._touched.items():
            before = self._live.get(key)
            if document is None:
                if before is not None:
                    changes[key] = None
                continue
            text = encoded(document)
            if before != text:
                changes[key] = text
        return changes


class KeyedTable(Table):
    """A TinyDB table with string ids that commits only the documents that a change touched.

    Documents are copied on the way in and out.
    """

    document_id_class = str  # type: ignore[assignment]  # TinyDB types it as int, and allows others
    _storage: InMemoryStorage

    def __init__(
        self,
        storage: Storage,
        name: str,
        cache_size: int = 0,  # noqa: ARG002  # part of TinyDB's signature
        persist_empty: bool = False,
    ) -> None:
        # No query is cached: a cached result would be shared by all callers.
        super().__init__(storage, name, cache_size=0, persist_empty=persist_empty)

    def _read_table(self) -> Any:
        return ChangeTracker(self._storage.documents(self.name))

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        touched = ChangeTracker(self._storage.documents(self.name))
        updater(touched)
        changes = touched.changes()
        if changes:
            self._storage.commit({self.name: changes})

    def _get_next_id(self) -> NoReturn:
        raise ValueError("a document of a keyed table brings its id: send a tinydb.table.Document")

    def put(self, document_id: str, entity: object) -> None:
        """Replace the document with that id, or insert it. The entity is what has its fields.

        TinyDB's ``upsert`` decodes the old document and puts the new fields into it, which takes
        three times as long.
        """
        self._storage.commit({self.name: {document_id: encoded(entity)}})

    def newest_first(self) -> Iterator[str]:
        """Yield the ids, the one inserted last first."""
        return reversed(self._storage.documents(self.name))


class Database(TinyDB):
    """A TinyDB of keyed tables over a storage in memory."""

    table_class = KeyedTable

    def __init__(self, storage: InMemoryStorage) -> None:
        super().__init__(storage=lambda: storage)

    def keyed(self, name: str) -> KeyedTable:
        """Return the table of that name."""
        table = self.table(name)
        if not isinstance(table, KeyedTable):
            raise TypeError(f"table {name} was opened as {type(table).__name__}")
        return table
