"""A storage that loses what was not brought to the disk, as a power failure may."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

Entry = tuple[int, bool]
"""What a name stands for: the number of a file or folder, and whether it is a folder."""


class LosingDisk:
    """Notes what ``os.fsync`` brings to the disk; copies folders as power failures do.

    A name in a folder is what it was when the folder was last synchronized, or what it is now. A
    file has what it had when it was last synchronized, and any beginning of what was added since;
    zeros may stand for the rest. ``before_sync`` is called before each ``os.fsync``.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._files: dict[int, bytes] = {}
        self._folders: dict[int, dict[str, Entry]] = {}
        self._held: dict[int, int] = {}
        """An open file for each number, so that the number is not given to another file."""
        self.before_sync: Callable[[], None] = lambda: None
        self.is_on = True
        patch.setattr(os, "fsync", self._note)

    def close(self) -> None:
        """Let go of all files."""
        for handle in self._held.values():
            os.close(handle)

    def _note(self, handle: int) -> None:
        if not self.is_on:
            return
        self.before_sync()
        path = Path(f"/proc/self/fd/{handle}")
        number = self._hold(path)
        if path.is_dir():
            self._folders[number] = _entries(path)
            for name in self._folders[number]:
                self._hold(path / name)
        else:
            self._files[number] = path.read_bytes()

    def _hold(self, path: Path) -> int:
        number = path.stat().st_ino
        if number not in self._held:
            self._held[number] = os.open(path, os.O_PATH)
        return number

    def lose(self, folder: Path, copy: Path, rng: random.Random) -> None:
        """Copy a folder, which is on the disk itself, as a power failure may leave it."""
        self._lose(folder.stat().st_ino, folder, copy, rng)

    def _lose(self, number: int, folder: Path | None, copy: Path, rng: random.Random) -> None:
        copy.mkdir()
        synced = self._folders.get(number, {})
        current = {} if folder is None else _entries(folder)
        for name in sorted({*synced, *current}):
            found = rng.choice((synced.get(name), current.get(name)))
            if found is None:
                continue
            here = folder / name if folder is not None and current.get(name) == found else None
            if found[1]:
                self._lose(found[0], here, copy / name, rng)
            else:
                (copy / name).write_bytes(self._content(found[0], here, rng))

    def _content(self, number: int, path: Path | None, rng: random.Random) -> bytes:
        synced = self._files.get(number, b"")
        if path is None and number in self._held:
            path = Path(f"/proc/self/fd/{self._held[number]}")
        if path is None:
            return synced
        current = path.read_bytes()
        if not current.startswith(synced):
            return rng.choice((synced, current))
        least, most = len(synced), len(current)
        kept = current[: rng.choice((least, most, rng.randint(least, most)))]
        return kept.ljust(most, b"\0") if rng.random() < 0.2 else kept


def _entries(folder: Path) -> dict[str, Entry]:
    found = {}
    for path in folder.iterdir():
        status = path.stat()
        found[path.name] = (status.st_ino, stat.S_ISDIR(status.st_mode))
    return found
