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
