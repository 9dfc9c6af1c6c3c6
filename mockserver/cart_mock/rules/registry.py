"""The predicates by the id of their rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from cart_spec import OwnerKind, Rule

from cart_mock.messages import Violation
from cart_mock.owners import OWNER_TYPES
from cart_mock.rules.context import RequestContext, TokenRequestContext

Predicate = (
    Callable[[RequestContext], Violation | None]
    | Callable[[TokenRequestContext], Violation | None]
    | Callable[[RequestContext, OwnerKind], Violation | None]
)
P = TypeVar("P", bound=Predicate)

Check = Callable[..., Violation | None]
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


def owner_predicate(function: P) -> P:
    """Register a function as the predicate of the rules that it is named after, one for each kind.

    The word ``owner`` in its name stands for the kind of owner, whose words are its second
    argument. A name without that word is that of the rule for customers; the rule for accounts has
    ``-account`` at its end.
    """
    name = function.__name__.replace("_", "-")
    ids = [re.sub(r"\bowner\b", kind, name) for kind in OWNER_TYPES]
    if ids[0] == ids[1]:
        ids[1] = f"{name}-account"
    for rule_id in ids:
        if rule_id in PREDICATES:
            raise ValueError(f"rule {rule_id} has two predicates")
        PREDICATES[rule_id] = function
    return function


def judgement(rules: Iterable[Rule], kinds: Mapping[str, OwnerKind]) -> Checks:
    """Return the predicates of the refusals among these rules, in the same order.

    ``kinds`` are the contract's kinds of owner, by name.

    Raises LookupError, with their ids, if rules lack a predicate.
    """
    refusals = [rule for rule in rules if rule.is_refusal]
    missing = [rule.id for rule in refusals if rule.id not in PREDICATES]
    if missing:
        raise LookupError(f"rules without a predicate: {', '.join(missing)}")
    return tuple(
        (rule.id, predicate_of(rule, None if rule.owner is None else kinds[rule.owner]))
        for rule in refusals
    )


def predicate_of(rule: Rule, kind: OwnerKind | None) -> Check:
    """Return the predicate of a rule, which takes the context alone.

    ``kind`` is the kind of owner that the catalogue states the rule for, None if for both.
    """
    function: Check = PREDICATES[rule.id]
    return function if kind is None else partial(function, kind=kind)
