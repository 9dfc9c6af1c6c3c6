"""Correct servers that differ in everything the contract leaves free have no deviation."""

from __future__ import annotations

from pathlib import Path

import pytest
from cart_conformance.results import CleanupFinished, Verdict

from tests.conformance.runs import run
from tests.conformance.servers.reference import Service, serving
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
