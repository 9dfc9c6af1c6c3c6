"""What implements and what checks each rule, as the installed rooms announce it.

The contract imports neither the mock nor the suite. They announce themselves by entry points of the
group ``cart_spec.evidence``; each leads to a mapping whose keys are rule ids, to a collection of
rule ids, or to a function without parameters that returns one:

- ``predicates``: the mock's predicates, one for each refusal;
- ``conditions``: the oracle's conditions, one for each refusal;
- ``cases``: the names of the suite's cases, for each rule that a run can try;
- ``probes``: what the mock's tests send to be refused by a rule; only a checkout has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from cart_spec.errors import RefusedInputError
from cart_spec.extras import missing_library

GROUP = "cart_spec.evidence"
"""The group of the entry points."""


class EvidenceError(RefusedInputError):
    """An installed room announces itself and cannot be loaded. The message is one line."""


@dataclass(frozen=True)
class Evidence:
    """Which rules have which part. None says that no installed room announces that part."""

    predicates: frozenset[str] | None = None
    cases: Mapping[str, Sequence[str]] | None = None
    conditions: frozenset[str] | None = None
    probes: frozenset[str] | None = None

    def cases_of(self, rule_id: str) -> tuple[str, ...]:
        """Return the names of the cases that check a rule."""
        return tuple((self.cases or {}).get(rule_id, ()))


def installed_evidence() -> Evidence:
    """Return what the installed rooms announce. Raises EvidenceError if one cannot be loaded."""
    predicates, cases = _rule_ids("predicates"), _announced("cases")
    return Evidence(
        predicates=predicates,
        cases=None
        if cases is None
        else {rule_id: tuple(str(name) for name in names) for rule_id, names in cases.items()},
        conditions=_rule_ids("conditions"),
        probes=_rule_ids("probes"),
    )


def _rule_ids(name: str) -> frozenset[str] | None:
    announced = _announced(name)
    return None if announced is None else frozenset(announced)


def _announced(name: str) -> Any:
    for entry in entry_points(group=GROUP, name=name):
        if missing_library(entry.value):
            continue  # the package is in the wheel, but its extra is not installed
        try:
            value = entry.load()
            announced = value() if callable(value) else value
            iter(announced)
        except Exception as error:
            raise EvidenceError(
                f"{entry.value} announces {name} and cannot be loaded: {error}"
            ) from error
        return announced
    return None
