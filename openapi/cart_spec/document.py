"""Reads OpenAPI documents that nobody has vouched for, with the line that each value stands on.

Whatever the file holds, reading it is bounded in time and memory, fetches nothing, and ends in a
:class:`Document` or in one line that says what was wrong and what to give instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import yaml

from cart_spec.contract import METHODS

MAX_BYTES = 10 * 1024 * 1024
"""The largest document that is read, in bytes. The largest published ones have some 5 MB."""

MAX_DEPTH = 200
"""How deep a document may nest. The YAML parser overflows the C stack somewhere past 50,000."""

MAX_VALUES = 500_000
"""How many values a document may have once its aliases are written out."""

SUPPORTED = ("3.0.", "3.1.")

_CLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_CLoader):  # type: ignore[misc]  # its base is chosen when the module is loaded
    """YAML as OpenAPI has it: JSON's types only, so that a date stays the string it was written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _CLoader.yaml_implicit_resolvers.items()
}


class UnreadableDocumentError(ValueError):
    """The file holds no OpenAPI document that can be reviewed. The message is one line."""


@dataclass(frozen=True)
class Document:
    """A parsed OpenAPI document. ``data`` is to be read, never changed.

    ``lines`` maps a JSON pointer to the line, from 1, that the value's key stands on.
    ``duplicate_keys`` are the pointers of keys that stand twice in one mapping.
    """

    name: str
    data: Mapping[str, Any]
    lines: Mapping[str, int]
    duplicate_keys: tuple[tuple[str, int], ...] = ()

    @property
    def version(self) -> str:
        """The version of OpenAPI that the document says it follows, such as ``3.0.3``."""
        return cast("str", self.data["openapi"])

    def line(self, pointer: str) -> int:
        """The line of the value at ``pointer``, or of the nearest value around it; from 1."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)

    def at(self, pointer: str) -> Any:
        """The value at a JSON pointer. Raises KeyError where there is none."""
        value: Any = self.data
        for part in parts_of(pointer):
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, ValueError, TypeError):
                raise KeyError(pointer) from None
        return value

    def resolve(self, value: Any) -> Any:
        """``value``, or what it refers to if it is a reference."""
        return self.resolved(value, "")[0]

    def resolved(self, value: Any, pointer: str) -> tuple[Any, str]:
        """``value`` and its pointer, with the references that it consists of followed."""
        while isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
            pointer = _unquoted(value["$ref"][1:])
            value = self.at(pointer)
        return value, pointer

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
            for method in METHODS:
                if isinstance(item.get(method), Mapping):
                    pointer = f"{base}/{method}"
                    own = self._parameters(item[method], pointer)
                    named = {(p["in"], p["name"]): (p, at) for p, at in (*shared, *own)}
                    yield Operation(method, path, item[method], pointer, tuple(named.values()))

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
    """An operation of a document; ``parameters`` are (parameter, pointer), its path's included."""

    method: str
    path: str
    data: Mapping[str, Any]
    pointer: str
    parameters: tuple[tuple[Mapping[str, Any], str], ...]

    @property
    def id(self) -> str:
        """Its ``operationId``, or method and path where it has none."""
        return cast("str", self.data.get("operationId")) or f"{self.method.upper()} {self.path}"


def pointer_of(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) of a path of keys and indexes."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def parts_of(pointer: str) -> list[str]:
    """The keys and indexes of a JSON pointer, unescaped, as strings."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def read(path: Path) -> Document:
    """Read an OpenAPI 3.0 or 3.1 document from a YAML or JSON file.

    Raises UnreadableDocumentError, in one line, for a file that cannot be read, is larger than
    ``MAX_BYTES``, is no YAML or JSON, nests or expands beyond bounds, is no OpenAPI document of a
    supported version, or has a reference that leaves the file, leads nowhere or leads to itself.
    """
    return parse(read_text(path, MAX_BYTES), str(path))


def read_text(path: Path, limit: int) -> str:
    """The text of a file of at most ``limit`` bytes. Raises UnreadableDocumentError in one line."""
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnreadableDocumentError(f"{path}: cannot be read: {reason}") from error
    if len(raw) > limit:
        raise UnreadableDocumentError(
            f"{path}: is larger than {limit // 1024**2} MiB; give a smaller file"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableDocumentError(
            f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error


def parse(text: str, name: str) -> Document:
    """The OpenAPI document in ``text``; ``name`` is what errors call it. Raises as ``read``."""
    # JSON writes what is outside the basic plane as two escapes, which YAML has not: where the
    # lines are found, anything may stand for them.
    is_flow = text.lstrip()[:1] == "{"
    root = _compose(_SURROGATE.sub(r"\\uFFFD", text) if is_flow else text, name)
    marks = _Marks(name)
    marks.walk(root)
    data = _construct(root, text, name)
    if not isinstance(data, dict):
        raise UnreadableDocumentError(
            f"{name}: is not an OpenAPI document: its top level is not a mapping"
        )
    _require_openapi(data, name)
    document = Document(name, data, marks.lines, tuple(marks.duplicates))
    _check_references(document)
    return document


def _line(mark: Any) -> int:
    """The line of a parser's mark, from 1; the parsers here always give marks."""
    return cast("int", mark.line) + 1


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def _compose(text: str, name: str) -> yaml.Node:
    try:
        depth = 0
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise UnreadableDocumentError(
                        f"{name}: line {_line(event.start_mark)}: nests deeper than {MAX_DEPTH} "
                        "levels; no OpenAPI document needs that"
                    )
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        root = yaml.compose(text, _Loader)
    except (yaml.YAMLError, UnicodeError) as error:
        raise UnreadableDocumentError(f"{name}: is not YAML or JSON: {_one_line(error)}") from error
    if root is None:
        raise UnreadableDocumentError(f"{name}: is empty; give an OpenAPI document")
    return root


def _construct(root: yaml.Node, text: str, name: str) -> Any:
    """The values of a composed document: JSON as JSON has it, anything else by YAML's rules."""
    if text.lstrip()[:1] == "{":
        try:
            return json.loads(text)
        except ValueError:
            pass  # a flow mapping of YAML
    loader = _Loader("")
    try:
        return _with_text_keys(loader.construct_document(root))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableDocumentError(f"{name}: is not YAML or JSON: {_one_line(error)}") from error
    finally:
        loader.dispose()


def _with_text_keys(value: Any) -> Any:
    """``value`` with string keys: JSON has no others, and YAML reads ``200:`` as a number."""
    if isinstance(value, dict):
        return {_key(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"{type(value).__name__} is no type that JSON has")


def _key(key: Any) -> str:
    if isinstance(key, bool) or key is None:
        return json.dumps(key)
    return str(key)


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {_line(error.problem_mark)}: {error.problem}"
    return " ".join(str(error).split())[:200]


class _Marks:
    """Walks the composed nodes, and refuses aliases that contain themselves or write out too long.

    An alias is composed as one shared node, so counting stays linear where writing out would not.
    """

    def __init__(self, name: str) -> None:
        self.lines: dict[str, int] = {"": 1}
        self.duplicates: list[tuple[str, int]] = []
        self._name = name
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def walk(self, root: yaml.Node) -> None:
        if self._size(root) > MAX_VALUES:
            raise UnreadableDocumentError(
                f"{self._name}: has more than {MAX_VALUES:,} values once its aliases are written "
                "out; write it without nested aliases"
            )
        self._mark(root, "")

    def _size(self, node: yaml.Node) -> int:
        if id(node) in self._open:
            raise UnreadableDocumentError(
                f"{self._name}: line {_line(node.start_mark)}: an alias contains itself; "
                "use $ref for a schema that does"
            )
        if id(node) not in self._sizes:
            self._open.add(id(node))
            self._sizes[id(node)] = 1 + sum(self._size(child) for child in _children(node))
            self._open.discard(id(node))
        return self._sizes[id(node)]

    def _mark(self, node: yaml.Node, pointer: str) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                at = pointer + pointer_of(str(key.value))
                if at in self.lines and key.value != "<<":
                    self.duplicates.append((at, _line(key.start_mark)))
                self.lines[at] = _line(key.start_mark)
                self._mark(value, at)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                at = f"{pointer}/{index}"
                self.lines[at] = _line(value.start_mark)
                self._mark(value, at)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


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
            f"{name}: says that it is OpenAPI {version}; OpenAPI 3.0 and 3.1 can be reviewed"
        )
    paths = data.get("paths", {} if version.startswith("3.1") else None)
    if not isinstance(paths, dict):
        raise UnreadableDocumentError(
            f"{name}: is not an OpenAPI document: `paths` is not a mapping"
        )
    if not isinstance(data.get("components", {}), dict):
        raise UnreadableDocumentError(
            f"{name}: is not an OpenAPI document: `components` is not a mapping"
        )


_LITERAL_KEYS = ("example", "default", "enum", "const")
# What stands below these keys are names, whatever they read like.
_NAMING = ("/properties", "/patternProperties", "/schemas", "/examples", "/responses")


def iter_references(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Each reference below ``value`` as (pointer, target). Literal values hold none."""
    if isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield pointer, reference
        names = pointer.endswith(_NAMING)
        for key, item in value.items():
            if not names and (
                key in _LITERAL_KEYS
                or key.startswith("x-")
                or (key == "value" and "/examples/" in pointer)
                or (key == "examples" and isinstance(item, list))
            ):
                continue
            yield from iter_references(item, pointer + pointer_of(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from iter_references(item, f"{pointer}/{index}")


def _check_references(document: Document) -> None:
    def refuse(pointer: str, problem: str) -> UnreadableDocumentError:
        return UnreadableDocumentError(f"{document.name}: line {document.line(pointer)}: {problem}")

    for pointer, reference in iter_references(document.data):
        seen: list[str] = []
        target = reference
        while True:
            if not target.startswith("#"):
                kind = "remote" if "://" in target or target.startswith("//") else "outside it"
                raise refuse(
                    pointer,
                    f"the reference {_short(target)} leaves the file ({kind}), and nothing is "
                    "fetched; bundle the document into one file first",
                )
            if target in seen:
                raise refuse(pointer, f"the reference {_short(reference)} leads back to itself")
            seen.append(target)
            try:
                value = document.at(_unquoted(target[1:]))
            except KeyError:
                raise refuse(pointer, f"the reference {_short(target)} leads nowhere") from None
            if not (isinstance(value, Mapping) and isinstance(value.get("$ref"), str)):
                break
            target = value["$ref"]


def _unquoted(fragment: str) -> str:
    return unquote(fragment)


def _short(reference: str) -> str:
    return reference if len(reference) <= 80 else reference[:77] + "..."
