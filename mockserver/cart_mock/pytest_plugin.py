"""Fixtures for pytest: ``cart_mock`` in this process, and ``live_cart_mock`` on a port.

Each test has its own store. With pytest-xdist, each worker process also has its own mocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Imported when a test uses a mock, not each time pytest starts.
    import httpx

    from cart_mock.testing import CartMock


@pytest.fixture(scope="session")
def cart_mock_client() -> Iterator[httpx.Client]:
    """Yield an httpx client of a mock in this process, without a port."""
    from cart_mock.app import create_app
    from cart_mock.testing import in_process

    with in_process(create_app()) as client:
        yield client


@pytest.fixture
def cart_mock(cart_mock_client: httpx.Client) -> Iterator[CartMock]:
    """Yield a mock in this process, with a store for this test."""
    yield from _store(cart_mock_client)


@pytest.fixture(scope="session")
def live_cart_mock_client() -> Iterator[httpx.Client]:
    """Yield an httpx client of a mock that is served on a free loopback port."""
    from cart_mock.app import create_app
    from cart_mock.testing import served

    with served(create_app()) as client:
        yield client


@pytest.fixture
def live_cart_mock(live_cart_mock_client: httpx.Client) -> Iterator[CartMock]:
    """Yield a mock that is served on a free port, with a store for this test."""
    yield from _store(live_cart_mock_client)


def _store(client: httpx.Client) -> Iterator[CartMock]:
    from cart_mock.testing import CartMock

    mock = CartMock(client)
    yield mock
    mock.workbench("DELETE", f"/stores/{mock.client_id}")
