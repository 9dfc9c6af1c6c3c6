"""Long work in a thread, in turns with the other threads."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_SLICE = 256
"""How many items are handled in one turn."""


def take_turns() -> None:
    """Let another thread run if one waits for the interpreter.

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


class _WithoutCollection:
    """Keeps the garbage collector off during work that makes very many objects.

    It would look at all of them again and again, for up to 40 ms at a time, while all threads wait.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = 0
        self._was_enabled = False

    def __enter__(self) -> None:
        with self._lock:
            if self._working == 0:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._working += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._working -= 1
            if self._working == 0 and self._was_enabled:
                gc.enable()


WITHOUT_COLLECTION = _WithoutCollection()
"""Several threads may be in it at a time."""


class Repeatable(Iterable[T]):
    """Items that each iteration makes one at a time.

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
