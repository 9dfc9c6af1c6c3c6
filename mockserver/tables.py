"""TinyDB tables whose cost does not grow with what they hold.

Stock TinyDB reads and rewrites every table on each change. Here the storage stays resident and is
told which documents a change touched. ``Table._read_table`` and ``Table._update_table`` are the two
places where TinyDB's public methods meet the storage; they are private to it, which is why its
version is pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from tinydb import Storage, TinyDB
from tinydb.table import Table

Document = dict[str, Any]
Documents = dict[str, Document]
Tables = dict[str, Documents]
TableChanges = dict[str, Document | None]
"""Document id to its new state, or None where it is gone."""
Changes = dict[str, TableChanges]
"""Table name to what changed in it."""


def apply(changes: Changes, tables: Tables) -> None:
    """Bring the tables to the state that the changes say."""
    for name, documents in changes.items():
        table = tables.get(name)
        if table is None:
            table = tables[name] = {}
        for document_id, document in documents.items():
            if document is None:
                table.pop(document_id, None)
            else:
                table[document_id] = document


class ResidentStorage(Storage):
    """Keeps the tables in memory and applies changes to them.

    In a ``transaction`` all changes wait for its end and are applied together, or not at all if it
    raises; until then, reads see the state before it.
    """

    def __init__(self, tables: Tables | None = None) -> None:
        self._tables: Tables = {} if tables is None else tables
        self._pending: Changes | None = None

    def read(self) -> Tables:
        """Every table, live: to be read, never changed."""
        return self._tables

    def write(self, data: Tables) -> None:
        """Replace every table; TinyDB calls this only to drop tables."""
        changes: Changes = {}
        for name in self._tables.keys() | data.keys():
            old, new = self._tables.get(name, {}), data.get(name, {})
            changes[name] = {**dict.fromkeys(old), **new}
        self.commit(changes)

    def documents(self, table: str) -> Documents:
        """One table, live: to be read, never changed."""
        documents = self._tables.get(table)
        if documents is None:
            documents = self._tables[table] = {}
        return documents

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold changes back until the block ends, then commit them together."""
        self._pending = {}
        try:
            yield
            changes = self._pending
        finally:
            self._pending = None
        if changes:
            self.commit(changes)

    def commit(self, changes: Changes) -> None:
        """Make changes durable, then visible. Raises OSError with nothing changed."""
        if self._pending is not None:
            for name, documents in changes.items():
                self._pending.setdefault(name, {}).update(documents)
            return
        self.record(changes)
        apply(changes, self._tables)

    def record(self, changes: Changes) -> None:
        """Make changes durable. A storage in memory has nothing to do."""


class Touched(MutableMapping[str, Document]):
    """A table as an update sees it: reads come from the live table, writes stay here."""

    def __init__(self, live: Documents) -> None:
        self._live = live
        self.changes: TableChanges = {}

    def __getitem__(self, key: str) -> Document:
        if key not in self.changes:
            # A copy, because TinyDB's updates change the document that they are given.
            self.changes[key] = dict(self._live[key])
        document = self.changes[key]
        if document is None:
            raise KeyError(key)
        return document

    def __setitem__(self, key: str, document: Document) -> None:
        self.changes[key] = document

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self.changes[key] = None

    def __contains__(self, key: object) -> bool:
        if key in self.changes:
            return self.changes[key] is not None
        return key in self._live

    def __iter__(self) -> Iterator[str]:
        yield from (key for key in self._live if self.changes.get(key, True) is not None)
        yield from (
            key for key, document in self.changes.items() if document and key not in self._live
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)


class KeyedTable(Table):
    """A TinyDB table with string ids that commits only the documents that a change touched."""

    document_id_class = str  # type: ignore[assignment]  # TinyDB types it as int, and allows others
    # Cached queries would hand out results that alias the documents.
    default_query_cache_capacity = 0
    _storage: ResidentStorage

    def _read_table(self) -> Any:
        return self._storage.documents(self.name)

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        touched = Touched(self._storage.documents(self.name))
        updater(touched)
        if touched.changes:
            self._storage.commit({self.name: touched.changes})

    def put(self, document_id: str, document: Document) -> None:
        """Insert or replace one document, whole."""

        def updater(table: MutableMapping[str, Document]) -> None:
            table[document_id] = document

        self._update_table(updater)

    def newest_first(self) -> Iterator[str]:
        """The ids, the one inserted last first."""
        return reversed(self._storage.documents(self.name))


class Database(TinyDB):
    """A TinyDB of keyed tables over a resident storage."""

    table_class = KeyedTable

    def __init__(self, storage: ResidentStorage) -> None:
        super().__init__(storage=lambda: storage)
        self.resident = storage

    def keyed(self, name: str) -> KeyedTable:
        """The table of that name."""
        table = self.table(name, cache_size=0)
        if not isinstance(table, KeyedTable):
            raise TypeError(f"table {name} was opened as {type(table).__name__}")
        return table
