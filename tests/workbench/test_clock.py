"""The clock of a store: frozen, advanced, set; expiry and latency follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from cart_mock.state.clock import Clock
from cart_mock.testing import CartMock

HOUR, DAY = 3600, 24 * 3600
ADA = ("ada@example.com", "ada-password")


def test_a_clock_is_frozen_set_advanced_resumed_and_forgotten(cart_mock: CartMock) -> None:
    assert cart_mock.clock("set", at="2030-01-31T12:00:00Z")["frozen"] is False
    frozen = cart_mock.clock("freeze")
    assert frozen["frozen"] is True
    assert frozen["now"].startswith("2030-01-31T12:00:")
    assert cart_mock.clock("advance", seconds=HOUR)["epoch"] == frozen["epoch"] + HOUR
    assert cart_mock.clock("advance", seconds=-HOUR)["epoch"] == frozen["epoch"]
    resumed = cart_mock.clock("resume")
    assert resumed["frozen"] is False
    assert resumed["epoch"] >= frozen["epoch"]
    assert abs(cart_mock.clock("follow")["offset"]) < 1


def test_only_the_store_asked_for_moves(cart_mock: CartMock) -> None:
    cart_mock.clock("set", at="2030-01-31T12:00:00Z")
    other = CartMock(cart_mock.client)
    clock = cart_mock.workbench("GET", f"/stores/{other.client_id}/clock")["data"]
    assert not clock["now"].startswith("2030")


@pytest.mark.parametrize(("seconds", "status"), [(HOUR - 1, 200), (HOUR, 401)])
def test_an_access_token_expires_by_the_clock(
    cart_mock: CartMock, seconds: int, status: int
) -> None:
    cart_mock.clock("freeze")
    headers = cart_mock.headers()
    cart_mock.clock("advance", seconds=seconds)
    assert cart_mock.client.get("/v2/carts", headers=headers).status_code == status


@pytest.mark.parametrize(("seconds", "status"), [(DAY - 60, 200), (DAY, 403)])
def test_a_customer_token_expires_by_the_clock(
    cart_mock: CartMock, seconds: int, status: int
) -> None:
    cart_mock.seed("one-shopper")
    cart_mock.clock("freeze")
    ada = cart_mock.headers(*ADA)
    cart_mock.clock("advance", seconds=seconds)
    fresh = {**ada, "Authorization": f"Bearer {cart_mock.access_token('implicit')}"}
    assert cart_mock.client.get("/v2/carts", headers=fresh).status_code == status


@pytest.mark.parametrize(("seconds", "left"), [(7 * DAY - 1, 3), (7 * DAY, 0)])
def test_carts_expire_by_the_clock_at_once(cart_mock: CartMock, seconds: int, left: int) -> None:
    cart_mock.clock("freeze")
    cart_mock.seed("one-shopper")
    cart_mock.clock("advance", seconds=seconds)
    store = cart_mock.workbench("GET", f"/stores/{cart_mock.client_id}")["data"]
    assert store["carts"] == left


def test_timestamps_follow_the_clock(cart_mock: CartMock) -> None:
    cart_mock.clock("set", at="2030-01-31T12:00:00Z")
    cart_mock.clock("freeze")
    made = cart_mock.client.post(
        "/v2/carts", headers=cart_mock.headers(), json={"data": {"name": "Cart"}}
    )
    stamps = made.json()["data"]["meta"]["timestamps"]
    assert stamps["created_at"] == stamps["updated_at"] == "2030-01-31T12:00:00Z"
    assert stamps["expires_at"] == "2030-02-07T12:00:00Z"


def test_injected_latency_waits_for_a_frozen_clock_to_be_advanced(cart_mock: CartMock) -> None:
    cart_mock.clock("freeze")
    headers = cart_mock.headers()
    cart_mock.fault("latency", seconds=HOUR / 2, times=1, operation="getCarts")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(cart_mock.client.get, "/v2/carts", headers=headers, timeout=60)
        while cart_mock.workbench("GET", f"/stores/{cart_mock.client_id}/faults")["data"]:
            pass  # until it is used up, and the request waits
        cart_mock.clock("advance", seconds=HOUR / 4)
        assert not waiting.done()
        cart_mock.clock("advance", seconds=HOUR / 4)
        assert waiting.result().status_code == 200


async def _slept(clock: Clock, seconds: float, *changes: Callable[[], None]) -> bool:
    sleeping = asyncio.create_task(clock.sleep(seconds))
    await asyncio.sleep(0)
    for change in changes:
        change()
        await asyncio.sleep(0.01)
    done = sleeping.done()
    sleeping.cancel()
    return done


@pytest.mark.parametrize(
    ("seconds", "changes", "done"),
    [
        (0, [], True),
        (50, [], False),
        (50, [lambda c: c.advance(49)], False),
        (50, [lambda c: c.advance(50)], True),
        (50, [lambda c: c.advance(20), lambda c: c.advance(30)], True),
        (50, [lambda c: c.freeze(), lambda c: c.advance(49.5)], False),
        (50, [lambda c: c.freeze(), lambda c: c.advance(51)], True),
        (50, [lambda c: c.set(10_000_000_000)], True),
    ],
)
def test_a_clock_sleeps_until_it_has_moved_that_far(
    seconds: float, changes: list[Callable[[Clock], None]], done: bool
) -> None:
    async def run() -> bool:
        clock = Clock()
        steps = [partial(change, clock) for change in changes]
        return await _slept(clock, seconds, lambda: None, *steps)

    assert asyncio.run(run()) is done
