"""The accelerator and the app behind uvicorn write the same to the wire, byte for byte."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from cart_mock.accelerator.protocol import AcceleratedProtocol, Shared, accelerated
from cart_mock.app import create_app
from cart_mock.http import connection
from cart_mock.http.connection import MockProtocol
from cart_mock.server import server_of
from cart_mock.testing import CartMock, served
from uvicorn.server import ServerState

from tests.mock import test_http
from tests.mock.world import JSON, PASSWORD, World
from tests.probes import PROBES
from tests.probes.row import ASSOCIATIONS
from tests.shared.sizes import size

ASSOCIATES = "relationships/customers"
ASSOCIATION = f"/v2/carts/c/{ASSOCIATES}"


WRONG_BODIES = [
    body if isinstance(body, bytes) else json.dumps(body).encode()
    for body in (probe.request.body for probe in PROBES if probe.operation in ASSOCIATIONS)
]
"""The body of every row about associations."""


class Sent(NamedTuple):
    """A request, to be sent to both."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"]
SEGMENTS = [
    "v2", "carts", "customers", "relationships", "tokens", "oauth", "access_token", "c", "a%2Fb",
    "a%2fb", "%25", "%C3%A9", "%FF", "..", "", "ui", "openapi.json", "a;b=c",
]  # fmt: skip
BODIES = [
    b"", b"{}", b"[]", b"null", b'{"data":[]}', b'{"data":{"name":"x"}}', b"\xff", b"a=b",
    b'{"data":[{"type":"customer","id":"id-1"}]}', b"grant_type=implicit&client_id=shop",
]  # fmt: skip
MEDIA = [JSON, "text/plain", "application/x-www-form-urlencoded", "", ";", "multipart/form-data"]
QUERIES = [
    "",
    "?page[limit]=1",
    "?page%5Blimit%5D=x",
    "?page[offset]=-1",
    "?&=&&x",
    "?page[limit]=",
]


def odd_requests(rng: random.Random, headers: list[dict[str, str]], count: int) -> Iterator[Sent]:
    paths = ["/v2/carts/c/relationships/customers", "/v2/carts", "/v2/carts/c", "/v2/customers",
             "/v2/customers/tokens", "/v2/customers/id-1", "/oauth/access_token"]  # fmt: skip
    for _ in range(count):
        made = "/" + "/".join(rng.choices(SEGMENTS, k=rng.randint(1, 5)))
        sent_headers = dict(rng.choice(headers))
        if rng.random() < 0.8:
            sent_headers["Content-Type"] = rng.choice(MEDIA)
        if rng.random() < 0.2:
            sent_headers["Origin"] = "https://shop.example"
        path = (rng.choice(paths) if rng.random() < 0.6 else made) + rng.choice(QUERIES)
        yield Sent(rng.choice(METHODS), path, sent_headers, rng.choice(BODIES))


class Wire(asyncio.Transport):
    """The transport of a connection in this process: what is written is kept."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self.written: list[bytes] = []
        self.closed = False
        self.lost: Callable[[Exception | None], None] | None = None

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed and self.lost is not None:
            self._loop.call_soon(self.lost, None)
        self.closed = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.close()

    def abort(self) -> None:
        self.close()

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing is read here."""

    def resume_reading(self) -> None:
        """Nothing is read here."""


class Answered(NamedTuple):
    """What came back: the bytes, in how many writes, and whether the connection was closed."""

    content: bytes
    writes: int
    closed: bool


def protocol_of(world: World) -> type[AcceleratedProtocol]:
    """The accelerator in front of a world's application."""
    app = world.site.app
    return accelerated(Shared(app.paths, app.mock.endpoints, app.requests))


class Line:
    """A connection to a world's application, by the accelerator or by uvicorn alone."""

    def __init__(self, world: World, *, short: bool) -> None:
        self._runner = asyncio.Runner()
        self._state = ServerState()
        self._protocol = protocol_of(world) if short else MockProtocol
        self.config = uvicorn.Config(
            world.site.app, http=self._protocol, ws="none", access_log=False, server_header=False,
            date_header=False, log_config=None, lifespan="off",
        )  # fmt: skip
        self.config.load()
        self.open()

    def open(self) -> None:
        """Open a new connection."""
        loop = self._runner.get_loop()
        self.wire = Wire(loop)
        self.connection = self._protocol(self.config, self._state, {}, loop)
        self.wire.lost = self.connection.connection_lost
        self.connection.connection_made(self.wire)

    def begin(self, *chunks: bytes) -> None:
        """Send bytes as they are."""

        async def feed() -> None:
            for chunk in chunks:
                if not self.wire.closed:
                    self.connection.data_received(chunk)
                await asyncio.sleep(0)

        self._runner.run(feed())

    def send(self, *chunks: bytes) -> Answered:
        """Send bytes as they are, and wait until all that they ask for is answered."""

        async def settle() -> None:
            while self._state.tasks:
                await asyncio.wait(list(self._state.tasks), timeout=10)

        self.begin(*chunks)
        self._runner.run(settle())
        written = self.wire.written
        answered = Answered(b"".join(written), len(written), self.wire.closed)
        written.clear()
        return answered

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._runner.run(asyncio.sleep(seconds))

    def close(self) -> None:
        """Lose the connection."""

        self.wire.close()
        self.wait(0)
        self._runner.close()


def raw(
    method: str, path: str, headers: Mapping[str, str], body: bytes = b"", version: str = "1.1"
) -> bytes:
    """A request as it stands on the wire."""
    fields = {"Host": "mock", **headers}
    if body:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/{version}", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Pair:
    """The same shop behind the accelerator and behind uvicorn alone."""

    def __init__(self, short: World, long: World) -> None:
        self.worlds = (short, long)
        self.lines = (Line(short, short=True), Line(long, short=False))

    def assert_alike(self, *chunks: bytes) -> Answered:
        """Both write the same, and once more to the same again; the accelerator's first answer."""
        answer = self._once(*chunks)
        self._once(*chunks)
        return answer

    def _once(self, *chunks: bytes) -> Answered:
        short, long = (line.send(*chunks) for line in self.lines)
        assert short.content, chunks
        assert b"HTTP/1.1 500" not in short.content, chunks
        assert (short.content, short.closed) == (long.content, long.closed), chunks
        for line in self.lines:
            if line.wire.closed:
                line.open()
        return short


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr("secrets.token_bytes", lambda n=32: b"k" * n)
    monkeypatch.setattr("secrets.token_hex", lambda n=32: "ab" * n)
    with World() as short, World() as long:
        pair = Pair(short, long)
        yield pair
        for line in pair.lines:
            line.close()


def test_each_line_takes_the_way_it_is_meant_to(pair: Pair) -> None:
    """The comparison would prove nothing if both used the same code."""
    request = raw("GET", "/v2/carts", pair.worlds[0].admin)
    short, long = (line.send(request) for line in pair.lines)
    assert (short.writes, long.writes) == (1, 2)
    assert [line.connection.cycle is None for line in pair.lines] == [True, False]


def test_accelerator_and_app_answer_every_row_of_the_probe_table_alike(pair: Pair) -> None:
    for probe in PROBES:
        for world in pair.worlds:
            world.stock()
        for sent in (*probe.prepare, probe.request):
            made, other = (world.rendered(sent) for world in pair.worlds)
            assert made == other
            pair.assert_alike(raw(made.method, made.url, made.headers, made.content))


@pytest.mark.parametrize("seed", range(size(1, 20)))
def test_the_same_requests_again_and_again_while_the_state_changes(pair: Pair, seed: int) -> None:
    """What was judged of a request before is right only for what it does not depend on."""
    one, other = pair.worlds
    carts = ("free", "of-bob", "with-contact")
    for world in pair.worlds:
        for cart in carts:
            world.cart(cart)
    ada, _ = one.as_ada(), other.as_ada()
    callers = [one.admin, one.anonymous, ada, {**one.admin, "X-Moltin-Customer-Token": "x"}]
    good = b'{"data":[{"type":"customer","id":"{ada}"}]}'
    bodies = [*WRONG_BODIES, *[good] * 9]
    draw = random.Random(seed)
    requests = [
        raw("GET", path, caller)
        for path in (
            "/v2/carts",
            "/v2/carts?page[limit]=1&page[offset]=1",
            "/v2/carts?page[limit]=0",
        )
        for caller in callers
    ]
    for _ in range(30):
        cart, caller = draw.choice(carts), draw.choice(callers)
        with_json = {**caller, "Content-Type": JSON}
        body = draw.choice(bodies)
        body = body.replace(b"{ada}", one.ada.encode()).replace(b"{bob}", one.bob.encode())
        path = f"/v2/carts/{cart}"
        new = json.dumps({"data": {"name": "New", "id": cart}}).encode()
        requests += [
            raw(
                draw.choice(["POST", "DELETE"]), f"{path}/relationships/customers", with_json, body
            ),
            raw("GET", path, caller),
            raw("PUT", path, with_json, b'{"data":{"name":"Renamed"}}'),
            raw("DELETE", path, caller),
            raw("POST", "/v2/carts", with_json, new),
        ]
    for request in draw.choices(requests, k=600):
        pair.assert_alike(request)


@pytest.mark.parametrize("seed", range(size(2, 20)))
def test_odd_requests(pair: Pair, seed: int) -> None:
    one, other = pair.worlds
    ada = one.as_ada()
    other.as_ada()
    headers = [one.admin, one.anonymous, ada, {}, {"Authorization": "Bearer x"},
               {**one.admin, "X-Moltin-Customer-Token": "x"}]  # fmt: skip
    for sent in odd_requests(random.Random(seed), headers, 400):
        pair.assert_alike(_raw(sent))


def _raw(sent: Sent) -> bytes:
    return raw(sent.method, sent.path, sent.headers, sent.body)


def test_broken_bodies(pair: Pair) -> None:
    for body, (method, path) in itertools.product(test_http.MALFORMED, test_http.BODIES):
        headers = {**pair.worlds[0].admin, "Content-Type": JSON}
        pair.assert_alike(raw(method, path, headers, body))


def chunked(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    head = raw(method, path, {**headers, "Transfer-Encoding": "chunked"})
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


CREATE = b'{"data":{"id":"%s","name":"Groceries"}}'


def test_what_changes_how_the_exchange_goes_on(pair: Pair) -> None:
    special: list[dict[str, str]] = [
        {"Connection": "close"},
        {"Connection": "keep-alive"},
        {"Expect": "100-continue"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Origin": "https://shop.example"},
        {"Content-Length": "0"},
        {"X-Long": "x" * 20_000},
    ]
    for version, more in itertools.product(("1.0", "1.1"), special):
        headers = {**pair.worlds[0].admin, **more}
        pair.assert_alike(raw("GET", "/v2/carts/c", headers, version=version))
        pair.assert_alike(raw("DELETE", "/v2/carts/nix", headers, version=version))


def test_every_form_of_target(pair: Pair) -> None:
    for target in (
        "/v2/carts#top", "/v2/carts/c#top", "/v2/carts?page[limit]=1#top", "http://mock/v2/carts",
        "//v2/carts", "/v2/carts?", "/v2/carts/%63",
        "/v2/carts/a%2Fb", "/v2/carts?x=%zz", "/v2/carts/", "*",
    ):  # fmt: skip
        pair.assert_alike(raw("GET", target, pair.worlds[0].admin))
    for method, target in (("OPTIONS", "*"), ("CONNECT", "mock:80"), ("CONNECT", "/v2/carts")):
        pair.assert_alike(raw(method, target, pair.worlds[0].admin))


def test_what_is_no_http_at_all(pair: Pair) -> None:
    assert pair.assert_alike(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").closed
    assert pair.assert_alike(raw("GET", "/v2/carts/\xe4", pair.worlds[0].admin)).content


def test_bodies_in_every_number_of_pieces(pair: Pair) -> None:
    headers = {**pair.worlds[0].admin, "Content-Type": JSON}
    for length in (1, 7, 64, 4096):
        request = raw("POST", "/v2/carts", headers, CREATE % str(length).encode())
        pieces = [request[at : at + length] for at in range(0, len(request), length)]
        assert b"201" in pair.assert_alike(*pieces).content
    assert b"201" in pair.assert_alike(
        chunked("POST", "/v2/carts", headers, CREATE % b"chunked")
    ).content  # fmt: skip


def test_compressed_bodies(pair: Pair) -> None:
    headers = {**pair.worlds[0].admin, "Content-Type": JSON, "Content-Encoding": "gzip"}
    for body in (CREATE % b"gz", b" " * 2_000_000):
        pair.assert_alike(raw("POST", "/v2/carts", headers, gzip.compress(body)))
    pair.assert_alike(raw("POST", "/v2/carts", headers, b"{}"))


def test_bodies_at_and_over_the_limit(pair: Pair) -> None:
    headers = {**pair.worlds[0].admin, "Content-Type": JSON}
    limit = 1024 * 1024
    assert b" 403 " in pair.assert_alike(raw("POST", ASSOCIATION, headers, b" " * limit)).content
    over = raw("POST", ASSOCIATION, headers, b" " * (limit + 1))
    assert b" 413 " in pair.assert_alike(over).content


def test_requests_that_come_before_the_answers_are_out(pair: Pair) -> None:
    one = pair.worlds[0]
    attributes = {"type": "token", "email": "ada@example.com", "password": PASSWORD,
                  "authentication_mechanism": "password"}  # fmt: skip
    login = json.dumps({"data": attributes}).encode()
    headers = {**one.admin, "Content-Type": JSON}
    requests = [
        raw("POST", "/v2/carts", headers, CREATE % b"a"),
        raw("GET", "/v2/carts/a", one.admin),
        raw("POST", "/v2/customers/tokens", headers, login),  # waits for its hash
        raw("GET", "/v2/carts/a", one.admin),
        raw("GET", "/nix", one.admin),
        raw("GET", "/v2/carts/a", {**one.admin, "Origin": "https://shop.example"}),
        raw("DELETE", "/v2/carts/a", one.admin),
    ]
    answer = pair.assert_alike(b"".join(requests))
    assert answer.content.count(b"HTTP/1.1 ") == len(requests)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "drop"}, {"kind": "truncate"}, {"kind": "malform"}, {"kind": "lose-reply"},
     {"kind": "latency", "seconds": 0.01},
     {"kind": "error", "rule": "too-many-requests", "retry_after": 3}],
    ids=lambda fault: str(fault["kind"]),
)  # fmt: skip
def test_faults(pair: Pair, fault: dict[str, Any]) -> None:
    for world in pair.worlds:
        made = world.send("POST", "/_mock/stores/shop/faults", json=fault)
        assert made.status_code == 201, made.text
    request = raw("GET", "/v2/carts/c", pair.worlds[0].admin)
    for _ in range(2):
        short, long = (line.send(request) for line in pair.lines)
        assert (short.content, short.closed) == (long.content, long.closed)
        if short.closed:
            break


def test_a_request_under_way_at_shutdown_is_answered(pair: Pair) -> None:
    headers = {**pair.worlds[0].admin, "Content-Type": JSON}
    request = raw("POST", "/v2/carts", headers, CREATE % b"late")
    for line in pair.lines:
        line.begin(request[:-10])
        line.connection.shutdown()
        assert not line.wire.closed
    answer = pair.assert_alike(request[-10:])
    assert answer.content.startswith(b"HTTP/1.1 201 ")
    assert b"connection: close" in answer.content
    assert answer.closed


def test_an_idle_connection_is_closed_at_shutdown(pair: Pair) -> None:
    for line in pair.lines:
        line.send(raw("GET", "/v2/carts/c", pair.worlds[0].admin))
        line.connection.shutdown()
        assert line.wire.closed


def test_a_connection_is_closed_when_it_was_idle_for_its_time_and_not_before(pair: Pair) -> None:
    line = pair.lines[0]
    line.wire.close()
    line.config.timeout_keep_alive = 1
    line.open()
    request = raw("GET", "/v2/carts/c", pair.worlds[0].admin)
    line.send(request)
    line.wait(0.6)
    line.send(request)
    line.wait(0.6)
    assert not line.wire.closed
    line.begin(request[:200])  # the next one has begun
    line.wait(0.6)
    line.begin(request[200:210])
    line.wait(0.6)
    assert not line.wire.closed
    line.send(request[210:])
    line.wait(1.5)
    assert line.wire.closed


@pytest.mark.parametrize("sent", [b"", b"GET /v2/carts HT", b"POST /v2/carts HTTP/1.1\r\nA: b\r\n"])
def test_connection_that_is_silent_before_its_request_is_whole_is_closed(
    pair: Pair, sent: bytes
) -> None:
    for line in pair.lines:
        line.wire.close()
        line.config.timeout_keep_alive = 1
        line.open()
        line.begin(sent)
        line.wait(1.3)
        assert line.wire.closed


@pytest.mark.parametrize("body", [b"", b"x"])
def test_request_that_trickles_in_is_not_waited_for(
    pair: Pair, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LEAST_RATE", 10_000)
    head = raw("POST", "/v2/carts", {"Content-Length": "1000"})
    begun = head if body else head[:20]
    for line in pair.lines:
        line.wire.close()
        line.config.timeout_keep_alive = 0.5  # type: ignore[assignment]  # a test need not wait long
        line.open()
        line.begin(begun)
        for _ in range(4):
            line.begin(b"x")
            line.wait(0.2)
        assert line.wire.closed


def refused(answered: Answered, status: int) -> dict[str, Any]:
    """Return the error of the last answer on a wire, which is an envelope and has an id."""
    head, _, body = answered.content.rpartition(b"\r\n\r\n")
    last = head[head.rindex(b"HTTP/1.1 ") :]
    assert last.startswith(b"HTTP/1.1 %d " % status), last
    assert b"\r\nx-request-id: " in last
    assert answered.closed or status == 431
    error: dict[str, Any]
    [error] = json.loads(body)["errors"]
    assert error["status"] == status
    return error


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    b"GET /v2/carts HTTP/3.1\r\n\r\n",
    b"GET /v2/carts HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\n\r\n",
    b"GET /_mock/stores HTTP/1.1\r\nHost: shop.example\r\nHost: localhost\r\n\r\n",
    b"GET /v2/carts/c HTTP/1.1\r\nHost: shop.example\r\nHost: localhost\r\n\r\n",
    b"GET /v2/carts/c HTTP/1.1\r\n\r\n",
    b"GET /_mock/health HTTP/1.1\r\nAccept: */*\r\n\r\n",
    b"POST /v2/carts HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    b"POST /v2/carts HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST /v2/carts HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /v2/carts HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_refused_in_the_envelope(pair: Pair, garbage: bytes) -> None:
    refused(pair.assert_alike(garbage), 400)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_request_before_garbage_gets_its_own_answer_first(pair: Pair, garbage: bytes) -> None:
    request = raw("GET", "/v2/carts/c", pair.worlds[0].admin)
    login = raw("POST", "/v2/customers/tokens", {**pair.worlds[0].admin, "Content-Type": JSON},
                b'{"data":{"type":"token","email":"ada@example.com","password":"x",'
                b'"authentication_mechanism":"password"}}')  # fmt: skip
    for before in ((request,), (request, login), (login, request)):
        for line in pair.lines:
            answered = line.send(b"".join(before) + garbage)
            refused(answered, 400)
            assert answered.content.count(b"HTTP/1.1 ") == len(before) + 1
            assert answered.content.count(b"HTTP/1.1 400") == 1
            line.open()


def test_request_without_host_is_told_what_is_missing(pair: Pair) -> None:
    error = refused(pair.assert_alike(b"GET /v2/carts/c HTTP/1.1\r\n\r\n"), 400)
    assert "it has no Host header. Send one." in error["detail"]
    assert error["source"] == "Host"


def test_request_of_http_1_0_needs_no_host(pair: Pair) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in pair.worlds[0].admin.items())
    for more in ("", "Connection: keep-alive\r\n"):
        answered = pair.assert_alike(f"GET /v2/carts HTTP/1.0\r\n{lines}{more}\r\n".encode())
        assert answered.content.startswith(b"HTTP/1.1 200 ")


def test_connection_over_the_bound_is_refused_and_one_far_over_it_closed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MockProtocol, "max_connections", 1)
    monkeypatch.setattr(connection, "MOST_REFUSALS", 1)
    for line, world in zip(pair.lines, pair.worlds, strict=True):
        request = raw("GET", "/v2/carts", world.admin)
        first, second = (line.connection, line.wire), line.connection
        line.open()
        answered = line.send(request)
        assert "1 connections already" in refused(answered, 503)["detail"]
        assert b"\r\nretry-after: 1\r\n" in answered.content
        assert answered.content.count(b"HTTP/1.1 ") == 1
        line.open()
        second = line.connection
        line.wire.closed = False  # it does not leave
        second.connections.add(second)
        line.open()
        assert line.send() == Answered(b"", 0, closed=True)
        line.connection, line.wire = first
        assert line.send(request).content.startswith(b"HTTP/1.1 200 ")


def test_requests_that_wait_behind_a_slow_one_have_a_bound(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_WAITING", 3)
    login = raw("POST", "/v2/customers/tokens", {**pair.worlds[0].admin, "Content-Type": JSON},
                b'{"data":{"type":"token","email":"ada@example.com","password":"x",'
                b'"authentication_mechanism":"password"}}')  # fmt: skip
    for line in pair.lines:
        answered = line.send(login * 10)
        assert "3 requests of this connection wait" in refused(answered, 503)["detail"]
        assert answered.content.count(b"HTTP/1.1 401") == 4
        assert answered.content.count(b"HTTP/1.1 ") == 5


def test_head_over_the_limit_is_refused_whole_or_not(pair: Pair) -> None:
    headers = pair.worlds[0].admin
    refused(pair.assert_alike(raw("GET", "/v2/carts", {**headers, "X": "x" * 65_536})), 431)
    refused(pair.assert_alike(raw("GET", f"/v2/carts?{'x' * 65_536}", headers)), 431)
    many = {f"X-{number}": "x" * 100 for number in range(1000)}
    refused(pair.assert_alike(raw("GET", "/v2/carts", {**headers, **many})), 431)
    # These never end.
    piece = b"x" * 50_000
    assert refused(pair.assert_alike(b"GET /", piece, piece, piece), 431)
    begun = raw("GET", "/", headers).removesuffix(b"\r\n")
    answered = pair.assert_alike(begun + b"X: ", piece, piece, piece)
    refused(answered, 431)
    assert answered.closed
    # The token says whose they are, except of the one that ended before it.
    for world in pair.worlds:
        entries = world.tenant.request_log.entries
        assert [entry.answer.status for entry in entries][-4:] == [431] * 4


def test_head_under_the_limit_before_a_large_body_is_served(pair: Pair) -> None:
    headers = {**pair.worlds[0].admin, "Content-Type": JSON, "X": "x" * 60_000}
    request = raw("POST", ASSOCIATION, headers, b" " * 200_000)
    assert b"HTTP/1.1 403" in pair.assert_alike(request).content
    pieces = [request[at : at + 30_000] for at in range(0, len(request), 30_000)]
    assert b"HTTP/1.1 403" in pair.assert_alike(*pieces).content


CHUNKED = {"Content-Type": JSON, "Transfer-Encoding": "chunked"}
CHUNK = b"%x\r\n%b\r\n0\r\n" % (len(CREATE) + 1, CREATE % b"tra")


def test_trailers_are_not_headers(pair: Pair) -> None:
    head = raw("POST", "/v2/carts", {**CHUNKED})
    token = pair.worlds[0].admin["Authorization"].encode()
    trailers = b"Authorization: %b\r\nX-Request: y\r\n\r\n" % token
    assert b"HTTP/1.1 401" in pair.assert_alike(head, CHUNK + trailers).content
    endless = [b"X: %b\r\n" % (b"x" * 40_000)] * 4
    assert pair.assert_alike(head, CHUNK, *endless).closed


def test_half_closed_client_gets_its_answers(pair: Pair) -> None:
    login = raw("POST", "/v2/customers/tokens", {**pair.worlds[0].admin, "Content-Type": JSON},
                b'{"data":{"type":"token","email":"ada@example.com","password":"x",'
                b'"authentication_mechanism":"password"}}')  # fmt: skip
    for line in pair.lines:
        line.begin(login, login)
        assert line.connection.eof_received()
        answered = line.send()
        assert answered.content.count(b"HTTP/1.1 401") == 2
        assert answered.closed
        line.open()
        line.begin(login[:-3])
        assert not line.connection.eof_received()
        line.open()
        # A request that is not whole does not keep a client from the answers to others.
        line.begin(login, login, login[:-3])
        assert line.connection.eof_received()
        answered = line.send()
        assert answered.content.count(b"HTTP/1.1 ") == 2
        assert answered.closed
        line.open()


def test_client_that_leaves_ends_all_its_requests(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    login = raw("POST", "/v2/customers/tokens", {**pair.worlds[0].admin, "Content-Type": JSON},
                b'{"data":{"type":"token","email":"ada@example.com","password":"x",'
                b'"authentication_mechanism":"password"}}')  # fmt: skip
    for line in pair.lines:
        line.begin(login, login, login)
        line.wire.close()
        assert line.send().content == b""
        line.open()
    assert caplog.messages == []


def test_client_that_leaves_ends_an_answer_that_never_comes(pair: Pair) -> None:
    for line, world in zip(pair.lines, pair.worlds, strict=True):
        world.send("POST", "/_mock/stores/shop/faults", json={"kind": "stall"})
        line.begin(raw("GET", "/v2/carts/c", world.admin))
        line.wait(0.05)
        assert not line.connection.eof_received()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_request_with_an_origin_takes_the_short_way_too(pair: Pair, method: str) -> None:
    body = b"" if method == "GET" else b'{"data":[]}'
    path = "/v2/carts" if method == "GET" else ASSOCIATION
    headers = {**pair.worlds[0].admin, "Content-Type": JSON, "Origin": "https://shop.example"}
    answer = pair.assert_alike(raw(method, path, headers, body))
    assert b"access-control-allow-origin: https://shop.example\r\n" in answer.content
    assert b"vary: Origin\r\n" in answer.content
    assert answer.writes == 1


UPGRADE = {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABk"}


def test_a_request_that_offers_an_upgrade_is_answered_with_its_body(pair: Pair) -> None:
    headers = {**pair.worlds[0].admin, "Content-Type": JSON, **UPGRADE}
    answer = pair.assert_alike(raw("POST", "/v2/carts", headers, CREATE % b"up"))
    assert answer.content.startswith(b"HTTP/1.1 201 "), answer
    assert b" 200 OK" in pair.assert_alike(raw("GET", "/v2/carts/up", headers)).content


def test_what_follows_a_request_that_offers_an_upgrade_is_answered_too(pair: Pair) -> None:
    headers = {**pair.worlds[0].admin, **UPGRADE}
    both = raw("GET", "/v2/carts/c", headers) + raw("GET", "/v2/carts/c", pair.worlds[0].admin)
    assert pair.assert_alike(both).content.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("accelerator", [True, False])
def test_server_without_accelerator_leaves_every_request_to_the_app(accelerator: bool) -> None:
    with World() as world:
        server = server_of(world.site.app, "warning", accelerator=accelerator)
        protocol = server.config.http_protocol_class
        assert issubclass(protocol, MockProtocol)
        assert issubclass(protocol, AcceleratedProtocol) is accelerator


def test_served_mock_without_accelerator_answers_and_fails_as_faults_ask() -> None:
    with served(create_app(), accelerator=False) as client:
        mock = CartMock(client)
        assert client.get("/v2/carts", headers=mock.headers()).status_code == 200
        mock.fault("drop", times=1)
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/v2/carts", headers=mock.headers())
