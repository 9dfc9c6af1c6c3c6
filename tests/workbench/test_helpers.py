"""The helpers for tests in Python, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.testing import AsyncCartMock, CartMock, WorkbenchError
from starlette.applications import Starlette

ROOT = Path(__file__).parents[2]


def methods_of(kind: type) -> dict[str, str]:
    """Return the public methods of a class with their parameters."""
    return {
        name: str(inspect.signature(method).replace(return_annotation=inspect.Signature.empty))
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_the_twin_has_the_same_methods() -> None:
    assert methods_of(AsyncCartMock) == methods_of(CartMock)
    assert set(methods_of(CartMock)) >= {"health", "diff", "set_stubs", "coverage_junit", "broken"}


def test_python_has_what_javascript_has() -> None:
    source = (ROOT / "packages/cart-mock/src/client.ts").read_text(encoding="utf-8")
    names = re.findall(r"^  (?:async )?(\w+)\(", source, re.MULTILINE)
    snake = {re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name) for name in names}
    # A constructor makes the store, and `breaks` sets in Python what it gets in JavaScript.
    missing = snake - set(methods_of(CartMock)) - {"constructor", "create", "break_rules"}
    assert "log_in" in snake
    assert not missing


def test_store_is_prepared_and_asked(cart_mock: CartMock) -> None:
    cart_mock.seed("one-shopper")
    cart_mock.take_snapshot("a/b")
    before = cart_mock.export_state()
    headers = cart_mock.headers("ada@example.com", "ada-password")
    cart_mock.client.get("/v2/carts/new", headers=headers)
    assert len(cart_mock.diff("a/b")["carts"]["added"]) == 1
    assert [each["name"] for each in cart_mock.snapshots()] == ["a/b"]
    assert cart_mock.export_snapshot("a/b") == before
    cart_mock.restore_snapshot("a/b")
    cart_mock.delete_snapshot("a/b")
    cart_mock.import_state(before)
    assert cart_mock.export_state() == before
    fault = cart_mock.fault("drop")
    assert [each["id"] for each in cart_mock.faults()] == [fault]
    cart_mock.remove_fault(fault)
    cart_mock.fault("drop")
    cart_mock.clear_faults()
    cart_mock.breaks("last-cart")
    assert cart_mock.broken() == ["last-cart"]
    cleo = cart_mock.add_customer("Cleo", "cleo@example.com")
    assert [each["id"] for each in cart_mock.people("CLEO")] == [cleo["id"]]
    assert "X-Moltin-Customer-Token" in cart_mock.log_in(cleo["id"])["headers"]
    assert cart_mock.watched()["files"] == []
    cart_mock.set_stubs({"path": "/v2/x"})
    assert cart_mock.stubs()[0]["path"] == "/v2/x"
    cart_mock.set_forward("http://127.0.0.1:9", authorization="Bearer x", timeout=1)
    assert cart_mock.forward()["url"] == "http://127.0.0.1:9"
    cart_mock.remove_forward()
    assert cart_mock.forward()["url"] is None
    assert cart_mock.time()["frozen"] is False
    assert cart_mock.summary()["customers"] == 2
    cart_mock.clear_requests()
    assert cart_mock.requests() == []
    assert "<testsuite" in cart_mock.coverage_junit()
    cart_mock.clear_coverage()
    assert cart_mock.coverage()["summary"]["answers"]["covered"] == 0
    assert "cart_mock_requests" in cart_mock.metrics()
    assert (cart_mock.health()["status"], cart_mock.ready()["status"]) == ("ok", "ok")
    assert cart_mock.client_id in [each["client_id"] for each in cart_mock.stores()]
    assert cart_mock.rules()
    assert cart_mock.scenarios()
    assert cart_mock.available_breaks()
    assert isinstance(cart_mock.storeless_requests(), list)


def test_store_that_exists_is_refused_or_emptied(cart_mock: CartMock) -> None:
    cart_mock.seed("one-shopper")
    client, name = cart_mock.client, cart_mock.client_id
    with pytest.raises(WorkbenchError, match="there is a store") as raised:
        CartMock(client, name)
    assert raised.value.status == 409
    assert CartMock(client, name, reset=True).summary()["customers"] == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "127.0.0.1:9"])
def test_url_without_a_mock_is_named(url: str) -> None:
    with pytest.raises(WorkbenchError, match=f"No mock answers at {url}. Start one"):
        CartMock(url)


@asynccontextmanager
async def client_of(app: object) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # it is an application
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def test_server_that_is_not_a_mock_is_named() -> None:
    async def go() -> None:
        async with client_of(Starlette()) as client:
            await AsyncCartMock.create(client)

    says = "http://localhost is not a cart-mock: it answered 404 to POST /_mock/stores"
    with pytest.raises(WorkbenchError, match=says):
        asyncio.run(go())


def test_asynchronous_twin_works_and_sends_the_key() -> None:
    async def go() -> None:
        async with client_of(create_app(control_key="the-key")) as client:
            with pytest.raises(WorkbenchError, match="no valid key"):
                await AsyncCartMock.create(client)
            mock = await AsyncCartMock.create(client, "shop", control_key="the-key")
            await mock.seed("one-shopper")
            headers = await mock.headers("ada@example.com", "ada-password")
            answer = await client.get("/v2/carts", headers=headers)
            assert len(answer.json()["data"]) == 2
            assert "no rule was broken" in (await mock.explain(answer))["summary"]
            await mock.verify(operation="getCarts", times=1)
            with pytest.raises(AssertionError, match="exactly 2"):
                await mock.verify(operation="getCarts", times=2)
            again = await AsyncCartMock.create(client, "shop", reset=True, control_key="the-key")
            assert (await again.summary())["customers"] == 0

    asyncio.run(go())
