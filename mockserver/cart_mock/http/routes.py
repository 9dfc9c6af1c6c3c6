"""Finds the endpoint of a path: the contract's path templates, compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Generic, TypeVar
from urllib.parse import unquote

E = TypeVar("E")

_PARAMETER = re.compile(r"\{(\w+)\}")


class Routes(Generic[E]):
    """Path templates to endpoints. A literal segment goes before a parameter.

    All templates of a method are one regular expression; its last group that matched, which is
    empty and stands at the end of each alternative, says which template it was.
    """

    def __init__(self) -> None:
        self._templates: dict[str, dict[str, E]] = {}
        self._compiled: dict[str, _Compiled[E]] = {}

    def add(self, method: str, template: str, endpoint: E) -> None:
        """Serve an endpoint at a path template such as ``/v2/carts/{cartID}``."""
        templates = self._templates.setdefault(method, {})
        templates[template] = endpoint
        self._compiled[method] = compiled = _Compiled(templates)
        if method == "GET":
            self._compiled["HEAD"] = compiled

    def find(self, method: str, path: str) -> tuple[E, Mapping[str, str]] | None:
        """The endpoint and path parameters of a request, or None; HEAD is served by GET."""
        compiled = self._compiled.get(method)
        return None if compiled is None else compiled.find(path)

    def methods(self, path: str) -> list[str]:
        """The methods that a path has, for ``Allow``; empty if there is no such path."""
        found = [method for method in self._compiled if self.find(method, path) is not None]
        return sorted([*found, "OPTIONS"]) if found else []


class _Compiled(Generic[E]):
    def __init__(self, templates: Mapping[str, E]) -> None:
        # "{" sorts behind every letter, so that literal segments come first.
        ordered = sorted(templates)
        alternatives, self._by_group = [], {}
        group = 0
        for template in ordered:
            names = tuple(_PARAMETER.findall(template))
            literals = [re.escape(literal) for literal in _PARAMETER.split(template)[::2]]
            alternatives.append("([^/]+)".join(literals) + "()")
            end = group + len(names) + 1
            groups = tuple((name, at) for at, name in enumerate(names, group + 1))
            self._by_group[end] = (templates[template], groups)
            group = end
        self._match = re.compile("|".join(alternatives)).fullmatch
        # Clients ask for the same few paths again and again.
        self.find = lru_cache(maxsize=4096)(self._find)

    def _find(self, path: str) -> tuple[E, Mapping[str, str]] | None:
        match = self._match(path)
        if match is None or match.lastindex is None:
            return None
        endpoint, parameters = self._by_group[match.lastindex]
        return endpoint, {name: match[group] for name, group in parameters}


def decoded_path(scope: Mapping[str, object]) -> str:
    """A request's path with its percent-encoding undone, but for encoded slashes.

    An encoded slash belongs to its segment: it is one more unsafe character of an id, not a
    separator.
    """
    raw = scope.get("raw_path")
    return decoded(raw) if isinstance(raw, bytes) else str(scope["path"])


def decoded(raw_path: bytes) -> str:
    """A path as ``decoded_path`` gives it, from what was sent."""
    text = raw_path.decode("latin-1")
    if "%" not in text:
        return text
    return unquote(text.replace("%2F", "%252F").replace("%2f", "%252f"))
