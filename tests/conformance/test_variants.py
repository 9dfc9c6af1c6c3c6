"""Correct servers that differ in everything the contract leaves free have no deviation."""

from __future__ import annotations

from pathlib import Path

import pytest
from cart_conformance.results import CleanupFinished, Verdict

from tests.conformance.runs import run
from tests.conformance.servers.accounts import AccountService
from tests.conformance.servers.reference import Free, Service, serving
from tests.conformance.servers.variants import VARIANTS


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_a_correct_server_passes_whatever_it_chooses_where_it_is_free(
    name: str, tmp_path: Path
) -> None:
    service = Service(VARIANTS[name])
    with serving(service) as url:
        made = run(url, tmp_path)
    assert made.status == 0, made.told()
    assert made.with_verdict(Verdict.DEVIATES, Verdict.ERROR) == []
    (cleaned,) = made.of(CleanupFinished)
    assert cleaned.left == ()
    assert service.carts == {}
    assert service.customers == {}


def test_a_correct_server_with_accounts_passes(tmp_path: Path) -> None:
    free = Free(
        bad_customer_token=401, show_all_carts=False, contact_inside=400, empty_relation="bare"
    )
    service = AccountService(free)
    with serving(service) as url:
        made = run(url, tmp_path, owners=("accounts",))
    assert made.status == 0, made.told()
    assert made.with_verdict(Verdict.DEVIATES, Verdict.ERROR, Verdict.UNTESTABLE) == []
    assert "type-not-account" in made.with_verdict(Verdict.CONFORMS)
    assert "type-not-customer" in made.with_verdict(Verdict.SKIPPED)
    assert service.carts == {}
    assert service.accounts == {}
