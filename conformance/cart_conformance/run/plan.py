"""What a run tries: its directed cases in the order of the catalogue, and how many requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cart_spec.contract import Contract

from cart_conformance.cases import Case, all_cases
from cart_conformance.config import Profile, Settings, SettingsError
from cart_conformance.results import Phase

CALLERS = ("shopper", "administrator")

EFFORT: dict[Profile, dict[Phase, int]] = {
    "pr": {Phase.MODEL: 1, Phase.FUZZ: 1},
    "default": {Phase.MODEL: 1, Phase.FUZZ: 1},
    "nightly": {Phase.MODEL: 5, Phase.FUZZ: 15},
}
"""How many times as many sequences and random requests a profile makes as the default."""

REQUESTS = {Phase.MODEL: 1500, Phase.FUZZ: 300}
"""Approximate number of generated requests, measured against a conforming server."""
COVERAGE = 2300
"""Approximate number of requests that cover the contract's operations, in every profile."""

PREPARATION = 12
CLEAN_UP_SHARE = 0.1
"""Requests of the clean-up, as a share of those of the directed layer."""


def planned_cases(contract: Contract, settings: Settings) -> tuple[Case, ...]:
    """Return the directed cases of a run; none if the run leaves that phase out.

    Raises SettingsError if the settings name cases that do not exist.
    """
    known = all_cases()
    _check_names(known, settings)
    if Phase.DIRECTED not in settings.layers:
        return ()
    order = {rule.id: i for i, rule in enumerate(contract.rules)}
    wanted = set(settings.rules) or set(order)
    found = [
        case
        for case in known
        if case.rule in wanted and not settings.leaves_out(case.rule, case.id)
    ]
    if settings.profile == "pr" and not settings.cases:
        found = [*_one_for_each_caller(found)]
    return tuple(sorted(found, key=lambda case: order[case.rule]))


def requests_of_layers(cases: Sequence[Case], settings: Settings) -> dict[str, int]:
    """Return the approximate number of requests of a run, by layer, and of its clean-up."""
    directed = sum(case.requests for case in cases)
    requests = {"preparation": PREPARATION}
    for layer in settings.layers:
        if layer is Phase.DIRECTED:
            requests[layer.value] = directed
        else:
            count = REQUESTS[layer] * EFFORT[settings.profile][layer]
            requests[layer.value] = count + (COVERAGE if layer is Phase.FUZZ else 0)
    requests["clean-up"] = round(directed * CLEAN_UP_SHARE) + 50
    return requests


def _one_for_each_caller(cases: Iterable[Case]) -> Iterator[Case]:
    """Yield the first case of each rule, operation and caller.

    Cases that need both kinds of owner come last, because a deployment may have no accounts.
    """
    seen: set[tuple[str, str, str]] = set()
    for case in sorted(cases, key=lambda case: case.both_kinds):
        caller = next((each for each in CALLERS if case.variant.endswith(each)), "")
        key = (case.rule, case.operation, caller)
        if key not in seen:
            seen.add(key)
            yield case


def _check_names(cases: Sequence[Case], settings: Settings) -> None:
    ids = {case.id for case in cases}
    known = ids | {case.rule for case in cases}
    for name in (*settings.cases, *settings.exclude):
        begins = name.endswith("*") and any(each.startswith(name[:-1]) for each in ids)
        if name not in known and not begins:
            raise SettingsError(f"no case {name!r}; see: cart-conformance plan --cases")
