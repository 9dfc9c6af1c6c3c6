"""State on disk: acknowledged changes are restored, and unusable files are rejected unchanged."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cart_mock.owners import owners
from cart_mock.state.entities import Cart, Customer
from cart_mock.state.journal_storage import DataError, JournalStorage
from cart_mock.state.tinydb_tables import StorageClosed, StorageFailed
from cart_mock.tenants.registry import TenantRegistry
from cart_spec import load_contract
from tinydb import TinyDB

from tests.mock.documents import commit, tables
from tests.mock.world import DAY, World

CONTRACT = load_contract()
LINES: list[list[dict[str, dict[str, Any]]]] = [
    [{"carts": {"a": {"n": 1}}}],
    [{"carts": {"b": {"text": "ünïcode \n and {brackets}"}}, "customers": {"u": {"n": 2}}}],
    [{"carts": {"a": None}}, {"carts": {"a": {"n": 3}}}],
    [{"carts": {"b": {"n": 4}}}],
]


def states() -> Iterator[dict[str, Any]]:
    """The tables after each line: the first is before any."""
    tables: dict[str, Any] = {}
    yield {}
    for line in LINES:
        for change in line:
            for table, documents in change.items():
                for name, document in documents.items():
                    tables.setdefault(table, {}).pop(name, None)
                    if document is not None:
                        tables[table][name] = document
        yield json.loads(json.dumps(tables))


STATES = list(states())


def write_lines(directory: Path) -> list[int]:
    """Write a journal of all lines; how long it was before and after each."""
    storage = JournalStorage(directory)
    lengths = [(directory / "journal.jsonl").stat().st_size]
    for line in LINES:
        commit(storage, *line)
        lengths.append((directory / "journal.jsonl").stat().st_size)
    storage.close()
    return lengths


def reopened(directory: Path) -> Any:
    storage = JournalStorage(directory)
    storage.close()
    return tables(storage)


def test_everything_is_there_again(tmp_path: Path) -> None:
    write_lines(tmp_path)
    assert reopened(tmp_path) == STATES[-1]


def test_a_journal_cut_off_anywhere_has_every_whole_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lengths = write_lines(tmp_path / "whole")
    content = (tmp_path / "whole" / "journal.jsonl").read_bytes()
    for length in range(len(content) + 1):
        directory = tmp_path / str(length)
        directory.mkdir()
        path = directory / "journal.jsonl"
        path.write_bytes(content[:length])
        caplog.clear()
        whole = [kept for kept in lengths if kept <= length]
        assert reopened(directory) == STATES[max(0, len(whole) - 1)], length
        torn = length - whole[-1] if whole else 0
        if torn:
            [message] = caplog.messages
            assert f"{path}: the last record was torn ({torn} bytes)" in message
        else:
            assert caplog.messages == []
        # A torn record is cut off, so the next record begins a line and can be read.
        storage = JournalStorage(directory)
        commit(storage, {"more": {"x": {}}})
        storage.close()
        assert reopened(directory)["more"] == {"x": {}}


def test_a_compaction_keeps_the_state_and_empties_the_journal(tmp_path: Path) -> None:
    lengths = write_lines(tmp_path)
    storage = JournalStorage(tmp_path)
    storage.compact()
    assert (tmp_path / "journal.jsonl").stat().st_size == lengths[0]
    commit(storage, {"carts": {"c": {"n": 5}}})
    storage.close()
    expected = {**STATES[-1], "carts": {**STATES[-1]["carts"], "c": {"n": 5}}}
    assert reopened(tmp_path) == expected


def test_the_journal_is_folded_into_the_snapshot_when_it_has_grown(tmp_path: Path) -> None:
    storage = JournalStorage(tmp_path, compact_after=1000)
    largest = 0
    for number in range(500):
        commit(storage, {"carts": {str(number % 7): {"n": number}}})
        storage.wait_for_compaction()
        largest = max(largest, (tmp_path / "journal.jsonl").stat().st_size)
    storage.close()
    assert 1000 - 50 < largest <= 1000
    assert reopened(tmp_path)["carts"]["2"] == {"n": 499}


def carts_of(storage: JournalStorage) -> list[str]:
    return list(storage.documents("carts"))


def replace(storage: JournalStorage, *carts: str) -> None:
    new: Any = {"carts": dict.fromkeys(carts, b'{"n":1}'), "customers": {}}
    with storage.replacing(new) as replacement:
        replacement.write()
        storage.replace(replacement)


def test_replaced_tables_are_there_again_and_others_stay(tmp_path: Path) -> None:
    storage = JournalStorage(tmp_path, compact_after=300)
    commit(storage, {"key": {"1": {"salt": "s"}}, "carts": {"a": {}, "b": {}, "c": {}}})
    commit(storage, {"customers": {"u": {}}})
    storage.compact()  # what is in the snapshot must go
    commit(storage, {"carts": {"b": None, "d": {}}})
    replace(storage, "x", "b", *(f"c{number}" for number in range(1000)))
    expected = ["x", "b", *(f"c{number}" for number in range(1000))]
    assert carts_of(storage) == expected
    copy = tmp_path / "copy"  # as a kill leaves it
    shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy"))
    assert list(reopened(copy)["carts"]) == expected
    assert "customers" not in reopened(copy)
    assert reopened(copy)["key"] == {"1": {"salt": "s"}}
    commit(storage, {"carts": {"x": None, "y": {}}})
    storage.wait_for_compaction()
    assert (tmp_path / "journal.jsonl").stat().st_size < 300
    replace(storage, "z")
    storage.close()
    assert list(reopened(tmp_path)["carts"]) == ["z"]
    assert reopened(tmp_path)["key"] == {"1": {"salt": "s"}}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "copy", "journal.jsonl", "snapshot.json",
    ]  # fmt: skip


def test_changes_made_while_a_replacement_is_written_go_with_the_old_tables(
    tmp_path: Path,
) -> None:
    storage = JournalStorage(tmp_path, compact_after=100)
    commit(storage, {"carts": {"old": {"text": "x" * 200}}})
    storage.wait_for_compaction()
    with storage.replacing({"carts": {"new": b"{}"}}) as replacement:
        replacement.write()
        for number in range(9):  # no snapshot with these may be written now
            commit(storage, {"carts": {f"late{number}": {"text": "x" * 200}}})
        commit(storage, {"carts": {"old": None}, "key": {"1": {"salt": "s"}}})
        assert storage._compaction is None
        kept = (tmp_path / "journal.jsonl").read_bytes()
        storage.replace(replacement)
    assert carts_of(storage) == ["new"]
    again = reopened(tmp_path)
    assert (list(again["carts"]), again["key"]) == (["new"], {"1": {"salt": "s"}})
    storage.close()
    (tmp_path / "journal.jsonl").write_bytes(kept)  # a kill before the last step
    assert list(reopened(tmp_path)["carts"]) == [f"late{number}" for number in range(9)]


def test_compaction_that_was_under_way_does_not_spoil_a_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ends_before in (True, False):
        directory = tmp_path / str(ends_before)
        may_go_on = threading.Event()
        monkeypatch.setattr(
            "cart_mock.state.journal_storage._sync_file", lambda _, may=may_go_on: may.wait(10)
        )
        storage = JournalStorage(directory, compact_after=100)
        commit(storage, {"carts": {"gone": {}}})
        commit(storage, {"carts": {"gone": None}})
        commit(storage, {"carts": {"old": {"text": "x" * 200}}})
        assert storage._compaction is not None
        with storage.replacing({"carts": {"new": b"{}"}}) as replacement:
            replacement.write()
            if ends_before:
                may_go_on.set()
                storage._compaction.join()
            storage.replace(replacement)
        may_go_on.set()
        storage.wait_for_compaction()
        commit(storage, {"carts": {"more": {}}})
        storage.wait_for_compaction()
        storage.close()
        assert list(reopened(directory)["carts"]) == ["new", "more"]


def test_replacement_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path)
    storage = JournalStorage(tmp_path)
    before = files(tmp_path)
    with no_space(0), pytest.raises(StorageFailed, match="No space"):
        replace(storage, "new")

    def refuse(*_arguments: Any) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(StorageFailed, match="Permission denied"):
            replace(storage, "new")
    assert files(tmp_path) == before
    assert tables(storage) == STATES[-1]
    storage.close()
    with pytest.raises(StorageClosed):
        replace(storage, "new")
    assert files(tmp_path) == before


def test_a_crash_between_snapshot_and_journal_is_harmless(tmp_path: Path) -> None:
    write_lines(tmp_path)
    old = (tmp_path / "journal.jsonl").read_bytes()
    storage = JournalStorage(tmp_path)
    storage.compact()
    storage.close()
    (tmp_path / "journal.jsonl").write_bytes(old)
    assert reopened(tmp_path) == STATES[-1]


class Paused:
    """Holds a compaction before it writes its second part, until it may go on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.reached, self.may_go_on = threading.Event(), threading.Event()
        patch.setattr("cart_mock.state.turns.time.sleep", self._pause)

    def _pause(self, _seconds: float) -> None:
        self.reached.set()
        assert self.may_go_on.wait(10)


def test_journal_changes_during_a_compaction_are_kept_at_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "data"
    storage = JournalStorage(directory, compact_after=250)
    paused = Paused(monkeypatch)
    copies: list[tuple[Path, Any]] = []

    def killed() -> None:
        """Keep the files as a process that is killed now leaves them, and the state."""
        copies.append((tmp_path / f"killed {len(copies)}", tables(storage)))
        shutil.copytree(directory, copies[-1][0])

    commit(storage, {"carts": {"a": {"text": "x" * 300}, "b": {"n": 1}}})
    assert paused.reached.wait(10)
    killed()
    commit(storage, {"carts": {"a": None, "c": {"n": 2}}})
    commit(storage, {"carts": {"a": {"n": 3}}})
    killed()
    assert not (directory / "snapshot.json").exists()
    paused.may_go_on.set()
    assert storage._compaction is not None
    storage._compaction.join()
    assert (directory / "snapshot.json").exists()
    killed()
    commit(storage, {"carts": {"b": None, "d": {"n": 4}}})
    assert b"x" * 300 not in (directory / "journal.jsonl").read_bytes()
    killed()
    commit(storage, {"carts": {"d": {"n": 5}}})
    killed()
    storage.close()
    for copy, state in copies:
        assert reopened(copy) == state
    assert reopened(directory) == tables(storage)


def test_journal_closed_during_a_compaction_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = JournalStorage(tmp_path, compact_after=100)
    paused = Paused(monkeypatch)
    commit(storage, {"carts": {"a": {"text": "x" * 100}}})
    assert paused.reached.wait(10)
    closing = threading.Thread(target=storage.close)
    closing.start()
    paused.may_go_on.set()
    closing.join()
    assert sorted(files(tmp_path)) == ["journal.jsonl"]
    assert reopened(tmp_path) == {"carts": {"a": {"text": "x" * 100}}}


def test_stock_tinydb_opens_the_snapshot(tmp_path: Path) -> None:
    write_lines(tmp_path)
    storage = JournalStorage(tmp_path)
    storage.compact()
    storage.close()
    # Stock TinyDB takes ids for numbers, and so the tables are looked at as they are stored.
    with TinyDB(tmp_path / "snapshot.json") as stock:
        assert stock.tables() == {"_format", "carts", "customers"}
        [header] = stock.table("_format").all()
        assert (header["format"], header["version"]) == ("cart-mock", 2)
        assert stock.storage.read() == {**stock.storage.read(), **STATES[-1]}


# ---- Refusals -----------------------------------------------------------------------------------


class Refused(NamedTuple):
    """Bytes that stand in a file of a data directory, and parts of the one line that refuses it."""

    name: str
    file: str
    content: bytes
    parts: tuple[str, ...]


HEADER = b'{"format":"cart-mock","version":2}\n'
NEWER = b'{"format":"cart-mock","version":3,"new":[]}\n'
IDENTITY, JOURNAL, SNAPSHOT, NAME = (
    "cart-mock.json", "stores/store-shop/journal.jsonl", "stores/store-shop/snapshot.json",
    "stores/store-shop/name.json",
)  # fmt: skip
NOT_OURS = ("is not a", "of cart-mock; move it away")
NEWER_PARTS = (
    "has format version 3, and this cart-mock reads 1 and 2",
    "use the cart-mock that wrote",
)
GOOD = b'{"crc32":"%08x","changes":[{"carts":{}}]}\n' % zlib.crc32(b'[{"carts":{}}]')
DAMAGED = [
    *(
        Refused(f"{what} as {file.rpartition('/')[2]}", file, content, NOT_OURS)
        for file in (IDENTITY, JOURNAL, SNAPSHOT, NAME)
        for what, content in (
            ("prose", b"Dear diary\n"), ("bytes", b"\xff\xfe\x00\n"), ("a list", b"[1,2]\n"),
            ("foreign JSON", b'{"name":"package","version":"1.0.0"}\n'),
            ("a foreign string of bytes", b'"\xff"\n'), ("deep nesting", b"[" * 100_000 + b"\n"),
            ("deep objects", b'{"a":' * 100_000 + b"\n"),
        )
    ),
    Refused("prose without a line as journal", JOURNAL, b"Dear diary", NOT_OURS),
    Refused("a beginning of another header", JOURNAL, b'{"format":"x', NOT_OURS),
    Refused("nothing as identity", IDENTITY, b"", NOT_OURS),
    Refused("nothing as snapshot", SNAPSHOT, b"", NOT_OURS),
    Refused("nothing as name", NAME, b"", NOT_OURS),
    Refused("foreign format", JOURNAL, b'{"format":"other","version":1}\n', NOT_OURS),
    Refused("a snapshot without header", SNAPSHOT, b'{"carts":{}}', NOT_OURS),
    Refused("stock TinyDB's file", SNAPSHOT, b'{"_default":{"1":{"a":1}}}', NOT_OURS),
    Refused("a newer identity", IDENTITY, NEWER, NEWER_PARTS),
    Refused("a newer journal", JOURNAL, NEWER, NEWER_PARTS),
    Refused("a newer snapshot", SNAPSHOT, b'{"_format":{"1":' + NEWER[:-1] + b"}}", NEWER_PARTS),
    *(
        Refused(f"a damaged line: {line[:20]!r}", JOURNAL, HEADER + GOOD + line + b"\n" + GOOD,
                ("line 3 is damaged", "restore a copy"))
        for line in (
            b"", b"{", GOOD[:-4], b"\xff", b'[{"carts":{"a":{"n":"\xff"}}}]', b"null", b"5",
            b'[{"carts":{"a":5}}]', b'[{"carts":[]}]', b'{"carts":{}}', b"[" * 100_000,
            b'[{"carts":{"a":{"n":' + b"[" * 100_000,
        )
    ),
    Refused("a damaged last line that is whole", JOURNAL, HEADER + GOOD + b"{\n",
            ("line 3 is damaged", "restore a copy")),
    Refused("a cart that is none", JOURNAL, HEADER + b'[{"carts":{"a":{"n":1}}}]\n',
            ("is damaged", "restore a copy")),
    Refused("a customer that is none", JOURNAL, HEADER + b'[{"customers":{"a":{"id":1}}}]\n',
            ("is damaged", "restore a copy")),
    *(
        Refused(f"signing key {key!r}", IDENTITY,
                b'{"format":"cart-mock","version":1,"signing_key":' + key + b"}",
                ("its signing_key is damaged", "restore a copy"))
        for key in (b'""', b"null", b"5", b'"zz"', b'"abcd"')
    ),
    Refused("no signing key", IDENTITY, HEADER, ("its signing_key is damaged",)),
]  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as a mock left it, with a snapshot and a journal."""
    data = tmp_path_factory.mktemp("kept") / "data"
    tenants = TenantRegistry(data=data)
    tenant = tenants.use("shop")
    now, store = int(tenant.now()), tenant.store
    store.put_customer(Customer("ada", "Ada", "ada@example.com", now, now))
    store._storage.compact()  # type: ignore[attr-defined]  # it is one on disk
    store.put_cart(Cart("c", "Groceries", now, now, owners=owners("customer", ("ada",))))
    tenants.close()
    return data


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


# Without the identity nothing can be served, and a newer file is not a damaged one.
UNUSABLE = [case for case in DAMAGED if case.file == IDENTITY or case.parts == NEWER_PARTS]
ASIDE = [case for case in DAMAGED if case not in UNUSABLE]


@pytest.mark.parametrize(
    ("file", "content", "parts"), [case[1:] for case in UNUSABLE], ids=[c.name for c in UNUSABLE]
)
def test_a_file_that_cannot_be_used_is_named_and_left_alone(
    kept: Path, tmp_path: Path, file: str, content: bytes, parts: tuple[str, ...]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(kept, data)
    (data / file).write_bytes(content)
    before = files(data)
    with pytest.raises(DataError) as raised:
        TenantRegistry(data=data)
    message = str(raised.value)
    assert "\n" not in message
    assert str((data / file).parent) in message
    for part in parts:
        assert part in message
    assert files(data) == before
    # The lock was given back: with the file as it was, the directory is used again.
    shutil.copy(kept / file, data / file)
    TenantRegistry(data=data).close()


@pytest.mark.parametrize(
    ("file", "content", "parts"), [case[1:] for case in ASIDE], ids=[c.name for c in ASIDE]
)
def test_store_with_a_damaged_file_is_set_aside_and_never_served(
    kept: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str, content: bytes,
    parts: tuple[str, ...],
) -> None:  # fmt: skip
    data = tmp_path / "data"
    shutil.copytree(kept, data)
    shutil.copytree(data / "stores/store-shop", data / "stores/store-well")
    (data / "stores/store-well/name.json").write_text('"well"')
    (data / file).write_bytes(content)
    before = files(data / "stores/store-shop")
    tenants = TenantRegistry(data=data)
    assert [tenant.name for tenant in tenants] == ["well"]
    assert tenants.use("shop").store.everything() == ([], [])
    tenants.close()
    aside = data / "damaged/store-shop"
    assert files(aside) == before
    [message] = caplog.messages
    for part in (str((data / file).parent), str(aside), "Its store is not served", *parts):
        assert part in message
    assert "\n" not in message
    # The next start has nothing to say; with the file as it was, the store is back.
    caplog.clear()
    tenants = TenantRegistry(data=data)
    tenants.delete("shop")
    tenants.close()
    shutil.copy(kept / file, aside / Path(file).name)
    aside.rename(data / "stores/store-shop")
    tenants = TenantRegistry(data=data)
    assert sorted(tenant.name for tenant in tenants) == ["shop", "well"]
    assert tenants.use("shop").store.cart("c") is not None
    tenants.close()
    assert caplog.messages == []


def test_store_that_is_damaged_again_is_set_aside_next_to_the_first(tmp_path: Path) -> None:
    for _ in range(3):
        tenants = TenantRegistry(data=tmp_path)
        tenants.use("shop")
        tenants.close()
        (tmp_path / JOURNAL).write_bytes(b"x")
    TenantRegistry(data=tmp_path).close()
    names = sorted(path.name for path in (tmp_path / "damaged").iterdir())
    assert names == ["store-shop", "store-shop.2", "store-shop.3"]


def test_zeros_that_a_power_failure_left_are_not_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lengths = write_lines(tmp_path)
    path = tmp_path / "journal.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[: lengths[2] + 5] + bytes(100))
    assert reopened(tmp_path) == STATES[2]
    assert "the last record was torn (105 bytes)" in caplog.text
    path.write_bytes(bytes(100))
    assert reopened(tmp_path) == {}


@pytest.mark.parametrize("file", [IDENTITY, JOURNAL, SNAPSHOT, NAME, "stores", "cart-mock.lock"])
def test_a_path_that_cannot_be_read_is_named(kept: Path, tmp_path: Path, file: str) -> None:
    data = tmp_path / "data"
    shutil.copytree(kept, data)
    path = data / file
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("a file")
    else:
        path.unlink(missing_ok=True)
        path.mkdir()
    with pytest.raises(DataError, match=r"cannot be (used|written)") as raised:
        TenantRegistry(data=data)
    assert str(data) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_file_that_a_file_manager_left_among_the_stores_is_ignored(
    kept: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(kept, data)
    (data / "stores" / ".DS_Store").write_bytes(b"x")
    tenants = TenantRegistry(data=data)
    assert len(list(tenants)) > 0
    tenants.close()


def test_part_of_a_file_that_a_kill_left_is_removed(tmp_path: Path) -> None:
    for name in (".snapshot.json.abc", ".journal.jsonl.abc"):
        (tmp_path / name).write_bytes(b"x" * 1000)
    JournalStorage(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir()] == ["journal.jsonl"]


def test_a_directory_of_somebody_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my only copy")
    with pytest.raises(
        DataError, match=r"not cart-mock's \(thesis\.txt\); name an empty"
    ) as raised:
        TenantRegistry(data=tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert files(tmp_path) == {"thesis.txt": b"my only copy"}


@pytest.mark.parametrize("place", ["file/data", "/proc/cart-mock"])
def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(DataError, match="cannot be written: ") as raised:
        TenantRegistry(data=tmp_path / place)
    assert str(tmp_path / place) in str(raised.value)


def test_a_second_process_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    first = TenantRegistry(data=tmp_path)
    first.use("shop")
    before = files(tmp_path)
    second = subprocess.run(
        [sys.executable, "-m", "cart_mock", "--port", "0", "--data", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (second.returncode, second.stdout) == (2, "")
    [line] = second.stderr.splitlines()
    assert line.startswith(f"cart-mock: {tmp_path}: another cart-mock uses it")
    assert files(tmp_path) == before
    first.close()
    TenantRegistry(data=tmp_path).close()


# ---- A start or a first use that was killed half-way ---------------------------------------------


LEFT_BEHIND: list[tuple[str, dict[str, bytes]]] = [
    ("before the identity", {"cart-mock.lock": b"", ".cart-mock.json.ab12": b'{"form'}),
    ("before a store is named", {"stores/store-new/journal.jsonl": HEADER + b"[{"}),
    ("while a store is named", {"stores/store-new/.name.json.ab12": b'"ne'}),
    ("before a journal has its header", {"stores/store-new/journal.jsonl": HEADER[:9]}),
    ("while a snapshot is written", {"stores/store-shop/.snapshot.json.ab12": b'{"_for'}),
]


@pytest.mark.parametrize(("_when", "left"), LEFT_BEHIND, ids=[entry[0] for entry in LEFT_BEHIND])
def test_a_start_after_one_that_was_killed_succeeds(
    kept: Path, tmp_path: Path, _when: str, left: dict[str, bytes]
) -> None:  # fmt: skip
    data = tmp_path / "data"
    if "cart-mock.lock" not in left:
        shutil.copytree(kept, data)
    for name, content in left.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    tenants = TenantRegistry(data=data)
    tenant = tenants.use("new")
    assert tenant.store.everything() == ([], [])
    tenant.store.put_cart(Cart("c", "Groceries", int(tenant.now()), int(tenant.now())))
    tenants.close()
    tenants = TenantRegistry(data=data)
    again = tenants.get("new")
    assert again is not None
    assert again.store.cart("c") is not None
    tenants.close()


# ---- A disk that is full -------------------------------------------------------------------------


@contextmanager
def limited(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def no_space(_size: int) -> Iterator[None]:
    """No byte can be written to any journal."""

    def write(*_arguments: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cart_mock.state.journal_storage.os.write", write)
        patch.setattr("cart_mock.state.journal_replacement.os.fsync", write)
        yield


Full = Callable[[int], Any]
FULL = pytest.mark.parametrize("full", [limited, no_space])


@FULL
@pytest.mark.parametrize("room", [0, 1, 10])
def test_a_record_that_cannot_be_written_leaves_state_and_journal(
    tmp_path: Path, full: Full, room: int
) -> None:
    write_lines(tmp_path)
    storage = JournalStorage(tmp_path)
    before = files(tmp_path)
    size = len(before["journal.jsonl"])
    with full(size + room), pytest.raises(OSError, match=r"bytes could be written|No space|large"):
        commit(storage, {"carts": {"lost": {"text": "x" * 50}}})
    assert tables(storage) == STATES[-1]
    assert files(tmp_path) == before
    commit(storage, {"carts": {"kept": {}}})
    storage.close()
    assert reopened(tmp_path)["carts"] == {**STATES[-1]["carts"], "kept": {}}


def test_a_snapshot_that_cannot_be_written_costs_no_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage = JournalStorage(tmp_path, compact_after=200)

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cart_mock.state.journal_storage.write_atomically", fail)
        for number in range(20):
            commit(storage, {"carts": {str(number): {"n": number}}})
            storage.wait_for_compaction()
    assert any("snapshot.json: cannot be written" in message for message in caplog.messages)
    assert len(caplog.messages) < 5
    for number in range(20, 60):
        commit(storage, {"carts": {str(number): {"n": number}}})
    storage.wait_for_compaction()
    assert (tmp_path / "snapshot.json").exists()
    storage.close()
    assert reopened(tmp_path)["carts"] == {str(n): {"n": n} for n in range(60)}


def test_a_snapshot_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    write_lines(tmp_path)
    storage = JournalStorage(tmp_path)
    storage.compact()
    before = files(tmp_path)
    with limited(20), pytest.raises(OSError, match="large"):
        storage.compact()
    assert files(tmp_path) == before
    storage.close()
    assert reopened(tmp_path) == STATES[-1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A shop whose state is kept in a directory."""
    data = tmp_path_factory.mktemp("world")
    with World(data=data) as world:
        yield world


@FULL
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_request_that_cannot_be_kept_is_a_507_in_the_envelope_and_changes_nothing(
    world: World, full: Full, method: str
) -> None:
    data = world.site.tenants._data
    assert data is not None
    cart = world.cart(world.tenant.new_id())
    world.associate(cart, world.bob if method == "POST" else world.ada)
    before, kept_files = world.everything(), files(data)
    ada, bob = world.as_ada(), world.as_bob()
    seen = [world.carts_of(headers) for headers in (ada, bob)]
    with full((data / JOURNAL).stat().st_size):
        answer = world.associate(cart, world.ada, method=method)
    error = CONTRACT.protocol_error("storage-full")
    assert answer.status_code == error.status
    [entry] = answer.json()["errors"]
    assert (entry["status"], entry["title"]) == (error.status, error.text)
    assert answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert str(data) not in answer.text
    assert world.everything() == before
    assert [world.carts_of(headers) for headers in (ada, bob)] == seen
    assert files(data) == kept_files
    assert world.associate(cart, world.ada, method=method).is_success
    assert (cart in world.carts_of(ada)) == (method == "POST")


@FULL
@pytest.mark.parametrize("room", [0, 9, len(HEADER)])
def test_a_store_that_cannot_be_made_can_be_made_later(
    world: World, full: Full, room: int, request: pytest.FixtureRequest
) -> None:
    name = request.node.name
    form = {"grant_type": "implicit", "client_id": name}
    open_before = set(Path("/proc/self/fd").iterdir())
    with full(room):
        answer = world.send("POST", "/oauth/access_token", data=form)
    assert answer.status_code == 507
    assert world.site.tenants.get(name) is None
    assert len(set(Path("/proc/self/fd").iterdir())) == len(open_before)
    assert world.send("POST", "/oauth/access_token", data=form).status_code == 200
    tenant = world.site.tenants.get(name)
    assert tenant is not None
    tenant.store.put_cart(Cart("c", "Groceries", 0, 0))
    [directory] = [
        path.parent
        for path in (world.site.tenants._data or Path()).rglob("name.json")
        if json.loads(path.read_bytes())["client_id"] == name
    ]
    assert set(reopened(directory)["carts"]) == {"c"}


@FULL
def test_full_disk_fails_only_what_must_write(world: World, full: Full) -> None:
    data = world.site.tenants._data
    assert data is not None
    cart = world.cart(world.tenant.new_id())
    world.associate(cart, world.ada)
    expired = world.cart(world.tenant.new_id())
    with full((data / JOURNAL).stat().st_size):
        assert world.token("client_credentials")
        ada = world.as_ada()
        assert cart in world.carts_of(ada)
        assert world.send("GET", "/v2/customers", world.admin).status_code == 200
        new = world.send("GET", "/v2/carts/new-one", world.admin)
        assert (new.status_code, new.json()["errors"][0]["status"]) == (507, 507)
        world.wait(8 * DAY)
        admin = world.token("client_credentials")
        assert world.send("GET", "/v2/carts", admin).json()["data"] == []
        long = {"carts": [{"id": "c", "name": "Long", "description": "x" * 100_000}]}
        sent = world.send("PUT", "/_mock/stores/shop/state", json=long)
        assert (sent.status_code, sent.json()["errors"][0]["status"]) == (507, 507)
        assert str(data) not in new.text + sent.text
        world.tenant.clock.follow_machine()
    assert world.send("GET", f"/v2/carts/{expired}", world.token("implicit")).status_code == 200


def test_ready_says_whether_the_data_directory_can_be_written(tmp_path: Path) -> None:
    with World(data=tmp_path) as world:
        assert world.send("GET", "/_mock/ready").status_code == 200
        with limited(0):
            answer = world.send("GET", "/_mock/ready")
        assert answer.status_code == 503
        assert "cannot be written" in answer.json()["errors"][0]["detail"]
        assert world.send("GET", "/_mock/ready").status_code == 200
        assert not list(tmp_path.glob(".cart-mock.json.*"))


# ---- Directories ---------------------------------------------------------------------------------


def test_client_ids_never_share_a_directory(tmp_path: Path) -> None:
    long = "n" * 200
    names = ["Shop", "shop", "SHOP", "a/b", "a%2Fb", "..", ".", "", long, "é", "e\u0301", "shop ",
             hashlib.sha256(long.encode()).hexdigest(), "store-shop", "-", "a" * 60]  # fmt: skip
    tenants = TenantRegistry(data=tmp_path)
    for name in names:
        tenants.use(name).store.put_cart(Cart(str(names.index(name)), name, 2**31, 2**31))
    tenants.close()
    directories = [path.name for path in (tmp_path / "stores").iterdir()]
    assert len({name.lower() for name in directories}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_-]+", name) for name in directories)
    tenants = TenantRegistry(data=tmp_path)
    for at, name in enumerate(names):
        tenant = tenants.get(name)
        assert tenant is not None
        assert [cart.id for cart in tenant.store.everything()[1]] == [str(at)]
    tenants.close()


def test_directory_of_an_older_version_is_kept_and_not_shared(tmp_path: Path) -> None:
    tenants = TenantRegistry(data=tmp_path)
    tenants.use("Shop").store.put_cart(Cart("old", "Groceries", 2**31, 2**31))
    tenants.close()
    [directory] = (tmp_path / "stores").iterdir()
    directory.rename(tmp_path / "stores" / "store-shop")  # as a file system that folds case has it
    tenants = TenantRegistry(data=tmp_path)
    assert tenants.use("shop").store.cart("old") is None
    assert tenants.use("Shop").store.cart("old") is not None
    tenants.delete("Shop")
    tenants.close()
    assert len(list((tmp_path / "stores").iterdir())) == 1


def test_store_whose_deletion_was_killed_starts_anew(tmp_path: Path) -> None:
    tenants = TenantRegistry(data=tmp_path)
    assert tenants.use("shop").store.accepts_secret("old")
    tenants.close()
    (tmp_path / "stores/store-shop/name.json").unlink()
    tenants = TenantRegistry(data=tmp_path)
    assert tenants.use("shop").store.accepts_secret("new")
    tenants.close()


def test_process_may_have_more_stores_than_open_files(tmp_path: Path) -> None:
    opened = len(list(Path("/proc/self/fd").iterdir()))
    tenants = TenantRegistry(data=tmp_path)
    for number in range(200):
        tenants.use(str(number))
    assert len(list(Path("/proc/self/fd").iterdir())) < opened + 100
    for number in range(200):
        tenants.use(str(number)).store.put_cart(Cart("c", "Groceries", 2**31, 2**31))
    tenants.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    tenants = TenantRegistry(data=tmp_path)
    assert all(tenant.store.cart("c") is not None for tenant in tenants)
    tenants.close()


def test_client_id_over_255_characters_is_refused(world: World) -> None:
    form = {"grant_type": "implicit", "client_id": "n" * 256}
    answer = world.send("POST", "/oauth/access_token", data=form)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == "client_id"
    made = world.send("POST", "/_mock/stores", json={"client_id": "n" * 256})
    assert made.status_code == 400
    form = {"grant_type": "implicit", "client_id": "n" * 255}
    assert world.send("POST", "/oauth/access_token", data=form).status_code == 200


# ---- Checksums -----------------------------------------------------------------------------------


def flipped(content: bytes) -> Iterator[bytes]:
    """Yield the content with one bit flipped, for each bit of each third byte and the last ones."""
    for at in {*range(0, len(content), 3), *range(len(content) - 12, len(content))}:
        for bit in range(8):
            yield content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


@pytest.mark.parametrize("name", ["journal.jsonl", "snapshot.json"])
def test_flipped_bit_is_found_and_the_file_left_as_it_is(tmp_path: Path, name: str) -> None:
    write_lines(tmp_path)
    if name == "snapshot.json":
        storage = JournalStorage(tmp_path)
        storage.compact()
        storage.close()
    path = tmp_path / name
    content = path.read_bytes()
    for damaged in flipped(content):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=re.escape(str(path))):
            JournalStorage(tmp_path)
        assert path.read_bytes() == damaged
    path.write_bytes(content)
    assert reopened(tmp_path) == STATES[-1]


def test_files_of_version_1_are_read_and_go_on_as_version_2(tmp_path: Path) -> None:
    header = b'{"format":"cart-mock","version":1}'
    (tmp_path / "snapshot.json").write_bytes(b'{"_format":{"1":%b},"carts":{"a":{"n":1}}}' % header)
    (tmp_path / "journal.jsonl").write_bytes(header + b'\n[{"carts":{"b":{"n":2}}}]\n')
    storage = JournalStorage(tmp_path)
    commit(storage, {"carts": {"c": {"n": 3}}})
    storage.close()
    expected = {"carts": {"a": {"n": 1}, "b": {"n": 2}, "c": {"n": 3}}}
    assert reopened(tmp_path) == expected
    storage = JournalStorage(tmp_path)
    storage.compact()
    storage.close()
    assert reopened(tmp_path) == expected
    assert b'"version":2,"crc32":"' in (tmp_path / "snapshot.json").read_bytes()
    assert (tmp_path / "journal.jsonl").read_bytes() == HEADER


@pytest.mark.parametrize("name", ["cart-mock.json", "stores/store-shop/name.json"])
def test_flipped_bit_of_key_or_name_is_found(tmp_path: Path, name: str) -> None:
    tenants = TenantRegistry(data=tmp_path)
    tenants.use("shop")
    key = tenants.signing_key
    tenants.close()
    content = (tmp_path / name).read_bytes()
    for damaged in flipped(content):
        (tmp_path / name).write_bytes(damaged)
        try:
            tenants = TenantRegistry(data=tmp_path)
        except DataError:
            continue
        # Letter case of the key's digits, for example, changes nothing.
        aside = tmp_path / "damaged/store-shop"
        served = [] if aside.exists() else ["shop"]
        assert (tenants.signing_key, [t.name for t in tenants]) == (key, served), damaged
        tenants.close()
        if aside.exists():
            assert (aside / "name.json").read_bytes() == damaged
            aside.rename(tmp_path / "stores/store-shop")


def test_identity_and_name_of_version_1_are_read(tmp_path: Path) -> None:
    tenants = TenantRegistry(data=tmp_path)
    tenants.use("shop")
    key = tenants.signing_key
    tenants.close()
    identity = {"format": "cart-mock", "version": 1, "signing_key": key.hex()}
    (tmp_path / "cart-mock.json").write_text(json.dumps(identity))
    (tmp_path / "stores/store-shop/name.json").write_text('"shop"')
    tenants = TenantRegistry(data=tmp_path)
    assert (tenants.signing_key, [tenant.name for tenant in tenants]) == (key, ["shop"])
    tenants.close()
