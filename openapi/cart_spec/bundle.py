"""Takes the files that a document refers to into one tree, so that each reference is a local one.

A file stands under ``FILES_KEY`` by its path relative to the document's folder. References in it
are rewritten. Files outside the folder are refused, and nothing is fetched.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from cart_spec.folders import Folder
from cart_spec.source import (
    MAX_BYTES,
    Source,
    UnreadableDocumentError,
    parse_source,
    pointer_of,
)

FILES_KEY = "x-cart-spec-files"
"""The key of the files in the tree."""

MAX_FILES = 500

_LITERAL_KEYS = ("example", "default", "enum", "const")
# What stands below these keys are names, even if they read like keywords.
_NAMING = (
    "/properties", "/patternProperties", "/schemas", "/examples", "/responses", f"/{FILES_KEY}",
)  # fmt: skip


def iter_references(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Yield each reference in ``value`` as (pointer, target)."""
    yield from references_in(iter_mappings(value, pointer))


def references_in(
    mappings: Iterable[tuple[str, Mapping[str, Any]]],
) -> Iterator[tuple[str, str]]:
    """Yield each reference among mappings with pointers, as (pointer, target)."""
    for at, mapping in mappings:
        if isinstance(mapping.get("$ref"), str):
            yield at, mapping["$ref"]


def iter_mappings(value: Any, pointer: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each mapping in ``value`` as (pointer, mapping), except in examples and extensions."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    _gather(value, pointer, found)
    return iter(found)


def _gather(value: Any, pointer: str, found: list[tuple[str, Mapping[str, Any]]]) -> None:
    # Gathers in a list: each level of generators would hand on every value below it.
    if isinstance(value, dict):
        found.append((pointer, value))
        names = pointer.endswith(_NAMING)
        for key, item in value.items():
            if not isinstance(item, dict | list) or (not names and _is_literal(key, item, pointer)):
                continue
            _gather(item, pointer + pointer_of(key), found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                _gather(item, f"{pointer}/{index}", found)


def _is_literal(key: str, item: Any, pointer: str) -> bool:
    """Return whether the value below ``key`` is data, in which nothing is a reference."""
    return (
        key in _LITERAL_KEYS
        or (key.startswith("x-") and (pointer != "" or key != FILES_KEY))
        or (key == "value" and "/examples/" in pointer)
        or (key == "examples" and isinstance(item, list))
    )


@dataclass
class Bundle:
    """The tree of a document and of the files that it refers to.

    ``lines`` and ``duplicate_keys`` are those of a :class:`Source`, for all files.
    """

    folder: Folder
    main: str
    source: Source

    def __post_init__(self) -> None:
        """Read what the document refers to, and what that refers to. Raises as ``load``."""
        self.lines = dict(self.source.lines)
        self.duplicate_keys = list(self.source.duplicate_keys)
        self.files: dict[str, Any] = {}
        self._left = MAX_BYTES
        self._waiting: list[tuple[str, str]] = []
        self._rewrite(self.source.data, self.main)
        while self._waiting:
            path, place = self._waiting.pop()
            if path not in self.files:
                self._read(path, place)
        if self.files:
            self.source.data[FILES_KEY] = self.files

    def _read(self, path: str, place: str) -> None:
        name = self.folder.name_of(path)
        try:
            text = self.folder.read(path, MAX_BYTES)
        except UnreadableDocumentError as error:
            raise UnreadableDocumentError(f"{place}: refers to {error}") from error
        self._left -= len(text)
        if self._left < 0 or len(self.files) >= MAX_FILES:
            raise UnreadableDocumentError(
                f"{self.folder.name_of(self.main)}: refers to more than {MAX_FILES} files or "
                f"{MAX_BYTES // 1024**2} MiB; give a smaller document"
            )
        source = parse_source(text, name)
        base = pointer_of(FILES_KEY, path)
        self.lines.update((base + pointer, line) for pointer, line in source.lines.items())
        self.duplicate_keys += [(base + pointer, line) for pointer, line in source.duplicate_keys]
        self.files[path] = source.data
        self._rewrite(source.data, path)

    def _rewrite(self, data: Any, path: str) -> None:
        for pointer, mapping in iter_mappings(data):
            reference = mapping.get("$ref")
            if isinstance(reference, str) and isinstance(mapping, dict):
                base = "" if path == self.main else pointer_of(FILES_KEY, path)
                line = self.lines.get(f"{base}{pointer}", 1)
                place = f"{self.folder.name_of(path)}: line {line}"
                try:
                    mapping["$ref"] = self._target(reference, path, place)
                except ValueError as error:
                    raise UnreadableDocumentError(
                        f"{place}: the reference {short(reference)} {error}"
                    ) from None

    def _target(self, reference: str, path: str, place: str) -> str:
        """Return a reference into the tree. Raises ValueError."""
        written, _, fragment = reference.partition("#")
        if not written and path == self.main:
            return reference
        found = path if not written else _below(written, path)
        if written and fragment[:1] not in ("", "/"):
            raise ValueError("names an anchor of another file; give a JSON pointer after the #")
        if found == self.main:
            return f"#{fragment}"
        if found not in self.files:
            self._waiting.append((found, place))
        if fragment[:1] not in ("", "/"):
            raise ValueError("names an anchor, which only the document itself may have; give a "
                             "JSON pointer")  # fmt: skip
        return f"#{quote(pointer_of(FILES_KEY, found), safe='/~')}{fragment}"


def _below(written: str, path: str) -> str:
    """Return the file that ``path`` refers to, relative to the folder. Raises ValueError."""
    if "://" in written or written.startswith("//"):
        raise ValueError("is remote, and nothing is fetched; save it below the document's folder")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(written)))
    if found.startswith(("../", "/")) or found == ".." or "\\" in found or ":" in found[:2]:
        raise ValueError("leaves the document's folder; copy the file below it")
    return found


def short(reference: str) -> str:
    """Return a reference cut to 80 characters."""
    return reference if len(reference) <= 80 else reference[:77] + "..."
