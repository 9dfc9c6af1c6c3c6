"""Faults that are easy to overlook are found, and the rule that they break is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from cart_conformance.results import Verdict

from tests.conformance.runs import run
from tests.conformance.servers.accounts import AccountService
from tests.conformance.servers.planted import PLANTED
from tests.conformance.servers.reference import serving

CASES = tuple(dict.fromkeys(cases for _, _, cases in PLANTED.values()))


@pytest.mark.parametrize("name", PLANTED)
def test_planted_fault_is_found_and_named(name: str, tmp_path: Path) -> None:
    make, rule, cases = PLANTED[name]
    with serving(make()) as url:
        made = run(url, tmp_path, cases=(cases,))
    deviating = made.with_verdict(Verdict.DEVIATES)
    assert rule in deviating, made.told()
    assert set(deviating) <= {rule, "shared-cart"}, made.told()


def test_correct_server_passes_the_cases_that_find_them(tmp_path: Path) -> None:
    with serving(AccountService()) as url:
        made = run(url, tmp_path, cases=CASES)
    assert made.with_verdict(Verdict.DEVIATES, Verdict.ADVICE, Verdict.UNTESTABLE) == [], (
        made.told()
    )
