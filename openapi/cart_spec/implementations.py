"""What the mock and the suite say of each rule, without importing either.

The rooms announce themselves by entry points of the installed distribution, group
``cart_spec.evidence``:

- ``predicates``: a mapping of rule id to the mock's predicate, or a callable that returns one;
- ``cases``: a mapping of rule id to the names of the cases that check it, or such a callable.

So the review knows who plays and who checks a rule, and the contract depends on nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from cart_spec.extras import missing_library

GROUP = "cart_spec.evidence"


class EvidenceError(ValueError):
    """An installed room announces itself and cannot be asked. The message is one line."""


@dataclass(frozen=True)
class Evidence:
    """Who plays and who checks each rule; None where nothing installed says so."""

    predicates: frozenset[str] | None = None
    cases: Mapping[str, Sequence[str]] | None = field(default=None)

    def cases_of(self, rule_id: str) -> tuple[str, ...]:
        """The names of the cases that check a rule."""
        return tuple((self.cases or {}).get(rule_id, ()))


def installed_evidence() -> Evidence:
    """What the installed rooms announce. Raises EvidenceError where one cannot be loaded."""
    predicates = _announced("predicates")
    cases = _announced("cases")
    return Evidence(
        None if predicates is None else frozenset(predicates),
        None
        if cases is None
        else {rule_id: tuple(str(name) for name in names) for rule_id, names in cases.items()},
    )


def _announced(name: str) -> Mapping[str, Any] | None:
    for entry in entry_points(group=GROUP, name=name):
        if missing_library(entry.value):
            continue  # the package is in the wheel, but its extra is not installed
        try:
            value = entry.load()
            return dict(value() if callable(value) else value)
        except Exception as error:
            raise EvidenceError(
                f"{entry.value} announces {name} and cannot be loaded: {error}"
            ) from error
    return None
