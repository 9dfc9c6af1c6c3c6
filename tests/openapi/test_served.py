"""The mock serves the rule book next to its Swagger UI."""

from __future__ import annotations

import asyncio
import functools

import httpx
import pytest
from cart_mock.app import create_app
from cart_spec.book.render import render
from cart_spec.contract import load_contract
from cart_spec.implementations import Evidence

app = functools.cache(create_app)


def ask(method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app())
        async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(go())


@pytest.mark.parametrize("path", ["/book", "/book/"])
def test_the_mock_serves_the_book(path: str) -> None:
    ask("GET", path)
    answer = ask("GET", path)  # it is rendered once
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


def test_swagger_ui_sends_nothing_that_was_not_entered() -> None:
    document = ask("GET", "/ui/openapi.json").json()
    item = document["paths"]["/v2/carts"]
    parameters = [*item["parameters"], *item["get"]["parameters"]]
    assert [each["name"] for each in parameters] == ["page[limit]", "page[offset]", "filter"]
    assert all("example" not in each for each in parameters)
    for name in ("X-Moltin-Customer-Token", "EP-Account-Management-Authentication-Token"):
        assert {name: []} in item["get"]["security"]
        assert document["components"]["securitySchemes"][name]["name"] == name
    assert "./openapi.json" in ask("GET", "/ui/").text
    assert ask("GET", "/ui/swagger-ui-config.json").json()["persistAuthorization"] is True


def test_browser_at_the_address_of_the_mock_gets_links_and_a_first_request() -> None:
    page = ask("GET", "/", {"Accept": "text/html,*/*"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-request-id"]
    for link in ("_mock/", "book", "ui/"):
        assert f'href="{link}"' in page.text
        assert ask("GET", f"/{link}").status_code == 200
    assert "/oauth/access_token -d grant_type=implicit -d client_id=" in page.text


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
    assert hint in answer.json()["errors"][0]["detail"]
