"""Writes files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_atomically(
    path: Path, content: bytes | Iterable[bytes], mode: int = 0o600, *, sync: bool = False
) -> None:
    """Put ``content`` into place at once: a reader sees the old file or the new one, never a part.

    The parts of an iterable are written one after the other, as it makes them.
    The new file has the permissions ``mode`` before anything is written to it. With ``sync`` it is
    on the disk before it takes the place of the old one, and in its place on the disk afterwards.
    Raises OSError; then nothing is left behind, and the old file is unchanged unless only the last
    step failed.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            part.chmod(mode)
            file.writelines((content,) if isinstance(content, bytes) else content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
        if sync:
            sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Bring to the disk which files a folder has. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
