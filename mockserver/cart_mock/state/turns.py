"""Long work in a thread, in turns with the other threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_SLICE = 256
"""How many items are handled in one turn."""


def take_turns() -> None:
    """Let a thread go on that waits for the interpreter.

    Without this, the event loop waits for 5 ms each time that it has something to do. The main
    thread has the event loop, and so it does not wait.
    """
    if threading.current_thread() is not threading.main_thread():
        time.sleep(0)


def in_turns(items: Iterable[T]) -> Iterator[T]:
    """Yield the items; after each slice, let another thread go on."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % _SLICE == 0:
            take_turns()


class Repeatable(Iterable[T]):
    """Items that are made when they are reached, and made again by each iteration.

    100,000 that are there together would hold up other threads when they are freed.
    """

    def __init__(self, make: Callable[[], Iterator[T]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[T]:
        return self._make()


def in_slices(items: Sequence[T], size: int = 4 * _SLICE) -> Iterator[Sequence[T]]:
    """Yield slices of the items; after each, let another thread go on."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
        take_turns()
