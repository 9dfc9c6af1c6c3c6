"""Long work in a thread, in turns with the other threads."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_SLICE = 256
"""How many items are handled in one turn."""


def in_turns(items: Iterable[T]) -> Iterator[T]:
    """Yield the items; after each slice, let a thread go on that waits for the interpreter.

    Without this, the event loop waits for 5 ms each time that it has something to do.
    """
    for number, item in enumerate(items, start=1):
        yield item
        if number % _SLICE == 0:
            time.sleep(0)
