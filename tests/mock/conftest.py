"""Worlds for the tests of the mock."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.mock.world import Site, World

_shops = itertools.count(1)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A mock in this process, for all tests of the session."""
    site = Site()
    yield site
    site.close()


@pytest.fixture
def world(site: Site) -> World:
    """A fresh shop."""
    return World(site, client_id=f"shop-{next(_shops)}")
