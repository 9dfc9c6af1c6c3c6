"""All breaks, and their names."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator

from cart_mock.breaks.accounts import ACCOUNTS
from cart_mock.breaks.association import ASSOCIATION
from cart_mock.breaks.caller import CALLER
from cart_mock.breaks.conventions import CONVENTIONS
from cart_mock.breaks.effects import EFFECTS
from cart_mock.breaks.generic import CONTRACT, refusal
from cart_mock.breaks.hooks import Break
from cart_mock.breaks.interceptor import BreakRules
from cart_mock.breaks.surrounding_rules import SURROUNDING_RULES

_WRITTEN = (*CALLER, *ASSOCIATION, *EFFECTS, *SURROUNDING_RULES, *ACCOUNTS, *CONVENTIONS)


def _of_new_rules() -> Iterator[Break]:
    """Yield the generic breaks of refusals without their own table."""
    with_table = {one.rule for one in _WRITTEN}
    for rule in CONTRACT.rules:
        if rule.is_refusal and rule.id not in with_table:
            yield from refusal(rule.id)


ALL_BREAKS: tuple[Break, ...] = (*_WRITTEN, *_of_new_rules())
BREAKS: dict[str, Break] = {one.id: one for one in ALL_BREAKS}
"""Every break by its name, ``rule:variant``, in the order of the listing."""


class BreakError(ValueError):
    """Unknown break, or not available for one tenant. The message lists the valid names."""


def parse_break(text: str) -> Break:
    """Return the break ``rule:variant``; ``rule`` alone is its first variant. Raises BreakError."""
    rule, _, variant = text.strip().partition(":")
    variants = {one.variant: one for one in BREAKS.values() if one.rule == rule}
    if not variants:
        rules = list(dict.fromkeys(one.rule for one in BREAKS.values()))
        near = difflib.get_close_matches(rule, rules, 1)
        hint = f" (did you mean {near[0]}?)" if near else f". The rules are: {', '.join(rules)}"
        raise BreakError(f"there is no rule {rule!r} to break{hint}")
    if not variant:
        return next(iter(variants.values()))
    if variant not in variants:
        raise BreakError(
            f"{rule} cannot be broken as {variant!r}; its variants are: {', '.join(variants)}"
        )
    return variants[variant]


def interceptor_of(texts: Iterable[str]) -> BreakRules:
    """Return the interceptor that breaks these for one tenant.

    Raises BreakError for an unknown name, and for a break that concerns the whole process.
    """
    breaks = [parse_break(text) for text in texts]
    for one in breaks:
        if one.scope == "process":
            raise BreakError(
                f"{one.id} concerns requests that no store is known for yet; "
                f"start the mock with --break {one.id}"
            )
    return BreakRules(breaks)


def listing(breaks: Iterable[Break] | None = None) -> Iterator[str]:
    """Yield the lines that list the breaks, grouped by rule."""
    chosen = BREAKS.values() if breaks is None else breaks
    for rule, variants in itertools.groupby(chosen, key=lambda one: one.rule):
        yield rule
        for one in variants:
            yield f"  {rule}:{one.variant}"
            yield f"      {one.sentence}{_remark(one)}"


def _remark(one: Break) -> str:
    remarks = []
    if one.free:
        remarks.append("The contract leaves a deployment free to do so.")
    if one.beyond_run:
        remarks.append("A run against a deployment cannot see it.")
    if one.scope == "process":
        remarks.append("Only for the whole process.")
    return "".join(f" {remark}" for remark in remarks)
