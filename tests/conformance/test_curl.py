"""The curl line of a deviation sends the same request as the run."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cart_conformance.reports.text import curl

from tests.conformance.streams import EXCHANGE, TARGET


@dataclass
class Caught:
    """A request as a server gets it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class RequestCatcher(ThreadingHTTPServer):
    """Keeps what it is sent, and answers 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CatchingHandler)
        self.caught: list[Caught] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class CatchingHandler(BaseHTTPRequestHandler):
    """Hands each request to its server."""

    def answer(self) -> None:
        """Keep the request, answer 200."""
        assert isinstance(self.server, RequestCatcher)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.caught.append(Caught(self.command, self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 - what http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name it has there
        """Say nothing."""


@pytest.fixture(scope="module")
def request_catcher() -> Iterator[RequestCatcher]:
    """A server that keeps what it is sent."""
    with RequestCatcher() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


SENT = {
    "a JSON body": EXCHANGE,
    "quotes": replace(EXCHANGE, request_body='it\'s "this" $HOME `id` \\ !'),
    "a body that names a file": replace(EXCHANGE, request_body="@/etc/hostname"),
    "an empty body": replace(EXCHANGE, request_body=""),
    "control characters": replace(EXCHANGE, request_body="a\x01\x1b\n\t\\x41'"),
    "an empty header": replace(EXCHANGE, request_headers=(("X-Moltin-Customer-Token", ""),)),
    "no body": replace(EXCHANGE, request_body=None),
    "GET": replace(EXCHANGE, method="GET", request_body=None, request_headers=()),
    "GET with a body": replace(EXCHANGE, method="GET"),
    "DELETE": replace(EXCHANGE, method="DELETE"),
    "HEAD": replace(EXCHANGE, method="HEAD", request_body=None),
    "brackets": replace(EXCHANGE, url=f"{TARGET}/v2/carts?page[limit]=1&a={{b}}"),
}


@pytest.mark.parametrize("name", SENT)
def test_a_curl_line_sends_the_same_request(name: str, request_catcher: RequestCatcher) -> None:
    sent = SENT[name]
    moved = replace(sent, url=sent.url.replace(TARGET, request_catcher.url))
    done = subprocess.run(["bash", "-c", curl(moved)], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    caught = request_catcher.caught.pop()
    assert caught.method == sent.method
    assert caught.path == sent.url.removeprefix(TARGET)
    assert caught.body == (sent.request_body or "").encode()
    expected = dict(sent.request_headers)
    expected.pop("Content-Length", None)
    assert expected.items() <= caught.headers.items()
    assert ("Content-Type" in caught.headers) == ("Content-Type" in expected)
