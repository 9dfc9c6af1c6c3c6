"""A Redis server and mocks that share it, for the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.shared.servers import RedisServer, redis_server
from tests.shared.site import SharedSite, Shop


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for tests that do not disturb it."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server: scripts/setup test installs it")
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def site(server: RedisServer) -> Iterator[SharedSite]:
    """Three mocks that share a server."""
    site = SharedSite(server.url)
    yield site
    site.close()


@pytest.fixture
def shop(site: SharedSite) -> Shop:
    """A fresh store."""
    return Shop(site)
