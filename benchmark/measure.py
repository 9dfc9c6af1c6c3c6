"""The run: all servers at the same time, each load on each of them in turn, in rounds."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.loads import GET_CART, LOAD_NAMES, LOGIN, Load, Requests, lua_script
from benchmark.peers import Peer, Site
from benchmark.server import Client, ColdStart, Server, ServerError, free_port
from benchmark.wrk import Figures, run_wrk

LOGINS_AT_A_TIME = 4
_CHECKED = 1_000
"""How many requests of a load are sent one by one before it is measured."""

Tell = Callable[[str], None]
"""A function that reports progress to the user."""


@dataclass(frozen=True)
class Settings:
    """The lengths and numbers of measurements. ``seconds`` is the length of one."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    starts: int
    loads: tuple[str, ...] = LOAD_NAMES
    requests: Requests = "new"

    def measurements(self, servers: int) -> int:
        """Return the number of measurements in a run."""
        return self.rounds * servers * len(self.connections) * len(self.loads)


@dataclass(frozen=True)
class Entry:
    """A server of the run: its name in the report, and the folder of its packages."""

    label: str
    peer: Peer
    packages: Path


@dataclass(frozen=True)
class Measurement:
    """One measurement of one load on one server."""

    server: str
    load: str
    connections: int
    round: int
    figures: Figures
    cpu_seconds: float
    problem: str | None

    @property
    def cpu_us(self) -> float:
        """CPU time of the server per request, in microseconds."""
        return self.cpu_seconds / max(self.figures.requests, 1) * 1e6


@dataclass
class Outcome:
    """The other results for one server. Memory is in MB."""

    cold_starts: list[ColdStart] = field(default_factory=list)
    memory_at_start: float | None = None
    memory_with_state: float | None = None
    memory_after_loads: float | None = None
    notes: dict[str, str] = field(default_factory=dict)
    during_logins: Figures | None = None


@dataclass
class Results:
    """All results of a run."""

    settings: Settings
    servers: dict[str, Outcome]
    measurements: list[Measurement] = field(default_factory=list)


@dataclass(frozen=True)
class _Running:
    entry: Entry
    server: Server
    loads: Mapping[str, Load]
    scripts: Mapping[str, Path]


def cold_starts(entries: Sequence[Entry], results: Results, work: Path, tell: Tell) -> None:
    """Start each server in turn, several times."""
    for number in range(results.settings.starts):
        for entry in entries:
            tell(f"cold start {number + 1} of {results.settings.starts}: {entry.label}")
            peer = entry.peer.at_cold_start()
            with _start(peer, entry, work / f"start-{number}") as server:
                outcome = results.servers[entry.label]
                outcome.cold_starts.append(server.wait_for_answer(peer.first_request))
                outcome.memory_at_start = server.memory_mb()


def measure(
    entries: Sequence[Entry],
    settings: Settings,
    work: Path,
    tell: Tell,
    finish: Callable[[Sequence[tuple[Entry, Server]]], None] = lambda _: None,
) -> Results:
    """Measure the servers. ``finish`` is called with them before they are ended.

    Raises ServerError if one of them does not start, or answers a load with a wrong status.
    """
    results = Results(settings, {entry.label: Outcome() for entry in entries})
    cold_starts(entries, results, work, tell)
    with ExitStack() as stack:
        running = [prepare(entry, results, work, stack, tell) for entry in entries]
        for each in running:
            tell(f"warming up {each.entry.label}")
            _warm_up(each)
        for measurement in _rounds(running, settings, tell):
            results.measurements.append(measurement)
        for each in running:
            outcome = results.servers[each.entry.label]
            outcome.memory_after_loads = each.server.memory_mb()
        finish([(each.entry, each.server) for each in running])
    return results


def during_logins(entry: Entry, settings: Settings, work: Path, tell: Tell) -> Figures:
    """Measure GET cart at the first number of connections, during continuous logins."""
    tell(f"GET cart during {LOGINS_AT_A_TIME} concurrent logins: {entry.label}")
    results = Results(settings, {entry.label: Outcome()})
    with ExitStack() as stack:
        running = prepare(entry, results, work / "during-logins", stack, tell)
        port, scripts = running.server.port, running.scripts
        with ThreadPoolExecutor(1) as pool:
            logins = pool.submit(
                run_wrk, port, scripts[LOGIN], LOGINS_AT_A_TIME, settings.seconds + 2
            )
            time.sleep(1)
            figures = run_wrk(port, scripts[GET_CART], settings.connections[0], settings.seconds)
            logins.result()
    return figures


def _start(peer: Peer, entry: Entry, work: Path) -> Server:
    folder = work / entry.label.replace(" ", "-").replace(",", "")
    folder.mkdir(parents=True)
    site = Site(entry.packages, folder, free_port())
    peer.configure(site)
    return Server(peer.command(site), site.port, folder / "server.log", peer.environment)


def prepare(entry: Entry, results: Results, work: Path, stack: ExitStack, tell: Tell) -> _Running:
    """Start a server, create its state, and check its status for each request of the loads."""
    tell(f"starting {entry.label}")
    server = stack.enter_context(_start(entry.peer, entry, work))
    server.wait_for_answer(entry.peer.first_request)
    client = Client(server.port)
    try:
        every = entry.peer.loads(client)
        loads = {name: every[name] for name in results.settings.loads if name in every}
        for load in loads.values():
            _check(load, client)
    except (ServerError, OSError, http.client.HTTPException) as error:
        reason = f"{type(error).__name__}: {error}\n{server.last_words()}"
        raise ServerError(f"{entry.label}: {reason}") from error
    finally:
        client.close()
    outcome = results.servers[entry.label]
    outcome.memory_with_state = server.memory_mb()
    outcome.notes = {name: load.note for name, load in loads.items() if load.note}
    return _Running(
        entry, server, loads, dict(_write_scripts(loads, results.settings.requests, work, entry))
    )


def _write_scripts(
    loads: Mapping[str, Load], requests: Requests, work: Path, entry: Entry
) -> Iterator[tuple[str, Path]]:
    for number, (name, load) in enumerate(loads.items()):
        path = work / entry.label.replace(" ", "-").replace(",", "") / f"load-{number}.lua"
        path.write_text(lua_script(load, requests), "utf-8")
        yield name, path


def _check(load: Load, client: Client) -> None:
    """Send the first requests of a load, and check every status."""
    _settle(load, client)
    for request in load.requests[:_CHECKED]:
        client.expect(request)


def _settle(load: Load, client: Client) -> None:
    for request in load.settle:
        client.send(request)


def _warm_up(running: _Running) -> None:
    seconds = max(1, round(running.entry.peer.warm_up / len(running.loads)))
    for script in running.scripts.values():
        run_wrk(running.server.port, script, 16, seconds)


def _rounds(running: Sequence[_Running], settings: Settings, tell: Tell) -> Iterator[Measurement]:
    for number in range(1, settings.rounds + 1):
        # The order rotates, so that no server always has the same position.
        shift = number % len(running)
        order = [*running[shift:], *running[:shift]]
        for name in settings.loads:
            for connections in settings.connections:
                tell(f"round {number} of {settings.rounds}: {name}, {connections} connections")
                for each in order:
                    if name in each.loads:
                        yield _measure_one(each, name, connections, number, settings.seconds)


def _measure_one(
    running: _Running, name: str, connections: int, number: int, seconds: int
) -> Measurement:
    load, server = running.loads[name], running.server
    client = Client(server.port)
    try:
        _settle(load, client)
    finally:
        client.close()
    before = server.cpu_seconds()
    figures = run_wrk(server.port, running.scripts[name], connections, seconds)
    return Measurement(
        server=running.entry.label,
        load=name,
        connections=connections,
        round=number,
        figures=figures,
        cpu_seconds=server.cpu_seconds() - before,
        problem=problem_of(load, figures),
    )


def problem_of(load: Load, figures: Figures) -> str | None:
    """Return why the figures are invalid for the load, or None if they are valid."""
    if figures.requests == 0:
        return "no answer"
    if figures.socket_errors:
        return f"{figures.socket_errors} socket errors"
    if load.refused and figures.refused != figures.requests:
        return f"{figures.requests - figures.refused} of {figures.requests} were not refused"
    if not load.refused and figures.refused:
        return f"{figures.refused} of {figures.requests} were refused"
    return None
