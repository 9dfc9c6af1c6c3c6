"""The MCP server, used with the client of the official SDK."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

pytest.importorskip("mcp")

from cart_mock.app import create_app
from cart_mock.client import AsyncCartMock
from cart_mock.mcp_server import mcp_server
from mcp import Client

app = functools.cache(functools.partial(create_app, control_key="the-key"))


def using(test: Callable[[Client, AsyncCartMock], Awaitable[None]], **options: Any) -> None:
    """Run a test with a client of the server, and a mock that has a store."""

    async def go() -> None:
        transport = httpx.ASGITransport(app())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            mock = await AsyncCartMock.create(client, "shop", reset=True, control_key="the-key")
            await mock.seed("one-shopper")
            async with Client(mcp_server(mock, **options)) as session:
                await test(session, mock)

    asyncio.run(go())


async def ask(session: Client, tool: str, **arguments: Any) -> Any:
    result = await session.call_tool(tool, arguments)
    assert not result.is_error, result.content
    content = result.structured_content
    return content["result"] if content is not None and set(content) == {"result"} else content


def test_without_permission_every_tool_only_reads() -> None:
    async def test(session: Client, _mock: AsyncCartMock) -> None:
        tools = (await session.list_tools()).tools
        assert {"list_stores", "explain_request", "list_rules"} <= {tool.name for tool in tools}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        assert all(tool.description for tool in tools)
        assert (await session.call_tool("reset_store", {"store": "shop"})).is_error

    using(test)


def test_refusal_is_found_and_explained() -> None:
    async def test(session: Client, mock: AsyncCartMock) -> None:
        path, headers = "/v2/carts/gifts/relationships/customers", await mock.headers()
        await mock.client.post(path, headers=headers, json={"data": {"type": "customer"}})
        await mock.client.get("/v2/carts")
        [found] = await ask(session, "list_requests", store="shop", status="4xx")
        explained = await ask(session, "explain_request", request_id=found["id"])
        assert explained["rule"]["id"] == "payload-not-array"
        assert "curl" in explained["passes"][0]
        [storeless] = await ask(session, "list_requests", rule="access-token-invalid")
        assert storeless["store"] is None
        [rule] = await ask(session, "list_rules", find="cart name is blank")
        assert rule["id"] == "cart-name-blank"
        stores = await ask(session, "list_stores")
        assert "shop" in [store["client_id"] for store in stores]
        state = await ask(session, "get_state", store="shop")
        assert state["customers"] == [{"id": "ada", "name": "Ada", "email": "ada@example.com"}]
        for tool in ("get_store", "get_clock", "get_coverage", "list_faults", "list_snapshots"):
            await ask(session, tool, store="shop")
        assert await ask(session, "list_scenarios")

    using(test)


def test_with_permission_a_store_is_put_into_a_situation() -> None:
    async def test(session: Client, mock: AsyncCartMock) -> None:
        await ask(session, "create_store", store="new")
        await ask(session, "take_snapshot", store="shop", name="before")
        seeded = await ask(session, "seed_store", store="shop", scenario="shared-cart")
        assert seeded["customers"] == 3
        restored = await ask(session, "restore_snapshot", store="shop", name="before")
        assert restored["customers"] == 1
        [fault] = await ask(session, "add_fault", store="shop", kind="drop", times=2)
        assert fault["times"] == 2
        assert await ask(session, "clear_faults", store="shop") == []
        clock = await ask(session, "change_clock", store="shop", action="advance", seconds=60)
        assert clock["offset"] == 60
        broken = await ask(session, "break_rules", store="shop", breaks=["last-cart"])
        assert broken == ["last-cart"]
        assert (await ask(session, "reset_store", store="shop"))["breaks"] == []

    using(test, allow_changes=True)


def test_what_the_workbench_refuses_is_said() -> None:
    async def test(session: Client, _mock: AsyncCartMock) -> None:
        result = await session.call_tool("get_store", {"store": "nowhere"})
        assert result.is_error
        assert "the store 'nowhere' does not exist" in str(result.content)

    using(test)


ODD: dict[str, tuple[str, dict[str, Any], str]] = {
    "no name": ("get_store", {"store": ""}, "at least 1 character"),
    "a huge name": ("get_store", {"store": "x" * 1_000_000}, "at most 255 characters"),
    "a huge text": ("list_rules", {"find": "x" * 1_000_000}, "at most 1000 characters"),
    "a wrong type": ("get_store", {"store": {"a": 1}}, "valid string"),
    "none at all": ("get_store", {}, "Field required"),
    "control characters": ("get_store", {"store": "\0\x1b[2J\u202e"}, "does not exist"),
    "a lone surrogate": ("get_store", {"store": "\ud800"}, "get_store"),
    "dots for a name": ("get_store", {"store": ".."}, "the store '..' does not exist"),
    "a path for an id": (
        "explain_request", {"request_id": "../stores/shop/state"}, "no request log has",
    ),
    "a query for an id": ("explain_request", {"request_id": "x?y=z#"}, "no request log has"),
    "a huge number": ("list_requests", {"limit": 10**400}, ""),
    "no operation": ("list_requests", {"store": "shop", "operation": "\0"}, ""),
    "not a number": (
        "add_fault", {"store": "shop", "kind": "latency", "seconds": "NaN"}, "finite",
    ),
    "many breaks": ("break_rules", {"store": "shop", "breaks": ["x"] * 1000}, "at most 100 items"),
    "a name that is taken": ("create_store", {"store": "shop"}, "there is a store 'shop'"),
}  # fmt: skip
"""Tools, their odd arguments, and what the error says; nothing, if the call succeeds."""


@pytest.mark.parametrize("name", ODD)
def test_odd_argument_is_refused_in_words_and_changes_nothing(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    tool, arguments, said = ODD[name]

    async def test(session: Client, mock: AsyncCartMock) -> None:
        before = await mock.export_state(), [store["client_id"] for store in await mock.stores()]
        result = await session.call_tool(tool, arguments)
        text = str(result.content)
        assert result.is_error == bool(said), text
        assert said in text
        assert len(text) < 5_000
        assert (await mock.export_state(), [s["client_id"] for s in await mock.stores()]) == before

    using(test, allow_changes=True)
    assert "Traceback" not in caplog.text


def test_answers_are_bounded_and_hold_no_secret() -> None:
    async def test(session: Client, mock: AsyncCartMock) -> None:
        carts = [{"id": f"cart-{number}"} for number in range(300)]
        people = [{"id": "ada", "name": "A", "email": "a@example.com", "password": "correct horse"}]
        await mock.import_state({"carts": carts, "customers": people})
        headers = await mock.headers("a@example.com", "correct horse")
        await mock.client.get("/v2/carts", headers=headers)
        await mock.set_forward("http://127.0.0.1:9", authorization="Bearer very-secret")
        state = await ask(session, "get_state", store="shop")
        assert (len(state["carts"]), state["left_out"]) == (100, {"carts": 200})
        shown = str([
            state,
            await ask(session, "get_store", store="shop"),
            await ask(session, "list_stores", find="shop"),
            await ask(session, "list_requests", store="shop", limit=100),
            [
                await ask(session, "explain_request", request_id=each["id"])
                for each in await mock.requests()
            ],
        ])  # fmt: skip
        secrets = [
            "correct horse", "argon2", "very-secret", "the-key", mock.client_secret,
            *(value.rpartition(" ")[2] for value in headers.values()),
        ]  # fmt: skip
        assert [secret for secret in secrets if secret in shown] == []

    using(test)


def test_mock_that_does_not_answer_is_named_without_its_password() -> None:
    async def go() -> None:
        client = httpx.AsyncClient(base_url="http://ada:very-secret@127.0.0.1:9")
        async with Client(mcp_server(AsyncCartMock(client))) as session:
            result = await session.call_tool("list_stores", {})
            assert result.is_error
            assert "No mock answers at http://" in str(result.content)
            assert "very-secret" not in str(result.content)
        await client.aclose()

    asyncio.run(go())
