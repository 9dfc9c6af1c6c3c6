"""What a stranger sends takes no more than its bound: connections, handshakes, snapshots."""

from __future__ import annotations

import resource
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from cart_mock.app import create_app
from cart_mock.client import WorkbenchError
from cart_mock.launch import allow_files
from cart_mock.owners import Owner
from cart_mock.server import Tls, server_of
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.testing import CartMock, in_process

from tests.conformance.servers.guarded import Issuer
from tests.mock.world import World


@contextmanager
def listening(**options: object) -> Iterator[tuple[str, int]]:
    """Serve a mock on a free port with options of the server; yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = server_of(create_app(), "error", **options)  # type: ignore[arg-type]  # its options
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        server.should_exit = True
        thread.join(timeout=30)


@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_handshake_that_stays_silent_is_ended(tmp_path: Path, hello: bytes) -> None:
    issuer = Issuer(tmp_path)
    with (
        listening(tls=Tls(*issuer.issue("mock")), keep_alive=1) as address,
        socket.create_connection(address, timeout=60) as silent,
    ):
        silent.sendall(hello)
        assert silent.recv(1) == b""
        context = ssl.create_default_context(cafile=str(issuer.file))
        with (
            socket.create_connection(address, timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as talking,
        ):
            talking.sendall(b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert talking.recv(12) == b"HTTP/1.1 200"


def test_silent_handshakes_count_as_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cart_mock.http.connection.MOST_REFUSALS", 1)
    issuer = Issuer(tmp_path)
    context = ssl.create_default_context(cafile=str(issuer.file))
    request = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def status(address: tuple[str, int]) -> bytes:
        with (
            socket.create_connection(address, timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as talking,
        ):
            talking.sendall(request)
            return talking.recv(12)

    options = {"tls": Tls(*issuer.issue("mock")), "max_connections": 2}
    with ExitStack() as opened, listening(**options) as address:

        def connected() -> socket.socket:
            return opened.enter_context(socket.create_connection(address, timeout=60))

        silent = [connected(), connected()]
        assert status(address) == b"HTTP/1.1 503"
        silent.append(connected())
        with socket.create_connection(address, timeout=60) as closed:
            assert closed.recv(1) == b""
        silent.pop().close()
        silent.pop().sendall(b"GET / HTTP/1.1\r\n\r\n")  # not TLS, which ends the handshake
        found = b""
        while found != b"HTTP/1.1 200":  # the mock has to notice that they have left
            with suppress(ConnectionError, ssl.SSLError):
                found = status(address)
        left = time.monotonic()
    assert time.monotonic() - left < 4  # the silent one does not keep the mock from its end


def test_refused_connection_gets_its_answer_and_a_place_when_another_leaves() -> None:
    request = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with listening(max_connections=1) as address:
        with socket.create_connection(address, timeout=60) as first:
            first.sendall(request)
            assert first.recv(12) == b"HTTP/1.1 200"
            with socket.create_connection(address, timeout=60) as second:
                assert second.recv(12) == b"HTTP/1.1 503"
                second.sendall(request)
                while second.recv(10_000):
                    """Read to the end: the client's bytes do not break the answer."""
        status = b""
        while status != b"HTTP/1.1 200":  # the mock has to notice that the first has left
            with socket.create_connection(address, timeout=60) as third:
                third.sendall(request)
                status = third.recv(12)
        assert status == b"HTTP/1.1 200"


def test_process_may_have_as_many_files_as_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
        allow_files(150)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (350, before[1])
        allow_files(1)  # fewer are not taken away
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (350, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_snapshots_of_all_stores_have_a_bound_in_bytes() -> None:
    tenants = TenantRegistry(snapshot_memory=100_000)
    with in_process(create_app(tenants=tenants)) as client:
        mock, other = CartMock(client, "shop"), CartMock(client, "other")
        cart = {"id": "c", "description": "x" * 20_000}
        for each in (mock, other):
            each.import_state({"carts": [cart]})
        mock.take_snapshot("one")
        mock.take_snapshot("one")  # in place of the first
        other.take_snapshot("two")
        with pytest.raises(WorkbenchError, match="more than 100000 bytes") as found:
            mock.take_snapshot("three")
        assert found.value.status == 409
        assert [each["name"] for each in mock.snapshots()] == ["one"]
        other.delete()
        mock.take_snapshot("three")
        mock.delete_snapshot("one")
        mock.take_snapshot("four")


def test_snapshots_and_stubs_of_a_store_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cart_mock.workbench.snapshots_api.MAX_SNAPSHOTS", 2)
    with in_process(create_app()) as client:
        mock = CartMock(client, "shop")
        for name in ("one", "two", "one"):
            mock.take_snapshot(name)
        with pytest.raises(WorkbenchError, match="this store has 2 snapshots"):
            mock.take_snapshot("three")
        with pytest.raises(WorkbenchError, match="The request does not match"):
            mock.set_stubs(*({"path": f"/x/{number}"} for number in range(1001)))


def test_snapshot_of_a_cart_with_many_customers_is_taken() -> None:
    with World() as world:
        world.put_cart("c", tuple(Owner("customer", f"c{number}") for number in range(40)))
        assert world.send("PUT", "/_mock/stores/shop/snapshots/one").status_code == 200
