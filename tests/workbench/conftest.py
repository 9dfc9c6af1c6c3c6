"""Fixtures: the mock as users' tests get it, with the control API's answers checked, too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.pytest_plugin import cart_mock, live_cart_mock, live_cart_mock_client
from cart_mock.testing import in_process
from cart_mock.workbench.app import create_workbench

__all__ = ["cart_mock", "live_cart_mock", "live_cart_mock_client"]


@pytest.fixture(scope="session")
def cart_mock_client() -> Iterator[httpx.Client]:
    """Yield a client of a mock whose control API checks its answers against its document."""
    checking = partial(create_workbench, validate_responses=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cart_mock.workbench.app.create_workbench", checking)
        with in_process(create_app()) as client:
            # The workbench is made on first use.
            client.get("/_mock/health").raise_for_status()
            yield client
