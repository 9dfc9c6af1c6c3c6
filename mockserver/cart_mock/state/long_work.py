"""Work on a whole store in a thread, so that other requests wait for a few milliseconds at most."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from cart_mock.state.turns import WITHOUT_COLLECTION, take_turns

P = ParamSpec("P")
R = TypeVar("R")

LARGE = 10_000
"""From how many carts and customers on work is long."""
_SLICE = 256
"""How many objects are freed in one turn."""


async def in_thread(size: int, work: Callable[P, R], /, *args: P.args, **more: P.kwargs) -> R:
    """Call a function in a thread, and return its result.

    ``size`` is the number of carts and customers that it works on.
    """
    if size < LARGE:
        return await asyncio.to_thread(work, *args, **more)
    if gc.isenabled():
        gc.collect(0)  # or young cycles would never be freed
    with WITHOUT_COLLECTION:
        try:
            return await asyncio.to_thread(work, *args, **more)
        finally:
            # What was made has no cycles; to look at it once would take 100 ms.
            gc.freeze()


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
