"""Real Redis servers on free ports, which end with the test that started them."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SERVER = "redis-server"


def free_port() -> int:
    """Return a port of the loopback address that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class RedisServer:
    """One server. It can be stopped, frozen and started again, empty."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._folder = folder / f"redis-{self.port}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The URL for ``--shared``."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, and wait until it answers. Raises RuntimeError."""
        self.process = subprocess.Popen(
            [
                SERVER, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(self._folder), "--loglevel", "warning",
                *self._options,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                if b"PONG" in self.send("PING") or b"LOADING" in self.send("PING"):
                    return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("redis-server does not answer")

    def send(self, *command: str, timeout: float = 5.0) -> bytes:
        """Send one command, and return the raw reply. Raises OSError."""
        parts = [f"*{len(command)}\r\n", *(f"${len(c.encode())}\r\n{c}\r\n" for c in command)]
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall("".join(parts).encode())
            return connection.recv(1_000_000)

    def stop(self) -> None:
        """End the server at once. What it held is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def signal(self, number: int) -> None:
        """Send a signal, such as SIGSTOP."""
        assert self.process is not None
        self.process.send_signal(number)


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """Start a server; it is killed afterwards."""
    server = RedisServer(folder, *options)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_cluster(folder: Path, primaries: int = 3) -> Iterator[list[RedisServer]]:
    """Start a cluster with a replica for each primary; the primaries come first."""
    options = (
        "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
        "--cluster-config-file", "nodes.conf", "--cluster-replica-validity-factor", "0",
        "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
    )  # fmt: skip
    with ExitStack() as stack:
        servers = []
        for _ in range(2 * primaries):
            port = _port_for_a_cluster()
            server = RedisServer(folder, *options, port=port)
            stack.callback(server.stop)
            servers.append(server)
        addresses = [f"127.0.0.1:{server.port}" for server in servers]
        made = subprocess.run(
            ["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", "1",
             "--cluster-yes"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if made.returncode != 0:
            raise RuntimeError(made.stdout + made.stderr)
        _wait_until(
            lambda: (
                all(b"cluster_state:ok" in s.send("CLUSTER", "INFO") for s in servers)
                and sum(b"master_link_status:up" in s.send("INFO", "replication") for s in servers)
                == primaries
            )
        )
        servers.sort(key=lambda s: b"role:master" not in s.send("INFO", "replication"))
        yield servers


@contextmanager
def redis_sentinel(folder: Path) -> Iterator[tuple[str, list[RedisServer]]]:
    """Start a primary, its replica and three sentinels; yield the URL, and both servers."""
    with ExitStack() as stack:
        primary = stack.enter_context(redis_server(folder))
        replica = stack.enter_context(
            redis_server(folder, "--replicaof", "127.0.0.1", str(primary.port))
        )
        places = []
        for _ in range(3):
            port = free_port()
            config = folder / f"sentinel-{port}.conf"
            config.write_text(
                f"port {port}\nbind 127.0.0.1\nsentinel monitor shop 127.0.0.1 {primary.port} 2\n"
                "sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 3000\n"
            )
            process = subprocess.Popen(
                [SERVER, str(config), "--sentinel"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            places.append(f"127.0.0.1:{port}")
        _wait_until(lambda: b"master_link_status:up" in replica.send("INFO", "replication"))
        watcher = RedisServer.__new__(RedisServer)
        watcher.port = int(places[0].rpartition(":")[2])
        _wait_until(lambda: _knows_all(watcher))
        yield f"redis+sentinel://{','.join(places)}/shop", [primary, replica]


def _knows_all(watcher: RedisServer) -> bool:
    try:
        found = watcher.send("INFO", "sentinel")
    except OSError:
        return False
    return b"slaves=1,sentinels=3" in found


def _port_for_a_cluster() -> int:
    # The bus of a node listens 10,000 ports further.
    while True:
        port = free_port()
        if port > 55_000:
            port -= 20_000
        try:
            for each in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", each))
        except OSError:
            continue
        return port


def _wait_until(condition: object, seconds: float = 30.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the servers do not come up")
        time.sleep(0.05)
