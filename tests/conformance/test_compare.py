"""Two deployments are compared rule by rule."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cart_conformance.reports.compare import SHOWN, Difference, differences, told
from cart_conformance.results import Deviation, Kind, OperationVerdict, Phase, Verdict
from cart_conformance.run.events import RunFinished

from tests.conformance.streams import CONTRACT, DELETE, POST, deviation, run
from tests.live import running_mock

PLAIN = deviation()
ON_DELETE = deviation(operation=DELETE)
OTHER_KIND = deviation(kind=Kind.WRONG_TEXT)
OTHER_CASE = deviation(case=f"type-not-customer/{POST}/null")
OTHER_ANSWER = deviation(actual="201")
FUZZED = replace(PLAIN, layer=Phase.FUZZ, case="fuzz/1")
FUZZED_OTHERWISE = replace(FUZZED, case="fuzz/2", kind=Kind.SERVER_ERROR)

RULES = len(CONTRACT.rules)


def ended(*deviations: Deviation, verdict: Verdict = Verdict.DEVIATES) -> RunFinished:
    """A run in which type-not-customer deviates in these ways; with none, in which all conforms."""
    verdicts = {"type-not-customer": verdict} if deviations else {}
    last = run(verdicts, deviations)[-1]
    assert isinstance(last, RunFinished)
    return last


def found(a: RunFinished, b: RunFinished) -> list[Difference]:
    """The differences between two runs."""
    return list(differences(a.verdicts, b.verdicts))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((), (), []),
        ((PLAIN,), (PLAIN,), []),
        ((PLAIN,), (OTHER_ANSWER,), []),
        ((PLAIN,), (), [("POST", "deviates", "conforms", 1, 0)]),
        ((), (PLAIN,), [("POST", "conforms", "deviates", 0, 1)]),
        ((PLAIN,), (OTHER_KIND,), [("POST", "deviates", "deviates", 1, 1)]),
        ((PLAIN, OTHER_CASE), (PLAIN,), [("POST", "deviates", "deviates", 1, 0)]),
        (
            (PLAIN,),
            (ON_DELETE,),
            [("POST", "deviates", "conforms", 1, 0), ("DELETE", "conforms", "deviates", 0, 1)],
        ),
        ((FUZZED,), (), [("POST", "deviates", "conforms", 1, 0)]),
        ((FUZZED,), (FUZZED_OTHERWISE,), []),
    ],
    ids=str,
)
def test_methods_differ_by_verdict_or_by_how_they_deviate(
    a: tuple[Deviation, ...],
    b: tuple[Deviation, ...],
    expected: list[tuple[str, str, str, int, int]],
) -> None:
    assert [
        (each.method, each.a, each.b, len(each.only_a), len(each.only_b))
        for each in found(ended(*a), ended(*b))
    ] == expected


def test_a_verdict_that_is_only_advice_differs_from_one_that_fails() -> None:
    (difference,) = found(ended(PLAIN), ended(PLAIN, verdict=Verdict.ADVICE))
    assert (difference.a, difference.b) == ("deviates", "advice")


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [
        (Verdict.CONFORMS, Verdict.SKIPPED, False),
        (Verdict.UNTESTABLE, Verdict.SKIPPED, False),
        (Verdict.SKIPPED, Verdict.DEVIATES, True),
        (Verdict.ADVICE, Verdict.SKIPPED, True),
        (Verdict.CONFORMS, Verdict.UNTESTABLE, True),
        (Verdict.UNTESTABLE, Verdict.UNTESTABLE, False),
    ],
)
def test_what_one_run_did_not_try_says_nothing_but_of_a_deviation(
    a: Verdict, b: Verdict, *, differ: bool
) -> None:
    one, other = (run({"last-cart": verdict})[-1] for verdict in (a, b))
    assert isinstance(one, RunFinished)
    assert isinstance(other, RunFinished)
    assert bool(found(one, other)) == differ


def test_an_operation_that_only_one_knows_conforms_elsewhere() -> None:
    plain = ended()
    elsewhere = OperationVerdict("getCustomers", "GET", "/v2/customers", Verdict.DEVIATES, 1)
    verdicts = tuple(
        replace(each, operations=(*each.operations, elsewhere)) if each.id == "last-cart" else each
        for each in plain.verdicts
    )
    (difference,) = found(replace(plain, verdicts=verdicts), plain)
    assert (difference.path, difference.a, difference.b) == (
        "/v2/customers",
        "deviates",
        "conforms",
    )


def test_differences_are_told_rule_by_rule() -> None:
    many = tuple(deviation(case=f"type-not-customer/{POST}/{i}") for i in range(SHOWN + 2))
    a, b = ended(*many), ended()
    lines = list(told(found(a, b), a, b))
    assert lines[0].startswith("A  https://shop.example/api  940 requests, exit status 0")
    row = ["type-not-customer", "POST", "deviates", "conforms"]
    assert [line for line in lines if line.split()[:4] == row]
    assert sum(line.startswith("    only A: type-not-customer/") for line in lines) == SHOWN
    assert "    only A: … and 2 more" in lines
    assert lines[-1] == f"They differ in 1 of {RULES} rules: type-not-customer."


def test_no_difference_is_said_so() -> None:
    a = ended(PLAIN)
    assert list(told((), a, a))[-1] == f"The same: all {RULES} rules, each with the same verdicts."


def compare(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``cart-conformance compare``."""
    return subprocess.run(
        [sys.executable, "-m", "cart_conformance", "compare", *arguments,
         "--client-id", folder.name, "--client-secret", "compared-secret",
         "--client-id-b", f"{folder.name}-b", "--layers", "directed", "--settle", "0",
         "--rules", "type-not-customer,last-cart", "--report-dir", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )  # fmt: skip


def test_a_deployment_is_the_same_as_itself(tmp_path: Path, mock_url: str) -> None:
    done = compare(tmp_path, mock_url, mock_url, "--seed", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"The same: all {RULES} rules" in done.stdout
    assert json.loads((tmp_path / "comparison.json").read_text())["same"] is True
    seeds = [json.loads((tmp_path / n / "report.json").read_text())["seed"] for n in ("a", "b")]
    assert seeds == [3, 3]


def test_a_deployment_that_breaks_a_rule_differs_in_that_rule(
    tmp_path: Path, mock_url: str
) -> None:
    with running_mock("--break", "type-not-customer:accepted-on-delete") as broken:
        done = compare(tmp_path, mock_url, broken)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"They differ in 1 of {RULES} rules: type-not-customer."
    document = json.loads((tmp_path / "comparison.json").read_text())
    assert [(d["rule"], d["method"], d["a"], d["b"]) for d in document["differences"]] == [
        ("type-not-customer", "DELETE", "conforms", "deviates")
    ]
    assert "compared-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("urls", "problem"),
    [
        (("http://127.0.0.1:9", "MOCK"), "A, http://127.0.0.1:9"),
        (("MOCK", "http://127.0.0.1:9"), "B, http://127.0.0.1:9"),
        (("MOCK", "ftp://x"), "'ftp://x' is not a base URL"),
        (("MOCK", "MOCK", "--journal", "x"), "leave --journal out"),
    ],
)
def test_a_comparison_that_cannot_be_made_exits_with_2(
    tmp_path: Path, mock_url: str, urls: tuple[str, ...], problem: str
) -> None:
    done = compare(tmp_path, *(mock_url if url == "MOCK" else url for url in urls))
    assert done.returncode == 2, done.stdout + done.stderr
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
