"""What every rule needs besides its entry in the catalogue, and what a rule still lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cart_conformance.cases import all_cases
from cart_conformance.oracle.rule_conditions import CONDITIONS
from cart_mock.breaks import BREAKS
from cart_mock.rules import PREDICATES
from cart_spec import Contract

from tests.probes import TABLE


def is_stub(function: Callable[..., Any] | None) -> bool:
    """Return whether a function is missing, or still is what ``scripts.new_rule`` wrote."""
    code = getattr(function, "__code__", None)
    return function is None or (code is not None and "NotImplementedError" in code.co_names)


def missing_parts(contract: Contract) -> Iterator[str]:
    """Yield one line for each rule that lacks a part, and for each part of no rule."""
    cases: dict[str, list[bool]] = {}
    for case in all_cases():
        cases.setdefault(case.rule, []).append(is_stub(case.run))
    broken = {one.rule for one in BREAKS.values()}
    for rule in contract.rules:
        lacks = []
        if rule.is_refusal and is_stub(PREDICATES.get(rule.id)):
            lacks.append("a predicate (mockserver/cart_mock/rules)")
        if rule.is_refusal and is_stub(CONDITIONS.get(rule.id)):
            lacks.append("a condition (conformance/cart_conformance/oracle/rule_conditions.py)")
        if rule.beyond_run is None and all(cases.get(rule.id, [True])):
            lacks.append("a directed case (conformance/cart_conformance/cases)")
        rows = TABLE.get(rule.id, ())
        if rule.is_refusal and not any(row.request.body is not NotImplemented for row in rows):
            lacks.append("a probe row (tests/probes)")
        if rule.id not in broken:
            lacks.append("a broken variant (mockserver/cart_mock/breaks)")
        if lacks:
            yield f"{rule.id} lacks {'; '.join(lacks)}"
    known = {rule.id for rule in contract.rules}
    parts = {
        "predicate": set(PREDICATES),
        "condition": set(CONDITIONS),
        "directed case": set(cases),
        "broken variant": broken,
    }
    for what, ids in parts.items():
        yield from (f"{rule} has a {what} and no entry" for rule in sorted(ids - known))
