"""Carts by last update: always in the order of the last update, whatever the clock did."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from cart_mock.state.indexes import UpdateOrderIndex
from hypothesis import given
from hypothesis import strategies as st

TOUCHES = st.tuples(st.sampled_from("abcde"), st.integers(0, 6))
DISCARDS = st.tuples(st.sampled_from("abcde"), st.none())
LOOKS = st.just(("", None))


def in_order(touched: dict[str, tuple[int, int]]) -> list[str]:
    """The ids of a naive model, the newest first: by time, and of one time by the last touch."""
    return sorted(touched, key=lambda cart: touched[cart], reverse=True)


def newest_first(index: UpdateOrderIndex, offset: int, limit: int) -> list[str]:
    return list(index.carts_at(index.places.newest_first(offset, limit)))


@given(
    steps=st.lists(st.one_of(TOUCHES, DISCARDS, LOOKS), max_size=30),
    offset=st.integers(0, 5),
    limit=st.integers(0, 5),
    moment=st.integers(-1, 7),
)
def test_every_sequence_ends_as_a_sorted_list_would(
    steps: list[tuple[str, int | None]], offset: int, limit: int, moment: int
) -> None:
    index, model = UpdateOrderIndex(), dict[str, tuple[int, int]]()
    for number, (cart, updated_at) in enumerate(steps):
        if not cart:
            assert newest_first(index, 0, 9) == in_order(model)
        elif updated_at is None:
            index.discard(cart)
            model.pop(cart, None)
        else:
            index.set(cart, updated_at)
            model[cart] = (updated_at, number)
    expected = in_order(model)
    assert newest_first(index, offset, limit) == expected[offset : offset + limit]
    assert index.min_updated_at() == (model[expected[-1]][0] if expected else float("inf"))
    older = [cart for cart in reversed(expected) if model[cart][0] <= moment]
    assert index.older_than(moment) == older
    assert len(index) == len(model)
    assert {cart for cart in "abcde" if cart in index} == set(model)


class Case(NamedTuple):
    """Touches in their order, and the ids expected, the newest first."""

    touches: list[tuple[str, int]]
    expected: str


@pytest.mark.parametrize(
    ("touches", "expected"),
    [
        Case([], ""),
        Case([("a", 1), ("b", 2)], "ba"),
        Case([("a", 1), ("b", 1)], "ba"),
        Case([("a", 1), ("b", 1), ("a", 1)], "ab"),
        Case([("a", 2), ("b", 1)], "ab"),
        Case([("a", 2), ("b", 1), ("c", 1), ("d", 2)], "dacb"),
        Case([("a", 3), ("b", 4), ("b", 1)], "ab"),
    ],
)
def test_of_one_second_the_last_touched_is_the_newest(
    touches: list[tuple[str, int]], expected: str
) -> None:
    index = UpdateOrderIndex()
    for cart, updated_at in touches:
        index.set(cart, updated_at)
    assert "".join(newest_first(index, 0, 9)) == expected


def test_set_in_place_with_the_same_time_keeps_the_place() -> None:
    index = UpdateOrderIndex()
    for cart, updated_at in (("a", 1), ("b", 1), ("c", 2)):
        index.set(cart, updated_at)
    index.set("a", 1, in_place=True)
    index.set("b", 3, in_place=True)
    index.set("d", 1, in_place=True)
    assert "".join(newest_first(index, 0, 9)) == "bcda"


def test_a_page_past_the_end_is_empty() -> None:
    index = UpdateOrderIndex()
    index.set("a", 1)
    assert newest_first(index, 1, 5) == []
