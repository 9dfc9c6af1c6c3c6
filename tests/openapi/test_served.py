"""The mock serves the rule book next to its Swagger UI."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from cart_mock.app import create_app
from cart_spec.book.render import render
from cart_spec.contract import load_contract
from cart_spec.implementations import Evidence


def ask(method: str, path: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
            await client.request(method, path)
            return await client.request(method, path)

    return asyncio.run(go())


@pytest.mark.parametrize("path", ["/book", "/book/"])
def test_the_mock_serves_the_book(path: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text == render(load_contract(), Evidence())


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/book"), ("GET", "/books"), ("GET", "/book/x")]
)
def test_nothing_else_is_the_book(method: str, path: str) -> None:
    answer = ask(method, path)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["status"] == 404


def test_openapi_json_has_the_server_of_the_contract() -> None:
    servers = ask("GET", "/openapi.json").json()["servers"]
    assert [each["url"] for each in servers] == ["/"]


def test_swagger_ui_is_named_after_the_contract() -> None:
    title = load_contract().document["info"]["title"]
    assert f"<title>{title}</title>" in ask("GET", "/ui/").text


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/", "The API's paths are at /ui/, the workbench is at /_mock/."),
        ("/v2", "The paths are in /openapi.json."),
    ],
)
def test_unknown_path_says_where_to_look(path: str, hint: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["detail"].endswith(hint)
