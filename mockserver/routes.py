"""Finds the endpoint of a path: the contract's path templates, compiled into a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar
from urllib.parse import unquote

E = TypeVar("E")

_WILDCARD = "{}"


class _Node(Generic[E]):
    __slots__ = ("children", "methods")

    def __init__(self) -> None:
        self.children: dict[str, _Node[E]] = {}
        # Method to the endpoint and the names of its path parameters.
        self.methods: dict[str, tuple[E, tuple[str, ...]]] = {}


class Routes(Generic[E]):
    """Path templates to endpoints. A literal segment goes before a parameter."""

    def __init__(self) -> None:
        self._root: _Node[E] = _Node()

    def add(self, method: str, template: str, endpoint: E) -> None:
        """Serve an endpoint at a path template such as ``/v2/carts/{cartID}``."""
        node, names = self._root, []
        for segment in template.split("/"):
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
            key = _WILDCARD if segment.startswith("{") else segment
            node = node.children.setdefault(key, _Node())
        node.methods[method] = (endpoint, tuple(names))

    def find(self, method: str, path: str) -> tuple[E, dict[str, str]] | None:
        """The endpoint and path parameters of a request, or None; HEAD is served by GET."""
        found = _find(self._root, path.split("/"), 0, "GET" if method == "HEAD" else method)
        if found is None:
            return None
        (endpoint, names), values = found
        return endpoint, dict(zip(names, values, strict=True))

    def methods(self, path: str) -> list[str]:
        """The methods that a path has, for ``Allow``; empty if there is no such path."""
        found: set[str] = set()
        _collect(self._root, path.split("/"), 0, found)
        if found:
            found |= {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())
        return sorted(found)


def _find(
    node: _Node[E], segments: list[str], at: int, method: str
) -> tuple[tuple[E, tuple[str, ...]], list[str]] | None:
    if at == len(segments):
        entry = node.methods.get(method)
        return None if entry is None else (entry, [])
    segment = segments[at]
    child = node.children.get(segment)
    if child is not None:
        found = _find(child, segments, at + 1, method)
        if found is not None:
            return found
    child = node.children.get(_WILDCARD)
    if child is None or not segment:
        return None
    found = _find(child, segments, at + 1, method)
    if found is not None:
        found[1].insert(0, segment)
    return found


def _collect(node: _Node[E], segments: list[str], at: int, found: set[str]) -> None:
    if at == len(segments):
        found.update(node.methods)
        return
    for key in (segments[at], _WILDCARD):
        if key in node.children and segments[at]:
            _collect(node.children[key], segments, at + 1, found)
        elif not segments[at] and key == "" and "" in node.children:
            _collect(node.children[""], segments, at + 1, found)


def decoded_path(scope: Mapping[str, object]) -> str:
    """A request's path with its percent-encoding undone, but for encoded slashes.

    An encoded slash belongs to its segment: it is one more unsafe character of an id, not a
    separator.
    """
    raw = scope.get("raw_path")
    if not isinstance(raw, bytes):
        return str(scope["path"])
    text = raw.decode("latin-1")
    if "%" not in text:
        return text
    return unquote(text.replace("%2F", "%252F").replace("%2f", "%252f"))
