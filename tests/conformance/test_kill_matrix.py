"""The suite finds every break of the mock and names its rule, as the page states."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from cart_mock.breaks import BREAKS, Break
from click.testing import CliRunner

from scripts import kill_matrix
from scripts.kill_matrix import main
from tests.conformance import kill_page
from tests.conformance.kills import (
    ADVISED,
    attempt,
    expected,
    intact_mock,
    may_be_accused,
    one_of_each_rule,
)
from tests.conformance.runs import CONTRACT

FAST = one_of_each_rule()


@pytest.fixture(scope="module")
def intact() -> Iterator[httpx.Client]:
    """One mock for all breaks that a store can have."""
    with intact_mock() as client:
        yield client


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(one, id=one.id, marks=[] if one.id in FAST else [pytest.mark.full])
        for one in BREAKS.values()
    ],
)
def test_a_break_is_found_and_its_rule_named(broken: Break, intact: httpx.Client) -> None:
    result = attempt(broken, intact, until_found=True)
    assert result.verdict in expected(broken), result.told
    assert set(result.others) <= may_be_accused(broken), result.told


def test_the_fast_lane_has_a_break_of_every_rule() -> None:
    assert {BREAKS[name].rule for name in FAST} == {rule.id for rule in CONTRACT.rules}


def test_kill_page_is_current() -> None:
    current = kill_page.PAGE.read_text(encoding="utf-8")
    assert current == kill_page.page(), "run python -m scripts.regenerate"


def test_what_rightly_comes_to_advice_is_of_documented_rules() -> None:
    levels = {CONTRACT.rule(BREAKS[name].rule).level for name in ADVISED}
    assert levels == {"documented"}


# ---- The script ---------------------------------------------------------------------------------


def test_the_script_prints_what_it_found() -> None:
    result = CliRunner().invoke(main, ["many-carts:second-*", "cart-expired:*"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "many-carts\n"
        "  second-replaces-first              deviates\n"
        "  second-refused                     deviates\n"
        "  second-ignored                     deviates\n"
        "cart-expired\n"
        "  returns                            skipped (beyond a run)\n"
    )
    assert "3 of 3 breaks found, 3 as deviations; 1 more" in result.stdout


def test_the_script_fails_where_a_break_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = Break("many-carts", "harmless", "Nothing is wrong.", ())
    monkeypatch.setattr(kill_matrix, "BREAKS", {harmless.id: harmless})
    monkeypatch.setitem(BREAKS, harmless.id, harmless)
    result = CliRunner().invoke(main, ["many-carts:*"])
    assert result.exit_code == 1
    assert "  harmless                           MISSED (conforms)\n" in result.stdout
    assert "0 of 1 breaks found" in result.stdout
