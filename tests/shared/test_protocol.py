"""The protocol, explored: calls that are delayed, repeated and lost, and processes that race."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from cart_mock.shared.client import Batch, Position, StoreClient
from cart_mock.shared.errors import TenantGone
from cart_mock.shared.link import servers_at
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared.linearizability import FOREVER, explains
from tests.shared.model import ModelProcess, ModelStore, Operation, State
from tests.shared.servers import RedisServer
from tests.shared.sizes import size

PROCESSES = 3
_KINDS = ("write", "read", "write", "read", "write", "read", "reset", "read", "write", "delete")


class Protocol:
    """Processes, one store, and the calls and replies between them. Numbers choose what happens."""

    def __init__(self) -> None:
        self.initial: State | None = None
        self.store = ModelStore()
        self.store.create("generation-0", "")
        self.processes = [ModelProcess(number) for number in range(PROCESSES)]
        self.calls: list[tuple[int, int, tuple[Any, ...]]] = []
        self.replies: list[tuple[int, int, tuple[Any, ...], tuple[Any, ...]]] = []
        self.operations: list[Operation] = []
        self._copies: list[ModelStore] = [self.store.copy()]
        self._now = itertools.count(1)
        self._values = itertools.count(1)

    def happen(self, number: int) -> None:
        """Let one thing happen: mostly, a message arrives."""
        what, which = number % 32, number // 32
        process = self.processes[which % PROCESSES]
        if what < 12:
            self._carry_out(which)
        elif what < 22:
            self._reply(which)
        elif what < 28:
            self._ask(process, _KINDS[which // PROCESSES % len(_KINDS)])
        elif what < 30:
            self._send(process)  # it loses patience, and sends the same call again
        elif what == 30:
            self._compact(process)
        elif which % 4 < 2:
            self.calls[:1] = []  # the oldest call is lost
        elif which % 4 == 2:
            self._fail_over(which)
        else:
            # The process ends, and another takes its place. Its client gets no answer.
            name = process.name
            self.processes[name] = ModelProcess(name, attempt=next(self._now))

    def drain(self) -> None:
        """Let every message arrive, until each process has answered."""
        for _ in range(200):
            if not any(process.operation for process in self.processes):
                return
            if self.replies:
                self._reply(0)
            elif self.calls:
                self._carry_out(0)
            else:
                for process in self.processes:
                    self._send(process)
        raise AssertionError("a process does not come to an end")

    def _ask(self, process: ModelProcess, kind: str) -> None:
        if process.operation is None:
            value = f"{kind}-{next(self._values)}"
            kind = "write" if kind == "reset" else kind
            process.operation = Operation(kind, value, next(self._now))
            self.operations.append(process.operation)
            self._send(process)

    def _send(self, process: ModelProcess) -> None:
        process.attempt = next(self._now)
        if process.call is None:
            process.call = process.next_call(f"tag-{process.attempt}")
        else:
            process.was_sent_again = True
        if process.call is not None:
            self.calls.append((process.name, process.attempt, process.call))

    def _carry_out(self, which: int) -> None:
        if self.calls:
            # In any order: a server that was stopped may read an old connection after a new one.
            name, attempt, call = self.calls.pop(which % len(self.calls))
            reply = getattr(self.store, call[0])(*call[1:])
            self.replies.append((name, attempt, call, reply))
            self._copies = [*self._copies[-4:], self.store.copy()]

    def _reply(self, which: int) -> None:
        if self.replies:
            name, attempt, call, reply = self.replies.pop(which % len(self.replies))
            process = self.processes[name]
            # A reply to an earlier attempt came over a closed connection, and is lost.
            if process.attempt == attempt and process.call == call:
                process.take(reply, next(self._now))
                self._send(process)

    def finish(self, process: ModelProcess, kind: str) -> None:
        """Let one process do something from the beginning to the end, and nothing else happen."""
        self._ask(process, kind)
        while process.operation is not None:
            self._carry_out([name for name, *_ in self.calls].index(process.name))
            self._reply([name for name, *_ in self.replies].index(process.name))

    def lose_reply(self, process: ModelProcess, kind: str) -> None:
        """Let what a process asks for take effect, and lose the reply; it sends the call again."""
        self._ask(process, kind)
        self._carry_out([name for name, *_ in self.calls].index(process.name))
        self.replies.clear()
        self._send(process)

    def _fail_over(self, which: int) -> None:
        """Go on with what a replica of the server has, which may lack the last changes."""
        self.store = self._copies[-1 - which % len(self._copies)].copy()
        self._copies = [self.store.copy()]
        # What was answered may be lost. What is still on its way may take effect, or not; when it
        # is answered now, its answer may be from before.
        late = {value for _, _, call in self.calls for value in call[6:9] if call[0] == "append"}
        deletions = sum(call[0] == "delete" for _, _, call in self.calls)
        self.initial = self.store.state
        self.operations = [
            Operation(o.kind, o.value, o.began)
            for o in self.operations
            if o.ended is None or o.value in late
        ] + [Operation("delete", "", next(self._now)) for _ in range(deletions)]

    def _compact(self, process: ModelProcess) -> None:
        if process.generation is not None:
            state = " ".join(process.state)
            call = ("compact", process.generation, process.position, process.tag, state)
            self.calls.append((process.name, 0, call))

    def is_explained(self) -> bool:
        """Return whether some order of the operations explains every answer."""
        history = [
            (float(o.began), FOREVER if o.ended is None else float(o.ended), o)
            for o in self.operations
        ]
        return explains(history, self.initial, _step, lambda o: o.kind == "read")


@settings(max_examples=size(150, 20_000), deadline=None, derandomize=True)
@given(happenings=st.lists(st.integers(0, 32 * 64 - 1), min_size=60, max_size=120))
def test_some_order_explains_every_answer_whatever_happens(happenings: list[int]) -> None:
    protocol = Protocol()
    for number in happenings:
        protocol.happen(number)
    protocol.drain()
    assert protocol.is_explained(), protocol.operations


@pytest.mark.parametrize("kind", ["write", "delete"])
def test_call_that_is_sent_again_never_takes_effect_twice(kind: str) -> None:
    protocol = Protocol()
    one, two, _ = protocol.processes
    protocol.finish(one, "write")
    protocol.lose_reply(one, kind)
    # Meanwhile, the store is deleted and made again: the call finds another one.
    for each in ("read", "delete", "read", "write", "read"):
        protocol.finish(two, each)
    protocol.drain()
    protocol.finish(two, "read")
    assert protocol.is_explained(), protocol.operations


def _step(state: State | None, operation: Operation) -> list[State | None]:
    """Return the states that an operation may lead to, none if its answer is wrong."""
    before = state or ()
    if operation.kind == "delete":
        wanted = ("deleted", "gone")
        return [None] if operation.ended is None or operation.answer in wanted else []
    if operation.kind == "read":
        return [before] if operation.ended is None or operation.answer == before else []
    if operation.ended is not None and operation.answer != len(before):
        return []
    return [() if operation.value.startswith("reset") else (*before, operation.value)]


# ---- The model is what the server does ----------------------------------------------------------

_WORDS = st.sampled_from(["", "x", "y"])
_IS_OTHERS = st.sampled_from([False, False, False, True])
"""Whether a position is of another history: the same id with another tag."""
_COMMANDS = st.lists(
    st.one_of(
        st.tuples(
            st.just("append"),
            st.integers(0, 5),
            _IS_OTHERS,
            st.booleans(),
            st.integers(0, 3),
            _WORDS,
            _WORDS,
            _WORDS,
        ),
        st.tuples(st.just("compact"), st.integers(0, 5), _IS_OTHERS),
        st.tuples(st.just("create")),
        st.tuples(st.just("delete"), st.booleans()),
        st.tuples(st.just("open")),
    ),
    min_size=5,
    max_size=25,
)
_stores = itertools.count(1)


@settings(max_examples=size(25, 1000), deadline=None, derandomize=True)
@given(commands=_COMMANDS)
def test_model_store_replies_as_the_server_does(
    server: RedisServer, commands: list[tuple[Any, ...]]
) -> None:
    asyncio.run(_compare(server, commands))


async def _compare(server: RedisServer, commands: list[tuple[Any, ...]]) -> None:
    client = StoreClient(servers_at(server.url, None, None), prefix=f"model-{next(_stores)}")
    model, tags, generation = ModelStore(), itertools.count(1), "none"
    # The same position in both: the id that the server gave, and that of the model.
    places = [(Position(b"0-0", b"none"), "0-0", "none")]
    try:
        for name, *arguments in commands:
            if name == "create":
                made = f"generation-{next(tags)}"
                expected = model.create(made, "state")[0]
                assert await client.create("s", made.encode(), b"state") == (expected == "created")
                if expected == "created":
                    generation = made
                    places = [(Position(b"0-0", made.encode()), "0-0", made)]
            elif name == "delete":
                await _same_end(client, model, "delete", generation if arguments[0] else "other")
            elif name == "open":
                await _compare_snapshots(client, model, places)
            elif name == "compact":
                real, at, tag = _place(places, *arguments)
                state = f"state-{next(tags)}"
                expected = model.compact(generation, at, tag, state)[0]
                compacting = client.compact("s", generation.encode(), real, state.encode())
                await _gone_as(expected, compacting)
                await _compare_snapshots(client, model, places)
            else:
                place = await _compare_append(client, model, generation, places, next(tags),
                                              *arguments)  # fmt: skip
                if place is not None:
                    places.append(place)
    finally:
        await client.close()


async def _compare_snapshots(client: StoreClient, model: ModelStore, places: list[Any]) -> None:
    opened, wanted = await client.open("s"), model.open()
    assert (opened is None) == (wanted == ("gone",))
    if opened is not None:
        ids = {at: real.id for real, at, _ in places}
        _, _, base, base_tag, version, state = wanted
        assert opened.position == Position(ids[base], base_tag.encode())
        assert (opened.version, opened.state) == (ids[version], state.encode())


def _place(places: list[Any], back: int, is_others: bool) -> Any:
    real, at, tag = places[-1 - back % len(places)]
    return (Position(real.id, b"other"), at, "other") if is_others else (real, at, tag)


async def _compare_append(
    client: StoreClient, model: ModelStore, generation: str, places: list[Any], number: int,
    back: int, is_others: bool, is_again: bool, version_back: int, reads: str, records: str,
    writes: str,
) -> Any:  # fmt: skip
    real, at, tag = _place(places, back, is_others)
    version = places[-1 - version_back % len(places)]
    batch = places[-1][2] if is_again else f"tag-{number}"  # a call that is sent again
    expected = model.append(generation, at, tag, version[1], batch, reads, records, writes)
    call = client.append(
        "s", generation.encode(), real, version[0].id,
        Batch(batch.encode(), reads.encode(), records.encode(), writes.encode()),
    )  # fmt: skip
    appended = await _gone_as(expected[0], call)
    if appended is None:
        return None
    status, last, accepted, missing = expected
    assert appended.is_in_entries == (status == "done")
    assert appended.accepted == bool(accepted)
    assert [e.position.tag.decode() for e in appended.entries] == [e.tag for e in missing]
    assert [e.fields.get(b"writes", b"").decode() for e in appended.entries] == [
        e.writes for e in missing
    ]
    has_content = status == "appended" and (records or writes or (reads and accepted))
    return (appended.position, last, batch) if has_content else None


async def _same_end(client: StoreClient, model: ModelStore, name: str, generation: str) -> None:
    expected = getattr(model, name)(generation)[0]
    await _gone_as(expected, getattr(client, name)("s", generation.encode()))


async def _gone_as(expected: str, call: Any) -> Any:
    if expected in ("gone", "reload"):
        with pytest.raises(TenantGone, match=expected):
            await call
        return None
    return await call
