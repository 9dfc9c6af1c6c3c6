"""A cart of a page is rendered as any other, and only once until it is written."""

from __future__ import annotations

import pytest
from cart_mock.api import serializers
from cart_mock.messages import encode_json
from cart_mock.owners import Owner, owners
from cart_mock.state import store as store_module
from cart_mock.state.entities import LAST_TIME, Cart, Contact, Customer
from cart_mock.state.items import Item
from cart_mock.state.store import Store, store_of
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


def rendered(store: Store) -> list[bytes]:
    cart_ids, _ = store.cart_ids(0, 9)
    return [bytes(made) for made in store.made_of(cart_ids, serializers.encoded_cart)]


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


def test_a_cart_is_made_again_only_when_it_changed() -> None:
    store, made = store_with(PLAIN), []

    def make(cart: Cart) -> str:
        made.append(cart.name)
        return cart.name.upper()

    assert store.made_of(["c", "c"], make) == [PLAIN.name.upper()] * 2
    store.put_cart(replace(PLAIN, name="new"))
    assert store.made_of(["c", "c"], make) == ["NEW"] * 2
    assert made == [PLAIN.name, "new"]


def test_nothing_is_made_of_an_unknown_cart() -> None:
    with pytest.raises(LookupError, match="none"):
        store_with(PLAIN).made_of(["none"], serializers.encoded_cart)


@pytest.mark.parametrize("name", CARTS)
def test_what_is_kept_is_no_longer_shown_after_an_owner_left(name: str) -> None:
    store = store_with(CARTS[name])
    rendered(store)
    cart = store.cart("c")
    assert cart is not None
    store.put_cart(replace(cart, owners=cart.owners[:-1]))
    left = store.cart("c")
    assert left is not None
    assert rendered(store) == [encode_json(serializers.cart(left))]


@pytest.mark.parametrize("name", ["of customers", "of a crowd"])
def test_what_is_kept_is_no_longer_shown_after_an_owner_was_deleted(name: str) -> None:
    store = store_with(CARTS[name])
    gone = CARTS[name].owners[0].id
    store.put_customer(Customer(gone, "Ada", "ada@shop.example", 1, 1))
    before = rendered(store)
    store.delete_customer(gone)
    cart = store.cart("c")
    assert cart is not None
    assert rendered(store) == [encode_json(serializers.cart(cart))] != before


def test_what_is_kept_of_a_deleted_cart_is_not_shown_for_a_new_one_of_its_id() -> None:
    store = store_with(PLAIN)
    before = rendered(store)
    store.delete_cart("c")
    store.put_cart(replace(PLAIN, name="new"))
    assert rendered(store) != before


@pytest.mark.parametrize("anew", ["share", "fill"])
def test_what_is_kept_is_not_shown_after_the_store_was_filled_anew(anew: str) -> None:
    store, new = store_with(PLAIN), replace(PLAIN, name="new")
    rendered(store)
    if anew == "share":
        store.share(store_of((), (new,)))
    else:
        store.fill((), (new,))
    assert rendered(store) == [encode_json(serializers.cart(new))]


def test_stores_that_share_a_document_show_their_own_times() -> None:
    base = store_of((), (PLAIN,))
    stores = [Store(InMemoryStorage(), str) for _ in range(2)]
    for later, store in enumerate(stores):
        store.share(base, later * 60)
    for store in (*stores, *stores):
        cart = store.cart("c")
        assert cart is not None
        assert rendered(store) == [encode_json(serializers.cart(cart))]


def test_a_limited_number_is_kept_and_nothing_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MADE", 2)
    carts = [Cart(str(number), "n", 1, 2) for number in range(4)]
    large = Cart("large", "n" * 5000, 1, 2)
    store, made = store_of((), (*carts, large)), []

    def make(cart: Cart) -> str:
        made.append(cart.id)
        return cart.id

    store.made_of(["0", "1", "2", "3", "large"], make)
    made.clear()
    assert store.made_of(["2", "3", "large", "0"], make) == ["2", "3", "large", "0"]
    assert made == ["large", "0"]
