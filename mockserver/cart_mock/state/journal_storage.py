"""State on disk: a snapshot that stock TinyDB can open, and a journal of the changes since.

A change is one JSON line, handed to the operating system before it is acknowledged: a process that
is killed loses no acknowledged change. Replaying a journal over a newer snapshot ends in the same
state, because its lines carry whole documents; so a crash between the two steps of a compaction is
harmless. The files are for their owner alone.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from cart_spec.files import write_atomically

from cart_mock.formats import NOT_JSON
from cart_mock.state.tinydb_tables import Changes, InMemoryStorage, StorageFailed, Tables, apply

logger = logging.getLogger(__name__)

FORMAT: Final = "cart-mock"
VERSION: Final = 1
SNAPSHOT, JOURNAL = "snapshot.json", "journal.jsonl"
_HEADER_TABLE, _HEADER_ID = "_format", "1"

_encode = msgspec.json.Encoder().encode
_header = {"format": FORMAT, "version": VERSION}
_header_line = _encode(_header) + b"\n"


class DataError(Exception):
    """A data file cannot be used. The message says which and why; the file is left untouched."""


class OpenJournals:
    """The journals that were written last, and only those are open.

    A process may have many more stores than open files.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._open: OrderedDict[Path, int] = OrderedDict()

    def append(self, path: Path, content: bytes) -> int:
        """Write at the end of a file; return how many bytes were written. Raises OSError."""
        file = self._open.pop(path, None)
        if file is None:
            file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._open[path] = file
        if len(self._open) > self._most:
            os.close(self._open.popitem(last=False)[1])
        return os.write(file, content)

    def close(self, path: Path) -> None:
        """Close a file, if it is open."""
        file = self._open.pop(path, None)
        if file is not None:
            os.close(file)


class JournalStorage(InMemoryStorage):
    """A storage in memory that keeps its tables in a directory of its own, too.

    ``compact_after`` is how many bytes the journal may grow before it is folded into the snapshot;
    it is at least the size of the snapshot, so that a change's share of that work stays constant.
    ``journals`` are shared by the storages of a process.
    """

    def __init__(
        self, directory: Path, compact_after: int = 16 * 1024 * 1024,
        journals: OpenJournals | None = None,
    ) -> None:  # fmt: skip
        self._directory = directory
        self._snapshot, self._journal = directory / SNAPSHOT, directory / JOURNAL
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        tables = _read_snapshot(self._snapshot)
        _replay(self._journal, tables)
        super().__init__(tables)
        self._least_growth = compact_after
        self._compact_after = max(compact_after, _size(self._snapshot))
        self._journals = OpenJournals() if journals is None else journals
        os.close(os.open(self._journal, os.O_WRONLY | os.O_CREAT, 0o600))
        self._length = _size(self._journal)
        if self._length == 0:
            try:
                self._append(_header_line)
            except OSError:
                self.close()
                raise

    def record(self, changes: tuple[Changes, ...]) -> None:
        """Append one line. Raises StorageFailed with the journal as it was before."""
        self._append(_encode(changes) + b"\n")

    def _append(self, line: bytes) -> None:
        try:
            written = self._journals.append(self._journal, line)
        except OSError as error:
            self._cut()
            raise StorageFailed(error.errno, error.strerror, str(self._journal)) from error
        if written != len(line):
            self._cut()
            raise StorageFailed(
                f"{self._journal}: only {written} of {len(line)} bytes could be written"
            )
        self._length += written

    def _cut(self) -> None:
        """Drop what was written of a line that does not fit."""
        with suppress(OSError):
            os.truncate(self._journal, self._length)

    def commit(self, *changes: Changes) -> None:
        """Record changes, apply them, and fold the journal into the snapshot when it has grown."""
        super().commit(*changes)
        if self._length > self._compact_after:
            try:
                self.compact()
            except OSError as error:
                # The changes are in the journal already, so they have not failed.
                self._compact_after = 2 * self._length
                logger.warning("%s: cannot be written now: %s", self._snapshot, error)

    def compact(self) -> None:
        """Write the present state as the snapshot and start an empty journal. Raises OSError."""
        content = _encode({_HEADER_TABLE: {_HEADER_ID: _header}, **self.read()})
        write_atomically(self._snapshot, content, sync=True)
        # The header stays, so the journal always has one.
        self._length = len(_header_line)
        os.truncate(self._journal, self._length)
        self._compact_after = max(self._least_growth, _size(self._snapshot))

    def close(self) -> None:
        """Close the journal and refuse every further change; the files stay."""
        if not self._is_closed:
            super().close()
            self._journals.close(self._journal)


def _read_snapshot(path: Path) -> Tables:
    if not path.exists():
        return {}
    try:
        tables = msgspec.json.decode(path.read_bytes(), type=Tables)
        header = tables.pop(_HEADER_TABLE)[_HEADER_ID]
    except (*NOT_JSON, KeyError) as error:
        raise DataError(f"{path}: is not a snapshot of cart-mock; move it away") from error
    check_header(header, path)
    return tables


def check_header(header: Any, path: Path) -> None:
    """Raise DataError unless a file begins as this version's files do."""
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DataError(f"{path}: is not a file of cart-mock; move it away")
    version = header.get("version")
    if version != VERSION:
        raise DataError(
            f"{path}: has format version {version}, and this cart-mock reads {VERSION}; "
            "use the cart-mock that wrote it"
        )


def _replay(path: Path, tables: Tables) -> None:
    """Apply a journal's lines to the tables, dropping a torn last one."""
    if not path.exists():
        return
    content = path.read_bytes()
    if not content:
        return
    end = content.rfind(b"\n") + 1
    lines = content[:end].splitlines()
    if not lines and _header_line.startswith(content):
        os.truncate(path, 0)
        return
    if not lines:
        raise DataError(f"{path}: is not a journal of cart-mock; move it away")
    try:
        check_header(msgspec.json.decode(lines[0]), path)
    except NOT_JSON as error:
        raise DataError(f"{path}: is not a journal of cart-mock; move it away") from error
    decoder = msgspec.json.Decoder(list[Changes])
    for number, line in enumerate(lines[1:], start=2):
        try:
            changes = decoder.decode(line)
        except NOT_JSON as error:
            raise DataError(
                f"{path}: line {number} is damaged ({error}); restore a copy"
            ) from error
        for change in changes:
            apply(change, tables)
    if end < len(content):
        os.truncate(path, end)
        logger.warning(
            "%s: the last record was torn (%d bytes); it was never acknowledged and is dropped",
            path,
            len(content) - end,
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
