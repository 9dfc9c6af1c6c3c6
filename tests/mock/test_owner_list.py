"""The list of a crowded cart's owners: each version stays what it was, whatever follows."""

from __future__ import annotations

from cart_mock.owners import Owner, owners
from cart_mock.state.owner_list import OwnerList
from hypothesis import given
from hypothesis import strategies as st

SIX = (*owners("customer", "abc"), *owners("account", "abc"))
STEPS = st.lists(st.tuples(st.sampled_from(SIX), st.integers(0, 30)), max_size=30)


@given(start=st.sets(st.sampled_from(SIX)), steps=STEPS)
def test_owner_list_derived_in_any_order_keeps_every_version(
    start: set[Owner], steps: list[tuple[Owner, int]]
) -> None:
    first = tuple(sorted(start))
    versions = [(OwnerList(first), first)]
    for owner, of in steps:
        made, expected = versions[of % len(versions)]
        if owner in expected:
            left = tuple(o for o in expected if o != owner)
            versions.append((made.without_owner(owner), left))
        else:
            versions.append((made.with_owner(owner), (*expected, owner)))
    for made, expected in versions:
        assert made == expected
        assert expected == made
        assert len(made) == len(expected)
        assert {owner for owner in SIX if owner in made} == set(expected)
        assert made[:2] == expected[:2]
        assert (made == (*expected, Owner("customer", "g"))) is False


def test_owner_list_with_one_more_shares_the_data_of_the_list_before() -> None:
    before = OwnerList(owners("customer", map(str, range(1000))))
    numbers = before._version.own()
    after = before.with_owner(Owner("customer", "one more"))
    assert after._version.own() is numbers
