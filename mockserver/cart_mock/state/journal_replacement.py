"""A journal with new content for a store, written while the store is in use.

The journal removes every document that the snapshot on disk may have, and adds the new ones. It
takes the place of the old journal in one step, so that a killed process has left one or the other.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from cart_mock.state.tinydb_tables import Documents, Replacement, StorageFailed, Tables
from cart_mock.state.turns import in_turns, take_turns

T = TypeVar("T")

_SLICE = 256
"""How many documents are encoded between two turns of other threads."""
_encode = msgspec.json.Encoder().encode
_BEFORE, _BETWEEN, _AFTER = b'{"crc32":"', b'","changes":', b"}\n"


class JournalReplacement(Replacement):
    """A journal of ``tables``, whose first line is ``header``.

    ``gone`` are the ids, by table, of what may be on disk now.
    """

    def __init__(
        self, journal: Path, header: bytes, gone: list[Mapping[str, Collection[str]]],
        tables: Tables,
    ) -> None:  # fmt: skip
        super().__init__(tables)
        self._journal = journal
        self._header = header
        self._gone = gone
        self._part: Path | None = None
        self.length = 0
        """How many bytes it has."""
        self.removed: dict[str, set[str]] = {}
        """The documents that it removes, by table."""

    def write(self) -> None:
        """Write the journal next to the one in use, in a thread. Raises StorageFailed."""
        super().write()
        for each in self._gone:
            for name, ids in each.items():
                removed = self.removed.setdefault(name, set())
                for document_id in in_turns(ids):
                    removed.add(document_id)
        self._gone.clear()
        try:
            self._write()
        except OSError as error:
            raise StorageFailed(error.errno, error.strerror, str(self._journal)) from error

    def _write(self) -> None:
        handle, name = tempfile.mkstemp(prefix=f".{self._journal.name}.", dir=self._journal.parent)
        self._part = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(self._header + _BEFORE)
            at = file.tell()
            file.write(b"00000000" + _BETWEEN)
            checksum = 0
            for part in self._changes():
                checksum = zlib.crc32(part, checksum)
                file.write(part)
                take_turns()
            file.write(_AFTER)
            self.length = file.tell()
            file.seek(at)
            file.write(b"%08x" % checksum)
            file.flush()
            os.fsync(file.fileno())

    def _changes(self) -> Iterator[bytes]:
        removed = {name: ids for name, ids in self.removed.items() if ids}
        added = {name: documents for name, documents in self.tables.items() if documents}
        yield b"["
        yield from _object(removed, lambda ids: (_encode(each) + b":null" for each in ids))
        yield b","
        yield from _object(added, _members)
        yield b"]"

    def take_place(self, more: bytes, *, sync: bool) -> None:
        """Put the journal, and further lines, in place of the one in use. Raises OSError."""
        assert self._part is not None
        if more:
            with self._part.open("ab") as file:
                file.write(more)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            self.length += len(more)
        self._part.replace(self._journal)
        self._part = None

    def discard(self) -> None:
        """Remove what was written, unless it has taken its place."""
        if self._part is not None:
            self._part.unlink(missing_ok=True)
            self._part = None


def _members(documents: Documents) -> Iterator[bytes]:
    return (_encode(each) + b":" + text for each, text in documents.items())


def _object(tables: dict[str, T], members: Callable[[T], Iterable[bytes]]) -> Iterator[bytes]:
    """Yield the JSON of an object of objects, a slice of their members at a time."""
    separator = b"{"
    for name, table in tables.items():
        yield separator + _encode(name) + b":"
        separator = b"{"
        left = iter(members(table))
        while part := b",".join(islice(left, _SLICE)):
            yield separator + part
            separator = b","
        yield b"}"
        separator = b","
    yield b"}" if tables else b"{}"
