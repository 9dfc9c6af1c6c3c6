"""Renders long lists in slices of work, so that other requests are not delayed."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from time import perf_counter
from typing import Any, TypeVar

from connexion.lifecycle import ConnexionResponse
from starlette.types import Message, Send

from cart_mock.state.turns import in_turns

T = TypeVar("T")
R = TypeVar("R")

_SLICE = 0.005
"""Seconds of work between two turns of the event loop."""
_PART = 256 * 1024
"""How many bytes of a body are sent at once."""


async def sliced(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items, and let the event loop serve other requests after each slice."""
    until = perf_counter() + _SLICE
    for item in items:
        yield item
        if perf_counter() >= until:
            await asyncio.sleep(0)
            until = perf_counter() + _SLICE


async def convert_all(convert: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return each item converted, in slices."""
    return [convert(item) async for item in sliced(items)]


async def json_lists(
    lists: Mapping[str, Iterable[dict[str, Any]]], **more: object
) -> ConnexionResponse:
    """Return a JSON answer with these lists; ``more`` are further fields.

    Connexion would encode it all at once, which takes 50 ms for 10,000 stores.
    """
    chunks, start = [], "{"
    for name, items in lists.items():
        chunks.append(f"{start}{json.dumps(name)}: [")
        chunks.append(", ".join([json.dumps(item) async for item in sliced(items)]))
        chunks.append("]")
        start = ", "
    chunks += (f", {json.dumps(name)}: {json.dumps(value)}" for name, value in more.items())
    chunks.append("}\n")
    return json_answer("".join(chunks).encode())


def json_bytes(lists: Mapping[str, Iterable[dict[str, Any]]], **more: object) -> bytes:
    """Return the JSON that ``json_lists`` answers with. Call this in a thread."""
    # To join the parts of 100,000 carts at the end would hold up the event loop for 25 ms.
    content, start = io.BytesIO(), b"{"
    for name, items in lists.items():
        content.write(start + f"{json.dumps(name)}: [".encode())
        separator = b""
        for item in items:
            content.write(separator + json.dumps(item).encode())
            separator = b", "
        content.write(b"]")
        start = b", "
    for name, value in more.items():
        content.write(f", {json.dumps(name)}: {json.dumps(value)}".encode())
    content.write(b"}\n")
    return content.getvalue()


def json_of(value: Any) -> bytes:
    """Return the JSON of an object with long lists. Call this in a thread."""
    out = io.BytesIO()  # a list of all parts would be freed at once
    for part in in_turns(_json_parts(value)):
        out.write(part)
    return out.getvalue()


def _json_parts(value: Any) -> Iterator[bytes]:
    """Yield JSON, an entry of a list after the other."""
    separator = b""
    if isinstance(value, dict):
        yield b"{"
        for name, member in value.items():
            yield separator + json.dumps(name).encode() + b": "
            yield from _json_parts(member)
            separator = b", "
        yield b"}"
    elif isinstance(value, list):
        yield b"["
        for item in value:
            yield separator + json.dumps(item).encode()
            separator = b", "
        yield b"]"
    else:
        yield json.dumps(value).encode()


def in_parts(send: Send) -> Send:
    """Return a ``send`` that sends a long body in parts, each when the one before is on its way.

    asyncio copies what a socket does not take at once: of 25 MB, that takes 40 ms.
    """

    async def send_parts(message: Message) -> None:
        body = memoryview(message.get("body", b""))
        if len(body) <= _PART:
            await send(message)
            return
        for at in range(0, len(body), _PART):
            more = at + _PART < len(body) or message.get("more_body", False)
            await send({**message, "body": bytes(body[at : at + _PART]), "more_body": more})

    return send_parts


def json_answer(body: bytes) -> ConnexionResponse:
    """Return an answer with a body that is JSON already."""
    return ConnexionResponse(status_code=200, content_type="application/json", body=body)
