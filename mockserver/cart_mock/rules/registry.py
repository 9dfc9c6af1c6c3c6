"""The predicates by the id of their rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from cart_spec import Rule

from cart_mock.messages import Violation
from cart_mock.rules.context import RequestContext, TokenRequestContext

Predicate = (
    Callable[[RequestContext], Violation | None] | Callable[[TokenRequestContext], Violation | None]
)
P = TypeVar("P", bound=Predicate)

Check = Callable[[Any], Violation | None]
"""A predicate or protocol check. All checks of an operation take the same type of context."""
Checks = tuple[tuple[str, Check], ...]
"""Ids of rules or protocol errors with their checks, in the order of judgement."""

PREDICATES: dict[str, Predicate] = {}
"""Predicates by rule id."""


def predicate(function: P) -> P:
    """Register a function as the predicate of the rule that it is named after."""
    rule_id = function.__name__.replace("_", "-")
    if rule_id in PREDICATES:
        raise ValueError(f"rule {rule_id} has two predicates")
    PREDICATES[rule_id] = function
    return function


def judgement(rules: Iterable[Rule]) -> Checks:
    """Return the predicates of the refusals among these rules, in the same order.

    Raises LookupError, with their ids, if rules lack a predicate.
    """
    refusals = [rule for rule in rules if rule.is_refusal]
    missing = [rule.id for rule in refusals if rule.id not in PREDICATES]
    if missing:
        raise LookupError(f"rules without a predicate: {', '.join(missing)}")
    return tuple((rule.id, PREDICATES[rule.id]) for rule in refusals)
