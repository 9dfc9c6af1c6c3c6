"""Where the predicates are registered, by the id of their rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cart_mock.http.messages import Violation
from cart_mock.rules.context import RequestContext, TokenRequestContext

Predicate = (
    Callable[[RequestContext], Violation | None] | Callable[[TokenRequestContext], Violation | None]
)
P = TypeVar("P", bound=Predicate)

PREDICATES: dict[str, Predicate] = {}
"""Rule id to predicate."""


def predicate(function: P) -> P:
    """Register a function as the predicate of the rule that it is named after."""
    rule_id = function.__name__.replace("_", "-")
    if rule_id in PREDICATES:
        raise ValueError(f"rule {rule_id} has two predicates")
    PREDICATES[rule_id] = function
    return function
