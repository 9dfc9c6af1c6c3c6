"""What a broken mock remembers has a bound."""

from __future__ import annotations

import pytest
from cart_mock.breaks import hooks, interceptor_of, parse_break
from cart_mock.breaks.hooks import many, memory

from tests.mock.world import World


def test_oldest_things_that_hooks_remember_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "MOST", 5)
    with World() as world:
        many(world.tenant, "named", set[int]).add(0)
        for number in range(20):
            memory(world.tenant)["by", number] = number
            assert len(memory(world.tenant)) <= 6
            many(world.tenant, "named", set[int]).add(number)
            assert len(many(world.tenant, "named", set[int])) <= 6
        assert ("by", 19) in memory(world.tenant)
        assert 19 in many(world.tenant, "named", set[int])


def test_broken_mock_does_not_remember_every_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "MOST", 5)
    with World() as world:
        broken = (parse_break("any-device:later-token-blind"),)
        world.tenant.interceptors.set("breaks", interceptor_of([each.id for each in broken]))
        tokens = [world.as_ada() for _ in range(20)]
        assert len(memory(world.tenant)) <= 6
        assert world.carts_of(tokens[-1]) == []
