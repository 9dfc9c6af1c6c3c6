"""Worlds for the tests of the mock: each test runs on both ways through the mock."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.mock.world import Site, World

_shops = itertools.count(1)


@pytest.fixture(scope="session", params=["compiled", "plain"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A mock behind the compiled way, and one behind Connexion's plain stack."""
    site = Site(compiled=request.param == "compiled")
    yield site
    site.close()


@pytest.fixture
def world(site: Site) -> World:
    """A fresh shop."""
    return World(site, client_id=f"shop-{next(_shops)}")
