"""Curl lines: pasted into bash, each sends the request that it was made from."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cart_spec.curl import curl_line


@dataclass(frozen=True)
class Sent:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Target:
    """A server that keeps what it is sent."""

    url: str
    requests: list[Sent] = field(default_factory=list)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A server on this machine."""
    kept = Target("")

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept.requests.append(Sent(self.command, self.path, dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - their names there

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


def _run(line: str, **environment: str) -> None:
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, timeout=30, check=False, env=environment
    )
    assert done.returncode == 0, (line, done.stderr)


JSON = [("Content-Type", "application/json")]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("GET", "/v2/carts?page[limit]=1&a={b}", [], None),
        ("GET", "/v2/carts/../x/./y", [], None),
        ("GET", "/v2/carts", JSON, "{}"),
        ("HEAD", "/v2/carts", [], None),
        ("POST", "/v2/carts", [], None),
        ("POST", "/v2/carts", JSON, '{"data": {"name": "it\'s"}}'),
        ("POST", "/v2/carts", [], 'it\'s "this" $HOME `id` \\ !'),
        ("POST", "/v2/carts", JSON, "@/etc/hostname"),
        ("POST", "/v2/carts", JSON, ""),
        ("POST", "/v2/carts", JSON, "a\x01\x1b\n\t\\x41'"),
        ("POST", "/v2/carts", JSON, "a\0b%d\\n\0'7"),
        ("POST", "/v2/carts", JSON, b"\xff\xfea\xc3\xa4\x80"),
        ("PUT", "/v2/carts/a", [("X-Moltin-Customer-Token", "")], "{}"),
        ("DELETE", "/v2/carts/a$b", JSON, None),
    ],
)
def test_curl_line_pasted_sends_the_request(
    method: str, path: str, headers: list[tuple[str, str]], body: str | bytes | None, target: Target
) -> None:
    _run(curl_line(method, target.url + path, [*headers, ("Content-Length", "9")], body))
    sent = target.requests.pop()
    assert (sent.method, sent.path) == (method, path)
    assert sent.body == (body.encode() if isinstance(body, str) else body or b"")
    assert dict(headers).items() <= sent.headers.items()
    assert ("Content-Type" in sent.headers) == ("Content-Type" in dict(headers))


def test_curl_line_with_variables_sends_their_values(target: Target) -> None:
    line = curl_line(
        "POST",
        f"{target.url}/v2/customers/$CUSTOMER_ID",
        [("Authorization", "Bearer $ACCESS_TOKEN")],
        '{"password":"$PASSWORD","other":"$PASSWORDS $HOME"}',
        variables=["ACCESS_TOKEN", "CUSTOMER_ID", "PASSWORD"],
    )
    _run(line, ACCESS_TOKEN="a b'c", CUSTOMER_ID="d", PASSWORD="e$f", HOME="/home")
    sent = target.requests.pop()
    assert sent.path == "/v2/customers/d"
    assert sent.headers["Authorization"] == "Bearer a b'c"
    assert sent.body == b'{"password":"e$f","other":"$PASSWORDS $HOME"}'


def test_curl_line_reads_well() -> None:
    line = curl_line(
        "DELETE",
        "http://localhost/v2/carts/$CART_ID",
        [("Authorization", "Bearer $ACCESS_TOKEN")],
        variables=["ACCESS_TOKEN", "CART_ID"],
        show_head=True,
    )
    assert line == (
        'curl -i -X DELETE http://localhost/v2/carts/"$CART_ID"'
        ' -H "Authorization: Bearer $ACCESS_TOKEN"'
    )
