"""How requests are sent: never a change twice, at the run's rate, within its budget."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from cart_conformance.exchange import Answer
from cart_conformance.target.transport import (
    NOT_JSON,
    BudgetSpent,
    NetworkError,
    Request,
    Throttled,
    TimedOut,
    Transport,
    Unavailable,
)

from tests.conformance.servers.reference import serving_handler


class Scripted(BaseHTTPRequestHandler):
    """A handler that answers from a list and keeps its requests. None drops the connection."""

    protocol_version = "HTTP/1.1"
    script: list[tuple[int, dict[str, str], bytes] | None]
    seen: list[tuple[str, str, dict[str, str], bytes]]
    lock = threading.Lock()

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.lock:
            self.seen.append((self.command, self.path, dict(self.headers.items()), body))
            answer = self.script.pop(0) if self.script else (200, {}, b"{}")
        if answer is None:
            self.close_connection = True
            return
        status, headers, payload = answer
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(payload))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


@contextmanager
def scripted(*script: Any) -> Iterator[tuple[str, list[Any]]]:
    """A server with scripted answers, and the requests that it received."""
    handler = type("Told", (Scripted,), {"script": list(script), "seen": []})
    with serving_handler(handler) as url:
        yield url, handler.seen  # type: ignore[attr-defined]  # set just above


def transport(**changed: Any) -> Transport:
    values: dict[str, Any] = {
        "rate": 0,
        "max_requests": 100,
        "timeout": 2,
        "max_time": 60,
        "target": "http://127.0.0.1",
    }
    return Transport(**(values | changed))


OK: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
ENVELOPE = b'{"errors":[{"status":503,"title":"Service Unavailable"}]}'


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_change_whose_answer_is_lost_is_not_sent_again(method: str) -> None:
    # The first answer keeps the connection open: the trap is a retry on a reused connection.
    with scripted(OK, None, OK) as (url, seen):
        sender = transport()
        sender.send(Request("GET", url, {}))
        with pytest.raises(NetworkError):
            sender.send(Request(method, url, {}, b"{}"))
    assert [each[0] for each in seen] == ["GET", method]


def test_a_get_whose_answer_is_lost_is_sent_once_more() -> None:
    with scripted(OK, None, OK) as (url, seen):
        sender = transport()
        sender.send(Request("GET", url, {}))
        assert sender.send(Request("GET", url, {})).status == 200
    assert len(seen) == 3


def test_a_429_is_waited_out_as_the_server_asks() -> None:
    waits: list[float] = []
    with scripted((429, {"Retry-After": "7"}, b""), (429, {}, b""), OK) as (url, seen):
        answer = transport(sleep=waits.append).send(Request("POST", url, {}, b"{}"))
    assert answer.status == 200
    assert len(seen) == 3
    assert waits[0] == 7
    assert waits[1] > 0


def test_a_503_that_asks_to_be_tried_later_is_no_answer() -> None:
    later = (503, {"Retry-After": "7"}, b"")
    waits: list[float] = []
    with scripted(later, OK, later, (503, {}, ENVELOPE)) as (url, seen):
        sender = transport(sleep=waits.append)
        assert sender.send(Request("GET", url, {})).status == 200
        with pytest.raises(Unavailable):
            sender.send(Request("POST", url, {}, b"{}"))
        assert sender.send(Request("GET", url, {})).status == 503
    assert waits == [7.0]
    assert [each[0] for each in seen] == ["GET", "GET", "POST", "GET"]


def test_a_date_is_waited_for_as_well() -> None:
    waits: list[float] = []
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    with scripted((429, {"Retry-After": at}, b""), OK) as (url, _):
        transport(sleep=waits.append).send(Request("GET", url, {}))
    assert 0 < waits[0] <= 10


@pytest.mark.parametrize("status", [502, 503, 504, *range(520, 528), 530])
@pytest.mark.parametrize("body", [b"", b"<h1>Bad gateway</h1>", b'{"message":"no answer"}'])
def test_what_a_gateway_says_when_it_got_no_answer_is_no_answer(status: int, body: bytes) -> None:
    gateways: tuple[int, dict[str, str], bytes] = (status, {}, body)
    with scripted(gateways, OK, gateways, gateways, gateways, OK) as (url, seen):
        sender = transport()
        assert sender.send(Request("GET", url, {})).status == 200
        with pytest.raises(Unavailable):
            sender.send(Request("GET", url, {}))
        with pytest.raises(Unavailable):
            sender.send(Request("POST", url, {}, b"{}"))
        assert sender.send(Request("POST", url, {}, b"{}")).status == 200
    assert len(seen) == 6


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_a_deployment_says_of_itself_is_its_answer(status: int) -> None:
    with scripted((status, {}, ENVELOPE)) as (url, _):
        assert transport().send(Request("POST", url, {}, b"{}")).status == status


@pytest.mark.parametrize(("status", "fault"), [(429, Throttled), (503, Unavailable)])
def test_a_server_that_is_waited_for_in_vain_is_waited_for_once(
    status: int, fault: type[Exception]
) -> None:
    waits: list[float] = []
    always = [(status, {"Retry-After": "1"}, b"")] * 7
    with scripted(*always, OK, *always) as (url, _):
        sender = transport(sleep=waits.append)
        for expected in (5, 5, 5, 10):
            with suppress(fault):
                sender.send(Request("GET", url, {}))
            assert len(waits) == expected


def test_endless_429_is_an_interruption() -> None:
    always = [(429, {"Retry-After": "0"}, b"")] * 20
    with scripted(*always) as (url, _), pytest.raises(Throttled):
        transport(sleep=lambda _: None).send(Request("POST", url, {}))


def test_no_wait_is_longer_than_the_run() -> None:
    with scripted((429, {"Retry-After": "20"}, b"")) as (url, _), pytest.raises(BudgetSpent):
        transport(max_time=5).send(Request("GET", url, {}))


def test_redirects_are_not_followed() -> None:
    with scripted((302, {"Location": "/elsewhere"}, b"")) as (url, seen):
        assert transport().send(Request("GET", url, {})).status == 302
    assert len(seen) == 1


def test_cookies_are_not_carried_over() -> None:
    with scripted((200, {"Set-Cookie": "who=somebody; Path=/"}, b"{}"), OK) as (url, seen):
        sender = transport()
        for _ in range(2):
            sender.send(Request("GET", url, {}))
    assert "Cookie" not in seen[1][2]


def test_a_netrc_replaces_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted() as (url, seen):
        transport().send(Request("GET", url, {"Authorization": "Bearer mine"}))
        transport().send(Request("GET", url, {}))
    assert seen[0][2]["Authorization"] == "Bearer mine"
    assert "Authorization" not in seen[1][2]


def test_what_is_sent_is_sent_byte_for_byte() -> None:
    with scripted() as (url, seen):
        transport().send(
            Request(
                "DELETE", f"{url}/a%20b?page[limit]=1", {"x-moltin-CUSTOMER-token": "t"}, b"\xff["
            )
        )
    method, path, headers, body = seen[0]
    assert (method, body) == ("DELETE", b"\xff[")
    assert path.startswith("/a%20b?page")
    assert headers["x-moltin-CUSTOMER-token"] == "t"


def test_a_server_that_hangs_times_out() -> None:
    class Hangs(Scripted):
        def serve(self) -> None:
            time.sleep(3)

        do_GET = serve  # noqa: N815 - http.server's name

    with serving_handler(Hangs) as url, pytest.raises(TimedOut):
        transport(timeout=0.2).send(Request("GET", url, {}))


def test_the_budget_of_requests_is_kept() -> None:
    with scripted() as (url, seen):
        sender = transport(max_requests=2)
        for _ in range(2):
            sender.send(Request("GET", url, {}))
        with pytest.raises(BudgetSpent):
            sender.send(Request("GET", url, {}))
        assert len(seen) == 2
        sender.budget.grant_more(1, 10)
        sender.send(Request("GET", url, {}))
    assert len(seen) == 3


def test_requests_keep_to_the_rate() -> None:
    now = [0.0]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    with scripted() as (url, _):
        sender = transport(rate=4, clock=lambda: now[0], sleep=sleep)
        for _ in range(5):
            sender.send(Request("GET", url, {}))
    assert sum(waits) == pytest.approx(1.0)


def test_what_is_no_json_is_no_document() -> None:
    deep = b"[" * 100_000
    with scripted((200, {}, b"<html>"), (200, {}, deep), (200, {}, b"\xff")) as (url, _):
        sender = transport()
        assert [sender.send(Request("GET", url, {})).document for _ in range(3)] == [NOT_JSON] * 3


class Drips(Scripted):
    """Sends its answer in single bytes, each within the timeout of a read."""

    part = "body"

    def serve(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        with suppress(OSError):
            if self.part == "body":
                self.wfile.write(head)
            for byte in head if self.part == "head" else b"{" * 1000:
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)

    do_GET = do_POST = serve  # noqa: N815 - http.server's names


@pytest.mark.parametrize("part", ["head", "body"])
def test_transport_answer_that_drips_is_cut_at_one_and_a_half_timeouts(part: str) -> None:
    handler = type("Bound", (Drips,), {"part": part})
    with serving_handler(handler) as url:
        started = time.monotonic()
        with pytest.raises(TimedOut, match="no whole answer within"):
            transport(timeout=0.4).send(Request("POST", url, {}, b"{}"))
        assert 0.5 < time.monotonic() - started < 1.0


def test_transport_answer_that_ends_the_connection_is_read_whole() -> None:
    body = b"[" + b"1," * 100_000 + b"1]"
    with scripted((200, {"Connection": "close"}, body), OK) as (url, seen):
        sender = transport()
        assert sender.send(Request("GET", url, {})).body == body
        assert sender.send(Request("GET", url, {})).status == 200
    assert len(seen) == 2


def test_transport_sends_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted() as (url, _):
        sender = transport()
        sender.send(Request("GET", url, {}))  # The server starts a thread for the connection.
        monkeypatch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread"))
        sender.send(Request("GET", url, {}))
        monkeypatch.undo()


# --- Handed to Schemathesis ---


def schemathesis_case() -> Any:
    """A POST as Schemathesis makes it."""
    paths = {"/carts": {"post": {"responses": {"200": {"description": "Made"}}}}}
    info = {"title": "T", "version": "1"}
    schema = schemathesis.openapi.from_dict({"openapi": "3.0.3", "info": info, "paths": paths})
    return schema["/carts"]["POST"].Case()


def test_case_call_with_our_session_never_sends_a_change_twice() -> None:
    # With a session of its own, Case.call sends a request again whose connection was dropped.
    with scripted(OK, None, OK) as (url, seen):
        sender = transport()
        sender.send(Request("GET", url, {}))
        with pytest.raises(NetworkError):
            schemathesis_case().call(base_url=url, session=sender.http)
    assert [each[0] for each in seen] == ["GET", "POST"]


def test_case_call_with_our_session_follows_no_redirect() -> None:
    with scripted((302, {"Location": "/elsewhere"}, b"")) as (url, seen):
        answer = schemathesis_case().call(base_url=url, session=transport().http)
    assert answer.status_code == 302
    assert len(seen) == 1


def test_case_call_with_our_session_keeps_to_the_budget() -> None:
    with scripted() as (url, seen):
        sender = transport(max_requests=1)
        assert schemathesis_case().call(base_url=url, session=sender.http).status_code == 200
        with pytest.raises(BudgetSpent):
            schemathesis_case().call(base_url=url, session=sender.http)
    assert len(seen) == 1


def test_case_call_with_our_session_is_cut_at_the_deadline() -> None:
    with serving_handler(Drips) as url:
        sender = transport(timeout=0.4)
        with pytest.raises(TimedOut):
            schemathesis_case().call(base_url=url, session=sender.http)


def test_json_of_a_long_answer_is_not_kept_with_it() -> None:
    def answer(number: int, length: int) -> Answer:
        body = json.dumps({"data": [number] * length}).encode()
        return Answer(Request("GET", "http://x/", {}), 200, {}, body, 0.0)

    short, long, other = answer(1, 3), answer(2, 100_000), answer(3, 100_000)
    assert short.document is short.document
    assert long.document is long.document
    assert other.data == [3] * 100_000
    assert long.data == [2] * 100_000
    assert not any(isinstance(value, dict) and value for value in vars(long).values())
