"""Finds the operations that are written the same in both documents, with all they refer to.

They need no comparison. In two versions of one document these are nearly all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.bundle import iter_references
from cart_spec.contract import METHODS
from cart_spec.document import OpenApiDocument, Operation
from cart_spec.source import pointer_of

_OPERATIONS = frozenset({*METHODS, "query", "additionalOperations"})
"""The fields of a path item that are operations, which are compared one by one."""


class Unchanged:
    """What is the same in two documents, by a comparison of the values that are written."""

    def __init__(self, old: OpenApiDocument, new: OpenApiDocument) -> None:
        """Compare the components, and what the whole document says about operations."""
        self._old, self._new = old, new
        self._comparable = (
            old.is_30 == new.is_30
            and old.data.get("security") == new.data.get("security")
            and _section(old, "securitySchemes") == _section(new, "securitySchemes")
        )
        self._components = set(self._equal_components()) if self._comparable else set[str]()

    def has(self, was: Operation, now: Operation) -> bool:
        """Return whether an operation is the same in both documents."""
        if not self._comparable or was.pointer != now.pointer or was.data != now.data:
            return False
        items = self._old.at(was.item_pointer), self._new.at(now.item_pointer)
        shared = [
            {key: value for key, value in item.items() if key not in _OPERATIONS} for item in items
        ]
        if shared[0] != shared[1]:
            return False
        targets = [target for _, target in iter_references([was.data, *shared])]
        return all(_component(target) in self._components for target in targets)

    def _equal_components(self) -> Iterator[str]:
        """Yield the pointers of components that are equal, and refer to equal ones only."""
        references: dict[str, set[str]] = {}
        for section, entries in self._old.data.get("components", {}).items():
            others = _section(self._new, section)
            for name, value in entries.items() if isinstance(entries, Mapping) else ():
                if name in others and others[name] == value:
                    found = {_component(target) for _, target in iter_references([value])}
                    references[pointer_of("components", section, name)] = found
        while True:
            kept = {at: to for at, to in references.items() if to <= references.keys()}
            if len(kept) == len(references):
                yield from kept
                return
            references = kept


def _section(document: OpenApiDocument, name: str) -> Mapping[str, Any]:
    section = document.data.get("components", {}).get(name)
    return section if isinstance(section, Mapping) else {}


def _component(target: str) -> str:
    """Return the pointer of the component that a reference leads to or into; else the reference."""
    parts = target.split("/")
    return "/" + "/".join(parts[1:4]) if target.startswith("#/components/") else target
