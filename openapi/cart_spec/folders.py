"""Reads the files of a document: from a folder on disk, or from a revision of a git repository."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cart_spec.source import UnreadableDocumentError, decoded, read_text

_TIMEOUT = 30
_REVISION = re.compile(r"(?P<revision>[^:]{2,}):(?P<path>.+)", re.DOTALL)


class Folder(Protocol):
    """A folder with a document and the files that it refers to."""

    def name_of(self, path: str) -> str:
        """Return what reports call the file at a path relative to the folder."""

    def read(self, path: str, limit: int) -> str:
        """Return the text of a file of at most ``limit`` bytes below the folder.

        Raises UnreadableDocumentError.
        """


@dataclass(frozen=True)
class DiskFolder:
    """A folder on disk. A symbolic link may not lead out of it."""

    path: Path

    def name_of(self, path: str) -> str:
        """Return the path of the file."""
        return str(self.path / path)

    def read(self, path: str, limit: int) -> str:
        """Read a file. Raises UnreadableDocumentError."""
        found = self.path / path
        if not found.resolve().is_relative_to(self.path.resolve()):
            raise UnreadableDocumentError(
                f"{found}: a symbolic link leads out of the document's folder; copy the file there"
            )
        return read_text(found, limit)


@dataclass(frozen=True)
class RevisionFolder:
    """A folder in a revision of the git repository around the working directory."""

    revision: str
    path: str

    def name_of(self, path: str) -> str:
        """Return the file as git names it."""
        return f"{self.revision}:{posixpath.join(self.path, path)}"

    def read(self, path: str, limit: int) -> str:
        """Read a file of the revision. Raises UnreadableDocumentError."""
        name = self.name_of(path)
        size = _git("cat-file", "-s", name, name=name)
        if int(size) > limit:
            raise UnreadableDocumentError(
                f"{name}: is larger than {limit // 1024**2} MiB; give a smaller file"
            )
        return decoded(_git("cat-file", "blob", name, name=name), name)


def opened(path: Path) -> tuple[Folder, str]:
    """Return the folder of a document and the file's name in it.

    ``path`` is a file, or ``REVISION:FILE`` as ``git show`` takes it. A file with a colon in its
    name goes before a revision.
    """
    written = _REVISION.fullmatch(str(path))
    if written is None or path.is_absolute() or path.exists():
        return DiskFolder(path.parent), path.name
    directory, name = posixpath.split(written["path"].replace(os.sep, "/"))
    return RevisionFolder(written["revision"], directory), name


def _git(*arguments: str, name: str) -> bytes:
    """Run git without its hooks, pagers and prompts. Raises UnreadableDocumentError."""
    git = shutil.which("git")
    if git is None:
        raise UnreadableDocumentError(f"{name}: git is not installed; give a file")
    if name.startswith("-"):
        raise UnreadableDocumentError(f"{name}: is not a revision and a file; write REVISION:FILE")
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the name cannot be an option
            [git, *arguments],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreadableDocumentError(f"{name}: git did not answer; give a file") from error
    if done.returncode:
        reason = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
        raise UnreadableDocumentError(
            f"{name}: git cannot read it ({reason.removeprefix('fatal: ')}); "
            "give a file, or a revision of this repository such as HEAD~1:openapi/x.yaml"
        )
    return done.stdout
