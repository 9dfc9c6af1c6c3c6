"""What is known about the files that a mock watches."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Watched:
    """The watched files, when they were last read, and why the last change was not taken up.

    ``at`` is in seconds since the epoch, None until a change was taken up. ``problem`` is None if
    what is in force is what the files have.
    """

    files: tuple[Path, ...]
    at: float | None = None
    problem: str | None = None
    changes: int = field(default=0)

    def taken_up(self) -> None:
        """Note that the files were read again."""
        self.at, self.problem = time.time(), None
        self.changes += 1
