"""What a stranger sends takes no more than its bound: connections, handshakes, snapshots."""

from __future__ import annotations

import resource
import select
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.client import WorkbenchError
from cart_mock.launch import allow_files
from cart_mock.owners import Owner
from cart_mock.server import Tls, server_of
from cart_mock.state.entities import Cart
from cart_mock.state.seed import parse_seed
from cart_mock.state.store import Store
from cart_mock.state.tinydb_tables import StorageFailed
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.testing import CartMock, in_process

from tests.conformance.servers.guarded import Issuer
from tests.mock import processes
from tests.mock.world import World


@contextmanager
def listening(**options: object) -> Iterator[tuple[str, int]]:
    """Serve a mock on a free port with options of the server; yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(tenants=options.pop("tenants", None))  # type: ignore[arg-type]  # as below
    server = server_of(app, "error", **options)  # type: ignore[arg-type]  # its options
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

        def is_closed(connection: socket.socket) -> bool:
            return bool(select.select([connection], [], [], 0.2)[0])

        silent = [connected(), connected()]
        assert status(address) == b"HTTP/1.1 503"
        silent.append(held := connected())
        while is_closed(held):  # the mock has to notice that the refused one has left
            silent[-1] = held = connected()
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


def full(answer: httpx.Response, whose: str) -> bool:
    """Whether a request was refused because a store, or all of them, are full."""
    [error] = answer.json()["errors"]
    text = f"{whose} what --store-memory allows. Nothing was changed"
    return answer.status_code == error["status"] == 507 and text in error["detail"]


@pytest.mark.parametrize("data", [False, True], ids=["memory", "disk"])
def test_content_of_all_stores_and_of_one_has_a_bound_in_bytes(tmp_path: Path, data: bool) -> None:
    folder = tmp_path if data else None
    with World(data=folder, store_memory=200_000) as world:
        long = {"data": {"name": "Long", "description": "x" * 5000}}

        def add(headers: dict[str, str]) -> httpx.Response:
            return world.send("POST", "/v2/carts", headers, json=long)

        admin, ada = world.admin, world.as_ada()
        made = [add(admin) for _ in range(20)]
        cart = made[0].json()["data"]
        assert cart["description"] == "x" * 5000
        assert {answer.status_code for answer in made} == {201, 507}
        assert full(made[-1], "the store has half of")
        person = {"type": "customer", "name": "B", "email": "b@example.com", "password": "secret-1"}
        while (
            answer := world.send("POST", "/v2/customers", admin, json={"data": person})
        ).is_success:
            person["email"] = f"b{person['email']}"
        assert full(answer, "the store has half of")
        # What does not add goes on: reads, logins, smaller values, deletions; and other stores.
        assert world.send("GET", f"/v2/carts/{cart['id']}", admin).status_code == 200
        assert world.token("client_credentials")
        assert world.carts_of(world.as_ada()) == world.carts_of(ada)
        path = f"/v2/carts/{cart['id']}"
        short = {"data": {"description": "short"}}
        assert world.send("PUT", path, admin, json=short).status_code == 200
        assert add(admin).status_code == 507  # it is larger than what became free
        assert world.send("GET", "/_mock/ready").status_code == 200
        assert world.send("DELETE", path, admin).status_code == 204
        rest = [each.json()["data"]["id"] for each in made if each.is_success][1:]
        assert world.send("DELETE", f"/v2/carts/{rest.pop()}", admin).status_code == 204
        assert add(admin).status_code == 201
        other = world.token("client_credentials", "other")
        made = [add(other) for _ in range(20)]
        assert made[0].status_code == 201
        assert full(made[-1], "the store has half of")
        third = world.token("client_credentials", "third")
        assert full([add(third) for _ in range(20)][-1], "all stores have")
        # A state that is too large changes nothing, and one that is smaller is taken.
        before = world.everything()
        large = {"carts": [{"id": f"c{n}", "description": "x" * 1000} for n in range(60)]}
        sent = world.send("PUT", "/_mock/stores/shop/state", json=large)
        assert full(sent, "all stores have")
        assert world.everything() == before
        for name in ("other", "third"):
            assert world.send("DELETE", f"/_mock/stores/{name}").status_code == 204
        assert full(
            world.send("PUT", "/_mock/stores/shop/state", json=large), "the store has half of"
        )
        assert world.send("POST", "/_mock/stores/shop/reset").status_code == 200
        assert add(admin).status_code == 201
        memory = world.site.tenants._store_memory
        used = memory.used
        assert 5800 < used < 10_000
    assert memory.used == 0
    if data:
        tenants = TenantRegistry(data=tmp_path, store_memory=200_000)
        assert tenants._store_memory.used == used
        tenants.close()


def test_cart_does_not_grow_without_end_by_its_changes() -> None:
    with World(most_of_document=50_000) as world:
        path = f"/v2/carts/{world.cart('c')}"
        for number in range(9):
            item = {"type": "custom_item", "name": f"Tea {number}", "quantity": 1,
                    "price": {"amount": 5}, "description": "x" * 10_000}  # fmt: skip
            answer = world.send("POST", f"{path}/items", world.admin, json={"data": item})
            assert answer.status_code == (201 if number < 4 else 507), answer.text
        text = "it would have more than 50000 bytes (see --body-limit). Nothing was changed"
        assert text in answer.json()["errors"][0]["detail"]
        assert len(world.send("GET", f"{path}/items", world.admin).json()["data"]) == 4


def test_clients_that_do_not_read_are_disconnected_when_much_waits_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cart_mock.http.connection.MOST_UNSENT", 8_000_000)
    tenants = TenantRegistry()
    store = tenants.use("shop").store
    for number in range(20):
        store.put_cart(Cart(f"c{number}", "N", 2**31, 2**31, description="x" * 500_000))
    ends = 0
    with listening(tenants=tenants) as address, ExitStack() as opened:
        url = "http://{}:{}".format(*address)
        form = {"grant_type": "client_credentials", "client_id": "shop", "client_secret": "s"}
        granted = httpx.post(f"{url}/oauth/access_token", data=form)
        token = f"Bearer {granted.json()['access_token']}"
        request = f"GET /v2/carts HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode()
        slow = []
        for _ in range(5):  # each answer has 10 MB
            slow.append(opened.enter_context(socket.create_connection(address, timeout=60)))
            slow[-1].sendall(request)
            slow[-1].recv(1)
        answer = httpx.get(f"{url}/v2/carts/c1", headers={"Authorization": token})
        assert answer.status_code == 200
        for each in slow:
            got = 0
            with suppress(ConnectionError):
                while part := each.recv(1_000_000):
                    got += len(part)
                    if got > 10_000_000:
                        break
            ends += got < 10_000_000
    assert 2 <= ends <= 4


def fill_up(store: Store) -> None:
    for number in range(99):
        store.put_cart(Cart(f"d{number}", "New", 2**31, 2**31))


def test_what_stores_share_is_counted_once_they_change_it() -> None:
    seed = parse_seed(b'{"carts":[{"id":"a"},{"id":"b"}]}', "seed")
    tenants = TenantRegistry(seed=seed, store_memory=10_000)
    memory = tenants._store_memory
    stores = [tenants.use(str(number)).store for number in range(100)]
    assert memory.used == 0
    stores[0].put_cart(Cart("a", "Changed" * 30, 2**31, 2**31))
    assert 0 < memory.used < 300  # what is shared stays, so that only the difference is new
    for number in range(3):
        stores[1].put_cart(Cart(f"c{number}", "New", 2**31, 2**31))
    stores[2].delete_cart("a")
    used = memory.used
    assert 2500 < used < 3300
    with pytest.raises(StorageFailed, match="half of what --store-memory allows"):
        fill_up(stores[1])
    tenants.delete("1")
    assert memory.used < 300


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


class Endless(socketserver.BaseRequestHandler):
    """Sends an answer without end, as fast as it is read."""

    def handle(self) -> None:
        self.request.recv(65_536)
        with suppress(OSError):
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            while True:
                self.request.sendall(b"x" * 65_536)


def memory_of(process: int) -> float:
    """The resident memory of a process in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def test_forwarded_answers_that_are_not_read_leave_nothing_behind() -> None:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Endless, bind_and_activate=True)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    used = []
    with server, processes.mock("--forward", f"http://127.0.0.1:{server.server_address[1]}") as run:
        host, port = run.url.removeprefix("http://").split(":")
        for _ in range(4):
            with ExitStack() as opened:
                for _ in range(20):
                    client = socket.create_connection((host, int(port)), timeout=60)
                    opened.enter_context(client).sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert client.recv(12) == b"HTTP/1.1 200"
                time.sleep(0.5)
            time.sleep(1.5)  # the mock notices that they left, and collects what is left of them
            used.append(memory_of(run.process.pid))
        server.shutdown()
    assert max(used) - used[0] < 60, used  # 3 to 5 MB for each were kept, 240 MB and more
