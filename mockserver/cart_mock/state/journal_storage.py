"""State on disk: a snapshot that stock TinyDB can open, and a journal of the changes since.

A change is one JSON line, handed to the operating system before it is acknowledged: a process that
is killed loses no acknowledged change. With ``sync`` it is on the disk by then, and power failures
cost none either. The files are for their owner alone.

A journal that has grown is folded into the snapshot in a thread, while changes are appended to it.
Then a journal of only the newer changes takes its place. Replaying the whole journal over the new
snapshot ends in the same state, because its lines carry whole documents; so a crash between the two
steps is harmless.

Every line and every snapshot has a checksum: a damaged file is named and kept, and nothing of it is
served. Files of version 1 have no checksums and are read; what is written is version 2.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from cart_spec.files import sync_folder, write_atomically

from cart_mock.formats import NOT_JSON
from cart_mock.state.journal_replacement import JournalReplacement
from cart_mock.state.long_work import free
from cart_mock.state.tinydb_tables import (
    Changes,
    InMemoryStorage,
    Replacement,
    StorageClosed,
    StorageFailed,
    Tables,
    apply,
    size_of,
)
from cart_mock.state.turns import take_turns

logger = logging.getLogger(__name__)

FORMAT: Final = "cart-mock"
VERSION: Final = 2
_UNCHECKED: Final = 1
"""The version whose files have no checksums."""
SNAPSHOT, JOURNAL = "snapshot.json", "journal.jsonl"
_SLICE = 256
"""How many documents of a snapshot are encoded between two turns of other threads."""
_HEADER_TABLE, _HEADER_ID = "_format", "1"

_encode = msgspec.json.Encoder().encode
_REMOVED = b"null"
"""What a line has for a document that it removes."""
_header = {"format": FORMAT, "version": VERSION}
_header_line = _encode(_header) + b"\n"
_decode_tables = msgspec.json.Decoder(dict[str, dict[str, msgspec.Raw]]).decode
_decode_changes = msgspec.json.Decoder(list[dict[str, dict[str, msgspec.Raw]]]).decode
# A line is {"crc32":"0123abcd","changes":[...]}.
_LINE = re.compile(rb'\{"crc32":"([0-9a-f]{8})","changes":(.*)\}', re.DOTALL)
# A snapshot ends with its header, and that with the checksum of everything before it.
_END = re.compile(rb',"crc32":"([0-9a-f]{8})"\}\}\}')
_END_LENGTH = len(b',"crc32":"01234567"}}}')


class DataError(Exception):
    """A data file cannot be used. The message says which and why; the file is left untouched."""


class Damaged(DataError):
    """A data file is not what was written, so that nothing of it can be trusted."""


class OpenJournals:
    """The journals that were written last, and only those are open.

    A process may have many more stores than open files. With ``sync`` each change is on the disk
    before it is acknowledged.
    """

    def __init__(self, most: int = 64, *, sync: bool = False) -> None:
        self._most = most
        self.sync = sync
        self._open: OrderedDict[Path, int] = OrderedDict()

    def append(self, path: Path, content: bytes) -> int:
        """Write at the end of a file; return how many bytes were written. Raises OSError."""
        file = self._open.pop(path, None)
        if file is None:
            file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._open[path] = file
        if len(self._open) > self._most:
            os.close(self._open.popitem(last=False)[1])
        written = os.write(file, content)
        if self.sync and written == len(content):
            os.fsync(file)
        return written

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

    can_share = False

    def __init__(
        self, directory: Path, compact_after: int = 16 * 1024 * 1024,
        journals: OpenJournals | None = None,
    ) -> None:  # fmt: skip
        self._directory = directory
        self._snapshot, self._journal = directory / SNAPSHOT, directory / JOURNAL
        is_new = not self._journal.exists()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_parts(directory)
        tables = _read_snapshot(self._snapshot)
        folded = {name: documents.copy() for name, documents in tables.items()}
        _replay(self._journal, tables)
        super().__init__(tables)
        self._removed = {
            name: documents.keys() - tables[name].keys() for name, documents in folded.items()
        }
        """The documents that the snapshot may have and the tables have not."""
        self._removed_before: dict[str, set[str]] = {}
        """Those that were removed before the compaction under way began."""
        self._replacements = 0
        self._least_growth = compact_after
        self._compact_after = max(compact_after, _size(self._snapshot))
        self._journals = OpenJournals() if journals is None else journals
        os.close(os.open(self._journal, os.O_WRONLY | os.O_CREAT, 0o600))
        self._length = _size(self._journal)
        self._compaction: _Compaction | None = None
        if self._length == 0:
            try:
                self._append(_header_line)
            except OSError:
                self.close()
                raise
        if is_new and self._journals.sync:
            sync_folder(directory)
            sync_folder(directory.parent)

    def record(self, changes: tuple[Changes, ...]) -> None:
        """Append one line. Raises StorageFailed with the journal as it was before."""
        self._append(_line(changes))

    def _append(self, line: bytes) -> None:
        try:
            written = self._journals.append(self._journal, line)
        except OSError as error:
            self._drop_torn()
            raise StorageFailed(error.errno, error.strerror, str(self._journal)) from error
        if written != len(line):
            self._drop_torn()
            raise StorageFailed(
                f"{self._journal}: only {written} of {len(line)} bytes could be written"
            )
        self._length += written

    def _drop_torn(self) -> None:
        """Drop what was written of a line that does not fit."""
        with suppress(OSError):
            os.truncate(self._journal, self._length)

    def write(self, data: Tables) -> None:
        """Replace every table. Without changes in the journal, what is new is the snapshot.

        It is encoded in slices, where the journal would have one line of it all.
        """
        is_busy = self._compaction is not None or self._pending is not None or self._is_closed
        if is_busy or self._length > len(_header_line):
            super().write(data)
            return
        used = sum(map(size_of, data.values()))
        self._memory.check(self._used, used - self._used)
        try:
            write_atomically(self._snapshot, _snapshot_parts(data), sync=True)
        except OSError as error:
            raise StorageFailed(error.errno, error.strerror, str(self._snapshot)) from error
        self._tables = {name: dict(documents) for name, documents in data.items()}
        self._use(used)
        self._removed = {}
        self._compact_after = max(self._least_growth, _size(self._snapshot))

    def commit(self, *changes: Changes) -> None:
        """Record changes and apply them. When the journal has grown, begin to fold it."""
        super().commit(*changes)
        for change in changes:
            for name, documents in change.items():
                if None in documents.values():
                    gone = (id_ for id_, text in documents.items() if text is None)
                    self._removed.setdefault(name, set()).update(gone)
        self._fold()

    def _fold(self) -> None:
        """Start folding a journal that has grown, or finish it."""
        if self._compaction is not None:
            if not self._compaction.is_alive():
                self._finish(self._compaction)
        elif self._length > self._compact_after and not self._replacements:
            # Documents are replaced, never changed, so copies of the tables keep this state.
            tables = {name: documents.copy() for name, documents in self.read().items()}
            self._compaction = _Compaction(self._snapshot, self._journal, tables, self._length)
            self._removed_before, self._removed = self._removed, {}
            self._compaction.start()

    @contextmanager
    def replacing(self, tables: Tables) -> Iterator[Replacement]:
        """Prepare a journal of these tables within a block.

        Meanwhile the journal is not folded: the snapshot must have nothing that is newer.
        """
        gone: list[Mapping[str, Collection[str]]] = [
            {name: self.documents(name).copy() for name in tables},
            {name: ids.copy() for name, ids in self._removed.items()},
            {name: ids.copy() for name, ids in self._removed_before.items()},
        ]
        replacement = JournalReplacement(self._journal, _header_line, gone, tables)
        self._replacements += 1
        try:
            yield replacement
        finally:
            self._replacements -= 1
            replacement.discard()

    def replace(self, replacement: Replacement) -> None:
        """Switch to a journal that was written, and to its tables, in one step.

        Raises StorageFailed or StorageClosed with nothing changed.
        """
        assert isinstance(replacement, JournalReplacement)
        if self._is_closed:
            raise StorageClosed("the storage is closed")
        names = replacement.tables
        self.room_for(replacement)
        kept: Changes = {name: dict(t) for name, t in self.read().items() if name not in names}
        try:
            replacement.take_place(_line((kept,)) if kept else b"", sync=self._journals.sync)
            if self._journals.sync:
                sync_folder(self._directory)
        except OSError as error:
            raise StorageFailed(error.errno, error.strerror, str(self._journal)) from error
        self._journals.close(self._journal)  # what was open is the old one
        self._length = replacement.length
        self._removed = replacement.removed
        if self._compaction is not None:
            self._compaction.is_outdated = True
        super().replace(replacement)

    def compact(self) -> None:
        """Write the present state as the snapshot and start an empty journal. Raises OSError."""
        self.wait_for_compaction()
        _sync_file(self._journal)
        write_atomically(self._snapshot, _snapshot_parts(self.read()), sync=True)
        # The header stays, so that every journal has one.
        write_atomically(self._journal, _header_line, sync=self._journals.sync)
        self._journals.close(self._journal)  # what was open is the old one
        self._length = len(_header_line)
        self._removed = {}
        self._compact_after = max(self._least_growth, _size(self._snapshot))

    def wait_for_compaction(self) -> None:
        """Wait for a compaction that is under way, if there is one, and finish it."""
        if self._compaction is not None:
            self._compaction.join()
            self._finish(self._compaction)

    def _finish(self, compaction: _Compaction) -> None:
        self._compaction = None
        before, self._removed_before = self._removed_before, {}
        try:
            if compaction.error is not None:
                raise compaction.error
            if not compaction.is_outdated:
                self._cut(compaction.length)
        except OSError as error:
            for name, ids in before.items():
                self._removed.setdefault(name, set()).update(ids)
            # The changes are kept all the same, so they did not fail.
            self._compact_after = 2 * self._length
            logger.warning("%s: cannot be written now: %s", self._snapshot, error)
        else:
            self._compact_after = max(self._least_growth, _size(self._snapshot))

    def _cut(self, length: int) -> None:
        """Replace the journal by one without its first bytes. Raises OSError; then it is whole."""
        with self._journal.open("rb") as journal:
            journal.seek(length)
            content = _header_line + journal.read(self._length - length)
        write_atomically(self._journal, content, sync=self._journals.sync)
        self._journals.close(self._journal)  # what was open is the old one
        self._length = len(content)

    def close(self) -> None:
        """Close the journal and refuse every further change; the files stay."""
        if not self._is_closed:
            super().close()
            if self._compaction is not None:
                self._compaction.stop()
            self._journals.close(self._journal)


class _Compaction(threading.Thread):
    """Writes tables as the snapshot. ``length`` is that of the journal which they include."""

    def __init__(self, path: Path, journal: Path, tables: Tables, length: int) -> None:
        super().__init__(name="compaction")
        self.length = length
        self.error: OSError | None = None
        self.is_outdated = False
        """Whether another journal has replaced the one that it includes."""
        self._path = path
        self._journal = journal
        self._tables = tables
        self._is_stopped = False

    def run(self) -> None:
        try:
            _sync_file(self._journal)
            write_atomically(self._path, self._parts(), sync=True)
        except OSError as error:
            self.error = error
        parts, self._tables = list(self._tables.values()), {}
        free(parts)

    def stop(self) -> None:
        """End it without a snapshot, unless that is written already."""
        self._is_stopped = True
        self.join()

    def _parts(self) -> Iterator[bytes]:
        for part in _snapshot_parts(self._tables):
            if self._is_stopped:
                raise OSError("the storage was closed")
            yield part


def _line(changes: tuple[Changes, ...]) -> bytes:
    content = _encode(list(map(_as_json, changes)))
    return b'{"crc32":"%08x","changes":%b}\n' % (zlib.crc32(content), content)


def _as_json(changes: Changes) -> dict[str, dict[str, msgspec.Raw]]:
    return {
        name: {id_: msgspec.Raw(_REMOVED if text is None else text) for id_, text in part.items()}
        for name, part in changes.items()
    }


def _sync_file(path: Path) -> None:
    """Bring a journal to the disk before the snapshot that includes it.

    If only a part of it outlived a power failure, it would undo later changes in the snapshot.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
    sync_folder(path.parent)  # or an older journal may come back in its place


def _snapshot_parts(tables: Tables) -> Iterator[bytes]:
    """Yield the JSON of a snapshot, a slice of documents at a time."""
    checksum = 0
    for part in _unchecked_parts(tables):
        checksum = zlib.crc32(part, checksum)
        yield part
    yield b',"crc32":"%08x"}}}' % checksum


def _unchecked_parts(tables: Tables) -> Iterator[bytes]:
    yield b"{"
    for name, documents in tables.items():
        yield _encode(name) + b":{"
        entries, separator = iter(documents.items()), b""
        while part := {id_: msgspec.Raw(text) for id_, text in islice(entries, _SLICE)}:
            yield separator + _encode(part)[1:-1]
            separator = b","
            take_turns()
        yield b"},"
    header = _encode(_header).removesuffix(b"}")
    yield _encode(_HEADER_TABLE) + b":{" + _encode(_HEADER_ID) + b":" + header


def _remove_parts(directory: Path) -> None:
    """Remove what a process that was killed had written of a file, which may be large."""
    for path in directory.glob(".*"):
        if path.name.startswith((f".{SNAPSHOT}.", f".{JOURNAL}.")):
            path.unlink()


def _read_snapshot(path: Path) -> Tables:
    if not path.exists():
        return {}
    try:
        content = path.read_bytes()
        parts = _decode_tables(content)
        header = msgspec.json.decode(parts.pop(_HEADER_TABLE)[_HEADER_ID])
    except (*NOT_JSON, KeyError) as error:
        raise Damaged(f"{path}: is not a snapshot of cart-mock; move it away") from error
    if check_header(header, path) != _UNCHECKED:
        end = _END.fullmatch(content, len(content) - _END_LENGTH)
        if end is None or int(end[1], 16) != zlib.crc32(content[:-_END_LENGTH]):
            raise Damaged(f"{path}: is damaged (its checksum is another); restore a copy")
    return {name: _copied(documents) for name, documents in parts.items()}


def check_header(header: Any, path: Path) -> int:
    """Return the version of a file. Raises DataError, Damaged unless this one reads it."""
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise Damaged(f"{path}: is not a file of cart-mock; move it away")
    version = header.get("version")
    if version not in (_UNCHECKED, VERSION):
        raise DataError(
            f"{path}: has format version {version}, and this cart-mock reads {_UNCHECKED} and "
            f"{VERSION}; use the cart-mock that wrote it"
        )
    return int(version)


def _replay(path: Path, tables: Tables) -> None:
    """Apply a journal's lines to the tables, dropping a torn last one."""
    if not path.exists():
        return
    content = path.read_bytes()
    # Some file systems fill what they lost in a power failure with zeros.
    length, content = len(content), content.rstrip(b"\0")
    if not content:
        if length:
            os.truncate(path, 0)
        return
    end = content.rfind(b"\n") + 1
    lines = content[:end].splitlines()
    if not lines and _header_line.startswith(content):
        os.truncate(path, 0)
        return
    if not lines:
        raise Damaged(f"{path}: is not a journal of cart-mock; move it away")
    try:
        version = check_header(msgspec.json.decode(lines[0]), path)
    except NOT_JSON as error:
        raise Damaged(f"{path}: is not a journal of cart-mock; move it away") from error
    _apply_lines(lines[1:], version, path, tables)
    if end < length:
        if _is_whole(content[end:-1]):
            raise Damaged(f"{path}: its last line end is damaged; restore a copy")
        os.truncate(path, end)
        logger.warning(
            "%s: the last record was torn (%d bytes); it was never acknowledged and is dropped",
            path,
            length - end,
        )


def _apply_lines(lines: list[bytes], version: int, path: Path, tables: Tables) -> None:
    for number, line in enumerate(lines, start=2):
        try:
            changes = _decode_changes(_checked(line, version))
        except (*NOT_JSON, _WrongChecksum) as error:
            raise Damaged(f"{path}: line {number} is damaged ({error}); restore a copy") from error
        for change in changes:
            apply({name: _copied(documents) for name, documents in change.items()}, tables)


def _copied(parts: dict[str, msgspec.Raw]) -> dict[str, Any]:
    """Return the JSON of each document, copied out of the text that it is a part of.

    It is None for a document that a change removes.
    """
    copied: dict[str, Any] = parts  # of many documents, a second dict would take much memory
    for id_, part in parts.items():
        text = bytes(part)
        copied[id_] = None if text == _REMOVED else text
    return copied


class _WrongChecksum(ValueError):
    """A line has another checksum than it says."""


def _checked(line: bytes, version: int) -> bytes:
    """Return the changes of a line. Raises _WrongChecksum."""
    if version == _UNCHECKED and line.startswith(b"["):
        return line
    found = _LINE.fullmatch(line)
    if found is None or int(found[1], 16) != zlib.crc32(found[2]):
        raise _WrongChecksum("its checksum is another")
    return found[2]


def _is_whole(line: bytes) -> bool:
    """Whether a line was written to its end: then only its line end was damaged later."""
    try:
        _checked(line, VERSION)
    except _WrongChecksum:
        return False
    return True


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
