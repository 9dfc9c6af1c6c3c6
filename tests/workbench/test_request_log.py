"""The request log: bounded, filtered, followed, verified, and without secrets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.inspection.request_view import headers_to_dict, redactor_for
from cart_mock.messages import Answer, Request
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.tenants.request_log import LARGEST, Kept, RequestLog
from cart_mock.testing import CartMock, in_process, served
from cart_spec.redaction import MARK as HIDDEN

PASSWORD = "correct horse / battery & staple"


@pytest.fixture
def busy(cart_mock: CartMock) -> CartMock:
    """Return a mock whose store got a few requests."""
    cart_mock.seed("one-shopper")
    headers, client = cart_mock.headers(), cart_mock.client
    client.get("/v2/carts", headers=headers)
    client.get("/v2/carts/gifts", headers=headers)
    client.post("/v2/carts", headers=headers, json={"data": {"id": "gifts", "name": "Gifts"}})
    client.delete("/v2/carts/nobodys", headers=headers)
    client.get("/v2/carts", headers=headers, params={"page[limit]": "0"})
    return cart_mock


@pytest.mark.parametrize(
    ("filters", "operations"),
    [
        ({}, "createAccessToken getCarts getACart createACart deleteACart getCarts"),
        ({"operation": "getCarts"}, "getCarts getCarts"),
        ({"operation": "nothing"}, ""),
        ({"status": "200"}, "createAccessToken getCarts getACart"),
        ({"status": "4xx"}, "createACart getCarts"),
        ({"status": "5xx"}, ""),
        ({"rule": "cart-id-taken"}, "createACart"),
        ({"method": "delete"}, "deleteACart"),
        ({"path": "/v2/carts/*"}, "getACart deleteACart"),
        ({"path": "/v2/carts/[gifts]"}, ""),
        ({"method": "GET", "status": "2xx"}, "getCarts getACart"),
        ({"limit": 2}, "deleteACart getCarts"),
        ({"limit": 1, "method": "GET"}, "getCarts"),
    ],
)
def test_requests_are_filtered_and_given_oldest_first(
    busy: CartMock, filters: dict[str, Any], operations: str
) -> None:
    assert [r["operation"] for r in busy.requests(**filters)] == operations.split()


def test_a_request_is_shown_with_its_answer_and_its_caller(busy: CartMock) -> None:
    (shown,) = busy.requests(operation="createACart")
    assert shown["store"] == busy.client_id
    assert (shown["method"], shown["path"]) == ("POST", "/v2/carts")
    assert shown["body"] == {"data": {"id": "gifts", "name": "Gifts"}}
    assert shown["caller"] == {"grant": "client_credentials", "customer_id": None}
    assert (shown["status"], shown["rule"]) == (409, "cart-id-taken")
    assert shown["answer"]["body"]["errors"][0]["status"] == 409


def test_the_journal_is_cleared(busy: CartMock) -> None:
    busy.workbench("DELETE", f"/stores/{busy.client_id}/requests")
    assert busy.requests() == []


def listed(mock: CartMock, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = mock.workbench("GET", f"/stores/{mock.client_id}/requests", **query)
    return found


def test_a_store_is_followed_from_the_last_request_on(busy: CartMock) -> None:
    last = listed(busy)["meta"]["last"]
    assert listed(busy, since=last) == {
        "data": [],
        "meta": {"kept": 6, "forgotten": 0, "length": 500, "last": last, "missed": False},
    }
    busy.client.get("/v2/carts/new", headers=busy.headers())
    new = listed(busy, since=last)
    assert [r["operation"] for r in new["data"]] == ["createAccessToken", "getACart"]
    assert new["meta"]["last"] == new["data"][-1]["id"]


def test_who_lost_the_thread_is_told_and_gets_everything(busy: CartMock) -> None:
    found = listed(busy, since="long-gone")
    assert found["meta"]["missed"] is True
    assert len(found["data"]) == 6


def test_follower_that_leaves_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    since = RequestLog.since

    def counted(log: RequestLog, request_id: str | None) -> tuple[list[Kept], bool]:
        looks.append(time.monotonic())
        return since(log, request_id)

    with served(create_app()) as client:
        address = str(client.base_url.host), int(client.base_url.port or 0)
        CartMock(client).access_token()
        client.get("/_mock/health")
        monkeypatch.setattr(RequestLog, "since", counted)
        with socket.create_connection(address) as connection:
            connection.sendall(b"GET /_mock/requests?wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.5)
        left = time.monotonic()
        time.sleep(0.5)
    assert looks
    assert max(looks) < left + 0.3


def test_a_follower_can_wait_for_what_comes_next(busy: CartMock) -> None:
    last, headers = listed(busy)["meta"]["last"], busy.headers()
    last = listed(busy)["meta"]["last"]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(listed, busy, since=last, wait=20)
        busy.client.get("/v2/carts/new", headers=headers)
        assert [r["path"] for r in waiting.result()["data"]] == ["/v2/carts/new"]


def mock_of(stores: TenantRegistry) -> Iterator[CartMock]:
    with in_process(create_app(tenants=stores)) as client:
        yield CartMock(client)


@pytest.mark.parametrize(("length", "kept"), [(0, 0), (1, 1), (3, 3), (100, 8)])
def test_the_journal_keeps_the_last_requests_only(length: int, kept: int) -> None:
    for mock in mock_of(TenantRegistry(new_request_log=lambda: RequestLog(length))):
        headers = mock.headers()
        for n in range(7):
            mock.client.get(f"/v2/carts/cart-{n}", headers=headers)
        found = listed(mock)
        assert found["meta"]["length"] == length
        asked = ["/oauth/access_token", *(f"/v2/carts/cart-{n}" for n in range(7))]
        assert [r["path"] for r in found["data"]] == asked[len(asked) - kept :]
        # Coverage counts what is no longer remembered, too.
        (line,) = [
            line
            for line in mock.coverage()["answers"]
            if (line["operation"], line["status"]) == ("getACart", 200)
        ]
        assert line["answered"] == 7


def test_large_bodies_do_not_fill_the_memory(cart_mock: CartMock) -> None:
    headers = cart_mock.headers()
    body = {"data": {"name": "Cart", "description": "x" * (2 * LARGEST)}}
    assert cart_mock.client.post("/v2/carts", headers=headers, json=body).status_code == 201
    (shown,) = cart_mock.requests(operation="createACart")
    assert len(json.dumps(shown)) < 2 * LARGEST
    assert shown["caller"]["grant"] == "client_credentials"


def test_a_refused_request_with_a_large_body_is_explained(cart_mock: CartMock) -> None:
    bad = {**cart_mock.headers(), "X-Moltin-Customer-Token": "forged"}
    body = {"data": {"type": "address", "name": "x" * (2 * LARGEST)}}
    path = "/v2/customers/ada/addresses"
    answer = cart_mock.client.post(path, headers=bad, json=body)
    assert answer.status_code == 403
    explained = cart_mock.explain(answer)
    assert explained["rule"]["id"] == "customer-token-invalid"
    assert explained["passes"] == []


# ---- Secrets ----------------------------------------------------------------------------------


def test_no_secret_of_a_whole_session_is_in_the_journal(cart_mock: CartMock) -> None:
    client = cart_mock.client
    headers = cart_mock.headers()
    customer = {"type": "customer", "name": "Eve", "email": "eve@example.com", "password": PASSWORD}
    client.post("/v2/customers", headers=headers, json={"data": customer})
    eve = cart_mock.headers("eve@example.com", PASSWORD)
    wrong = {"type": "token", "email": "eve@example.com", "password": PASSWORD[::-1]}
    client.post("/v2/customers/tokens", headers=headers, json={"data": wrong})
    client.get("/v2/carts", headers=eve, params={"note": PASSWORD})
    client.get(f"/v2/carts/{quote(PASSWORD, safe='')}", headers=headers)
    client.post(
        "/v2/customers", headers=headers, content=f'{{"data":{{"password": "{PASSWORD}"'.encode()
    )
    client.post("/v2/carts", headers=headers, json={"data": {"name": 7, "password": PASSWORD}})
    entries = cart_mock.requests()
    explained = [cart_mock.workbench("GET", f"/requests/{entry['id']}") for entry in entries]
    text = json.dumps([entries, explained])
    secrets = [cart_mock.client_secret, eve["X-Moltin-Customer-Token"], PASSWORD[::-1]]
    secrets += [h["Authorization"].removeprefix("Bearer ") for h in (headers, eve)]
    assert [secret for secret in secrets if secret in text] == []
    # The password is hidden wherever its own request shows it.
    for entry in entries:
        if entry["operation"] in ("createCustomer", "createCustomerToken", "createACart"):
            assert PASSWORD not in json.dumps(entry)
    assert HIDDEN in text


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"data":{"password":"hunter22"}}', {"data": {"password": HIDDEN}}),
        (b'{"data":{"password":true}}', {"data": {"password": True}}),
        (b'{"data":{"password":null}}', {"data": {"password": None}}),
        (b'{"data":{"password":["a"]}}', {"data": {"password": HIDDEN}}),
        (b'{"a":"hunter22","password":"hunter22"}', {"a": HIDDEN, "password": HIDDEN}),
        (b'{"hunter22":1,"password":"hunter22"}', {HIDDEN: 1, "password": HIDDEN}),
        (b'{"password":"hunter22', f'{{"password":{HIDDEN}'),
        (b"client_secret=hunter22&a=b", f"client_secret={HIDDEN}&a=b"),
        (b"client_secret=hunter%2022&a=b", f"client_secret={HIDDEN}&a=b"),
        (b'"eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln"', HIDDEN),
        (b"", None),
        (b"\xff", "\ufffd"),
        (b'{"name":"Ada"}', {"name": "Ada"}),
    ],
)
def test_a_body_is_shown_without_its_secrets(body: bytes, shown: object) -> None:
    request = Request("id", "POST", "/", {}, b"", {}, body)
    assert redactor_for(request, Answer(200)).body(body) == shown


def test_secrets_in_headers_are_hidden_and_known_elsewhere() -> None:
    headers = {
        b"authorization": b"Bearer abc.def",
        b"x-moltin-customer-token": b"ghijk",
        b"a": b"b",
    }
    redactor = redactor_for(Request("id", "GET", "/", {}, b"", headers, b""), Answer(200))
    assert headers_to_dict(redactor, headers) == {
        "authorization": HIDDEN,
        "x-moltin-customer-token": HIDDEN,
        "a": "b",
    }
    assert redactor.text("got abc.def and ghijk") == f"got {HIDDEN} and {HIDDEN}"


# ---- Verification -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expectation", "count"),
    [
        ({"operation": "getCarts"}, 2),
        ({"operation": "getCarts", "times": 2}, 2),
        ({"operation": "getCarts", "at_least": 1, "at_most": 2}, 2),
        ({"operation": "updateACart", "times": 0}, 0),
        ({"operation": "updateACart", "at_most": 3}, 0),
        ({"method": "post", "path": "/v2/*"}, 1),
        ({"status": 409, "rule": "cart-id-taken"}, 1),
        ({"operation": "getCarts", "rule": None}, 1),
        ({"query": {"page[limit]": "0"}}, 1),
        ({"headers": {"Content-Type": "application/json"}}, 1),
        ({"body": {"data": {"name": "Gifts"}}}, 1),
    ],
)
def test_what_was_asked_is_verified(
    busy: CartMock, expectation: dict[str, Any], count: int
) -> None:
    found = busy.workbench("POST", f"/stores/{busy.client_id}/verify", expectation)
    assert (found["verified"], found["count"], found["nearest"]) == (True, count, None)


@pytest.mark.parametrize(
    ("expectation", "expected", "path", "differences"),
    [
        (
            {"operation": "getACart", "path": "/v2/carts/other"},
            "at least 1",
            "/v2/carts/gifts",
            [{"where": "path", "expected": "/v2/carts/other", "found": "/v2/carts/gifts"}],
        ),
        (
            {"operation": "createACart", "body": {"data": {"name": "Other", "id": "gifts"}}},
            "at least 1",
            "/v2/carts",
            [{"where": "body/data/name", "expected": "Other", "found": "Gifts"}],
        ),
        (
            {"operation": "createACart", "body": {"data": {"description": "d"}}, "status": 409},
            "at least 1",
            "/v2/carts",
            [{"where": "body/data/description", "expected": "d", "found": None}],
        ),
        (
            {"operation": "getCarts", "query": {"page[limit]": "1"}},
            "at least 1",
            "/v2/carts",
            [{"where": "query.page[limit]", "expected": "1", "found": "0"}],
        ),
        (
            {"operation": "getCarts", "customer": "ada"},
            "at least 1",
            "/v2/carts",
            [{"where": "customer", "expected": "ada", "found": None}],
        ),
    ],
)
def test_the_nearest_miss_says_in_what_it_differs(
    busy: CartMock,
    expectation: dict[str, Any],
    expected: str,
    path: str,
    differences: list[dict[str, Any]],
) -> None:
    found = busy.workbench("POST", f"/stores/{busy.client_id}/verify", expectation)
    assert (found["verified"], found["count"], found["expected"]) == (False, 0, expected)
    assert found["nearest"]["request"]["path"] == path
    assert found["nearest"]["differences"] == differences


def test_too_many_are_as_wrong_as_too_few(busy: CartMock) -> None:
    path = f"/stores/{busy.client_id}/verify"
    found = busy.workbench("POST", path, {"operation": "getCarts", "at_most": 1})
    assert (found["verified"], found["count"], found["expected"]) == (False, 2, "0 to 1")


def test_the_helper_for_tests_fails_with_the_nearest_miss(busy: CartMock) -> None:
    with pytest.raises(AssertionError) as failed:
        busy.verify(operation="getACart", path="/v2/carts/other")
    assert "expected at least 1" in str(failed.value)
    assert "path: expected '/v2/carts/other', found '/v2/carts/gifts'" in str(failed.value)


def test_every_answer_names_its_request_also_to_browsers(cart_mock: CartMock) -> None:
    origin = {"Origin": "http://localhost:3000"}
    answer: httpx.Response = cart_mock.client.get("/v2/carts", headers=origin)
    assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
    request_id = answer.headers["X-Request-Id"]
    assert cart_mock.workbench("GET", f"/requests/{request_id}")["data"]["id"] == request_id
