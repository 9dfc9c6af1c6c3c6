"""Measures how long others wait while a mock folds its journal, seeds stores and exports."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

from benchmark.loads import ASSOCIATE, GET_CART, Request, lua_script
from benchmark.measure import Entry, Outcome, Results, Settings, Tell, prepare
from benchmark.peers import Mock
from benchmark.peers.project import STORE
from benchmark.report import table
from benchmark.server import Client
from benchmark.targets import Verdict
from benchmark.wrk import Figures, run_wrk

CONNECTIONS = 64
_FULL_SECONDS = 3
_EVERY = 1.0
"""Seconds between two exports, each followed by a new store."""
LONGEST_MS = 20.0


@dataclass
class Work:
    """How often each kind of work was done while others were served."""

    exports: int = 0
    seeds: int = 0
    compactions: int = 0


@dataclass
class Pauses:
    """GET cart at half load, alone and while the mock has other work."""

    alone: Figures
    busy: Figures
    work: Work


def measure_pauses(carts: int, settings: Settings, work: Path, tell: Tell) -> Pauses:
    """Measure for ``settings.seconds`` alone, and as long while the mock has other work."""
    seconds, data = settings.seconds, work / "data"
    settings = replace(settings, loads=(GET_CART, ASSOCIATE))
    entry = Entry(Mock.title, Mock(carts, data), work)
    with ExitStack() as stack:
        results = Results(settings, {entry.label: Outcome()})
        running = prepare(entry, results, work, stack, tell)
        port = running.server.port
        tell("the full load")
        full = run_wrk(port, running.scripts[GET_CART], CONNECTIONS, _FULL_SECONDS)
        wait_ms = max(1, round(CONNECTIONS / (full.rate / 2) * 1000 - full.p50_ms / 2))
        script = work / "half.lua"
        script.write_text(lua_script(running.loads[GET_CART], settings.requests, wait_ms), "utf-8")
        tell(f"half load for {seconds} s")
        alone = run_wrk(port, script, CONNECTIONS, seconds)
        tell(f"half load for {seconds} s, with compaction, seeding and export")
        with _other_work(port, running.scripts[ASSOCIATE], data, seconds) as done:
            busy = run_wrk(port, script, CONNECTIONS, seconds)
    return Pauses(alone, busy, done)


@contextlib.contextmanager
def _other_work(port: int, writes: Path, data: Path, seconds: int) -> Iterator[Work]:
    """Write all the time, and export and seed again and again, until the block ends."""
    done, ended = Work(), threading.Event()

    def repeat() -> None:
        client = Client(port)
        snapshots = set(_snapshots(data))
        number = 0
        while not ended.wait(_EVERY):
            client.expect(Request("GET", f"/_mock/stores/{STORE}/state"))
            done.exports += 1
            number += 1
            client.expect(_token(f"pauses-{number}"))
            done.seeds += 1
            client.expect(Request("DELETE", f"/_mock/stores/pauses-{number}"))
            present = set(_snapshots(data))
            done.compactions += len(present - snapshots)
            snapshots |= present
        client.close()

    threads = [
        threading.Thread(target=repeat),
        threading.Thread(target=run_wrk, args=(port, writes, 2, seconds)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _snapshots(data: Path) -> Iterator[tuple[str, int]]:
    """Yield the snapshot of the benchmark's store, which a compaction replaces."""
    for path in data.glob(f"stores/{STORE}*/snapshot.json"):
        with contextlib.suppress(FileNotFoundError):
            yield str(path), path.stat().st_mtime_ns


def _token(client_id: str) -> Request:
    form = urlencode({"grant_type": "implicit", "client_id": client_id})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", "/oauth/access_token", kind, form)


def pauses_table(pauses: Pauses) -> str:
    """Return a table with a row without other work, and one with it."""
    work = pauses.work
    busy = (
        f"with {work.compactions} compactions, {work.seeds} seeded stores, {work.exports} exports "
        "and writes"
    )
    header = ("GET cart at half load", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "longest ms")
    return table(header, [_row("alone", pauses.alone), _row(busy, pauses.busy)])


def _row(name: str, figures: Figures) -> Sequence[str]:
    times = (figures.p50_ms, figures.p99_ms, figures.p999_ms, figures.max_ms)
    return (name, f"{figures.rate:,.0f}", *(f"{time:.1f}" for time in times))


def pauses_verdicts(pauses: Pauses) -> Iterator[Verdict]:
    """Return the target: another request waits for a limited time only."""
    yield Verdict("longest wait during other work, ms", LONGEST_MS, pauses.busy.max_ms, least=False)
