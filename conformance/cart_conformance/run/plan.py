"""The directed cases that a run tries, in the order of the catalogue."""

from __future__ import annotations

from cart_spec.contract import Contract

from cart_conformance.cases import Case, all_cases
from cart_conformance.config import Settings
from cart_conformance.results import Phase


def planned_cases(contract: Contract, settings: Settings) -> tuple[Case, ...]:
    """Return the directed cases of a run; none if the run leaves that phase out."""
    if Phase.DIRECTED not in settings.layers:
        return ()
    order = {rule.id: i for i, rule in enumerate(contract.rules)}
    wanted = set(settings.rules) or set(order)
    found = [case for case in all_cases() if case.rule in wanted]
    return tuple(sorted(found, key=lambda case: order[case.rule]))
