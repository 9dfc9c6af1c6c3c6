"""Mocks in processes of their own, which are killed or frozen, over real servers."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cart_mock.shared.link import UrlError, check_url

from tests.mock.processes import Running, mock, run
from tests.shared.linearizability import Workload
from tests.shared.proxy import RoundRobin
from tests.shared.servers import RedisServer, redis_cluster, redis_sentinel, redis_server
from tests.shared.sizes import IS_LARGE, size

SOME_RULES = (
    "association-visible", "shared-cart", "many-carts", "others-cannot-see", "last-cart",
    "association-deleted", "refusal-changes-nothing", "customer-deleted", "new-cart-by-get",
    "cart-id-taken", "email-taken", "credentials-wrong", "any-device",
)  # fmt: skip
"""Rules whose cases read, with another request and so from another mock, what one has changed."""


class Mocks:
    """Some mocks in processes, and a client that takes turns over those that run."""

    def __init__(self, stack: ExitStack, url: str, number: int, *options: str) -> None:
        self._stack = stack
        self._arguments = ("--shared", url, *options)
        self.running: list[Running] = []
        self.clients: list[httpx.AsyncClient] = []
        self.runner = stack.enter_context(asyncio.Runner())
        self._turns = itertools.count()
        self._old: list[httpx.AsyncClient] = []
        stack.callback(self.close)
        for _ in range(number):
            self.add()

    def add(self) -> None:
        """Start one more."""
        running = self._stack.enter_context(mock(*self._arguments))
        self.running.append(running)
        self.clients.append(httpx.AsyncClient(base_url=running.url, timeout=20))

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to the next mock."""
        number = next(self._turns) % len(self.clients)
        return await self.clients[number].request(method, path, **more)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to the next mock, and wait for the answer."""
        return self.runner.run(self.ask(method, path, **more))

    def kill(self, number: int) -> None:
        """Kill one, and send no more requests to it."""
        self.running.pop(number).process.kill()
        self._old.append(self.clients.pop(number))

    @property
    def ports(self) -> list[int]:
        """The ports of those that run."""
        return [int(running.url.rpartition(":")[2]) for running in self.running]

    def close(self) -> None:
        """Close the clients."""
        for client in (*self.clients, *self._old):
            self.runner.run(client.aclose())

    def admin(self) -> dict[str, str]:
        """Return the headers of the administrator of a store."""
        form = {"grant_type": "client_credentials", "client_id": "s", "client_secret": "x"}
        answer = self.send("POST", "/oauth/access_token", data=form)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def customer(self, headers: dict[str, str]) -> str:
        """Make a customer with a cart."""
        data = {"type": "customer", "name": "Ada", "email": "ada@example.com"}
        made = self.send("POST", "/v2/customers", headers=headers, json={"data": data})
        customer_id: str = made.json()["data"]["id"]
        body = {"data": {"id": "kept", "name": "Kept"}}
        assert self.send("POST", "/v2/carts", headers=headers, json=body).status_code == 201
        entry = {"data": [{"type": "customer", "id": customer_id}]}
        path = "/v2/carts/kept/relationships/customers"
        assert self.send("POST", path, headers=headers, json=entry).status_code == 200
        return customer_id

    def same_lists(self, headers: dict[str, str]) -> None:
        """Check that all mocks list the same carts."""
        lists = {self.send("GET", "/v2/carts?page[limit]=100", headers=headers).text
                 for _ in self.clients}  # fmt: skip
        assert len(lists) == 1


@contextmanager
def mocks_at(url: str, number: int, *options: str) -> Iterator[Mocks]:
    """Start mocks that share the store at a URL."""
    with ExitStack() as stack:
        yield Mocks(stack, url, number, *options)


def test_three_mocks_behind_a_proxy_survive_a_kill_a_freeze_and_a_lost_store(
    tmp_path: Path,
) -> None:
    with (
        redis_server(tmp_path) as server,
        mocks_at(server.url, 3, "--shared-timeout", "0.5") as mocks,
    ):
        headers = mocks.admin()
        customer = mocks.customer(headers)
        statuses = mocks.runner.run(_in_trouble(mocks, server, headers, customer))
        assert statuses == {"/_mock/ready": 503, "/v2/carts": 503, "/_mock/health": 200}
        mocks.same_lists(headers)


async def _in_trouble(
    mocks: Mocks, server: RedisServer, headers: dict[str, str], customer: str
) -> dict[str, int]:
    """Send requests through a proxy while things fail; return what is answered without a store."""
    balancer = RoundRobin(mocks.ports)
    proxy = await balancer.serve()
    url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        load = Workload(client.request, headers, [customer], carts=8, seed=5)
        running = asyncio.create_task(load.run(12, 320))
        await load.until(80)
        balancer.targets.remove(mocks.ports[0])
        mocks.kill(0)
        await load.until(160)
        frozen = mocks.running[0].process
        frozen.send_signal(signal.SIGSTOP)
        await asyncio.sleep(1.0)  # longer than the patience of its peer
        frozen.send_signal(signal.SIGCONT)
        await load.until(240)
        server.signal(signal.SIGSTOP)
        statuses = {}
        for path in ("/_mock/ready", "/v2/carts", "/_mock/health"):
            statuses[path] = (await client.get(path, headers=headers)).status_code
        server.signal(signal.SIGCONT)
        await running
        for _ in range(100):
            if (await client.get("/v2/carts", headers=headers)).status_code == 200:
                break
            await asyncio.sleep(0.05)
        proxy.close()
    assert load.unknown < 160
    assert not load.wrong()
    return statuses


def test_suite_finds_that_mocks_behind_a_proxy_conform(server: RedisServer, tmp_path: Path) -> None:
    with (
        mocks_at(server.url, 3, "--shared-prefix", "suite") as mocks,
        _proxied(mocks.ports) as url,
    ):
        # These take long to import.
        from cart_conformance.results import Phase

        from tests.conformance import runs

        small: dict[str, Any] = {} if IS_LARGE else {"profile": "pr", "rules": SOME_RULES}
        layers = tuple(Phase) if IS_LARGE else (Phase.DIRECTED,)
        made = runs.run(url, tmp_path, layers=layers, **small)
        assert made.status == 0, made.told()
        assert len({result.rule for result in made.results}) >= len(SOME_RULES)


@contextmanager
def _proxied(ports: list[int]) -> Iterator[str]:
    """Start a proxy in front of these ports, and give its URL."""
    proxy = subprocess.Popen(
        [sys.executable, "-m", "tests.shared.proxy", *map(str, ports)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert proxy.stdout is not None
        yield f"http://127.0.0.1:{proxy.stdout.readline().strip()}"
    finally:
        proxy.kill()
        proxy.communicate()


def test_mocks_that_are_killed_or_frozen_leave_a_linearizable_history(
    server: RedisServer,
) -> None:
    with mocks_at(
        server.url, 2, "--shared-timeout", "0.5", "--shared-prefix", "processes"
    ) as mocks:  # fmt: skip
        headers = mocks.admin()
        customer = mocks.customer(headers)
        _freeze_one(mocks, headers, customer)
        for number in range(size(1, 100)):
            mocks.add()
            workload = Workload(mocks.ask, headers, [customer], carts=8, seed=number)

            async def under_load(load: Workload = workload) -> None:
                running = asyncio.create_task(load.run(12, 200))
                await asyncio.sleep(0.3)
                mocks.kill(0)
                await running

            mocks.runner.run(under_load())
            assert not workload.wrong()
            mocks.same_lists(headers)
            for cart in workload.histories:
                mocks.send("DELETE", f"/v2/carts/{cart}", headers=headers)


def test_history_of_64_clients_over_three_processes_is_linearizable(server: RedisServer) -> None:
    with mocks_at(server.url, 3, "--shared-prefix", "many-clients") as mocks:
        headers = mocks.admin()
        load = Workload(mocks.ask, headers, [mocks.customer(headers)], carts=64, seed=11)
        mocks.runner.run(load.run(64, size(2_000, 100_000)))
        assert load.unknown == 0
        assert not load.wrong()
        mocks.same_lists(headers)


def _freeze_one(mocks: Mocks, headers: dict[str, str], customer: str) -> None:
    for number in range(size(1, 20)):
        workload = Workload(mocks.ask, headers, [customer], carts=8, seed=number)

        async def while_one_is_frozen(load: Workload = workload) -> None:
            running = asyncio.create_task(load.run(12, 150))
            await asyncio.sleep(0.2)
            mocks.running[0].process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(2.0)  # longer than the patience of its peers
            mocks.running[0].process.send_signal(signal.SIGCONT)
            await running

        mocks.runner.run(while_one_is_frozen())
        assert not workload.wrong()
        mocks.same_lists(headers)
        for cart in workload.histories:
            mocks.send("DELETE", f"/v2/carts/{cart}", headers=headers)


def test_failover_of_a_cluster_loses_nothing_that_replicas_had_to_have(tmp_path: Path) -> None:
    with (
        redis_cluster(tmp_path) as servers,
        mocks_at(
            f"redis+cluster://{','.join(f'127.0.0.1:{s.port}' for s in servers[:3])}", 2,
            "--shared-replicas", "1",
        ) as mocks,
    ):  # fmt: skip
        headers = mocks.admin()
        acknowledged = _make_carts_over_a_failover(mocks, headers, _primary_of(servers, "s"))
        found: set[str] = set()
        for offset in range(0, len(acknowledged) + 100, 100):
            path = f"/v2/carts?page[limit]=100&page[offset]={offset}"
            page = mocks.send("GET", path, headers=headers)
            assert page.status_code == 200, page.text
            found |= {cart["id"] for cart in page.json()["data"]}
        assert acknowledged <= found
        mocks.same_lists(headers)


def test_failover_behind_sentinels_is_followed(tmp_path: Path) -> None:
    with (
        redis_sentinel(tmp_path) as (url, servers),
        mocks_at(url, 2) as mocks,
    ):
        headers = mocks.admin()
        assert _make_carts_over_a_failover(mocks, headers, servers[0])
        mocks.same_lists(headers)


def _primary_of(servers: list[RedisServer], store: str) -> RedisServer:
    key = f"cart-mock:{{{store}}}:meta"
    return next(s for s in servers if b":1\r\n" in s.send("EXISTS", key)
                and b"role:master" in s.send("INFO", "replication"))  # fmt: skip


def _make_carts_over_a_failover(
    mocks: Mocks, headers: dict[str, str], primary: RedisServer
) -> set[str]:
    """Make carts, kill a primary meanwhile, and go on until they are made again."""
    acknowledged: set[str] = set()

    async def work() -> None:
        is_killed, after, deadline, restart = False, 0, time.monotonic() + 60, 0.0
        for number in itertools.count():
            assert time.monotonic() < deadline, "answers do not resume"
            body = {"data": {"id": f"cart-{number}", "name": "C"}}
            answer = await mocks.ask("POST", "/v2/carts", headers=headers, json=body)
            if answer.status_code == 201:
                acknowledged.add(f"cart-{number}")
                after += is_killed
            else:
                assert answer.status_code == 503, answer.text
                assert answer.headers["Retry-After"] == "1"
            if len(acknowledged) >= 40 and not is_killed:
                primary.stop()
                is_killed = True
                restart = time.monotonic() + 4  # its replica is the primary by then
            if is_killed and primary.process is None and time.monotonic() > restart:
                primary.start()
            if after >= 20:
                return

    mocks.runner.run(work())
    return acknowledged


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "x", "--shared", "redis://h"), "--data and --shared exclude each other"),
        (("--shared", "http://h"), "its scheme must be one of redis"),
        (("--shared", "redis://h", "--shared-prefix", "a{b"), "without braces"),
    ],
)
def test_options_that_cannot_be_used_are_refused_in_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    ended = run(*(str(tmp_path / "x") if a == "x" else a for a in arguments))
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://h", "its scheme must be one of"),
        ("redis+sentinel://h:1", "its path must name the primary"),
        ("redis://h:x", "its address is malformed"),
        ("redis://", "it has no host"),
        ("redis://h/0?socket_timeout=x", "Invalid value"),
    ],
)
def test_url_that_names_no_store_is_refused(url: str, reason: str) -> None:
    with pytest.raises(UrlError, match=reason):
        check_url(url)


def test_password_of_a_url_is_in_no_message(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("hunter2\n", encoding="utf-8")
    with mock(
        "--shared", "redis://:hunter2@127.0.0.1:1", "--shared-timeout", "0.2",
        "--shared-password-file", str(password), "--log-level", "debug",
    ) as (process, url):  # fmt: skip
        ready = httpx.get(f"{url}/_mock/ready", timeout=10)
        form = {"grant_type": "implicit", "client_id": "s"}
        refused = httpx.post(f"{url}/oauth/access_token", data=form, timeout=10)
        process.terminate()
        printed = "".join(process.communicate(timeout=30))
    assert ready.status_code == refused.status_code == 503
    assert "cannot be reached" in ready.text
    assert "hunter2" not in printed + ready.text + refused.text


def test_mock_without_the_option_imports_nothing_of_it() -> None:
    code = (
        "import sys, cart_mock.launch, cart_mock.cli, cart_mock.app; cart_mock.app.create_app();"
        "print([m for m in sys.modules if m.split('.')[0] == 'redis' or 'cart_mock.shared' in m])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
