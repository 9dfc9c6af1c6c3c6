"""The command of the benchmark; ``scripts/benchmark`` runs it in the project's environment."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from benchmark import growth as growing
from benchmark import pauses as pausing
from benchmark.install import InstallError, install, missing_commands
from benchmark.loads import REQUESTS, Requests
from benchmark.measure import Entry, Results, Settings, during_logins, measure
from benchmark.peers import PEERS, Mock
from benchmark.peers.project import CARTS, Hello, MockApp
from benchmark.population import Population
from benchmark.report import (
    as_data,
    load_tables,
    machine,
    problems,
    resource_table,
    verdict_table,
    write_json,
)
from benchmark.server import ServerError
from benchmark.targets import verdicts
from benchmark.wrk import WrkError, wrk_path

FULL = Settings(rounds=5, seconds=3, connections=(16, 64), starts=5)
PAUSE_SECONDS = 60
QUICK = Settings(rounds=1, seconds=1, connections=(16,), starts=1)


def tell(what: str) -> None:
    """Print the current step to standard error."""
    click.echo(f"{time.strftime('%H:%M:%S')}  {what}", err=True)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="One round of one second at 16 connections.")
@click.option("--ours", is_flag=True, help="The mock, the same without accelerator, and a hello.")
@click.option(
    "--growth", is_flag=True, help="The mock at 1,000 to 1,000,000 carts, journal on and off."
)
@click.option(
    "--pauses", is_flag=True, help="The mock at half load, during compaction, seeding and export."
)
@click.option(
    "--peers", "names", metavar="NAME,...", help="Only these servers: " + ", ".join(PEERS)
)
@click.option(
    "--requests",
    type=click.Choice(REQUESTS),
    default="new",
    show_default=True,
    help="Requests that never came before, the same few again, or those of a page in a browser.",
)
@click.option(
    "--sizes", metavar="N,...", help="Numbers of carts for --growth, or one for --pauses."
)
@click.option("--rounds", type=click.IntRange(1, 20), help="How often each load is measured.")
@click.option("--seconds", type=click.IntRange(1, 60), help="How long one measurement takes.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("benchmark-results"),
    show_default=True,
    help="Where the table, the plot and the JSON go.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path.home() / ".cache" / "cart-associations" / "benchmark",
    show_default=True,
    help="Where the peers are installed, each in a folder of its own.",
)
def main(
    quick: bool,
    ours: bool,
    growth: bool,
    pauses: bool,
    names: str | None,
    requests: Requests,
    sizes: str | None,
    rounds: int | None,
    seconds: int | None,
    output: Path,
    cache: Path,
) -> None:
    """Measure the mock and its peers, all under the same loads in one interleaved run.

    Without options every peer is installed and measured in five rounds, which takes about forty
    minutes. Do not use the machine meanwhile. All traffic stays on the loopback interface.
    """
    if sum((ours, growth, pauses, names is not None)) > 1:
        raise click.UsageError("choose one of --ours, --growth, --pauses and --peers")
    if sizes is not None and not (growth or pauses):
        raise click.UsageError("--sizes goes with --growth or --pauses")
    # A run that gets a signal leaves its contexts, which end the servers that it started.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    base = QUICK if quick else FULL
    chosen = Settings(
        rounds or base.rounds,
        seconds or base.seconds,
        base.connections,
        base.starts,
        requests=requests,
    )
    try:
        wrk_path()
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="cart-benchmark-") as folder:
            if growth:
                _growth(_sizes(sizes), chosen, Path(folder), output)
            elif pauses:
                settings = replace(chosen, seconds=seconds or PAUSE_SECONDS)
                size = CARTS if sizes is None else _sizes(sizes)[0]
                _pauses(size, settings, Path(folder), output)
            else:
                _compare(_names(ours, names), chosen, Path(folder), cache, output)
    except (InstallError, ServerError, WrkError) as error:
        raise click.ClickException(str(error)) from error


def _names(ours: bool, names: str | None) -> Sequence[str]:
    if ours:
        return (Mock.name, MockApp.name, Hello.name)
    if names is None:
        return tuple(PEERS)
    wanted = [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in PEERS]
    if unknown:
        raise click.BadParameter(
            f"no server {', '.join(unknown)}; there are: {', '.join(PEERS)}", param_hint="--peers"
        )
    return wanted


def _sizes(sizes: str | None) -> Sequence[int]:
    if sizes is None:
        return growing.SIZES
    try:
        return [Population(int(size)).carts for size in sizes.split(",")]
    except ValueError as error:
        problem = f"{error}; send numbers of carts, as 1000,100000"
        raise click.BadParameter(problem, param_hint="--sizes") from None


def _compare(
    names: Sequence[str], settings: Settings, work: Path, cache: Path, output: Path
) -> None:
    entries = []
    left_out = []
    for name in names:
        missing = missing_commands(PEERS[name])
        if missing:
            left_out.append(f"{PEERS[name].title} is left out: it needs {' and '.join(missing)}.")
            tell(left_out[-1])
            continue
        tell(f"installing {PEERS[name].title}")
        entries.append(Entry(PEERS[name].title, PEERS[name](), install(PEERS[name], cache)))
    results = measure(entries, settings, work, tell)
    for entry in entries:
        if isinstance(entry.peer, Mock):
            results.servers[entry.label].during_logins = during_logins(entry, settings, work, tell)
    _write(results, [entry.peer.name for entry in entries], left_out, output)


def _write(results: Results, names: Sequence[str], left_out: Sequence[str], output: Path) -> None:
    reference = Mock.title if Mock.name in names else PEERS[names[0]].title
    targets = list(verdicts(results))
    work_done = "".join(f"- **{PEERS[name].title}**: {PEERS[name].work_done}\n" for name in names)
    settings = results.settings
    how = (
        f"{machine()}. {settings.rounds} round(s) of {settings.seconds} s a measurement, "
        f"interleaved; medians. Requests: {settings.requests}. Only figures of one run compare.\n"
    )
    sections = [
        "# Benchmark\n",
        how,
        "![Requests a second](rates.svg)\n",
        f"## What each server does\n\n{work_done}",
        *(f"{sentence}\n" for sentence in left_out),
        "## Loads\n",
        *load_tables(results, reference),
        f"## Start and memory\n\n{resource_table(results)}",
    ]
    if Mock.name in names:
        sections += [_logins(results), f"## Targets\n\n{verdict_table(targets)}"]
    _finish(sections, results, targets, output, "benchmark")
    from benchmark.plot import plot_rates  # its library takes longer to import than all others

    plot_rates(results, reference, settings.connections[0], output / "rates.svg")


def _logins(results: Results) -> str:
    figures = results.servers[Mock.title].during_logins
    if figures is None:
        return ""
    return (
        "## GET cart while others log in\n\n"
        f"{figures.rate:,.0f} requests/s, p50 {figures.p50_ms:.2f} ms, "
        f"p99 {figures.p99_ms:.2f} ms.\n"
    )


def _growth(sizes: Sequence[int], settings: Settings, work: Path, output: Path) -> None:
    only_16 = Settings(
        settings.rounds, settings.seconds, (16,), 0, growing.LOADS, settings.requests
    )
    growth = growing.measure_growth(sizes, only_16, work, tell)
    targets = list(growing.growth_verdicts(growth))
    how = (
        f"{machine()}. {only_16.rounds} round(s) of {only_16.seconds} s a measurement, "
        "interleaved; medians; 16 connections; requests/s. Recovery is from the start of the "
        "process on the journal of one that was killed to the first cart read.\n"
    )
    sections = [
        "# Growth\n",
        how,
        growing.growth_table(growth),
    ]
    if targets:
        sections.append(f"## Targets\n\n{verdict_table(targets)}")
    _finish(sections, growth.results, targets, output, "growth", recoveries=growth.recoveries)


def _pauses(carts: int, settings: Settings, work: Path, output: Path) -> None:
    found = pausing.measure_pauses(carts, settings, work, tell)
    targets = list(pausing.pauses_verdicts(found))
    how = (
        f"{machine()}. {carts:,} carts with a journal, {settings.seconds} s each, "
        f"{pausing.CONNECTIONS} connections, each of which waits between its requests.\n"
    )
    sections = ["# Pauses\n", how, pausing.pauses_table(found)]
    sections.append(f"## Targets\n\n{verdict_table(targets)}")
    results = Results(settings, {})
    _finish(sections, results, targets, output, "pauses", pauses=asdict(found))


def _finish(
    sections: Sequence[str],
    results: Results,
    targets: Sequence[object],
    output: Path,
    name: str,
    **more: object,
) -> None:
    wrong = problems(results)
    if wrong:
        sections = [*sections, f"## Measurements that went wrong\n\n{wrong}"]
    markdown = "\n".join(sections)
    (output / f"{name}.md").write_text(markdown, encoding="utf-8")
    write_json(output / f"{name}.json", as_data(results, targets=targets, **more))
    click.echo(markdown)
    tell(f"written to {output}/{name}.md and {name}.json")


if __name__ == "__main__":
    main(prog_name="scripts/benchmark")
