"""OpenAPI documents from any sender: their operations, references and lines.

``load`` reads one with the files that it refers to, and refuses references that leave its
folder. The document that ships with this package
is loaded by :mod:`cart_spec.contract`, which is faster. Values are validated against schemas by
``referencing`` and ``jsonschema`` (:mod:`cart_spec.validation`); what they cannot give, the pointer
that a reference leads to, is found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from cart_spec.bundle import FILES_KEY, Bundle, iter_mappings, references_in, short
from cart_spec.contract import METHODS
from cart_spec.folders import Folder, RevisionFolder, opened
from cart_spec.source import MAX_BYTES, UnreadableDocumentError, parse_source, pointer_of

SUPPORTED = ("3.0.", "3.1.", "3.2.")
_METHODS_OF_32 = (*METHODS, "query")


class Place(NamedTuple):
    """A place in a file: its line, from 1, and its JSON pointer."""

    name: str
    line: int
    pointer: str

    def __str__(self) -> str:
        """Return the file and the line, as errors begin."""
        return f"{self.name}: line {self.line}"


@dataclass(frozen=True, eq=False)
class OpenApiDocument:
    """A parsed OpenAPI document. Nothing may change ``data``.

    ``lines`` maps a JSON pointer to the line, from 1, on which the value's key stands.
    ``duplicate_keys`` are the pointers and lines of keys that stand twice in one mapping.
    ``files`` are the names of the files that it refers to, by their keys under ``FILES_KEY``.
    ``is_revision`` says that the document is in a git revision, not in a file.
    """

    name: str
    data: Mapping[str, Any]
    lines: Mapping[str, int]
    duplicate_keys: tuple[tuple[str, int], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    is_revision: bool = False

    @property
    def version(self) -> str:
        """The version of OpenAPI that the document names, such as ``3.0.3``."""
        return cast("str", self.data["openapi"])

    @property
    def is_30(self) -> bool:
        """Whether the document is OpenAPI 3.0, whose schemas are not quite JSON Schema."""
        return self.version.startswith("3.0")

    def line(self, pointer: str) -> int:
        """Return the line of the value at ``pointer``, or of the nearest value around it."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)

    def place(self, pointer: str) -> Place:
        """Return the file, the line and the pointer in that file of the value at ``pointer``."""
        name, inner = self.name, pointer
        if self.files and pointer.startswith(f"/{FILES_KEY}/"):
            _, _, key, *rest = pointer.split("/")
            name = self.files[key.replace("~1", "/").replace("~0", "~")]
            inner = "".join(f"/{part}" for part in rest)
        return Place(name, self.line(pointer), inner)

    def at(self, pointer: str) -> Any:
        """Return the value at a JSON pointer. Raises KeyError if nothing is there."""
        value: Any = self.data
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            try:
                value = value[int(key)] if isinstance(value, list) else value[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise KeyError(pointer) from None
        return value

    def resolve(self, value: Any) -> Any:
        """Return ``value``, or what it refers to if it is a reference."""
        return self.resolved(value, "")[0]

    def resolved(self, value: Any, pointer: str) -> tuple[Any, str]:
        """Return a value and its pointer, after following the references that it consists of."""
        while isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
            value, pointer = self.resolved_once(value["$ref"])
        return value, pointer

    def resolved_once(self, reference: str) -> tuple[Any, str]:
        """Return what a reference into this document leads to. Raises KeyError."""
        fragment = unquote(reference[1:])
        pointer = fragment if fragment[:1] in ("", "/") else self._anchors[fragment]
        return self.at(pointer), pointer

    @cached_property
    def mappings(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """Each mapping of the document with its pointer, except in examples and extensions."""
        return tuple(iter_mappings(self.data))

    @cached_property
    def references(self) -> tuple[tuple[str, str], ...]:
        """Each reference of the document, as (pointer, target)."""
        return tuple(references_in(self.mappings))

    @cached_property
    def _anchors(self) -> dict[str, str]:
        """The pointers of the schemas that have an ``$anchor``, which OpenAPI 3.0 does not know."""
        return {
            mapping["$anchor"]: pointer
            for pointer, mapping in (() if self.is_30 else self.mappings)
            if isinstance(mapping.get("$anchor"), str)
        }

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The operations in the document's order."""
        return tuple(self._operations())

    def _operations(self) -> Iterator[Operation]:
        for path, written in self.data.get("paths", {}).items():
            item, base = self.resolved(written, pointer_of("paths", path))
            if not isinstance(item, Mapping):
                continue
            shared = self._parameters(item, base)
            for method, data, pointer in self._methods(item, base):
                own = self._parameters(data, pointer)
                named = {(p["in"], p["name"]): (p, at) for p, at in (*shared, *own)}
                yield Operation(method, path, data, pointer, tuple(named.values()), base)

    def _methods(
        self, item: Mapping[str, Any], base: str
    ) -> Iterator[tuple[str, Mapping[str, Any], str]]:
        """Yield the methods of a path item; OpenAPI 3.2 has ``query``, and any other by name."""
        for method in METHODS if self.version < "3.2" else _METHODS_OF_32:
            if isinstance(item.get(method), Mapping):
                yield method, item[method], f"{base}/{method}"
        others = item.get("additionalOperations") if self.version >= "3.2" else None
        for method, data in others.items() if isinstance(others, Mapping) else ():
            if isinstance(data, Mapping):
                yield method.lower(), data, base + pointer_of("additionalOperations", method)

    def _parameters(self, owner: Mapping[str, Any], base: str) -> list[tuple[Any, str]]:
        found = [
            self.resolved(value, f"{base}/parameters/{index}")
            for index, value in enumerate(owner.get("parameters") or ())
        ]
        return [
            (value, at)
            for value, at in found
            if isinstance(value, Mapping) and {"in", "name"} <= set(value)
        ]


@dataclass(frozen=True)
class Operation:
    """An operation; ``parameters`` are (parameter, pointer), those of its path included.

    ``item_pointer`` is the pointer of its path item.
    """

    method: str
    path: str
    data: Mapping[str, Any]
    pointer: str
    parameters: tuple[tuple[Mapping[str, Any], str], ...]
    item_pointer: str

    @property
    def id(self) -> str:
        """Its ``operationId``, or else its method and path."""
        return cast("str", self.data.get("operationId")) or f"{self.method.upper()} {self.path}"


def load(path: Path) -> OpenApiDocument:
    """Load an OpenAPI document (3.0 to 3.2), with the files below its folder that it refers to.

    ``path`` is a YAML or JSON file, or one in a git revision, such as ``HEAD~1:openapi/x.yaml``.

    Raises UnreadableDocumentError if a file cannot be read, is larger than ``MAX_BYTES``, is not
    YAML or JSON, nests or expands beyond bounds, or is not OpenAPI of a supported version; and if
    a reference leaves the folder, leads nowhere or leads back to itself.
    """
    folder, name = opened(path)
    return _document(folder.read(name, MAX_BYTES), folder.name_of(name), folder, name)


def parse(text: str, name: str) -> OpenApiDocument:
    """Return the document in ``text``; ``name`` is what errors call it.

    It has no folder, so it may not refer to other files. Raises as ``load``.
    """
    return _document(text, name, _NoFolder(name), "")


class _NoFolder(NamedTuple):
    """The folder of a text that is not in a file."""

    name: str

    def name_of(self, _path: str) -> str:
        return self.name

    def read(self, path: str, _limit: int) -> str:
        raise UnreadableDocumentError(f"{self.name}: refers to {path}, and is not in a folder")


def _document(text: str, name: str, folder: Folder, main: str) -> OpenApiDocument:
    source = parse_source(text, name)
    if not isinstance(source.data, dict):
        raise UnreadableDocumentError(
            f"{name}: is not an OpenAPI document: its top level is not a mapping"
        )
    _require_openapi(source.data, name)
    bundle = Bundle(folder, main, source)
    files = {path: folder.name_of(path) for path in bundle.files}
    document = OpenApiDocument(
        name,
        source.data,
        bundle.lines,
        tuple(bundle.duplicate_keys),
        files,
        isinstance(folder, RevisionFolder),
    )
    _check_references(document)
    return document


def _require_openapi(data: Mapping[str, Any], name: str) -> None:
    version = data.get("openapi")
    if "swagger" in data and version is None:
        raise UnreadableDocumentError(
            f"{name}: is Swagger {data['swagger']}; convert it to OpenAPI 3.0 or 3.1 first"
        )
    if version is None:
        raise UnreadableDocumentError(
            f"{name}: is not an OpenAPI document: it has no `openapi: 3.0.3` or the like"
        )
    if not isinstance(version, str) or not f"{version}.".startswith(SUPPORTED):
        raise UnreadableDocumentError(
            f"{name}: says that it is OpenAPI {version}; OpenAPI 3.0, 3.1 and 3.2 can be reviewed"
        )
    paths = data.get("paths", None if version.startswith("3.0") else {})
    if not isinstance(paths, dict):
        raise UnreadableDocumentError(
            f"{name}: is not an OpenAPI document: `paths` is not a mapping"
        )
    if not isinstance(data.get("components", {}), dict):
        raise UnreadableDocumentError(
            f"{name}: is not an OpenAPI document: `components` is not a mapping"
        )


def _check_references(document: OpenApiDocument) -> None:
    for pointer, reference in document.references:
        problem = _reference_problem(document, reference)
        if problem is not None:
            raise UnreadableDocumentError(f"{document.place(pointer)}: the reference {problem}")


def _reference_problem(document: OpenApiDocument, reference: str) -> str | None:
    seen: list[str] = []
    target: Any = reference
    while isinstance(target, str):
        if target in seen:
            return f"{_readable(document, reference)} leads back to itself"
        seen.append(target)
        try:
            value = document.resolved_once(target)[0]
        except KeyError:
            return f"{_readable(document, target)} leads nowhere"
        target = value.get("$ref") if isinstance(value, Mapping) else None
    return None


def _readable(document: OpenApiDocument, reference: str) -> str:
    """Return a reference into the tree as the file that it leads to has it."""
    pointer = unquote(reference[1:])
    if document.files and pointer.startswith(f"/{FILES_KEY}/"):
        file = pointer.split("/")[2].replace("~1", "/").replace("~0", "~")
        return short(f"{file}#{document.place(pointer).pointer}")
    return short(reference)
