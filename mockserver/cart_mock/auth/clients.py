"""Client files, which list the accepted keys and their secrets."""

from __future__ import annotations

import codecs
from pathlib import Path

import msgspec

from cart_mock.formats import NAME_LIMIT, NOT_JSON

Clients = dict[str, str | None]
"""``client_id`` to its secret, or None for a key that only shoppers use."""


class ClientsError(Exception):
    """A client file that cannot be used. The message says which and why, without secrets."""


def load_clients(path: Path) -> Clients:
    """Read a client file, a JSON object of ``client_id`` to secret or null. Raises ClientsError."""
    advice = 'it must be a JSON object such as {"my-store": "my-secret", "shoppers-only": null}'
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        clients = msgspec.json.decode(content, type=Clients)
    except OSError as error:
        raise ClientsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except NOT_JSON as error:
        raise ClientsError(f"{path}: {advice}") from error
    long = next((name for name in clients if len(name) > NAME_LIMIT), None)
    if long is not None:
        raise ClientsError(f"{path}: {long[:40]!r}... has more than {NAME_LIMIT} characters")
    if not clients or not all(clients) or "" in clients.values():
        raise ClientsError(f"{path}: no id and no secret may be empty; {advice}")
    return clients
