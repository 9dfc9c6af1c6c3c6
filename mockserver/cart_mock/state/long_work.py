"""Work on a whole store in a thread, so that other requests wait for a few milliseconds at most."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

from cart_mock.state.turns import take_turns

P = ParamSpec("P")
R = TypeVar("R")

LARGE = 10_000
"""How many carts and customers make work long."""
_SLICE = 256
"""How many objects are freed in one turn."""
_under_way = 0
"""How much long work is done now for which the collector waits."""


async def in_thread(size: int, work: Callable[P, R], /, *args: P.args, **more: P.kwargs) -> R:
    """Return what work returns that is done in a thread, on so many carts and customers."""
    with _collector_waiting() if size >= LARGE else nullcontext():
        return await asyncio.to_thread(work, *args, **more)


@contextmanager
def _collector_waiting() -> Iterator[None]:
    """Keep Python's collector of cycles from looking at what long work makes.

    At a million new objects it would hold up all threads for 300 ms. None of them is in a cycle.
    """
    global _under_way  # noqa: PLW0603  # there is one collector for the process
    if _under_way == 0:
        if not gc.isenabled():
            yield
            return
        gc.collect(0)  # young cycles would stay for ever
        gc.disable()
    _under_way += 1
    try:
        yield
    finally:
        _under_way -= 1
        if _under_way == 0:
            gc.freeze()
            gc.enable()


def free(parts: list[Any]) -> None:
    """Free what is in a list of tables and indexes, in turns with the other threads.

    To free 100,000 objects at once would hold them up for 30 ms.
    """
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += [list(part), list(part.values())]
        elif isinstance(part, list):
            while part:
                del part[-_SLICE:]
                take_turns()
        del part
        take_turns()
