"""Runs the conformance suite against every break of the mock, and prints what it finds.

One intact mock serves the runs, each on a store of its own that breaks one rule; a break that
concerns the whole process gets a mock to itself. By default a run tries the rule in question, and
others only where it is checked beside them.
Exit status: 0 if every break is found that a run can see and the contract does not allow, else 1.
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import httpx
from click.testing import CliRunner

from conformance.cli import cli as suite
from mockserver.breaks import BREAKS, Break
from openapi import load_contract
from tests.live import running_mock

SECRET = "kept-by-nobody-and-long-enough"  # noqa: S105  # of stores that live for one run
INTERRUPTED = "interrupted"
MARKS = {"deviates": "found", "advice": "advice"}
"""What a verdict on the broken rule is called here; every other verdict leaves the break missed."""


class Result(NamedTuple):
    """What one run found: the verdict on the broken rule, and the other rules that it accused."""

    broken: Break
    verdict: str
    others: tuple[str, ...]
    requests: int
    seconds: float

    @property
    def mark(self) -> str:
        """How the matrix shows it."""
        return MARKS.get(self.verdict, f"MISSED ({self.verdict})")

    @property
    def may_be_missed(self) -> bool:
        """Whether the contract allows a deployment this, or no run can see it."""
        return self.broken.free or self.broken.beyond_run


def run(broken: Break, url: str, layers: str, seed: int, *, every_rule: bool) -> Result:
    """Run the suite against a break."""
    name = f"broken-{broken.id}"
    if broken.scope == "store":
        _break(url, name, broken)
        return _run(broken, url, name, layers, seed, every_rule=every_rule)
    with running_mock(f"--break={broken.id}") as own_url:
        return _run(broken, own_url, name, layers, seed, every_rule=every_rule)


ON_EVERY_ANSWER = ("refusal-changes-nothing", "error-envelope", "success-answer")
"""Rules that are checked beside others: alone, they would be tried on too few requests."""


def tried(rule: str) -> list[str]:
    """The rules that a run tries for a break of this one."""
    if rule not in ON_EVERY_ANSWER:
        return [rule]
    groups = ("caller", "association", "effect")
    return [rule, *(r.id for r in load_contract().rules if r.group in groups and r.id != rule)]


def _break(url: str, store: str, broken: Break) -> None:
    httpx.post(f"{url}/_mock/stores", json={"client_id": store}, timeout=60).raise_for_status()
    path = f"{url}/_mock/stores/{store}/breaks"
    httpx.put(path, json={"breaks": [broken.id]}, timeout=60).raise_for_status()


def _run(
    broken: Break, url: str, store: str, layers: str, seed: int, *, every_rule: bool
) -> Result:
    with tempfile.TemporaryDirectory() as directory:
        only = [] if every_rule else ["--rules", ",".join(tried(broken.rule))]
        # In this process: starting Python for each run would take longer than most runs do.
        CliRunner().invoke(
            suite,
            [
                *("run", url, "--client-id", store, "--layers", layers, "--seed", str(seed)),
                *("--report-dir", directory, "--journal", f"{directory}/journal", *only),
            ],
            env={"CART_CONFORMANCE_CLIENT_SECRET": SECRET},
        )
        report = json.loads((Path(directory) / "report.json").read_text(encoding="utf-8"))
    if INTERRUPTED in (report["problem"] or ""):
        raise click.Abort
    verdicts = {rule["id"]: rule["verdict"] for rule in report["rules"]}
    others = tuple(
        rule for rule, verdict in verdicts.items() if verdict in MARKS and rule != broken.rule
    )
    verdict = verdicts.get(broken.rule, "no verdict")
    return Result(broken, verdict, others, report["requests"], report["elapsed"])


def lines(results: Sequence[Result]) -> Iterator[str]:
    """The matrix: the rules, with their breaks and what was found of each."""
    for rule, group in itertools.groupby(results, key=lambda result: result.broken.rule):
        yield rule
        for result in group:
            remark = " (the contract allows it)" if result.broken.free else ""
            others = f"  and {', '.join(result.others)}" if result.others else ""
            yield f"  {result.broken.variant:34} {result.mark}{remark}{others}"


@click.command()
@click.argument("patterns", nargs=-1)
@click.option("--layers", default="directed", show_default=True, help="The layers to run.")
@click.option("--every-rule", is_flag=True, help="Try all rules against each break.")
@click.option("--seed", default=1, show_default=True, help="The seed of the runs.")
def main(patterns: tuple[str, ...], layers: str, every_rule: bool, seed: int) -> None:
    """Run the suite against each break whose name matches a PATTERN, such as 'shared-cart:*'."""
    chosen = [
        one
        for one in BREAKS.values()
        if not patterns or any(fnmatch.fnmatch(one.id, pattern) for pattern in patterns)
    ]
    results = []
    with running_mock() as url:
        for one in chosen:
            result = run(one, url, layers, seed, every_rule=every_rule)
            results.append(result)
            click.echo(f"{len(results)}/{len(chosen)} {one.id}: {result.mark}", err=True)
    click.echo("\n".join(lines(results)))
    due = [result for result in results if not result.may_be_missed]
    found = [result for result in due if result.verdict in MARKS]
    deviations = sum(result.verdict == "deviates" for result in found)
    click.echo(
        f"\n{len(found)} of {len(due)} breaks found, {deviations} as deviations; "
        f"{len(results) - len(due)} more are allowed or cannot be seen. "
        f"{sum(r.requests for r in results)} requests, seed {seed}."
    )
    sys.exit(0 if len(found) == len(due) else 1)


if __name__ == "__main__":
    main()
