"""A model of the protocol, small enough to read.

``ModelStore`` is what ``store.lua`` does to one tenant; a test compares both. ``ModelProcess`` is
what a replica does, without HTTP, rules and TinyDB: its state is the list of the values that were
written. Messages between them may be delayed, carried out twice, and lost on either way.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any

State = tuple[str, ...]
FIRST = "0-0"
CHUNK = 512


@dataclass
class Entry:
    """An entry of the log."""

    id: str
    tag: str
    reads: str = ""
    records: str = ""
    writes: str = ""


def _number(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


class ModelStore:
    """One tenant in the store. Each method is one step."""

    def __init__(self) -> None:
        self._last_number = 0
        self.meta: dict[str, Any] | None = None
        self.log: list[Entry] = []
        self.snapshot: str = ""

    def copy(self) -> ModelStore:
        """Return what a replica of the server has that has taken over everything so far."""
        copied = copy(self)
        copied.meta, copied.log = copy(self.meta), [*self.log]
        return copied

    @property
    def state(self) -> State | None:
        """What the tenant holds, None if it does not exist."""
        if self.meta is None:
            return None
        state, base = tuple(self.snapshot.split()), _number(self.meta["base"])
        for entry in self.log:
            if entry.writes and _number(entry.id) > base:
                state = () if entry.writes.startswith("reset") else (*state, entry.writes)
        return state

    def append(self, generation: str, position: str, tag: str, version: str, batch: str,
               reads: str, records: str, writes: str) -> tuple[Any, ...]:  # fmt: skip
        """Append a batch after what the replica lacks."""
        meta = self.meta
        if meta is None or meta["generation"] != generation:
            return ("gone",)
        if not self._is_in_history(position, tag):
            return ("reload",)
        missing = [e for e in self.log if _number(e.id) > _number(position)][:CHUNK]
        if any(entry.tag == batch for entry in missing):
            return ("done", meta["last"], 0, missing)
        if len(missing) == CHUNK:
            return ("behind", meta["last"], 0, missing)
        accepted = version == meta["written"]
        entry = Entry("", batch, reads if accepted else "", records, writes)
        if entry.reads or records or writes:
            self._last_number += 1
            entry.id = f"{self._last_number}-0"
            self.log.append(entry)
            meta.update(last=entry.id, tag=batch)
            if writes:
                meta["written"] = entry.id
        return ("appended", meta["last"], int(accepted), missing)

    def create(self, generation: str, state: str) -> tuple[Any, ...]:
        """Make the tenant."""
        if self.meta is not None:
            same = self.meta["generation"] == generation
            return ("created" if same else "exists",)
        self.meta = {"generation": generation, "last": FIRST, "tag": generation, "written": FIRST,
                     "base": FIRST, "base_tag": generation}  # fmt: skip
        self.log, self.snapshot = [], state
        return ("created",)

    def open(self) -> tuple[Any, ...]:
        """Return the snapshot."""
        if self.meta is None:
            return ("gone",)
        meta = self.meta
        is_older = _number(meta["base"]) < _number(meta["written"])
        version = meta["base"] if is_older else meta["written"]
        return ("opened", meta["generation"], meta["base"], meta["base_tag"], version,
                self.snapshot)  # fmt: skip

    def compact(self, generation: str, position: str, tag: str, state: str) -> tuple[Any, ...]:
        """Replace the snapshot by a later one."""
        meta = self.meta
        if meta is None or meta["generation"] != generation:
            return ("gone",)
        is_later = _number(meta["base"]) < _number(position)
        if not is_later or not self._is_in_history(position, tag):
            return ("old",)
        self.log = [e for e in self.log if _number(e.id) >= _number(meta["base"])]
        self.snapshot = state
        meta.update(base=position, base_tag=tag)
        return ("compacted",)

    def delete(self, generation: str) -> tuple[Any, ...]:
        """Delete the tenant."""
        if self.meta is None or self.meta["generation"] != generation:
            return ("gone",)
        self.meta, self.log, self.snapshot = None, [], ""
        return ("deleted",)

    def _is_in_history(self, position: str, tag: str) -> bool:
        meta = self.meta
        assert meta is not None
        for name, its_tag in (("last", "tag"), ("base", "base_tag")):
            if position == meta[name]:
                return bool(tag == meta[its_tag])
        return any(e.id == position and e.tag == tag for e in self.log)


@dataclass
class Operation:
    """What a client asked for: a write of a value, a read, or a deletion."""

    kind: str
    value: str
    began: int
    ended: int | None = None
    answer: Any = None


@dataclass
class ModelProcess:
    """One process. It has at most one call on its way, which it may send again."""

    name: int
    generation: str | None = None
    position: str = FIRST
    tag: str = ""
    version: str = FIRST
    state: State = ()
    operation: Operation | None = None
    call: tuple[Any, ...] | None = None
    judged: State | None = None
    is_record: bool = False
    was_sent_again: bool = False
    attempt: int = 0
    answered: list[Operation] = field(default_factory=list)

    def next_call(self, new_tag: str) -> tuple[Any, ...] | None:
        """Return the call that the operation needs next."""
        operation = self.operation
        if operation is None:
            return None
        if self.generation is None:
            return ("open",)
        if operation.kind == "delete":
            return ("delete", self.generation)
        reads = records = writes = ""
        if operation.kind == "write":
            writes = operation.value
        elif self.is_record:
            records = operation.value
        else:
            reads, self.judged = operation.value, self.state
        return ("append", self.generation, self.position, self.tag, self.version, new_tag, reads,
                records, writes)  # fmt: skip

    def take(self, reply: tuple[Any, ...], now: int) -> None:
        """Go on with the reply to the present call."""
        call, self.call = self.call, None
        assert call is not None
        operation = self.operation
        was_sent_again, self.was_sent_again = self.was_sent_again, False
        status = reply[0]
        if status in ("gone", "reload"):
            self.drop()
            if call[0] == "open" and operation is not None and operation.kind == "delete":
                self._answer("gone", now)
            elif call[0] == "open":
                self.call = ("create", f"generation-{self.name}-{now}", "")
            elif was_sent_again:
                # The first call may have been carried out. The client learns that it is not known.
                self.operation = None
        elif call[0] == "open":
            _, self.generation, self.position, self.tag, self.version, snapshot = reply
            self.state = tuple(snapshot.split()) if snapshot else ()
        elif call[0] == "delete":
            self.drop()
            self._answer("deleted", now)
        elif call[0] == "append":
            self._take_entries(call, reply, now)

    def _take_entries(self, call: tuple[Any, ...], reply: tuple[Any, ...], now: int) -> None:
        operation, batch = self.operation, call[5]
        assert operation is not None
        status, last, accepted, missing = reply
        is_own_there = False
        for entry in missing:
            if entry.tag == batch:
                is_own_there, accepted = True, bool(entry.reads)
                self._take_own(entry.id, batch, operation, now)
            else:
                self._carry_out(entry.id, entry.tag, entry.writes)
        if status == "behind":
            return
        if not is_own_there and (accepted or call[7] or call[8]):
            self._take_own(last, batch, operation, now)
        if operation.kind != "read" or operation.ended is not None:
            return
        if self.is_record or accepted:
            self._answer(self.judged, now)
        else:
            self.judged, self.is_record = self.state, True

    def _take_own(self, entry_id: str, tag: str, operation: Operation, now: int) -> None:
        writes = operation.value if operation.kind == "write" else ""
        before = self.state
        self._carry_out(entry_id, tag, writes)
        if writes:
            self._answer(len(before), now)

    def _carry_out(self, entry_id: str, tag: str, writes: str) -> None:
        self.position, self.tag = entry_id, tag
        if writes:
            self.version = entry_id
            self.state = () if writes.startswith("reset") else (*self.state, writes)

    def _answer(self, answer: Any, now: int) -> None:
        assert self.operation is not None
        self.operation.answer, self.operation.ended = answer, now
        self.answered.append(self.operation)
        self.operation, self.judged, self.is_record = None, None, False

    def drop(self) -> None:
        """Forget the replica."""
        self.generation, self.state, self.judged = None, (), None
        self.is_record = False
