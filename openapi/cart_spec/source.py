"""Reads YAML and JSON files from any sender, with the line of each value.

Whatever a file holds, reading it is bounded in time and memory and fetches nothing. It ends in a
:class:`Source` or in an :class:`UnreadableDocumentError` of one line.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from cart_spec.errors import RefusedInputError

MAX_BYTES = 10 * 1024 * 1024
"""The largest document that is read, in bytes. The largest published ones have some 5 MB."""

MAX_DEPTH = 200
"""How deep a document may nest. The YAML parser overflows the C stack somewhere past 50,000."""

MAX_VALUES = 500_000
"""How many values a document may have once its aliases are written out."""

_EventLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _int(text: str) -> int:
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


# The core schema of YAML 1.2; PyYAML reads 1.1, in which `on` is a boolean and 010 is octal.
_CORE: tuple[tuple[str, re.Pattern[str], Callable[[str], Any]], ...] = (
    ("null", re.compile(r"~|null|Null|NULL|"), lambda _: None),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"), _int),
    (
        "float",
        re.compile(
            r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
        ),
        _float,
    ),
)
_STARTS = frozenset("~nNtTfF-+.0123456789")
"""How a text begins that is perhaps not a string."""

_TAG = "tag:yaml.org,2002:"
_BY_TAG: dict[str, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    f"{_TAG}str": (re.compile(r".*", re.DOTALL), str),
    **{f"{_TAG}{name}": (pattern, read) for name, pattern, read in _CORE},
}


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
    reader = _Reader(name)
    try:
        data = reader.read(_SURROGATE.sub(r"\\uFFFD", text) if is_flow else text)
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableDocumentError(f"{name}: is not YAML or JSON: {_one_line(error)}") from error
    if is_flow:
        # What is not JSON is a flow mapping of YAML.
        with contextlib.suppress(ValueError):
            data = json.loads(text)
    return Source(data, {"": 1, **dict(reader.places)}, tuple(reader.duplicates))


def _line(mark: Any) -> int:
    """Return the line of a parser's mark, from 1; the parsers here always give marks."""
    return cast("int", mark.line) + 1


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class _Anchored(NamedTuple):
    """A value with an anchor: its pointer, and where the places inside it start and end."""

    value: Any
    pointer: str
    start: int
    end: int


class _Reader:
    """One pass over the events of a YAML text, which builds the values and keeps their lines.

    YAML is read as YAML 1.2 with the types of JSON: ``NO`` and ``12:30`` are strings, and so is a
    date. An alias is written out in its place, within the bounds of a document.
    """

    def __init__(self, name: str) -> None:
        self.places: list[tuple[str, int]] = []
        self.duplicates: list[tuple[str, int]] = []
        self._name = name
        self._anchors: dict[str, _Anchored | None] = {}
        self._next: Callable[[], Any]

    def read(self, text: str) -> Any:
        """Return the only document of a text."""
        loader = _EventLoader(text)
        try:
            self._next = loader.get_event
            self._next()  # the stream starts
            if isinstance(self._next(), yaml.StreamEndEvent):
                raise UnreadableDocumentError(f"{self._name}: is empty; give an OpenAPI document")
            value = self._value(self._next(), "", 0)
            self._next()  # the document ends
            event = self._next()
            if not isinstance(event, yaml.StreamEndEvent):
                raise _wrong(event, "a second document begins here; give one document")
            return value
        finally:
            loader.dispose()

    def _value(self, event: Any, pointer: str, depth: int) -> Any:
        kind = type(event)
        if kind is yaml.AliasEvent:
            return self._alias(event, pointer, depth)
        anchor, start = event.anchor, len(self.places)
        if anchor is not None:
            self._anchors[anchor] = None
        if kind is yaml.ScalarEvent:
            value: Any = _scalar(event)
        else:
            if depth >= MAX_DEPTH:
                raise self._too_deep(event)
            read = self._mapping if kind is yaml.MappingStartEvent else self._sequence
            value = read(event, pointer, depth + 1)
        if anchor is not None:
            self._anchors[anchor] = _Anchored(value, pointer, start, len(self.places))
        return value

    def _mapping(self, start: Any, pointer: str, depth: int) -> dict[str, Any]:
        _require_tag(start, "map")
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while True:
            event = self._next()
            if type(event) is yaml.MappingEndEvent:
                return {**merged, **own} if merged else own
            if type(event) is yaml.ScalarEvent:
                key = _scalar(event)
                is_merge = key == "<<" and event.implicit[0]
            else:
                key, is_merge = self._key_by_alias(event), False
            key = key if type(key) is str else _key(key)
            at = f"{pointer}/{_escaped(key)}"
            self._add_place(at, event)
            value = self._value(self._next(), at, depth)
            if is_merge:
                for each in reversed(value if isinstance(value, list) else [value]):
                    if not isinstance(each, dict):
                        raise _wrong(
                            event, "<< is followed by neither a mapping nor a list of them"
                        )
                    merged.update(each)
                continue
            if key in own:
                self.duplicates.append((at, _line(event.start_mark)))
            own[key] = value

    def _sequence(self, start: Any, pointer: str, depth: int) -> list[Any]:
        _require_tag(start, "seq")
        values: list[Any] = []
        while True:
            event = self._next()
            if type(event) is yaml.SequenceEndEvent:
                return values
            at = f"{pointer}/{len(values)}"
            self._add_place(at, event)
            values.append(self._value(event, at, depth))

    def _add_place(self, pointer: str, event: Any) -> None:
        self.places.append((pointer, _line(event.start_mark)))
        if len(self.places) > MAX_VALUES:
            raise self._too_many()

    def _anchored(self, event: Any) -> _Anchored:
        if event.anchor not in self._anchors:
            raise _wrong(event, f"the alias *{event.anchor} has no anchor")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise UnreadableDocumentError(
                f"{self._name}: line {_line(event.start_mark)}: an alias contains itself; "
                "use $ref for a schema that does"
            )
        return anchored

    def _alias(self, event: Any, pointer: str, depth: int) -> Any:
        anchored = self._anchored(event)
        if len(self.places) + anchored.end - anchored.start > MAX_VALUES:
            raise self._too_many()
        cut = len(anchored.pointer)
        inside = self.places[anchored.start : anchored.end]
        self.places += [(pointer + at[cut:], line) for at, line in inside]
        return self._copied(anchored.value, event, depth)

    def _copied(self, value: Any, event: Any, depth: int) -> Any:
        if not isinstance(value, dict | list):
            return value
        if depth >= MAX_DEPTH:
            raise self._too_deep(event)
        if isinstance(value, dict):
            return {key: self._copied(each, event, depth + 1) for key, each in value.items()}
        return [self._copied(each, event, depth + 1) for each in value]

    def _key_by_alias(self, event: Any) -> Any:
        value = self._anchored(event).value if type(event) is yaml.AliasEvent else []
        if isinstance(value, dict | list):
            raise _wrong(event, "a key is a mapping or a list; write a text")
        return value

    def _too_deep(self, event: Any) -> UnreadableDocumentError:
        return UnreadableDocumentError(
            f"{self._name}: line {_line(event.start_mark)}: nests deeper than {MAX_DEPTH} "
            "levels; no OpenAPI document needs that"
        )

    def _too_many(self) -> UnreadableDocumentError:
        return UnreadableDocumentError(
            f"{self._name}: has more than {MAX_VALUES:,} values once its aliases are written "
            "out; write it without nested aliases"
        )


def _scalar(event: Any) -> Any:
    """Return the value of a scalar: by its tag, else by its text if it is not quoted."""
    text, tag = event.value, event.tag
    if tag is None or tag == "!":
        return _plain(text) if event.implicit[0] else text
    pattern, read = _BY_TAG.get(tag, (None, None))
    if pattern is None or read is None:
        raise _wrong(event, f"{tag.removeprefix(_TAG)} is not a type that JSON has")
    if not pattern.fullmatch(text):
        raise _wrong(event, f"this is not of the type {tag.removeprefix(_TAG)}")
    return read(text)


def _plain(text: str) -> Any:
    if text and text[0] not in _STARTS:
        return text
    for _, pattern, read in _CORE:
        if pattern.fullmatch(text):
            return read(text)
    return text


def _require_tag(event: Any, name: str) -> None:
    if event.tag not in (None, "!", f"{_TAG}{name}"):
        raise _wrong(event, f"{event.tag.removeprefix(_TAG)} is not a type that JSON has")


def _wrong(event: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _key(key: Any) -> str:
    """Return a key as JSON has it: YAML reads 200 as a number."""
    if isinstance(key, bool) or key is None:
        return json.dumps(key)
    return str(key)


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {_line(error.problem_mark)}: {error.problem}"
    return " ".join(str(error).split())[:200]
