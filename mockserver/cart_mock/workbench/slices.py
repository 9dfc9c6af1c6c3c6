"""Long work in slices, so that other requests do not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_SLICE = 0.005
"""Seconds of work between two turns of the event loop."""


async def sliced(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items; after each slice of work, let the event loop serve others."""
    until = perf_counter() + _SLICE
    for item in items:
        yield item
        if perf_counter() >= until:
            await asyncio.sleep(0)
            until = perf_counter() + _SLICE


async def convert_all(convert: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return each item converted, in slices."""
    return [convert(item) async for item in sliced(items)]
