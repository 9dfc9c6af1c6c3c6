"""The protocol, explored: calls that are delayed, repeated and lost, and processes that race."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from cart_mock.shared.client import Batch, Position, StoreClient
from cart_mock.shared.errors import TenantGone
from cart_mock.shared.link import servers_at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.shared.linearizability import explains
from tests.shared.model import ModelProcess, ModelStore, Operation, State
from tests.shared.servers import RedisServer

PROCESSES = 3
FOREVER = 10**9


class Protocol(RuleBasedStateMachine):
    """Processes, one store, and the calls and replies between them."""

    def __init__(self) -> None:
        super().__init__()
        self.store = ModelStore()
        self.processes = [ModelProcess(number) for number in range(PROCESSES)]
        self.calls: list[tuple[int, int, tuple[Any, ...]]] = []
        self.replies: list[tuple[int, int, tuple[Any, ...], tuple[Any, ...]]] = []
        self.operations: list[Operation] = []
        self._now = itertools.count(1)
        self._values = itertools.count(1)

    @initialize()
    def begin(self) -> None:
        self.store.create("generation-0", "")

    @rule(at=st.integers(0, PROCESSES - 1),
          kind=st.sampled_from(("write", "write", "read", "read", "reset", "delete")))  # fmt: skip
    def ask(self, at: int, kind: str) -> None:
        """A client asks a process, which sends its first call."""
        process = self.processes[at]
        if process.operation is not None:
            return
        value = f"{kind}-{next(self._values)}"
        is_write = kind in ("write", "reset")
        operation = Operation("write" if is_write else kind, value, next(self._now))
        self.operations.append(operation)
        process.operation = operation
        self._send(process)

    def _send(self, process: ModelProcess) -> None:
        process.attempt = next(self._now)
        if process.call is None:
            process.call = process.next_call(f"tag-{process.attempt}")
        if process.call is not None:
            self.calls.append((process.name, process.attempt, process.call))

    @rule(at=st.integers(0, PROCESSES - 1))
    def send_again(self, at: int) -> None:
        """A process loses patience, and sends the same call again."""
        if self.processes[at].operation is not None:
            self._send(self.processes[at])

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), stays=st.booleans())
    def carry_out(self, data: st.DataObject, stays: bool) -> None:
        """The store carries a call out; a copy of it may still be on its way."""
        at = data.draw(st.integers(0, len(self.calls) - 1))
        name, attempt, call = self.calls[at] if stays else self.calls.pop(at)
        reply = getattr(self.store, call[0])(*call[1:])
        self.replies.append((name, attempt, call, reply))

    @precondition(lambda self: self.replies)
    @rule(data=st.data())
    def reply(self, data: st.DataObject) -> None:
        """A reply arrives. One to an earlier attempt came over a closed connection, and is lost."""
        at = data.draw(st.integers(0, len(self.replies) - 1))
        name, attempt, call, reply = self.replies.pop(at)
        process = self.processes[name]
        if process.attempt == attempt and process.call == call:
            process.take(reply, next(self._now))
            self._send(process)

    @rule(at=st.integers(0, PROCESSES - 1))
    def compact(self, at: int) -> None:
        """A process sends its state as the snapshot. It may arrive late."""
        process = self.processes[at]
        if process.generation is not None:
            state = " ".join(process.state)
            call = ("compact", process.generation, process.position, process.tag, state)
            self.calls.append((process.name, 0, call))

    @rule(at=st.integers(0, PROCESSES - 1))
    def crash(self, at: int) -> None:
        """A process ends, and another takes its place. Its client gets no answer."""
        self.processes[at] = ModelProcess(at, attempt=next(self._now))

    @rule(at=st.integers(0, PROCESSES - 1))
    def forget(self, at: int) -> None:
        """A process that is not used forgets its replica."""
        if self.processes[at].operation is None:
            self.processes[at].drop()

    def teardown(self) -> None:
        """Check that some order explains every answer."""
        history = [
            (o.began, FOREVER if o.ended is None else o.ended, o)
            for o in self.operations
        ]  # fmt: skip
        assert explains(history, None, _step, lambda o: o.kind == "read")


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


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


# ---- The model is what the server does ----------------------------------------------------------

_WORDS = st.sampled_from(["", "x", "y"])
_COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 5), st.integers(0, 3), _WORDS, _WORDS, _WORDS),
        st.tuples(st.just("compact"), st.integers(0, 5)),
        st.tuples(st.just("create")),
        st.tuples(st.just("delete"), st.booleans()),
        st.tuples(st.just("open")),
    ),
    min_size=5,
    max_size=25,
)
_stores = itertools.count(1)


@settings(max_examples=60, deadline=None, derandomize=True)
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
                opened, wanted = await client.open("s"), model.open()
                assert (opened is None) == (wanted == ("gone",))
            elif name == "compact":
                real, at, tag = places[-1 - arguments[0] % len(places)]
                expected = model.compact(generation, at, tag, "later")[0]
                await _gone_as(expected, client.compact("s", generation.encode(), real, b"later"))
            else:
                place = await _compare_append(client, model, generation, places, next(tags),
                                              *arguments)  # fmt: skip
                if place is not None:
                    places.append(place)
    finally:
        await client.close()


async def _compare_append(
    client: StoreClient, model: ModelStore, generation: str, places: list[Any], number: int,
    back: int, version_back: int, reads: str, records: str, writes: str,
) -> Any:  # fmt: skip
    real, at, tag = places[-1 - back % len(places)]
    version = places[-1 - version_back % len(places)]
    batch = f"tag-{number}"
    expected = model.append(generation, at, tag, version[1], batch, reads, records, writes)
    call = client.append(
        "s", generation.encode(), real, version[0].id,
        Batch(batch.encode(), reads.encode(), records.encode(), writes.encode()),
    )  # fmt: skip
    appended = await _gone_as(expected[0], call)
    if appended is None:
        return None
    _, last, accepted, missing = expected
    assert appended.accepted == bool(accepted)
    assert [e.position.tag.decode() for e in appended.entries] == [e.tag for e in missing]
    assert [e.fields.get(b"writes", b"").decode() for e in appended.entries] == [
        e.writes for e in missing
    ]
    has_content = records or writes or (reads and accepted)
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
