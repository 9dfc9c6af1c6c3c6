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
