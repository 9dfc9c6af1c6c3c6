"""The suite finds nothing on an intact mock, for every seed.

The directed cases and the coverage of the third phase are the same for every seed, so they are
tried
once, in a default run. The random parts are tried with many seeds, each with a fifth of the
requests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cart_conformance.results import ExitStatus, Phase, Verdict
from cart_conformance.run.events import PhaseFinished
from cart_conformance.schemathesis import fuzzing as fuzz
from cart_conformance.schemathesis import stateful as model
from cart_mock.testing import CartMock

from tests.conformance.kills import intact_mock, run_on
from tests.conformance.runs import Run

SEEDS = range(1, 1 + int(os.environ.get("FALSE_ALARM_SEEDS", "2")))
QUIET = {Verdict.CONFORMS, Verdict.SKIPPED}


@pytest.fixture(scope="module")
def intact() -> Iterator[httpx.Client]:
    """The mock; each run has a store of its own."""
    with intact_mock() as client:
        yield client


def assert_nothing_found(made: Run) -> None:
    """Assert that a run has no deviation, no advice, and no rule that could not be tried."""
    assert made.status == ExitStatus.CONFORMS, made.told()
    assert {each.verdict for each in made.finished.verdicts} <= QUIET, made.told()
    assert [each.problem for each in made.of(PhaseFinished) if each.problem] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_default_run_finds_nothing(intact: httpx.Client, tmp_path: Path) -> None:
    made = run_on(CartMock(intact), tmp_path, layers=tuple(Phase), rules=(), seed=1)
    assert_nothing_found(made)
    tried = {each.id for each in made.finished.verdicts if each.verdict is Verdict.CONFORMS}
    assert len(tried) > 50


@pytest.fixture
def _a_fifth_and_no_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "SEQUENCES", model.SEQUENCES // 5)
    monkeypatch.setattr(model, "CLOSE_SEQUENCES", max(1, model.CLOSE_SEQUENCES // 5))
    monkeypatch.setattr(fuzz, "EXAMPLES", fuzz.EXAMPLES // 5)
    random = {part: phase for part, phase in fuzz.PARTS.items() if phase != "coverage"}
    monkeypatch.setattr(fuzz, "PARTS", random)


@pytest.mark.slow
@pytest.mark.usefixtures("_a_fifth_and_no_coverage")
@pytest.mark.parametrize("seed", SEEDS)
def test_random_sequences_and_requests_of_another_seed_find_nothing(
    seed: int, intact: httpx.Client, tmp_path: Path
) -> None:
    layers = (Phase.MODEL, Phase.FUZZ)
    made = run_on(CartMock(intact), tmp_path, layers=layers, rules=(), seed=seed)
    assert_nothing_found(made)
    for part in ("model/", "fuzz/random/"):
        assert any(result.case.startswith(part) for result in made.results)
