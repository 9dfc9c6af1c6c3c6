"""The filter of the list of carts: what it says, and which carts it lets through."""

from __future__ import annotations

import re
from collections.abc import Collection

from cart_mock.owners import Owner

CartFilter = tuple[tuple[tuple[str, str], ...], ...]
"""Alternatives; each has conditions that must all hold, as pairs of operator and value."""

_CONDITION = re.compile(r"""([a-z]+)\(([a-z_]+),("[^"]*"|[^()"]*)\)""")
_FIELDS = {"eq": "name", "ilike": "name", "contains": "account_ids"}


def parse_cart_filter(text: str) -> CartFilter | None:
    """Return the filter, or None if it cannot be parsed."""
    alternatives = conditions_of(text)
    if alternatives is None:
        return None
    if any(_FIELDS.get(operator) != field for each in alternatives for operator, field, _ in each):
        return None
    return tuple(tuple((operator, value) for operator, _, value in each) for each in alternatives)


def conditions_of(text: str) -> list[list[tuple[str, str, str]]] | None:
    """Return the alternatives of a filter as (operator, field, value), or None for other text."""
    alternatives: list[list[tuple[str, str, str]]] = [[]]
    at = 0
    while (found := _CONDITION.match(text, at)) is not None:
        operator, field, value = found.groups()
        alternatives[-1].append((operator, field, value.strip('"')))
        at = found.end()
        if at == len(text):
            return alternatives
        if text[at] == "|":
            alternatives.append([])
        elif text[at] != ":":
            return None
        at += 1
    return None


def passes(wanted: CartFilter, name: str, owners: Collection[Owner]) -> bool:
    """Return whether a cart of that name, with those owners, passes the filter."""
    return any(
        all(_holds(operator, value, name, owners) for operator, value in conditions)
        for conditions in wanted
    )


def _holds(operator: str, value: str, name: str, owners: Collection[Owner]) -> bool:
    if operator == "eq":
        return name == value
    if operator == "contains":
        return Owner("account", value) in owners
    return is_like(value.casefold(), name.casefold())


def accounts_of(wanted: CartFilter) -> list[str] | None:
    """Return accounts of which every cart that passes has one, None if the filter names none."""
    found = []
    for conditions in wanted:
        ids = [value for operator, value in conditions if operator == "contains"]
        if not ids:
            return None
        found.append(ids[0])
    return found


def is_like(pattern: str, name: str) -> bool:
    """Return whether a name has the parts of the pattern in their order, ``*`` between them.

    A regular expression with many stars would take long for some names.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return name == first
    *middle, last = rest
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        at = name.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
