"""Opens a recording: a file, a compressed file, or a zip with attached bodies."""

from __future__ import annotations

import gzip
import posixpath
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cart_spec.source import UnreadableDocumentError

MAX_BYTES = 200 * 1024 * 1024
"""Maximum size of a recording in bytes, once it is opened."""

MAX_ATTACHED = 10 * 1024 * 1024
"""Maximum size of an attached body in bytes."""

_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"


class Attachments(Protocol):
    """The files that a recording refers to."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it is absent, too large or not allowed."""


@dataclass(frozen=True)
class FolderAttachments:
    """Files next to a recording. None of them may be outside its folder."""

    folder: Path

    def read(self, name: str) -> bytes | None:
        """Read a file below the folder."""
        try:
            path = (self.folder / name).resolve()
            if not path.is_relative_to(self.folder.resolve()) or not path.is_file():
                return None
            if path.stat().st_size > MAX_ATTACHED:
                return None
            return path.read_bytes()
        except (OSError, ValueError):
            return None


@dataclass(frozen=True)
class ZipAttachments:
    """Members of a zip file."""

    archive: zipfile.ZipFile
    folder: str

    def read(self, name: str) -> bytes | None:
        """Read a member next to the recording in the zip."""
        try:
            return _member(self.archive, posixpath.join(self.folder, name), MAX_ATTACHED)
        except (KeyError, OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error):
            return None


def opened(path: Path) -> tuple[bytes, Attachments]:
    """Return the content of a recording, and what it refers to.

    Raises UnreadableDocumentError if it cannot be read, is too large, or has no HAR file in it.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start == _ZIP:
            return _from_zip(path)
        if start[:2] == _GZIP:
            with gzip.open(path) as file:
                raw = file.read(MAX_BYTES + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, KeyError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise UnreadableDocumentError(f"{path}: cannot be read: {reason}") from error
    _require_size(len(raw), path)
    return raw.removeprefix(b"\xef\xbb\xbf"), FolderAttachments(path.parent)


def _from_zip(path: Path) -> tuple[bytes, Attachments]:
    archive = zipfile.ZipFile(path)
    names = archive.namelist()
    if any(name.startswith("raw/") for name in names) and "[Content_Types].xml" in names:
        raise UnreadableDocumentError(
            f"{path}: is a Fiddler archive; export the sessions as HTTPArchive v1.2 instead"
        )
    if any(name.endswith(".trace") for name in names):
        raise UnreadableDocumentError(
            f"{path}: is a Playwright trace; record a HAR with the option recordHar instead"
        )
    found = sorted((name for name in names if name.endswith(".har")), key=lambda n: n.count("/"))
    if not found:
        raise UnreadableDocumentError(f"{path}: is a zip without a .har file in it")
    _require_size(archive.getinfo(found[0]).file_size, path)
    raw = _member(archive, found[0], MAX_BYTES)
    return raw.removeprefix(b"\xef\xbb\xbf"), ZipAttachments(archive, posixpath.dirname(found[0]))


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return a member of at most ``limit`` bytes. Raises KeyError, ValueError and BadZipFile."""
    with archive.open(posixpath.normpath(name)) as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ValueError(f"{name} is too large")
    return raw


def _require_size(size: int, path: Path) -> None:
    if size > MAX_BYTES:
        raise UnreadableDocumentError(
            f"{path}: is larger than {MAX_BYTES // 1024**2} MiB; record less, or leave out images"
        )
