"""The suite finds every break of the mock and names its rule, as the page about it says."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from cart_conformance.run.events import Verdict
from cart_mock.breaks import BREAKS, Break
from click.testing import CliRunner

from scripts import kill_matrix
from scripts.kill_matrix import main
from tests.conformance import kill_page
from tests.conformance.kills import ADVISED, attempt, intact_mock
from tests.conformance.runs import CONTRACT

ROWS = kill_page.read(kill_page.PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def intact() -> Iterator[httpx.Client]:
    """One mock for all breaks that a store can have."""
    with intact_mock() as client:
        yield client


@pytest.mark.parametrize("broken", BREAKS.values(), ids=lambda one: one.id)
def test_a_break_is_found_and_its_rule_named(broken: Break, intact: httpx.Client) -> None:
    result = attempt(broken, intact)
    assert result.verdict in expected(broken), result.told
    assert kill_page.row(result) == ROWS.get(broken.id), (
        f"docs/kill-matrix.md is old; run {kill_page.COMMAND}"
    )


def expected(broken: Break) -> set[Verdict]:
    """The verdicts on its rule that are right."""
    if broken.beyond_run or broken.free:
        return set(Verdict) - {Verdict.DEVIATES, Verdict.ERROR}
    if CONTRACT.rule(broken.rule).level != "documented" or broken.id in ADVISED:
        return {Verdict.ADVICE}
    return {Verdict.DEVIATES}


def test_the_page_has_every_break_in_the_order_of_the_list() -> None:
    assert list(ROWS) == list(BREAKS)


def test_the_page_is_what_is_written_of_its_rows() -> None:
    assert kill_page.written(ROWS) == kill_page.PAGE.read_text(encoding="utf-8")


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


@pytest.mark.parametrize("options", [["many-carts:*"], ["--seed", "2"], ["--every-rule"]])
def test_the_script_writes_the_page_of_what_the_tests_try_alone(options: list[str]) -> None:
    result = CliRunner().invoke(main, ["--write", *options])
    assert result.exit_code == 2
    assert "give it alone" in result.output
