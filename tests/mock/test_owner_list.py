"""The list of a crowded cart's customers: each version stays what it was, whatever follows."""

from __future__ import annotations

from cart_mock.state.owner_list import OwnerList
from hypothesis import given
from hypothesis import strategies as st

STEPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 30)), max_size=30)


@given(start=st.sets(st.sampled_from("abcdef")), steps=STEPS)
def test_owner_list_derived_in_any_order_keeps_every_version(
    start: set[str], steps: list[tuple[str, int]]
) -> None:
    first = tuple(sorted(start))
    versions = [(OwnerList(first), first)]
    for customer, of in steps:
        made, expected = versions[of % len(versions)]
        if customer in expected:
            left = tuple(c for c in expected if c != customer)
            versions.append((made.without_owner(customer), left))
        else:
            versions.append((made.with_owner(customer), (*expected, customer)))
    for made, expected in versions:
        assert made == expected
        assert expected == made
        assert len(made) == len(expected)
        assert {c for c in "abcdef" if c in made} == set(expected)
        assert made[:2] == expected[:2]
        assert (made == (*expected, "g")) is False


def test_owner_list_with_one_more_shares_the_data_of_the_list_before() -> None:
    before = OwnerList(str(number) for number in range(1000))
    numbers = before._version.own()
    after = before.with_owner("one more")
    assert after._version.own() is numbers
