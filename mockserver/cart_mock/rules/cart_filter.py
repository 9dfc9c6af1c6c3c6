"""The filter of the list of carts: what it says, and which carts it lets through."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from cart_mock.owners import Owner

CartFilter = tuple[tuple[tuple[str, str], ...], ...]
"""Alternatives; each has conditions that must all hold, as pairs of operator and value."""

CartTest = Callable[[str, Collection[Owner]], bool]
"""Says whether a cart passes, from its name and its owners."""

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


def cart_test(wanted: CartFilter) -> CartTest:
    """Return a function that says whether a cart passes the filter."""
    alternatives = [[_condition_test(*each) for each in conditions] for conditions in wanted]
    if len(alternatives) == len(alternatives[0]) == 1:
        return alternatives[0][0]
    return lambda name, owners: any(
        all(test(name, owners) for test in tests) for tests in alternatives
    )


def _condition_test(operator: str, value: str) -> CartTest:
    if operator == "eq":
        return lambda name, _owners: name == value
    if operator == "contains":
        account = Owner("account", value)
        return lambda _name, owners: account in owners
    is_like = like_test(value.casefold())
    return lambda name, _owners: is_like(name.casefold())


def accounts_of(wanted: CartFilter) -> list[str] | None:
    """Return accounts of which every cart that passes has one, None if the filter names none."""
    found = []
    for conditions in wanted:
        ids = [value for operator, value in conditions if operator == "contains"]
        if not ids:
            return None
        found.append(ids[0])
    return found


def like_test(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a name has the parts of a pattern in their order.

    Between them, ``*`` stands for any text. A regular expression with many stars would take long
    for some names.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return lambda name: name == first
    *middle, last = rest
    least = len(first) + len(last)

    def is_like(name: str) -> bool:
        if len(name) < least or not (name.startswith(first) and name.endswith(last)):
            return False
        at, end = len(first), len(name) - len(last)
        for part in middle:
            at = name.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return is_like
