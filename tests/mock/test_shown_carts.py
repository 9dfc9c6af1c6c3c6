"""A cart of a page is rendered as any other, and no ``Cart`` is made of it."""

from __future__ import annotations

from typing import NoReturn

import pytest
from cart_mock.api import serializers
from cart_mock.messages import encode_json
from cart_mock.owners import Owner, owners
from cart_mock.state.entities import LAST_TIME, Cart, Contact
from cart_mock.state.items import Item
from cart_mock.state.store import CartRecord, Store, store_of
from cart_mock.state.tinydb_tables import InMemoryStorage

PLAIN = Cart("c", 'a "name"', 1_700_000_000, 1_700_000_060, "50% \u2615")
CARTS = {
    "plain": PLAIN,
    "of customers": Cart("c", "n", 1, 2, owners=owners("customer", ("a", "b"))),
    "of both kinds": Cart("c", "n", 1, 2, owners=(Owner("account", "a"), Owner("customer", "b"))),
    "of a crowd": Cart("c", "n", 1, 2, owners=owners("customer", map(str, range(99)))),
    "at the end of time": Cart("c", "n", 1, LAST_TIME),
    "with a contact": Cart("c", "n", 1, 2, contact=Contact("a@b.example")),
    "with fields of its own": Cart("c", "n", 1, 2, kept={"is_quote": True}),
    "with items": Cart("c", "n", 1, 2, items=(Item("i", "custom_item", "n", 1, 5, "EUR"),)),
}


def record_of(cart: Cart, later: int = 0) -> CartRecord:
    """Return the record of a cart in a store that was made later than the one it shares."""
    store = Store(InMemoryStorage(), str)
    store.share(store_of((), (cart,)), later)
    return store.all_records(0, 1)[0][0]


@pytest.mark.parametrize("name", CARTS)
@pytest.mark.parametrize("later", [0, 60])
def test_a_record_is_shown_as_its_cart(name: str, later: int) -> None:
    record = record_of(CARTS[name], later)
    expected = encode_json(serializers.cart(record.cart()))
    assert encode_json(serializers.shown_record(record)) == expected
    assert encode_json(serializers.shown_cart(record.cart())) == expected


def test_a_page_makes_no_carts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_record: CartRecord) -> NoReturn:
        raise AssertionError("a Cart was made")

    record = record_of(PLAIN)
    monkeypatch.setattr(CartRecord, "cart", refuse)
    assert encode_json(serializers.shown_record(record))
