"""The output of wrk, and the tables and targets made from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.loads import ASSOCIATE, GET_CART, LIST_CARTS, REFUSAL, Load, Request
from benchmark.measure import Measurement, Outcome, Results, Settings, problem_of
from benchmark.medians import of_median, rate, ratio, select
from benchmark.report import as_data, load_tables, problems, resource_table, table, write_json
from benchmark.server import ColdStart
from benchmark.targets import OURS, Verdict, verdicts
from benchmark.wrk import Figures, WrkError, parse_figures

PRINTED = """\
Running 1s test @ http://127.0.0.1:8080
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   613.16us  344.95us   8.68ms   92.09%
Requests/sec:  23761.46

{"requests":26144,"seconds":1.100287,"p50_ms":0.5480,"p99_ms":1.7300,"refused":3,"socket_errors":1}
"""


def figures(rate: float = 1000.0, p99_ms: float = 2.0, refused: int = 0) -> Figures:
    return Figures(int(rate), 1.0, 1.0, p99_ms, refused, 0)


def measurement(server: str, load: str, number: int, of: Figures) -> Measurement:
    return Measurement(server, load, 16, number, of, 0.5, None)


def results(*measurements: Measurement) -> Results:
    settings = Settings(rounds=3, seconds=1, connections=(16,), starts=1, loads=(GET_CART,))
    servers = {m.server: Outcome() for m in measurements}
    return Results(settings, servers, list(measurements))


def test_the_figures_are_read_from_what_wrk_printed() -> None:
    read = parse_figures(PRINTED)
    assert read == Figures(26144, 1.100287, 0.548, 1.73, 3, 1)
    assert read.rate == pytest.approx(23761, abs=1)


def test_no_figures_is_an_error_that_shows_what_was_printed() -> None:
    with pytest.raises(WrkError, match="unable to connect"):
        parse_figures("unable to connect to 127.0.0.1:1\n")


FINE = Load("any", (Request("GET", "/"),))
ALL_REFUSED = Load("any", (Request("POST", "/", expected=REFUSAL),))


@pytest.mark.parametrize(
    ("load", "seen", "problem"),
    [
        (FINE, Figures(10, 1, 1, 1, 0, 0), None),
        (FINE, Figures(10, 1, 1, 1, 4, 0), "4 of 10 were refused"),
        (FINE, Figures(0, 1, 1, 1, 0, 0), "no answer"),
        (FINE, Figures(10, 1, 1, 1, 0, 2), "2 socket errors"),
        (ALL_REFUSED, Figures(10, 1, 1, 1, 10, 0), None),
        (ALL_REFUSED, Figures(10, 1, 1, 1, 9, 0), "1 of 10 were not refused"),
    ],
)
def test_a_measurement_of_something_else_is_a_problem(
    load: Load, seen: Figures, problem: str | None
) -> None:
    assert problem_of(load, seen) == problem


def test_a_ratio_compares_round_with_round() -> None:
    # The machine is three times slower in the second round; the ratio is not.
    run = results(
        measurement("a", GET_CART, 1, figures(200)),
        measurement("b", GET_CART, 1, figures(100)),
        measurement("a", GET_CART, 2, figures(60)),
        measurement("b", GET_CART, 2, figures(30)),
        measurement("b", GET_CART, 3, figures(30)),
    )
    assert ratio(run, ("a", GET_CART), ("b", GET_CART), 16) == 2
    assert ratio(run, ("a", GET_CART), ("c", GET_CART), 16) is None


def test_the_median_of_the_rounds_is_reported() -> None:
    run = results(*(measurement("a", GET_CART, n, figures(r)) for n, r in enumerate((5, 100, 7))))
    assert of_median(select(run.measurements, "a", GET_CART, 16), rate) == 7
    assert of_median(select(run.measurements, "a", GET_CART, 64), rate) is None


def test_a_table_has_a_line_for_each_row() -> None:
    assert table(("a", "b"), [("c", "1")]) == "| a | b |\n| --- | ---: |\n| c | 1 |\n"


def test_a_load_table_has_figures_ratio_and_note() -> None:
    run = results(
        measurement("mock", GET_CART, 1, figures(3000)),
        measurement("peer", GET_CART, 1, figures(1000, p99_ms=12.5)),
    )
    run.servers["peer"].notes = {GET_CART: "GetItem"}
    (text,) = load_tables(run, "mock")
    assert "### GET cart, 16 connections" in text
    assert "| mock | 3,000 |  | 1.00 | 2.00 | 167 |  |" in text
    assert "| peer | 1,000 | 3.00 times | 1.00 | 12.50 | 500 | GetItem |" in text


def test_a_server_without_figures_for_a_load_is_not_in_its_table() -> None:
    run = results(measurement("mock", GET_CART, 1, figures()))
    run.servers["other"] = Outcome()
    (text,) = load_tables(run, "mock")
    assert "other" not in text


def test_start_and_memory_are_medians_and_megabytes() -> None:
    run = results(measurement("mock", GET_CART, 1, figures()))
    starts = [ColdStart(s, s / 2) for s in (0.4, 0.9, 0.5)]
    run.servers["mock"] = Outcome(starts, 40.2, 80.6, None)
    assert "| mock | 0.50 | 0.25 | 40 | 81 |  |" in resource_table(run)


def test_problems_are_listed() -> None:
    wrong = Measurement("peer", GET_CART, 16, 2, figures(), 0.5, "no answer")
    assert problems(results(wrong)) == "- peer, GET cart, 16 connections, round 2: no answer\n"


@pytest.mark.parametrize(
    ("verdict", "wanted", "word"),
    [
        (Verdict("rate", 2, 2.0), "2 or more", "met"),
        (Verdict("rate", 2, 1.99), "2 or more", "**not met**"),
        (Verdict("p99", 0.25, 0.25, least=False), "0.25 or less", "met"),
        (Verdict("p99", 0.25, 0.3, least=False), "0.25 or less", "**not met**"),
        (Verdict("rate", 2, None), "2 or more", ""),
    ],
)
def test_a_target_is_met_on_the_right_side_of_its_bound(
    verdict: Verdict, wanted: str, word: str
) -> None:
    assert (verdict.wanted, verdict.word) == (wanted, word)


def test_only_targets_against_servers_of_the_run_are_judged() -> None:
    run = results(
        measurement(OURS, GET_CART, 1, figures(900)),
        measurement(OURS, LIST_CARTS, 1, figures(450)),
        measurement("raw ASGI hello", GET_CART, 1, figures(1000)),
    )
    judged = {verdict.what: verdict.measured for verdict in verdicts(run)}
    assert judged["GET cart: rate against raw ASGI hello"] == pytest.approx(0.9)
    assert judged[f"{ASSOCIATE}: rate against raw ASGI hello"] is None
    assert judged["a customer's 20 carts: rate against GET cart"] == pytest.approx(0.5)
    assert not any("WireMock" in what for what in judged)


def test_the_json_has_the_whole_run(tmp_path: Path) -> None:
    run = results(measurement("mock", GET_CART, 1, figures(3000)))
    path = tmp_path / "run.json"
    write_json(path, as_data(run, targets=list(verdicts(run))))
    data = json.loads(path.read_text("utf-8"))
    assert data["measurements"][0]["figures"]["requests"] == 3000
    assert data["settings"]["rounds"] == 3
    assert data["machine"]
