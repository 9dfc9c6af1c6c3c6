"""The registry of checks, and the subject that they look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from cart_spec.catalogue import checked_contract
from cart_spec.contract import CATALOGUE_KEY, Contract, ContractError
from cart_spec.document import OpenApiDocument
from cart_spec.findings import Severity
from cart_spec.implementations import Evidence


class Problem(NamedTuple):
    """A place that fails a check: its JSON pointer, what is wrong, and how to fix it."""

    pointer: str
    message: str
    advice: str


@dataclass(frozen=True)
class Subject:
    """What the checks look at: the document, and what the installed rooms announce."""

    document: OpenApiDocument
    evidence: Evidence

    @cached_property
    def contract(self) -> Contract | None:
        """The contract in the document, or None if its catalogue is absent or malformed."""
        try:
            return checked_contract(self.document)
        except ContractError:
            return None

    @property
    def is_catalogue_malformed(self) -> bool:
        """Whether there is a catalogue that cannot be read, which has a check of its own."""
        return CATALOGUE_KEY in self.document.data and self.contract is None

    def rule_pointer(self, rule_id: str, *parts: str) -> str:
        """Return the pointer of a catalogued rule, or of a part of it."""
        assert self.contract is not None
        index = self.contract.rule(rule_id).entry
        return "/".join((f"/{CATALOGUE_KEY}/rules/{index}", *parts))


Check = Callable[[Subject], Iterator[Problem]]


class Checked(NamedTuple):
    """A registered check; ``title`` is the statement that it checks."""

    title: str
    severity: Severity
    run: Check


CHECKS: dict[str, Checked] = {}


def check(check_id: str, title: str, severity: Severity = "error") -> Callable[[Check], Check]:
    """Register a check under a permanent kebab-case id."""

    def register(run: Check) -> Check:
        if check_id in CHECKS:
            raise ValueError(f"two checks are called {check_id}")
        CHECKS[check_id] = Checked(title, severity, run)
        return run

    return register
