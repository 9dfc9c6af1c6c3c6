"""The filter and the order of the list of customers: what they say, and what they lead to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from operator import eq, lt
from typing import Any, NamedTuple

from cart_mock.rules.cart_filter import conditions_of, like_test
from cart_mock.state.entities import Customer

_FIELDS = {
    "eq": ("id", "name", "email"),
    "like": ("name", "email"),
    "gt": ("created_at", "updated_at"),
}
_SORT = re.compile(r"-?(name|email|created_at|updated_at)")


class Condition(NamedTuple):
    """An operator, a field of customers, and the value to compare it with."""

    operator: str
    field: str
    value: Any


CustomerFilter = tuple[tuple[Condition, ...], ...]
"""Alternatives; each has conditions that must all hold."""


def parse_customer_filter(text: str) -> CustomerFilter | None:
    """Return the filter, or None if it cannot be parsed or asks for what is not offered."""
    alternatives = conditions_of(text)
    if alternatives is None:
        return None
    try:
        return tuple(tuple(map(_condition, each)) for each in alternatives)
    except ValueError:
        return None


def _condition(written: tuple[str, str, str]) -> Condition:
    operator, field, value = written
    if field not in _FIELDS.get(operator, ()):
        raise ValueError(f"{operator} is not offered for {field}")
    if operator == "gt":
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Condition(operator, field, moment.timestamp())
    return Condition(operator, field, value.casefold() if field == "email" else value)


def customer_test(wanted: CustomerFilter) -> Callable[[Customer], bool]:
    """Return a function that says whether a customer passes the filter.

    The letter case of emails does not count.
    """
    alternatives = [[_condition_test(each) for each in conditions] for conditions in wanted]
    return lambda customer: any(all(test(customer) for test in tests) for tests in alternatives)


def _condition_test(condition: Condition) -> Callable[[Customer], bool]:
    operator, field, wanted = condition
    holds: Callable[[Any], bool]
    if operator == "like":
        holds = like_test(wanted)
    else:
        holds = partial(eq if operator == "eq" else lt, wanted)
    if field == "email":
        return lambda customer: holds(customer.email.casefold())
    return lambda customer: holds(getattr(customer, field))


def is_sort(text: str) -> bool:
    """Return whether the list of customers has that order."""
    return _SORT.fullmatch(text) is not None


def sort_key(text: str) -> Callable[[Customer], Any]:
    """Return the key of an order. A minus sign before it, for the reverse, does not count."""
    field = text.removeprefix("-")
    return lambda customer: getattr(customer, field)
