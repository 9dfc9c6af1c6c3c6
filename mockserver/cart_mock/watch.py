"""Reads files again when they change: all of them, or none if one cannot be used."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from cart_spec.cli_errors import InputError

from cart_mock.tenants.watched import Watched

logger = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two looks at the files. A look costs some 10 µs, so no library is needed."""

Signature = tuple[tuple[int, int, int] | None, ...]


def watch(
    watched: Watched, read: Callable[[], Callable[[], None]], every: float = EVERY
) -> threading.Event:
    """Watch files in a thread of their own, until the event that is returned is set.

    ``read`` reads all files and returns the function that puts their content in force. It raises
    InputError if one of them cannot be used; then nothing changes.
    """
    stop = threading.Event()
    seen = signature(watched.files)

    def run() -> None:
        nonlocal seen
        while not stop.wait(every):
            now = signature(watched.files)
            # A file that was just changed may not be complete: wait until it stays the same.
            if now == seen or stop.wait(every / 5) or signature(watched.files) != now:
                continue
            seen = now
            take_up(watched, read)

    threading.Thread(target=run, daemon=True, name="cart-mock-watch").start()
    return stop


def take_up(watched: Watched, read: Callable[[], Callable[[], None]]) -> None:
    """Read the files again, and put their content in force if all can be used."""
    try:
        put_in_force = read()
    except InputError as error:
        watched.problem = error.message
        logger.warning("a changed file is not used, everything stays as it was: %s", error.message)
        return
    put_in_force()
    watched.taken_up()
    logger.warning("read again: %s", ", ".join(map(str, watched.files)))


def signature(files: tuple[Path, ...]) -> Signature:
    """Return what changes when one of the files does."""
    return tuple(_signature(path) for path in files)


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
