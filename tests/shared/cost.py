"""What sharing costs: CPU time and round trips of a request, over HTTP.

``python -m tests.shared.cost`` prints tables. CPU time is that of the mocks' processes, and of the
server apart, so that other work on the machine disturbs the figures little. Each figure is the
lowest of some rounds, in which the embedded mock and the shared ones take turns.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import click
import httpx

from tests.mock.processes import Running, mock
from tests.shared.servers import RedisServer, redis_server

_numbers = itertools.count(1)
_AT_ONCE = 32
"""How many stores are made at a time."""


class Cost(NamedTuple):
    """CPU time of a request in µs, in the mocks and in the server, and its round trips."""

    mocks: float
    server: float
    trips: float


class Client(asyncio.Protocol):
    """A connection that sends the next request as soon as an answer is there."""

    def __init__(
        self, next_request: Callable[[], bytes | None], take: Callable[[bytes], None]
    ) -> None:
        """``take`` gets the body of each answer."""
        self._next_request, self._take = next_request, take
        self._received = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = self._next_request()
        if request is None:
            self._transport.close()
            self.done.set_result(None)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Send the next request once an answer is complete."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        assert head.startswith(b"HTTP/1.1 20"), self._received
        if len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            self._received = b""
            self._take(body)
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail if requests are left."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the mock closed a connection"))


async def _load(
    ports: Sequence[int], connections: int, requests: Iterable[bytes],
    take: Callable[[bytes], None] = lambda _: None,
) -> None:  # fmt: skip
    rest = iter(requests)
    loop, clients = asyncio.get_running_loop(), []
    for number in range(connections):
        _, client = await loop.create_connection(
            lambda: Client(lambda: next(rest, None), take),
            "127.0.0.1", ports[number % len(ports)],
        )  # fmt: skip
        clients.append(client.done)
    await asyncio.gather(*clients)


class Site:
    """Mocks that are measured, and the store that they share, if any."""

    def __init__(self, mocks: Sequence[Running], server: RedisServer | None) -> None:
        self._mocks, self._server = mocks, server
        self._ports = [int(running.url.rpartition(":")[2]) for running in mocks]
        self._heads: list[bytes] = []

    def stores(self, number: int) -> list[bytes]:
        """Return the heads of requests to so many stores, each with a cart."""
        bodies: list[bytes] = []
        form = b"grant_type=client_credentials&client_secret=x&client_id=store-%d"
        forms = [form % at for at in range(len(self._heads), number)]
        asyncio.run(_load(self._ports, _AT_ONCE, map(_token_request, forms), bodies.append))
        made = [_head(json.loads(body)["access_token"]) for body in bodies]
        asyncio.run(_load(self._ports, _AT_ONCE, [_request("GET", head) for head in made]))
        self._heads += made
        return self._heads[:number]

    def cost(self, load: str, connections: int, number: int, stores: int) -> Cost:
        """Measure so many requests."""
        heads = itertools.cycle(self.stores(stores))
        requests = [_request(load, head) for head in itertools.islice(heads, number)]
        cpu, server, trips = self._used()
        asyncio.run(_load(self._ports, connections, requests))
        cpu_after, server_after, trips_after = self._used()
        scale = 1e6 / number
        return Cost(
            (cpu_after - cpu) * scale, (server_after - server) * scale,
            (trips_after - trips) / number,
        )  # fmt: skip

    def _used(self) -> tuple[float, float, float]:
        mocks = sum(_cpu(running.process.pid) for running in self._mocks)
        server = self._server
        served = 0.0 if server is None or server.process is None else _cpu(server.process.pid)
        return mocks, served, sum(_trips(running.url) for running in self._mocks)


def _token_request(form: bytes) -> bytes:
    head = b"POST /oauth/access_token HTTP/1.1\r\nHost: mock\r\nContent-Length: %d\r\n" % len(form)
    return head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + form


def _head(token: str) -> bytes:
    head = f"Host: mock\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    return head.encode()


def _request(load: str, head: bytes) -> bytes:
    if load == "GET":
        return b"GET /v2/carts/c HTTP/1.1\r\n%b\r\n" % head
    body = b'{"data":{"name":"Cart %d"}}' % next(_numbers)
    return b"POST /v2/carts HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _cpu(pid: int) -> float:
    """Return the seconds of CPU time that a process had."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _trips(url: str) -> float:
    text = httpx.get(f"{url}/_mock/metrics", timeout=60).text
    lines = [line for line in text.splitlines() if "_round_trips_total{" in line]
    return sum(float(line.split()[-1]) for line in lines)


@click.command()
@click.option("--requests", default=6000, help="How many requests a figure is measured with.")
@click.option("--rounds", default=3, help="How often each is measured.")
@click.option("--mocks", default="1,2,4", help="Numbers of mocks.")
@click.option("--connections", default="16,64,256", help="Numbers of connections.")
@click.option("--stores", default="1", help="Numbers of stores.")
@click.option("--loads", default="GET,POST", help="What to send.")
def main(requests: int, rounds: int, mocks: str, connections: str, stores: str, loads: str) -> None:
    """Print a table."""
    counts = [int(each) for each in mocks.split(",")]
    with ExitStack() as stack:
        sites = {"embedded": Site([stack.enter_context(mock())], None)}
        for count in counts:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            server = stack.enter_context(redis_server(Path(folder)))
            # A machine that is busy must not end a measurement.
            patient = ("--shared", server.url, "--shared-timeout", "30")
            made = [stack.enter_context(mock(*patient)) for _ in range(count)]
            sites[f"{count} shared"] = Site(made, server)
        click.echo("| load | connections | stores | mocks | µs in mocks | ratio | µs in the server "
                   "| round trips |")  # fmt: skip
        click.echo("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |")
        for load, at_once, number in itertools.product(
            loads.split(","), map(int, connections.split(",")), map(int, stores.split(","))
        ):
            found: dict[str, list[Cost]] = {name: [] for name in sites}
            for _ in range(rounds + 1):  # the first one warms up
                for name, site in sites.items():
                    found[name].append(site.cost(load, at_once, requests, number))
            base = min(cost.mocks for cost in found["embedded"][1:])
            for name, costs in found.items():
                cpu, served, trips = map(min, zip(*costs[1:], strict=True))
                what = f"{load} | {at_once} | {number:,} | {name}"
                click.echo(
                    f"| {what} | {cpu:.0f} | {cpu / base:.1f} | {served:.0f} | {trips:.3f} |"
                )


if __name__ == "__main__":
    main()
