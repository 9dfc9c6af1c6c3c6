"""A cart of a page is rendered as any other, and only once until it is written."""

from __future__ import annotations

import pytest
from cart_mock.api import renderings, serializers
from cart_mock.api.renderings import Renderings
from cart_mock.messages import encode_json
from cart_mock.owners import Owner, owners
from cart_mock.state.entities import LAST_TIME, Cart, Contact, Customer
from cart_mock.state.items import Item
from cart_mock.state.store import CartRecord, Store, store_of
from cart_mock.state.tinydb_tables import InMemoryStorage
from msgspec.structs import replace

from tests.mock.documents import commit

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


def rendered(store: Store, renderings: Renderings | None = None) -> list[bytes]:
    records, _ = store.all_records(0, 9)
    return [bytes((renderings or Renderings(9)).of(record)) for record in records]


@pytest.mark.parametrize("name", CARTS)
@pytest.mark.parametrize("later", [0, 60])
def test_a_cart_of_a_page_is_rendered_as_any_other(name: str, later: int) -> None:
    store = store_with(CARTS[name], later)
    cart = store.cart("c")
    assert cart is not None
    expected = encode_json(serializers.cart(cart))
    assert rendered(store) == [expected]
    assert encode_json(serializers.shown_cart(cart)) == expected


def test_a_cart_that_an_older_version_wrote_is_rendered() -> None:
    storage = InMemoryStorage()
    old = {"id": "c", "name": "n", "created_at": 1, "updated_at": 2, "customers": ["a"]}
    commit(storage, {"carts": {"c": old}})
    expected = serializers.cart(Cart("c", "n", 1, 2, owners=owners("customer", ("a",))))
    assert rendered(Store(storage, str)) == [encode_json(expected)]


def test_a_cart_is_rendered_again_only_when_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    store, kept, made = store_with(PLAIN), Renderings(9), []

    def shown(record: CartRecord) -> object:
        made.append(record.cart().name)
        return serializers.shown_record(record)

    monkeypatch.setattr(renderings, "shown_record", shown)
    before = rendered(store, kept)
    assert rendered(store, kept) == before
    store.put_cart(replace(PLAIN, name="new"))
    assert b'"new"' in rendered(store, kept)[0]
    assert made == [PLAIN.name, "new"]


@pytest.mark.parametrize("name", CARTS)
def test_what_is_kept_is_no_longer_shown_after_an_owner_left(name: str) -> None:
    store, kept = store_with(CARTS[name]), Renderings(9)
    rendered(store, kept)
    cart = store.cart("c")
    assert cart is not None
    store.put_cart(replace(cart, owners=cart.owners[:-1]))
    left = store.cart("c")
    assert left is not None
    assert rendered(store, kept) == [encode_json(serializers.cart(left))]


def test_what_is_kept_is_no_longer_shown_after_a_customer_of_a_crowd_was_deleted() -> None:
    store, kept = store_with(CARTS["of a crowd"]), Renderings(9)
    store.put_customer(Customer("7", "Ada", "ada@shop.example", 1, 1))
    before = rendered(store, kept)
    store.delete_customer("7")
    cart = store.cart("c")
    assert cart is not None
    assert rendered(store, kept) == [encode_json(serializers.cart(cart))] != before


def test_stores_that_share_a_document_show_their_own_times() -> None:
    base, kept = store_of((), (PLAIN,)), Renderings(9)
    stores = [Store(InMemoryStorage(), str) for _ in range(2)]
    for later, store in enumerate(stores):
        store.share(base, later * 60)
    for store in (*stores, *stores):
        cart = store.cart("c")
        assert cart is not None
        assert rendered(store, kept) == [encode_json(serializers.cart(cart))]


def test_a_limited_number_is_kept_and_nothing_long() -> None:
    kept = Renderings(2)
    for number in range(5):
        rendered(store_with(Cart(str(number), "n", 1, 2)), kept)
    rendered(store_with(Cart("long", "n" * renderings.LARGEST, 1, 2)), kept)
    found = kept.by_document.values()
    assert [CartRecord(*entry[:2], None).cart().id for entry in found] == ["3", "4"]
