"""Keyed tables behave as TinyDB's own, share nothing with anybody, and change wholly or not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, NamedTuple

import pytest
from cart_mock.state.journal_storage import JournalStorage
from cart_mock.state.tinydb_tables import Changes, Database, InMemoryStorage, KeyedTable
from hypothesis import given, settings
from hypothesis import strategies as st
from tinydb import TinyDB, where
from tinydb.operations import add, decrement, delete, increment
from tinydb.operations import set as set_field
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from tests.mock.documents import changes, commit


class Id(NamedTuple):
    """Stands for the id made of that number: stock tables have numbers, keyed ones strings."""

    number: int


class Doc(NamedTuple):
    """Stands for a document with its id."""

    number: int
    fields: dict[str, Any]


Call = tuple[str, tuple[Any, ...], dict[str, Any]]
"""A method of TinyDB, and what it is called with."""


def call(method: str, *arguments: Any, **named: Any) -> st.SearchStrategy[Call]:
    return st.tuples(st.just(method), st.tuples(*arguments), st.fixed_dictionaries(named))


NAMES, NUMBERS = st.sampled_from(["n", "m"]), st.integers(0, 3)
IDS = st.builds(Id, st.integers(1, 5))
# Flat, because stock TinyDB shares what is nested.
FIELDS = st.dictionaries(NAMES, NUMBERS, max_size=2)
DOCS = st.builds(Doc, st.integers(1, 5), FIELDS)
CONDITIONS = st.builds(lambda name, number: where(name) == number, NAMES, NUMBERS)
ID_LISTS = st.lists(IDS, max_size=4, unique=True)
UPDATES = st.one_of(FIELDS, st.builds(set_field, NAMES, NUMBERS))
CALLS = st.one_of(
    call("insert", DOCS),
    call("insert_multiple", st.lists(DOCS, max_size=3)),
    call("update", UPDATES),
    call("update", UPDATES, CONDITIONS),
    call("update", UPDATES, doc_ids=ID_LISTS),
    call("update_multiple", st.lists(st.tuples(UPDATES, CONDITIONS), max_size=3)),
    call("upsert", DOCS),
    call("remove", CONDITIONS),
    call("remove", doc_ids=ID_LISTS),
    call("truncate"),
    call("get", CONDITIONS),
    call("get", doc_id=IDS),
    call("get", doc_ids=ID_LISTS),
    call("search", CONDITIONS),
    call("count", CONDITIONS),
    call("contains", CONDITIONS),
    call("contains", doc_id=IDS),
    call("all"),
    call("drop_table", st.just("t")),
    call("drop_table", st.just("elsewhere")),
    call("drop_tables"),
)


def resolved(value: Any, make_id: Callable[[int], Any]) -> Any:
    """What a database with such ids is called with."""
    if isinstance(value, Id):
        return make_id(value.number)
    if isinstance(value, Doc):
        return Document(value.fields, make_id(value.number))
    return [resolved(entry, make_id) for entry in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """A result of TinyDB with its ids as strings, to compare."""
    if isinstance(value, Document):
        return str(value.doc_id), dict(value)
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return str(value) if type(value) is int else value


def outcome(database: TinyDB, made: Call, make_id: Callable[[int], Any]) -> Any:
    """What a call answers, and everything that is there afterwards."""
    method, arguments, named = made
    target = database if method.startswith("drop") else database.table("t")
    try:
        result = plain(
            getattr(target, method)(
                *(resolved(value, make_id) for value in arguments),
                **{name: resolved(value, make_id) for name, value in named.items()},
            )
        )
    except ValueError:
        result = "refused"
    tables = sorted(name for name in database.tables() if len(database.table(name)))
    return result, {name: plain(list(database.table(name))) for name in tables}


@settings(max_examples=200, deadline=None)
@given(calls=st.lists(CALLS, min_size=1, max_size=12))
def test_every_sequence_of_tinydb_s_methods_ends_as_with_its_own_storage(calls: list[Call]) -> None:
    stock, ours = TinyDB(storage=MemoryStorage), Database(InMemoryStorage())
    for database, make_id in ((stock, int), (ours, str)):
        database.table("elsewhere").insert(Document({"n": 1}, make_id(1)))  # type: ignore[arg-type]  # ids are strings in ours
    for made in calls:
        assert outcome(ours, made, str) == outcome(stock, made, int)


@pytest.fixture(params=["memory", "journal"])
def storage(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[InMemoryStorage]:
    made = InMemoryStorage() if request.param == "memory" else JournalStorage(tmp_path / "s")
    yield made
    made.close()


@pytest.fixture
def table(storage: InMemoryStorage) -> KeyedTable:
    """A table with the documents a, b and c."""
    table = Database(storage).keyed("t")
    for number, name in enumerate("abc"):
        table.insert(Document({"n": number, "tags": ["x", {"deep": [1]}]}, name))  # type: ignore[arg-type]  # ids are strings here
    return table


def put(table: KeyedTable, document_id: str, fields: dict[str, Any]) -> None:
    """Insert or replace one document."""
    table.upsert(Document(fields, document_id))  # type: ignore[arg-type]  # ids are strings here


def fields_of(table: KeyedTable, document_id: str) -> dict[str, Any] | None:
    """One document, or None."""
    found: dict[str, Any] | None = table.get(doc_id=document_id)  # type: ignore[call-overload]  # as above
    return found


def content(table: KeyedTable) -> Any:
    return {document.doc_id: copy.deepcopy(dict(document)) for document in table}


READS: dict[str, Callable[[KeyedTable], Any]] = {
    "get by id": lambda t: t.get(doc_id="a"),  # type: ignore[call-overload]  # ids are strings here
    "get by ids": lambda t: t.get(doc_ids=["a"])[0],
    "get by condition": lambda t: t.get(where("n") == 0),
    "search": lambda t: t.search(where("n") == 0)[0],
    "search again": lambda t: (t.search(where("n") == 0), t.search(where("n") == 0)[0])[1],
    "all": lambda t: t.all()[0],
    "iteration": lambda t: next(iter(t)),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_changing_what_was_read_changes_nothing(
    table: KeyedTable, read: Callable[[KeyedTable], Any]
) -> None:
    before = content(table)
    document = read(table)
    document["n"] = 99
    document["tags"][1]["deep"].append(2)
    assert content(table) == before
    assert read(table) == before["a"]


def upsert(table: KeyedTable, tags: list[Any]) -> None:
    table.upsert(Document({"tags": tags}, "a"))  # type: ignore[arg-type]  # ids are strings here


def insert(table: KeyedTable, tags: list[Any]) -> None:
    table.insert(Document({"tags": tags}, "d"))  # type: ignore[arg-type]  # ids are strings here


WRITES: dict[str, Callable[[KeyedTable, list[Any]], Any]] = {
    "insert": insert,
    "insert_multiple": lambda t, tags: t.insert_multiple([Document({"tags": tags}, "d")]),  # type: ignore[arg-type]  # ids are strings here
    "update": lambda t, tags: t.update({"tags": tags}),
    "update by operation": lambda t, tags: t.update(set_field("tags", tags)),
    "update_multiple": lambda t, tags: t.update_multiple([({"tags": tags}, where("n") == 0)]),
    "upsert": upsert,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_changing_what_was_written_changes_nothing(
    table: KeyedTable, write: Callable[[KeyedTable, list[Any]], Any]
) -> None:
    tags: list[Any] = ["x", {"deep": [1]}]
    write(table, tags)
    before = content(table)
    tags.append("y")
    tags[1]["deep"].append(2)
    assert content(table) == before


def test_a_change_of_one_document_leaves_the_others_that_got_the_same_value(
    table: KeyedTable,
) -> None:
    table.update({"tags": ["shared"]})
    table.update(lambda document: document["tags"].append("more"), where("n") == 0)
    assert [d["tags"] for d in table] == [["shared", "more"], ["shared"], ["shared"]]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (increment("n"), [{"n": 1}, {"n": 2}]),
        (decrement("n"), [{"n": -1}, {"n": 0}]),
        (add("n", 5), [{"n": 5}, {"n": 6}]),
        (set_field("n", True), [{"n": True}, {"n": True}]),
        (delete("n"), [{}, {}]),
    ],
)
def test_tinydb_s_operations_work(operation: Any, expected: list[Any]) -> None:
    table = Database(InMemoryStorage()).keyed("t")
    for number in range(2):
        put(table, str(number), {"n": number})
    updated: list[Any] = table.update(operation)
    assert updated == ["0", "1"]
    assert [repr(dict(document)) for document in table] == [repr(entry) for entry in expected]


class Failure(Exception):
    """A test's own."""


def fail_at_b(document: MutableMapping[str, Any]) -> None:
    document["tags"][1]["deep"].append(2)
    if document["n"] == 1:
        raise Failure


def changes_then_not_json(document: MutableMapping[str, Any]) -> None:
    document["n"] = 7 if document["n"] == 0 else object()


FAILING: dict[str, Callable[[KeyedTable], Any]] = {
    "update of all": lambda t: t.update(fail_at_b),
    "update by condition": lambda t: t.update(fail_at_b, where("n") >= 0),
    "update by ids": lambda t: t.update(fail_at_b, doc_ids=["a", "b"]),  # type: ignore[list-item]  # ids are strings here
    "update_multiple": lambda t: t.update_multiple(
        [({"n": 5}, where("n") == 0), (fail_at_b, where("n") == 1)]
    ),
    "a value that is not JSON": lambda t: t.update(changes_then_not_json),
    "insert_multiple with an id that is taken": lambda t: t.insert_multiple(
        [Document({}, "new"), Document({}, "a")]  # type: ignore[arg-type]  # ids are strings here
    ),
    "insert_multiple of what is no document": lambda t: t.insert_multiple(
        [Document({}, "new"), 5]  # type: ignore[arg-type, list-item]  # it must be refused
    ),
    "insert without an id": lambda t: t.insert({"n": 1}),
    "upsert without an id": lambda t: t.upsert({"n": 1}, where("n") == 77),
    "remove without a condition": lambda t: t.remove(),
}


@pytest.mark.parametrize("fail", FAILING.values(), ids=FAILING)
def test_a_change_that_fails_changes_nothing(
    table: KeyedTable, fail: Callable[[KeyedTable], Any]
) -> None:
    before = content(table)
    with pytest.raises((Failure, ValueError, TypeError, RuntimeError)):
        fail(table)
    assert content(table) == before


def test_an_insert_without_an_id_says_what_to_send() -> None:
    with pytest.raises(ValueError, match=r"brings its id: send a tinydb\.table\.Document"):
        Database(InMemoryStorage()).keyed("t").insert({"n": 1})


class Recorder(InMemoryStorage):
    """A storage that remembers its records, and fails on request."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[Changes] = []
        self.full = False

    def record(self, changes: tuple[Changes, ...]) -> None:
        """Remember changes."""
        if self.full:
            raise OSError("no space")
        self.recorded += copy.deepcopy(changes)


CHANGES: list[tuple[str, Callable[[KeyedTable], Any], list[dict[str, Any]]]] = [
    ("upsert", lambda t: put(t, "a", {"n": 5}), [{"t": {"a": {"n": 5}}}]),
    ("remove by id", lambda t: t.remove(doc_ids=["a"]), [{"t": {"a": None}}]),  # type: ignore[list-item]  # ids are strings here
    ("update", lambda t: t.update({"n": 5}, where("n") == 1), [{"t": {"b": {"n": 5}}}]),
    ("update that changes nothing", lambda t: t.update({"n": 1}, where("n") == 1), []),
    ("update that matches nothing", lambda t: t.update({"n": 1}, where("n") == 9), []),
    ("update from a number to a boolean", lambda t: t.update({"n": True}, where("n") == 1),
     [{"t": {"b": {"n": True}}}]),
    ("remove", lambda t: t.remove(where("n") == 0), [{"t": {"a": None}}]),
    ("remove of what is not there", lambda t: t.remove(doc_ids=["z"]), []),  # type: ignore[list-item]  # ids are strings here
    ("truncate", lambda t: t.truncate(), [{"t": {"a": None, "b": None}}]),
    ("reads", lambda t: (t.all(), t.search(where("n") == 1), len(t), fields_of(t, "a")), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "recorded"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_only_the_documents_that_changed_are_recorded(
    change: Callable[[KeyedTable], Any], recorded: list[dict[str, Any]]
) -> None:
    storage = Recorder()
    table = Database(storage).keyed("t")
    put(table, "a", {"n": 0})
    put(table, "b", {"n": 1})
    storage.recorded.clear()
    change(table)
    assert storage.recorded == list(map(changes, recorded))


@pytest.mark.parametrize(
    "change", [c[1] for c in CHANGES if c[2]], ids=[c[0] for c in CHANGES if c[2]]
)
def test_what_cannot_be_recorded_is_not_done(change: Callable[[KeyedTable], Any]) -> None:
    storage = Recorder()
    table = Database(storage).keyed("t")
    put(table, "a", {"n": 0})
    put(table, "b", {"n": 1})
    storage.full = True
    with pytest.raises(OSError, match="no space"):
        change(table)
    assert content(table) == {"a": {"n": 0}, "b": {"n": 1}}


def test_a_transaction_is_done_together_and_seen_at_its_end() -> None:
    storage = Recorder()
    database = Database(storage)
    one, two = database.keyed("one"), database.keyed("two")
    with storage.transaction():
        put(one, "a", {"n": 1})
        put(two, "b", {"n": 2})
        assert (fields_of(one, "a"), fields_of(two, "b"), storage.recorded) == (None, None, [])
    assert (fields_of(one, "a"), fields_of(two, "b")) == ({"n": 1}, {"n": 2})


def test_a_transaction_that_fails_leaves_everything(table: KeyedTable) -> None:
    before = content(table)

    def fail() -> None:
        with table._storage.transaction():
            table.truncate()
            put(table, "z", {})
            raise Failure

    with pytest.raises(Failure):
        fail()
    assert content(table) == before
    put(table, "z", {})
    assert fields_of(table, "z") == {}


def test_a_transaction_that_cannot_be_recorded_leaves_everything() -> None:
    storage = Recorder()
    table = Database(storage).keyed("t")
    put(table, "a", {"n": 0})
    storage.full = True

    def replace() -> None:
        with storage.transaction():
            table.truncate()
            put(table, "z", {})

    with pytest.raises(OSError, match="no space"):
        replace()
    assert content(table) == {"a": {"n": 0}}


def test_a_transaction_keeps_the_order_of_what_it_replaces(storage: InMemoryStorage) -> None:
    table = Database(storage).keyed("t")
    for name in "abc":
        put(table, name, {})
    with storage.transaction():
        table.truncate()
        for name in "cab":
            commit(storage, {"t": {name: {}}})
    newest_first = list(table.newest_first())
    assert newest_first == ["b", "a", "c"]


def test_a_transaction_within_another_is_refused(storage: InMemoryStorage) -> None:
    def nest() -> None:
        with storage.transaction(), storage.transaction():
            pass

    with pytest.raises(RuntimeError, match="within another"):
        nest()


def test_a_dropped_table_stays_dropped(tmp_path: Any) -> None:
    with Database(JournalStorage(tmp_path)) as database:
        for name in ("kept", "dropped"):
            put(database.keyed(name), "a", {"n": 1})
        database.drop_table("dropped")
        assert database.tables() == {"kept"}
    with Database(JournalStorage(tmp_path)) as database:
        assert database.tables() == {"kept"}


def test_a_large_table_is_emptied_in_one_pass() -> None:
    reads = 0

    class Counting(dict[str, Any]):
        """Counts how often its keys are gone through."""

        def __iter__(self) -> Iterator[str]:
            nonlocal reads
            reads += 1
            return super().__iter__()

    storage = InMemoryStorage({"t": Counting({str(n): b"{}" for n in range(100)})})
    Database(storage).keyed("t").truncate()
    assert reads <= 3
    assert storage.read() == {}
