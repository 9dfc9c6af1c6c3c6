"""What ``schemathesis run`` finds of broken mocks: its built-in checks, ours, and the whole suite.

With its built-in checks, it is given the contract document and an administrator's access token.
What it objects to on the intact mock goes into a baseline, from runs with several seeds; a break is
found if a run against it has a failure that is not in the baseline. That is kind to it: other
users have no intact twin of the deployment under test to compare with.

With our checks it is given our hooks, and there is no baseline: any failure counts, and the script
fails if there is one on the intact mock.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click
from cart_mock.breaks import BREAKS, Break
from cart_mock.testing import CartMock
from cart_spec.contract import CONTRACT_PATH, load_contract

from tests.conformance.kills import broken_mock, expected, intact_mock

PAGE = Path(__file__).parents[1] / "docs" / "schemathesis-alone.md"
BASELINE_SEEDS = (101, 102, 103)
GROUPS = ("caller", "association", "effect")
"""The rules of the association endpoints."""
EXAMPLES, OUR_EXAMPLES = 30, 10
TIMEOUT = 600.0


class Found(NamedTuple):
    """What one run found: the titles of its failures, those of the baseline left out."""

    titles: tuple[str, ...]
    requests: int
    seconds: float


class Row(NamedTuple):
    """A break, and what each of the two runs found of it."""

    broken: Break
    built_in: Found
    ours: Found

    @property
    def names_its_rule(self) -> bool:
        """Whether our checks report the broken rule."""
        return any(title.split(": ")[0] == self.broken.rule for title in self.ours.titles)


def built_in(mock: CartMock, baseline: Path, seed: int, *, learn: bool = False) -> Found:
    """Run the built-in checks against a store. ``learn`` adds their findings to the baseline.

    Raises RuntimeError if the run did not finish.
    """
    report = _run(
        mock, baseline.parent, seed, EXAMPLES, {},
        "-H", f"Authorization: Bearer {mock.access_token()}",
        "--baseline", str(baseline), *(["--baseline-update"] if learn else []),
    )  # fmt: skip
    new = report["baseline"]["new"] if report.get("baseline") else len(report["failures"])
    return _found(report) if new else _found(report)._replace(titles=())


def ours(mock: CartMock, directory: Path, seed: int) -> Found:
    """Run our checks against a store. Raises RuntimeError if the run did not finish."""
    environment = {
        "SCHEMATHESIS_HOOKS": "cart_conformance.schemathesis.hooks",
        "CART_CONFORMANCE_URL": mock.url,
        "CART_CONFORMANCE_CLIENT_ID": mock.client_id,
        "CART_CONFORMANCE_CLIENT_SECRET": mock.client_secret,
    }
    checks = "cart_associations,cart_associations_advice"
    return _found(_run(mock, directory, seed, OUR_EXAMPLES, environment, "--checks", checks))


def _run(
    mock: CartMock,
    directory: Path,
    seed: int,
    examples: int,
    environment: dict[str, str],
    *arguments: str,
) -> dict[str, Any]:
    report = directory / "report.json"
    report.unlink(missing_ok=True)
    done = subprocess.run(  # noqa: S603 - the command is built here
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", str(CONTRACT_PATH),
            "--url", mock.url, *arguments,
            "--seed", str(seed), "--max-examples", str(examples), "--no-shrink",
            "--continue-on-failure", "--report", "json", "--report-json-path", str(report),
        ],
        cwd=directory, env=os.environ | environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    if not report.exists():
        raise RuntimeError(f"schemathesis made no report: {(done.stderr or done.stdout)[-2000:]}")
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    if not told["test_cases"]["generated"]:
        raise RuntimeError(f"schemathesis tried nothing: {(done.stderr or done.stdout)[-2000:]}")
    return told


def _found(report: dict[str, Any]) -> Found:
    titles = sorted({failure["title"] for failure in report["failures"]})
    return Found(tuple(titles), report["test_cases"]["generated"], report["running_time"])


def rows(results: Sequence[Row]) -> Iterator[str]:
    """Return a row of the table for each break."""
    for row in results:
        built_in_told, ours_told = (", ".join(each.titles) or "nothing" for each in row[1:])
        verdict = _verdict(row.broken)
        yield f"| `{row.broken.id}` | {built_in_told} | {ours_told} | {verdict} |"


def kept(page_text: str) -> dict[str, Found]:
    """Return what the built-in checks found, as a page has it.

    The number of test cases is the page's average, and the seconds are not there.
    """
    (count,) = re.findall(r"^\| test cases, on average \| (\d+) \|", page_text, re.MULTILINE)
    found = re.findall(r"^\| `([a-z0-9:-]+)` \| (.*?) \|", page_text, re.MULTILINE)
    return {
        name: Found(() if told == "nothing" else tuple(told.split(", ")), int(count), 0.0)
        for name, told in found
    }


def _verdict(broken: Break) -> str:
    """Return the verdict of the suite, which its own tests hold."""
    (verdict,) = expected(broken)
    return verdict


def page(results: Sequence[Row]) -> str:
    """Return the page of the documentation."""
    suite = [_verdict(row.broken) for row in results]
    count = max(len(results), 1)
    numbers: dict[str, tuple[object, ...]] = {
        "breaks tried": (len(results),) * 3,
        "found": (
            sum(bool(row.built_in.titles) for row in results),
            sum(bool(row.ours.titles) for row in results),
            sum(verdict.startswith(("deviates", "advice")) for verdict in suite),
        ),
        "found, and the rule named": (
            0,
            sum(row.names_its_rule for row in results),
            sum(verdict.startswith(("deviates", "advice")) for verdict in suite),
        ),
        "test cases, on average": (
            sum(row.built_in.requests for row in results) // count,
            sum(row.ours.requests for row in results) // count,
            "",
        ),
    }
    return _PAGE.format(
        examples=EXAMPLES,
        our_examples=OUR_EXAMPLES,
        seeds=len(BASELINE_SEEDS),
        numbers="\n".join(
            f"| {what} | {' | '.join(map(str, three))} |" for what, three in numbers.items()
        ),
        rows="\n".join(rows(results)),
    )


_PAGE = """\
# schemathesis run, alone and with our checks

What three tools find of the same broken mocks.

- **Built-in checks**: `schemathesis run` with the contract document, an administrator's access
  token, and all of its phases and checks. What it objects to on the intact mock in {seeds} runs
  with other seeds is its baseline; a break is found if a run against it has a failure that is not
  in it. Any new failure counts, also one that has nothing to do with what was broken, such as a
  valid request found rejected. Schemathesis names a check and an operation, never a rule.
- **Our checks**: `schemathesis run` with the [hooks and checks](schemathesis.md) of this
  project. There is no baseline: they object to nothing on the intact mock, with the same seeds.
- **The whole suite**: `cart-conformance`, see the [kill matrix](kill-matrix.md), which has what
  it finds of all ways of breaking all rules.

The first run makes {examples} examples for each operation, the second {our_examples}. The breaks
are the first way of breaking each rule of the association endpoints that the contract does not
allow. Ids differ from run to run, and with them what is generated at random: a break that few
requests can show may be found in one run and not in the next. What the suite finds besides needs a
case made for it, such as a look at the time of an update.

`python -m scripts.schemathesis_alone --write` writes this page; with `--ours` it measures our
checks only and keeps the column of the built-in ones.

| what | built-in checks | our checks | whole suite |
| --- | ---: | ---: | ---: |
{numbers}

| break | built-in checks | our checks | whole suite |
| --- | --- | --- | --- |
{rows}
"""


def first_of_each_rule() -> list[Break]:
    """Return the first break of each rule that a run can detect and the contract forbids."""
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
@click.option(
    "--ours", "ours_only", is_flag=True, help="Keep the page's column of built-in checks."
)
def main(patterns: tuple[str, ...], seed: int, write: bool, ours_only: bool) -> None:
    """Run schemathesis against each break whose name matches a PATTERN, or one of each rule."""
    if write and patterns:
        raise click.UsageError("--write is for one break of each rule: give no PATTERN with it.")
    chosen = [
        one for one in BREAKS.values() if any(fnmatch.fnmatch(one.id, p) for p in patterns)
    ] if patterns else first_of_each_rule()  # fmt: skip
    results: list[Row] = []
    before = kept(PAGE.read_text("utf-8")) if ours_only else {}
    with TemporaryDirectory() as directory, intact_mock() as intact:
        baseline = Path(directory) / "baseline.json"
        for number in BASELINE_SEEDS:
            if not ours_only:
                built_in(CartMock(intact), baseline, number, learn=True)
            alarms = ours(CartMock(intact), Path(directory), number).titles
            if alarms:
                raise click.ClickException(f"False alarms on the intact mock: {', '.join(alarms)}")
            click.echo(f"baseline, seed {number}", err=True)
        for one in chosen:
            found = before.get(one.id)
            if found is None:
                with broken_mock(one, intact) as mock:
                    found = built_in(mock, baseline, seed)
            with broken_mock(one, intact) as mock:
                results.append(Row(one, found, ours(mock, Path(directory), seed)))
            click.echo(f"{len(results)}/{len(chosen)} {next(rows(results[-1:]))}", err=True)
    click.echo("\n".join(rows(results)))
    if write:
        PAGE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
