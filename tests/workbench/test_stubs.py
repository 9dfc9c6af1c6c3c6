"""Stubs: answers of a store for paths that the contract does not have."""

from __future__ import annotations

from typing import Any

import pytest
from cart_mock.app import create_app
from cart_mock.testing import CartMock, served


def put(mock: CartMock, *stubs: dict[str, Any]) -> Any:
    return mock.workbench("PUT", f"/stores/{mock.client_id}/stubs", {"stubs": stubs})["data"]


PRODUCT = {
    "path": "/v2/products/{id}",
    "headers": {"X-Sku": "sku-{{ path.id }}"},
    "body": {
        "data": {
            "id": "{{path.id}}",
            "n": "{{query.n}}",
            "at": "{{now}}",
            "text": "a {{query.n}} b",
        }
    },
}


def test_stub_answers_with_the_values_of_the_request(cart_mock: CartMock) -> None:
    cart_mock.clock("set", at="2030-01-31T12:00:00Z")
    cart_mock.clock("freeze")
    put(cart_mock, PRODUCT)
    answer = cart_mock.client.get("/v2/products/7?n=3", headers=cart_mock.headers())
    assert answer.status_code == 200
    assert answer.headers["x-sku"] == "sku-7"
    assert answer.json()["data"] | {"at": ""} == {"id": "7", "n": "3", "at": "", "text": "a 3 b"}
    assert answer.json()["data"]["at"].startswith("2030-01-31T12:00:0")
    entry = cart_mock.requests()[-1]
    assert (entry["id"], entry["stub"]) == (
        answer.headers["x-request-id"],
        "GET /v2/products/{id}",
    )
    assert cart_mock.explain(answer)["summary"] == (
        "Answered with 200 by the stub GET /v2/products/{id}."
    )


def test_placeholder_that_is_the_whole_string_keeps_the_type_of_its_value(
    cart_mock: CartMock,
) -> None:
    body = {"copy": "{{body.data.0}}", "none": "{{body.nothing.there}}", "new": "{{uuid}}"}
    put(cart_mock, {"method": "POST", "path": "/v2/flows", "status": 201, "body": body})
    sent = {"data": [{"a": [1, 2.5, None]}]}
    answer = cart_mock.client.post("/v2/flows", headers=cart_mock.headers(), json=sent)
    assert answer.status_code == 201
    got = answer.json()
    assert (got["copy"], got["none"]) == (sent["data"][0], None)
    assert len(got["new"]) == 36


def test_header_of_a_stub_holds_what_a_header_may_hold_whatever_was_sent() -> None:
    with served(create_app()) as client:
        mock = CartMock(client)
        mock.set_stubs({"path": "/echo/{id}", "headers": {"X-Echo": "<{{query.q}}{{path.id}}>"}})
        for sent, header in {
            "%01": "<??>", "%7f%00": "<????>", "%0d%0aA:%20b": "< A: b A: b>", "%e2%80%ae": "<??>",
        }.items():  # fmt: skip
            answer = client.get(f"/echo/{sent}?q={sent}", headers=mock.headers())
            assert (answer.status_code, answer.headers["x-echo"]) == (200, header)
        answer = client.get(f"/echo/x?q={'y' * 30_000}", headers=mock.headers())
        assert len(answer.headers["x-echo"]) == 8000


def test_stub_may_have_a_text_or_no_body(cart_mock: CartMock) -> None:
    text = {
        "path": "/pixel",
        "text": "<p>{{query.q}}</p>",
        "headers": {"Content-Type": "text/html"},
    }
    put(cart_mock, text, {"method": "DELETE", "path": "/pixel", "status": 204})
    headers = cart_mock.headers()
    got = cart_mock.client.get("/pixel?q=x", headers=headers)
    assert (got.text, got.headers["content-type"]) == ("<p>x</p>", "text/html")
    assert cart_mock.client.head("/pixel", headers=headers).status_code == 200
    gone = cart_mock.client.delete("/pixel", headers=headers)
    assert (gone.status_code, gone.content) == (204, b"")


def test_stubs_are_of_one_store_and_replaced_as_a_whole(cart_mock: CartMock) -> None:
    first = put(cart_mock, PRODUCT, {"path": "/v2/a"})
    assert first == [
        {"method": "GET", "status": 200, **PRODUCT},
        {"method": "GET", "path": "/v2/a", "status": 200},
    ]
    assert put(cart_mock, {"path": "/v2/b"})[0]["path"] == "/v2/b"
    client, headers = cart_mock.client, cart_mock.headers()
    assert client.get("/v2/b", headers=headers).status_code == 200
    assert client.get("/v2/a", headers=headers).status_code == 404
    assert client.get("/v2/b", headers=CartMock(client).headers()).status_code == 404
    assert client.get("/v2/b").status_code == 404  # without a token it is of no store
    path = f"/stores/{cart_mock.client_id}"
    assert cart_mock.workbench("GET", path)["data"]["stubs"] == 1
    cart_mock.reset("stubs")
    assert client.get("/v2/b", headers=headers).status_code == 200
    cart_mock.reset()
    assert cart_mock.workbench("GET", f"{path}/stubs")["data"] == []


@pytest.mark.parametrize(
    ("stub", "says", "source"),
    [
        ({"path": "/v2/carts/{id}"}, "inject a fault or break a rule", "stubs[0].path"),
        ({"path": "/v2/carts/"}, "the mock itself answers", "stubs[0].path"),
        ({"path": "/_mock/x"}, "the mock itself answers", "stubs[0].path"),
        ({"path": "/"}, "the mock itself answers", "stubs[0].path"),
        ({"path": "/a/x{id}"}, "Write a parameter as a whole segment", "stubs[0].path"),
        ({"path": "/a/{id}/{id}"}, "a parameter twice", "stubs[0].path"),
        ({"path": "/a", "body": "{{pth.id}}"}, "is not a placeholder", "stubs[0].body"),
        ({"path": "/a", "text": "{{path.id}}"}, "is not a parameter", "stubs[0].text"),
        ({"path": "/a", "text": "x", "body": 1}, "both body and text", "stubs[0].text"),
        ({"path": "/a", "status": 204, "body": 1}, "has no body", "stubs[0].body"),
        ({"path": "/a", "headers": {"Content-Length": "1"}}, "not a header", "stubs[0].headers"),
        ({"path": "/a", "headers": {"X": "a\nb"}}, "not one line", "stubs[0].headers"),
        ({"path": "/a", "methd": "GET"}, "'methd' was unexpected", None),
        ({"path": "a"}, "does not match", None),
    ],
)
def test_stub_that_cannot_be_is_refused_and_changes_nothing(
    cart_mock: CartMock, stub: dict[str, Any], says: str, source: str | None
) -> None:
    put(cart_mock, {"path": "/v2/b"})
    path = f"/_mock/stores/{cart_mock.client_id}/stubs"
    answer = cart_mock.client.put(path, json={"stubs": [stub]})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert says in error["detail"]
    if source is not None:
        assert error["source"] == source
    assert [each["path"] for each in cart_mock.client.get(path).json()["data"]] == ["/v2/b"]


def test_two_stubs_for_the_same_requests_are_refused(cart_mock: CartMock) -> None:
    path = f"/_mock/stores/{cart_mock.client_id}/stubs"
    body = {"stubs": [{"path": "/a/{x}"}, {"path": "/a/{y}"}]}
    [error] = cart_mock.client.put(path, json=body).json()["errors"]
    assert error["source"] == "stubs[1].path"


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"url": "nowhere"}, "url"),
        ({"url": "http://x", "authorization": "two\nlines"}, "authorization"),
    ],
)
def test_server_that_cannot_be_forwarded_to_is_refused(
    cart_mock: CartMock, body: dict[str, Any], source: str
) -> None:
    path = f"/_mock/stores/{cart_mock.client_id}/forward"
    answer = cart_mock.client.put(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == source
    assert cart_mock.client.get(path).json()["data"]["url"] is None
