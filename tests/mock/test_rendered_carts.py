"""A cart of a page is rendered as any other, and only once until it is written."""

from __future__ import annotations

from collections import deque
from typing import NoReturn

import pytest
from cart_mock.api import serializers
from cart_mock.messages import encode_json
from cart_mock.owners import Owner, owners
from cart_mock.state import renderings
from cart_mock.state.entities import LAST_TIME, Cart, Contact
from cart_mock.state.items import Item
from cart_mock.state.store import CartRecord, Render, Store, store_of
from cart_mock.state.tinydb_tables import InMemoryStorage
from msgspec.structs import replace

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


def store_with(cart: Cart, later: int = 0) -> Store:
    """Return a store with a cart, made later than the one whose carts it shares."""
    store = Store(InMemoryStorage(), str)
    store.share(store_of((), (cart,)), later)
    return store


def rendered(store: Store, render: Render = serializers.rendered_record) -> list[bytes]:
    return [bytes(each) for each in store.all_rendered_carts(0, 9, render)[0]]


@pytest.mark.parametrize("name", CARTS)
@pytest.mark.parametrize("later", [0, 60])
def test_a_cart_of_a_page_is_rendered_as_any_other(name: str, later: int) -> None:
    store = store_with(CARTS[name], later)
    cart = store.cart("c")
    assert cart is not None
    expected = encode_json(serializers.cart(cart))
    assert rendered(store) == [expected]
    assert encode_json(serializers.shown_cart(cart)) == expected


def test_a_page_makes_no_carts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_record: CartRecord) -> NoReturn:
        raise AssertionError("a Cart was made")

    monkeypatch.setattr(CartRecord, "cart", refuse)
    assert len(rendered(store_with(PLAIN))) == 1


def test_a_cart_is_rendered_again_only_when_it_is_written() -> None:
    store, made = store_with(PLAIN), []

    def render(record: CartRecord) -> bytes:
        made.append(record.document["name"])
        return serializers.rendered_record(record)

    rendered(store, render)
    rendered(store, render)
    store.put_cart(replace(PLAIN, name="new"))
    rendered(store, render)
    assert made == [PLAIN.name, "new"]


def test_all_stores_together_keep_a_limited_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "MOST", 3)
    monkeypatch.setattr(renderings.Renderings, "_order", deque())
    kept = [renderings.Renderings() for _ in range(2)]
    for number in range(5):
        for each in kept:
            each.keep(str(number), b"{}")
    kept[0].keep("long", b"x" * (renderings.LARGEST + 1))
    assert [[*each.kept] for each in kept] == [["4"], ["3", "4"]]
