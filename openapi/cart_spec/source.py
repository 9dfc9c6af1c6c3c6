"""Reads YAML and JSON files from any sender, with the line of each value.

Whatever a file holds, reading it is bounded in time and memory and fetches nothing. It ends in a
:class:`Source` or in an :class:`UnreadableDocumentError` of one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from cart_spec.errors import RefusedInputError

MAX_BYTES = 10 * 1024 * 1024
"""The largest document that is read, in bytes. The largest published ones have some 5 MB."""

MAX_DEPTH = 200
"""How deep a document may nest. The YAML parser overflows the C stack somewhere past 50,000."""

MAX_VALUES = 500_000
"""How many values a document may have once its aliases are written out."""

_CLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_CLoader):  # type: ignore[misc]  # its base is chosen when the module is loaded
    """YAML 1.2 with the types of JSON: ``NO`` and ``12:30`` are strings, and so is a date."""


# The core schema of YAML 1.2; PyYAML reads 1.1, in which `on` is a boolean and 010 is octal.
_SCALARS = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|nan)",
        "-+0123456789.",
    ),
    "merge": (r"<<", "<"),
}
_Loader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in _SCALARS.items():
    # An empty scalar is found under "".
    _keys = ["" if each == "\0" else each for each in _first]
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _keys
    )


def _construct_int(loader: Any, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


class UnreadableDocumentError(RefusedInputError):
    """A file without a document that a command can work with."""


@dataclass(frozen=True, slots=True)
class Source:
    """The values of a file.

    ``lines`` maps a JSON pointer to the line, from 1, on which the value's key stands.
    ``duplicate_keys`` are the pointers and lines of keys that stand twice in one mapping.
    """

    data: Any
    lines: Mapping[str, int]
    duplicate_keys: tuple[tuple[str, int], ...]


def pointer_of(*parts: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a path of keys and indexes."""
    return "".join([f"/{_escaped(str(part))}" for part in parts])


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1") if "~" in part or "/" in part else part


def read_text(path: Path, limit: int) -> str:
    """Return the text of a file of at most ``limit`` bytes. Raises UnreadableDocumentError."""
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
    return decoded(raw, str(path))


def decoded(raw: bytes, name: str) -> str:
    """Return the text of a file that errors call ``name``. Raises UnreadableDocumentError."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableDocumentError(
            f"{name}: is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error


def parse_source(text: str, name: str) -> Source:
    """Return the values of a YAML or JSON text; ``name`` is what errors call it.

    Raises UnreadableDocumentError if it is not YAML or JSON, or nests or expands beyond bounds.
    """
    # JSON writes characters outside the basic plane as two escapes, which YAML does not have. To
    # find the lines, any character may stand for them.
    is_flow = text.lstrip()[:1] == "{"
    root = _compose(_SURROGATE.sub(r"\\uFFFD", text) if is_flow else text, name)
    marks = _Marks(name)
    marks.walk(root)
    return Source(_construct(root, text, name), marks.lines, tuple(marks.duplicates))


def _line(mark: Any) -> int:
    """Return the line of a parser's mark, from 1; the parsers here always give marks."""
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
    """Return the values of a composed document: of JSON as JSON has them, else by YAML's rules."""
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
    """Return ``value`` with strings as keys: JSON has no others, and YAML reads 200 as a number."""
    if isinstance(value, dict):
        return {_key(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"{type(value).__name__} is not a type that JSON has")


def _key(key: Any) -> str:
    if isinstance(key, bool) or key is None:
        return json.dumps(key)
    return str(key)


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {_line(error.problem_mark)}: {error.problem}"
    return " ".join(str(error).split())[:200]


class _Marks:
    """A walk over the composed nodes that keeps their lines.

    It refuses aliases that contain themselves or that are too long once written out. An alias is
    composed as one shared node, so that counting stays linear.
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
        if isinstance(node, yaml.ScalarNode):
            return 1
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
