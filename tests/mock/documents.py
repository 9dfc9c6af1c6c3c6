"""Documents as a storage has them, which is as JSON, and as tests write and compare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from cart_mock.state.tinydb_tables import Changes, InMemoryStorage


def changes(plain: Mapping[str, Mapping[str, Any]]) -> Changes:
    """Return changes with documents as JSON; a document that is removed is None."""
    return {
        name: {
            key: None if document is None else msgspec.json.encode(document)
            for key, document in documents.items()
        }
        for name, documents in plain.items()
    }


def commit(storage: InMemoryStorage, *plain: Mapping[str, Mapping[str, Any]]) -> None:
    """Commit changes whose documents are dicts."""
    storage.commit(*map(changes, plain))


def tables(storage: InMemoryStorage) -> dict[str, dict[str, Any]]:
    """Return what is in a storage, with documents that are dicts."""
    return {
        name: {key: msgspec.json.decode(text) for key, text in documents.items()}
        for name, documents in storage.read().items()
    }
