"""What ``schemathesis run`` finds of broken mocks by itself, with its built-in checks, to compare.

It is given the contract document and an administrator's access token. What it objects to on the
intact mock goes into a baseline, from runs with several seeds; a break is found where a run against
it has a failure that is not in the baseline. That is kind to it: nobody else has an intact twin of
the deployment under test to compare with.
"""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click
from cart_mock.breaks import BREAKS, Break
from cart_mock.testing import CartMock
from cart_spec.contract import CONTRACT_PATH, load_contract

from tests.conformance.kills import broken_mock, expected, intact_mock

PAGE = Path(__file__).parents[1] / "docs" / "schemathesis-alone.md"
BASELINE_SEEDS = (101, 102, 103)
GROUPS = ("caller", "association", "effect")
"""The rules of the association endpoints."""
EXAMPLES = 30
TIMEOUT = 600.0


class Found(NamedTuple):
    """What one run found: the titles of its failures, those of the baseline left out."""

    titles: tuple[str, ...]
    requests: int
    seconds: float


def run(mock: CartMock, baseline: Path, seed: int, *, learn: bool = False) -> Found:
    """Run schemathesis against a store; ``learn`` adds what it finds to the baseline.

    Raises RuntimeError if the run did not come to its end.
    """
    report = baseline.with_name("report.json")
    report.unlink(missing_ok=True)
    done = subprocess.run(  # noqa: S603 - the command is built here
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", str(CONTRACT_PATH),
            "--url", mock.url, "-H", f"Authorization: Bearer {mock.access_token()}",
            "--seed", str(seed), "--max-examples", str(EXAMPLES), "--no-shrink",
            "--continue-on-failure", "--baseline", str(baseline),
            *(["--baseline-update"] if learn else []),
            "--report", "json", "--report-json-path", str(report),
        ],
        cwd=baseline.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=TIMEOUT, check=False,
    )  # fmt: skip
    if not report.exists():
        raise RuntimeError(f"schemathesis made no report: {(done.stderr or done.stdout)[-2000:]}")
    told = json.loads(report.read_text("utf-8"))
    new = told["baseline"]["new"] if told.get("baseline") else len(told["failures"])
    titles = sorted({failure["title"] for failure in told["failures"]}) if new else []
    return Found(tuple(titles), told["test_cases"]["generated"], told["running_time"])


def rows(results: Sequence[tuple[Break, Found]]) -> Iterator[str]:
    """A row of the table for each break."""
    for broken, found in results:
        alone = ", ".join(found.titles) or "nothing"
        yield f"| `{broken.id}` | {_verdict(broken)} | {alone} |"


def _verdict(broken: Break) -> str:
    """Return the verdict of the suite, which its own tests hold."""
    (verdict,) = expected(broken)
    return verdict


def page(results: Sequence[tuple[Break, Found]]) -> str:
    """The page of the documentation."""
    suite = [_verdict(broken) for broken, _ in results]
    alone = sum(bool(found.titles) for _, found in results)
    requests = sum(found.requests for _, found in results) // max(len(results), 1)
    numbers = {
        "breaks tried": len(results),
        "found by `cart-conformance`": sum(v.startswith(("deviates", "advice")) for v in suite),
        "found by `schemathesis run` alone": alone,
        "requests of `schemathesis run`, on average": requests,
    }
    return _PAGE.format(
        examples=EXAMPLES,
        seeds=len(BASELINE_SEEDS),
        numbers="\n".join(f"| {what} | {number} |" for what, number in numbers.items()),
        rows="\n".join(rows(results)),
    )


_PAGE = """\
# schemathesis run, alone

What Schemathesis finds of the same broken mocks without this suite: `schemathesis run` with the
contract document, an administrator's access token, all of its phases and built-in checks, and
{examples} examples for each operation. What it objects to on the intact mock in {seeds} runs with
other seeds is its baseline; a break is found where a run against it has a failure that is not in
it. Schemathesis names a check and an operation, never a rule; any new failure is counted for it,
also one that has nothing to do with what was broken, such as a valid request found rejected.

`python -m scripts.schemathesis_alone --write` writes this page, from the first way of breaking each
rule of the association endpoints that the contract does not allow; the
[kill matrix](kill-matrix.md) has what the suite finds of all ways of breaking all rules.

| what | number |
| --- | ---: |
{numbers}

| break | `cart-conformance` | `schemathesis run` |
| --- | --- | --- |
{rows}
"""


def first_of_each_rule() -> list[Break]:
    """The first way of breaking each rule that a run can see and the contract does not allow."""
    contract = load_contract()
    due = [
        one
        for one in BREAKS.values()
        if not (one.free or one.beyond_run) and contract.rule(one.rule).group in GROUPS
    ]
    return [next(group) for _, group in groupby(due, key=lambda one: one.rule)]


@click.command()
@click.argument("patterns", nargs=-1)
@click.option("--seed", default=1, show_default=True, help="The seed of the runs.")
@click.option("--write", is_flag=True, help="Write the page of the documentation.")
def main(patterns: tuple[str, ...], seed: int, write: bool) -> None:
    """Run schemathesis against each break whose name matches a PATTERN, or one of each rule."""
    if write and patterns:
        raise click.UsageError("--write is for one break of each rule: give no PATTERN with it.")
    chosen = [
        one for one in BREAKS.values() if any(fnmatch.fnmatch(one.id, p) for p in patterns)
    ] if patterns else first_of_each_rule()  # fmt: skip
    results: list[tuple[Break, Found]] = []
    with TemporaryDirectory() as directory, intact_mock() as intact:
        baseline = Path(directory) / "baseline.json"
        for number in BASELINE_SEEDS:
            run(CartMock(intact), baseline, number, learn=True)
            click.echo(f"baseline, seed {number}", err=True)
        for one in chosen:
            with broken_mock(one, intact) as mock:
                results.append((one, run(mock, baseline, seed)))
            told = ", ".join(results[-1][1].titles) or "nothing"
            click.echo(f"{len(results)}/{len(chosen)} {one.id}: {told}", err=True)
    click.echo("\n".join(rows(results)))
    if write:
        PAGE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
