"""The directed cases, registered by the id of their rule.

To add one, decorate a function in the module of its rule group: :func:`case` registers it as one
case, :func:`cases` registers every case that it yields.

A case about the owner of a cart is written once, with the customers' rule, and becomes two: one for
customers and one for accounts. The catalogue says which rule of accounts it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cart_spec import load_contract
from cart_spec.contract import Rule

from cart_conformance.cases.context import CaseContext
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE, operation_for


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a rule, next to its control.

    ``requests`` is the approximate number of requests. An ``optional`` case needs a feature that a
    conforming deployment may lack; if it is untestable, its rule is not. ``touches`` names what it
    creates. ``kind`` is the kind of owner that it uses, and ``about_owner`` says that it is about
    that kind. ``template`` is the operation as the case was written, for both kinds of owner. A
    case with ``both_kinds`` needs a customer and an account, so it has no twin. ``prepare`` makes,
    before the first case of a run, what must be a second old: see :meth:`CaseContext.prepared`.
    """

    rule: str
    operation: str
    variant: str
    run: Callable[[CaseContext], None]
    requests: int = 6
    optional: bool = False
    touches: str = "carts of this run"
    kind: str = "customer"
    about_owner: bool = False
    template: str = ""
    both_kinds: bool = False
    prepare: Callable[[CaseContext], object] | None = None

    @property
    def id(self) -> str:
        """The permanent name: rule, operation, variant."""
        return f"{self.rule}/{self.operation}/{self.variant}"


_SOURCES: list[Callable[[], Iterable[Case]]] = []


def cases(source: Callable[[], Iterable[Case]]) -> Callable[[], Iterable[Case]]:
    """Register a function that returns or yields the cases of one or more rules."""
    _SOURCES.append(source)
    return source


def case(
    rule: str,
    operation: str,
    variant: str,
    *,
    requests: int = 6,
    optional: bool = False,
    touches: str = "carts of this run",
    prepare: Callable[[CaseContext], object] | None = None,
) -> Callable[[Callable[[CaseContext], None]], Callable[[CaseContext], None]]:
    """Register one function as one case."""

    def register(run: Callable[[CaseContext], None]) -> Callable[[CaseContext], None]:
        made = Case(rule, operation, variant, run, requests, optional, touches, prepare=prepare)
        _SOURCES.append(lambda: [made])
        return run

    return register


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every registered case. Raises ValueError if two have the same name."""
    package = import_module("cart_conformance.cases")
    for module in iter_modules(package.__path__):
        import_module(f"cart_conformance.cases.{module.name}")
    found = tuple(_registered())
    names = [each.id for each in found]
    if len(set(names)) != len(names):
        raise ValueError(
            f"two cases have one name: {sorted({n for n in names if names.count(n) > 1})}"
        )
    return found


def names_by_rule() -> dict[str, list[str]]:
    """Return the names of the cases by rule id, for the review of the contract."""
    names: dict[str, list[str]] = {}
    for each in all_cases():
        names.setdefault(each.rule, []).append(each.id)
    return names


_OF_EACH_OWNER = frozenset({
    "any-device", "association-deleted", "association-visible", "cart-id-is-access",
    "contact-on-registered-cart", "last-cart", "many-carts", "new-cart-by-get",
    "others-cannot-see",
})  # fmt: skip
"""Rules about an owner's carts that have one id, and cases of operations that have no owner."""


def _registered() -> Iterator[Case]:
    rules = {rule.id: rule for rule in load_contract().rules}
    for source in _SOURCES:
        for each in source():
            yield from _for_each_owner(each, rules)


def _for_each_owner(case: Case, rules: dict[str, Rule]) -> Iterator[Case]:
    """Yield the case, and its twin of accounts if it is about the owner of a cart."""
    rule = rules[case.rule]
    template = case.operation
    alone = rule.owner == "account" or case.both_kinds or _is_of_accounts(template)
    associates = template in (ASSOCIATE, DISSOCIATE)
    of_each = associates or rule.owner == "customer" or rule.id in _OF_EACH_OWNER
    operation = operation_for("customer", template)
    yield replace(
        case,
        operation=operation,
        template=template,
        kind="account" if alone else "customer",
        about_owner=alone or of_each or "Customer" in operation,
    )
    if alone or not of_each:
        return
    twin = rule
    if rule.owner == "customer":
        twins = [r for r in rules.values() if r.owner == "account" and r.entry == rule.entry]
        if not twins:
            return
        twin = twins[0]
    operation = operation_for("account", template)
    if operation not in twin.operations:
        return
    variant = case.variant.replace("customer", "account")
    if operation == template and twin is rule and variant == case.variant:
        variant = f"{variant}, accounts"
    yield replace(
        case,
        rule=twin.id,
        operation=operation,
        variant=variant,
        kind="account",
        about_owner=True,
        template=template,
    )


def _is_of_accounts(operation: str) -> bool:
    """Return whether an operation exists only if a deployment has accounts."""
    return "Account" in operation or operation == "getPasswordProfiles"
