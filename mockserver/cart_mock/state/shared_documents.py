"""Documents that a store shares with another one, and the times that they have here.

Stores that start with the same seed share its documents until they change them. What a store
shares was made as many seconds later as the store was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from cart_mock.state.tinydb_tables import Documents, Tables, encoded
from cart_mock.state.turns import in_turns


class Entity(Protocol):
    """What has an id and times, in seconds since the epoch."""

    @property
    def id(self) -> str: ...  # noqa: D102 - a field
    @property
    def created_at(self) -> int: ...  # noqa: D102 - a field
    @property
    def updated_at(self) -> int: ...  # noqa: D102 - a field


E = TypeVar("E", bound=Entity)


class SharedDocuments:
    """The ``tables`` as another store had them, and how many seconds ``later`` this one was made.

    A document is replaced by another object, so one that is the same object is shared.
    """

    def __init__(self, tables: Tables | None = None, later: int = 0) -> None:
        """Share nothing, or these tables."""
        self.tables = tables or {}
        self.later = later

    def read(
        self, table: str, documents: Documents, document_id: str, read: Callable[[bytes], E]
    ) -> E | None:
        """Return the entity with that id, or None. ``read`` is the ``reader`` of its kind."""
        document = documents.get(document_id)
        if document is None:
            return None
        entity = read(document)
        if self.later and self.tables[table].get(document_id) is document:
            return made_later(entity, self.later)
        return entity

    def read_all(self, table: str, documents: Documents, kind: type[E]) -> Iterator[E]:
        """Yield all entities, oldest first; other threads get their turn in between."""
        read, shared = reader(kind), self.tables[table] if self.later else {}
        for id_, document in in_turns(documents.items()):
            entity: E = read(document)
            yield made_later(entity, self.later) if shared.get(id_) is document else entity


@cache
def reader(kind: type[E]) -> Callable[[bytes], E]:
    """Return a function that makes an entity of its JSON. It raises msgspec.ValidationError."""
    return msgspec.json.Decoder(kind).decode


def made_later(entity: E, seconds: int) -> E:
    """Return an entity that was made and changed so many seconds later."""
    times = {
        "created_at": entity.created_at + seconds,
        "updated_at": entity.updated_at + seconds,
    }
    return replace(entity, **times)  # type: ignore[type-var]  # entities are msgspec structs


def all_made_later(kind: type[Entity] | None, documents: Documents, seconds: int) -> Documents:
    """Return documents of a kind, made so many seconds later; those of None have no times."""
    if kind is None or not seconds:
        return documents.copy()
    read = reader(kind)
    return {id_: encoded(made_later(read(d), seconds)) for id_, d in in_turns(documents.items())}


def documents_of(entities: Iterable[Entity]) -> Documents:
    """Return the documents of entities, by id; other threads get their turn in between."""
    return {own_string(entity.id): encoded(entity) for entity in in_turns(entities)}


def own_string(text: str) -> str:
    """Return a copy of a string. The original would keep the memory of its seed allocated.

    A million small strings in it hold the pages that they lie in.
    """
    return text.encode().decode()
