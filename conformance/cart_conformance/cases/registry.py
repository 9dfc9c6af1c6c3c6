"""The directed cases, registered by the id of their rule.

To add one, decorate a function in the module of its rule group: :func:`case` registers it as one
case, :func:`cases` registers every case that it yields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cart_conformance.cases.context import CaseContext


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a rule, next to its control.

    ``requests`` is the approximate number of requests. An ``optional`` case needs a feature that a
    conforming deployment may lack; if it is untestable, its rule is not. ``touches`` names what it
    creates.
    """

    rule: str
    operation: str
    variant: str
    run: Callable[[CaseContext], None]
    requests: int = 6
    optional: bool = False
    touches: str = "carts of this run"

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
) -> Callable[[Callable[[CaseContext], None]], Callable[[CaseContext], None]]:
    """Register one function as one case."""

    def register(run: Callable[[CaseContext], None]) -> Callable[[CaseContext], None]:
        made = Case(rule, operation, variant, run, requests, optional, touches)
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


def _registered() -> Iterator[Case]:
    for source in _SOURCES:
        yield from source()
