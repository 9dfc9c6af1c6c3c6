"""Requests for paths that the contract does not have: forwarded, answered by a stub, or refused."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.tenants.forward import ForwardError, forward_of
from cart_mock.testing import CartMock, in_process, served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

CREDENTIAL = "Bearer the-other-servers-credential"


class Upstream:
    """Another server: it echoes what it gets, and counts the bytes of what it streams."""

    def __init__(self) -> None:
        self.received = 0
        self.left = threading.Event()
        self.app = Starlette(
            routes=[
                Route("/base/echo/{rest:path}", self._echo, methods=["GET", "POST", "PATCH"]),
                Route("/base/slow", self._slow),
                Route("/base/endless", self._endless),
                Route("/base/moved", self._moved),
                Route("/base/upload", self._upload, methods=["POST"]),
                Route("/base/cut", self._cut),
            ]
        )

    async def _echo(self, request: Request) -> Response:
        body = await request.body()
        shown = {
            "method": request.method,
            "target": request.scope["raw_path"].decode() + "?" + request.url.query,
            "headers": request.headers.items(),
            "body": body.decode(),
        }
        headers = {"X-Own": "kept", "X-Request-Id": "theirs", "Access-Control-Allow-Origin": "x"}
        return JSONResponse(shown, status_code=207, headers=headers)

    async def _slow(self, _request: Request) -> Response:
        await asyncio.sleep(1)
        return Response()

    async def _endless(self, _request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"data: more\n\n"
                    await asyncio.sleep(0.01)
            finally:
                self.left.set()

        return StreamingResponse(pieces(), media_type="text/event-stream")

    async def _moved(self, request: Request) -> Response:
        return RedirectResponse(str(request.url).replace("/moved", "/echo/there"))

    async def _upload(self, request: Request) -> Response:
        async for piece in request.stream():
            self.received += len(piece)
        return JSONResponse({"received": self.received})

    async def _cut(self, _request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            raise ConnectionError("on purpose")

        return StreamingResponse(pieces())


class Pair(NamedTuple):
    """A mock and the server that it forwards to."""

    mock: CartMock
    upstream: Upstream
    url: str


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[httpx.Client, Upstream, str]]:
    upstream = Upstream()
    with served(upstream.app) as other:
        url = f"{other.base_url}/base"
        forward = forward_of(url, CREDENTIAL, timeout=0.5)
        with served(create_app(forward=forward)) as client:
            yield client, upstream, url


@pytest.fixture
def pair(servers: tuple[httpx.Client, Upstream, str]) -> Iterator[Pair]:
    client, upstream, url = servers
    mock = CartMock(client)
    yield Pair(mock, upstream, url)
    mock.workbench("DELETE", f"/stores/{mock.client_id}")


def echoed(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 207, answer.text
    shown: dict[str, Any] = answer.json()
    return {**shown, "headers": dict(shown["headers"])}


def test_request_for_another_path_goes_to_the_other_server_and_its_answer_back(pair: Pair) -> None:
    headers = {**pair.mock.headers(), "X-Mine": "yes", "Content-Type": "text/plain"}
    target = "/echo/a%2Fb%20c?x=1&y=%26"
    answer = pair.mock.client.patch(target, headers=headers, content="hello")
    sent = echoed(answer)
    assert (sent["method"], sent["body"]) == ("PATCH", "hello")
    assert sent["target"] == f"/base{target}"
    assert sent["headers"]["x-mine"] == "yes"
    assert sent["headers"]["content-type"] == "text/plain"
    assert sent["headers"]["x-forwarded-host"] == pair.mock.client.base_url.netloc.decode()
    assert answer.headers["x-own"] == "kept"
    assert answer.headers["x-request-id"] != "theirs"


def test_forwarded_request_is_in_the_log_of_its_store(pair: Pair) -> None:
    headers = {**pair.mock.headers(), "Content-Type": "application/json"}
    answer = pair.mock.client.post("/echo/x", headers=headers, content='{"a":1}')
    entry = pair.mock.requests()[-1]
    assert entry["id"] == answer.headers["x-request-id"]
    assert (entry["forwarded_to"], entry["operation"]) == (pair.url, None)
    assert (entry["status"], entry["body"]) == (207, {"a": 1})
    assert entry["answer"]["body"]["body"] == '{"a":1}'
    assert pair.mock.explain(answer)["summary"] == (
        f"Forwarded to {pair.url}, which answered with 207."
    )


def test_tokens_of_the_mock_never_reach_the_other_server(pair: Pair) -> None:
    pair.mock.seed("one-shopper")
    headers = pair.mock.headers("ada@example.com", "ada-password")
    token = headers["Authorization"].removeprefix("Bearer ")
    customer = headers["X-Moltin-Customer-Token"]
    more = {
        "EP-Account-Management-Authentication-Token": "an-account-token",
        "X-Copy": f"t={token}",
        "Connection": "X-Private",
        "X-Private": "for this connection",
    }
    body = f"<{customer}>".encode() + b"." * 70_000 + token.encode()
    answer = pair.mock.client.post(
        f"/echo/{token}", params={"t": customer, "keep": "1"}, headers={**headers, **more},
        content=body,
    )  # fmt: skip
    for secret in (token, customer, "an-account-token"):
        assert secret not in answer.text
    sent = echoed(answer)
    assert not {"x-copy", "x-private", "x-moltin-customer-token"} & set(sent["headers"])
    assert sent["headers"]["authorization"] == CREDENTIAL
    assert sent["target"].endswith("?keep=1")
    assert len(sent["body"]) == len(body)


def test_credential_of_the_other_server_is_not_shown(pair: Pair) -> None:
    answer = pair.mock.client.get("/echo/x", headers=pair.mock.headers())
    assert echoed(answer)["headers"]["authorization"] == CREDENTIAL
    explained = pair.mock.workbench("GET", f"/requests/{answer.headers['x-request-id']}")
    shown = [
        pair.mock.requests(),
        explained,
        pair.mock.workbench("GET", f"/stores/{pair.mock.client_id}/forward"),
    ]
    assert "the-other-servers-credential" not in str(shown)


@pytest.mark.parametrize(
    ("headers", "has_credential"),
    [
        ({}, True),
        ({"Origin": "http://localhost:5173"}, True),
        ({"Origin": "https://evil.example"}, False),
    ],
)
def test_page_of_another_machine_cannot_use_the_credential(
    pair: Pair, headers: dict[str, str], has_credential: bool
) -> None:
    answer = pair.mock.client.get("/echo/x", headers={**pair.mock.headers(), **headers})
    assert ("authorization" in echoed(answer)["headers"]) is has_credential


def test_request_without_a_valid_token_is_forwarded_without_a_credential(pair: Pair) -> None:
    for headers in ({}, {"Authorization": "Bearer not-a-token"}):
        answer = pair.mock.client.get("/echo/x", headers=headers)
        assert "authorization" not in echoed(answer)["headers"]


def test_bodies_are_streamed_both_ways(pair: Pair) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    answer = pair.mock.client.post("/upload", content=pieces(), headers=pair.mock.headers())
    assert answer.json() == {"received": 4_000_000}  # over the limit of the mock's own bodies
    with pair.mock.client.stream("GET", "/endless", headers=pair.mock.headers()) as stream:
        assert next(stream.iter_raw()).startswith(b"data: more")
    assert pair.upstream.left.wait(10)  # the mock does not read on for a client that left


def test_redirect_to_the_other_server_leads_to_the_mock(pair: Pair) -> None:
    answer = pair.mock.client.get("/moved", headers=pair.mock.headers())
    assert (answer.status_code, answer.headers["location"]) == (307, "/echo/there")


def test_answer_to_a_page_has_the_headers_of_cors_from_the_mock_alone(pair: Pair) -> None:
    headers = {**pair.mock.headers(), "Origin": "http://localhost:5173"}
    answer = pair.mock.client.get("/echo/x", headers=headers)
    assert answer.headers.get_list("access-control-allow-origin") == ["http://localhost:5173"]


def assert_failed(answer: httpx.Response, status: int, says: str) -> None:
    assert answer.status_code == status
    [error] = answer.json()["errors"]
    assert error["status"] == status
    assert says in error["detail"]


def test_server_that_is_too_slow_is_a_504(pair: Pair) -> None:
    answer = pair.mock.client.get("/slow", headers=pair.mock.headers())
    assert_failed(answer, 504, "sent nothing for 0.5 seconds")
    assert pair.mock.requests()[-1]["rule"] == "forward-timeout"


def test_answer_that_breaks_off_is_not_passed_on_as_whole(pair: Pair) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        pair.mock.client.get("/cut", headers=pair.mock.headers())
    assert (
        "ended early"
        in pair.mock.workbench("GET", f"/requests/{pair.mock.requests()[-1]['id']}")["data"][
            "explanation"
        ]["summary"]
    )


HOSTILE = {
    "no status of HTTP": b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "a control character": b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
    "a length of 5000 digits": b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n" % (b"9" * 5000),
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
    "nothing": b"",
}


def test_answer_of_another_server_that_is_not_http_is_a_502(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        pair.mock.set_forward(f"http://127.0.0.1:{upstream.getsockname()[1]}")

        def answer_once(content: bytes) -> None:
            connection, _ = upstream.accept()
            with connection, suppress(OSError):
                connection.recv(65_536)
                connection.sendall(content)

        for name, content in HOSTILE.items():
            answering = threading.Thread(target=answer_once, args=(content,))
            answering.start()
            answer = pair.mock.client.get("/other", headers=pair.mock.headers())
            answering.join()
            assert answer.status_code == 502, name
            assert "is not HTTP" in answer.json()["errors"][0]["detail"], name
    assert "Traceback" not in caplog.text


def test_store_forwards_elsewhere_or_not_at_all(pair: Pair) -> None:
    mock, path = pair.mock, f"/stores/{pair.mock.client_id}/forward"
    mock.headers()
    assert mock.workbench("GET", path)["data"] == {
        "url": pair.url, "authorization": True, "timeout": 0.5, "from": "process",
    }  # fmt: skip
    mock.workbench("PUT", path, {"url": None})
    assert mock.client.get("/echo/x", headers=mock.headers()).status_code == 404
    mock.workbench("PUT", path, {"url": pair.url, "authorization": "Basic eDp5"})
    sent = echoed(mock.client.get("/echo/x", headers=mock.headers()))
    assert sent["headers"]["authorization"] == "Basic eDp5"
    mock.workbench("PUT", path, {"url": "http://127.0.0.1:9"})
    answer = mock.client.get("/echo/x", headers=mock.headers())
    assert_failed(answer, 502, "http://127.0.0.1:9 cannot be reached")
    mock.workbench("PUT", path, {"url": str(mock.client.base_url)})
    assert_failed(mock.client.get("/x", headers=mock.headers()), 502, "leads back to this mock")
    mock.workbench("DELETE", path)
    assert mock.workbench("GET", path)["data"]["from"] == "process"


def test_without_a_server_the_404_says_how_to_name_one() -> None:
    with in_process(create_app()) as client:
        detail = client.get("/v2/products").json()["errors"][0]["detail"]
    assert "--forward URL" in detail
    assert "/stubs" in detail


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("127.0.0.1:3000", "send one such as http://"),
        ("ftp://x", "not the URL of a server"),
        ("http://user:pw@x", "send the credential as an Authorization value"),
        ("http://x/?a=b", "has a query"),
        ("http://x:port", "is not a URL"),
        ("http://", "not the URL of a server"),
    ],
)
def test_url_that_cannot_be_forwarded_to_is_refused_in_words(url: str, says: str) -> None:
    with pytest.raises(ForwardError, match=says) as raised:
        forward_of(url)
    assert "pw" not in str(raised.value)
