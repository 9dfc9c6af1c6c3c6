"""One store: the carts, customers and key of one ``client_id``, isolated from every other."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

import msgspec
from tinydb import Query
from tinydb.table import Document

from cart_mock.state.entities import CART_LIFETIME, Cart, Customer
from cart_mock.state.indexes import UpdateOrderIndex
from cart_mock.state.tinydb_tables import Database, InMemoryStorage, KeyedTable

E = TypeVar("E", Cart, Customer)

_KEY_ID = "1"
_READ = 10_000
"""How many carts, and how many customers, are kept as they were read last."""


class Store:
    """Carts and customers in TinyDB, with an index of the carts of each customer.

    What goes in and comes out are immutable values; times are given, there is no clock here.
    ``new_salt`` makes the salt of the key's secret. Raises msgspec.ValidationError if the storage
    holds something that is not a cart or a customer. After ``close`` every change raises
    StorageClosed.
    """

    def __init__(self, storage: InMemoryStorage, new_salt: Callable[[], str]) -> None:
        self._storage = storage
        self._new_salt = new_salt
        database = Database(storage)
        self._carts = database.keyed("carts")
        self._customers = database.keyed("customers")
        self._key = database.keyed("key")
        self._read_carts: OrderedDict[str, Cart] = OrderedDict()
        self._read_customers: OrderedDict[str, Customer] = OrderedDict()
        self._index()

    def _index(self) -> None:
        self._read_carts.clear()
        self._read_customers.clear()
        self._by_update = UpdateOrderIndex()
        self._registered = UpdateOrderIndex()
        self._carts_of: dict[str, UpdateOrderIndex] = {}
        self._customer_by_email: dict[str, str] = {}
        self.next_expiry = float("inf")
        """When the next cart is past its time, or earlier, in seconds since the epoch."""
        customers, carts = self.everything()
        for cart in sorted(carts, key=lambda cart: cart.updated_at):
            self._index_cart(cart)
        for customer in customers:
            self._customer_by_email[customer.email.lower()] = customer.id

    def expire(self, now: float) -> None:
        """Delete the carts that are past their time."""
        for cart_id in self._by_update.older_than(now - CART_LIFETIME):
            self.delete_cart(cart_id)
        oldest = self._by_update.min_updated_at()
        self.next_expiry = float("inf") if oldest is None else oldest + CART_LIFETIME

    # ---- Carts ------------------------------------------------------------------------------

    def cart(self, cart_id: str) -> Cart | None:
        """Return the cart with that id, or None."""
        cart = self._read_carts.get(cart_id)
        return cart or _read(self._carts, cart_id, Cart, self._read_carts)

    def put_cart(self, cart: Cart, *, in_place: bool = False) -> None:
        """Create or replace a cart, its associations included.

        With ``in_place`` a cart whose ``updated_at`` stays keeps its place in the lists.
        """
        old = self.cart(cart.id)
        self._carts.upsert(_document(cart))
        _keep(self._read_carts, cart.id, cart)
        if old is not None:
            for customer_id in old.customers:
                if customer_id not in cart.customers:
                    self._unindex(cart.id, customer_id)
        self._index_cart(cart, in_place=in_place)

    def delete_cart(self, cart_id: str) -> None:
        """Delete a cart and its associations."""
        cart = self.cart(cart_id)
        if cart is None:
            return
        _remove(self._carts, cart_id)
        self._read_carts.pop(cart_id, None)
        self._by_update.discard(cart_id)
        self._registered.discard(cart_id)
        for customer_id in cart.customers:
            self._unindex(cart_id, customer_id)

    def cart_count_of(self, customer_id: str) -> int:
        """Return how many carts a customer has."""
        carts = self._carts_of.get(customer_id)
        return 0 if carts is None else len(carts)

    def carts_of(self, customer_id: str, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of a customer's carts, newest update first, and how many it has in all."""
        return self._page(self._carts_of.get(customer_id), offset, limit)

    def all_carts(self, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of all carts, newest update first, and how many there are in all."""
        return self._page(self._by_update, offset, limit)

    def carts_that(self, test: Callable[[Cart], bool]) -> list[Cart]:
        """Return the carts that pass a test, newest update first. This scans all of them."""
        return [cart for cart in self.all_carts(0, len(self._carts))[0] if test(cart)]

    def registered_carts(self, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of the carts with a customer, newest update first, and their number."""
        return self._page(self._registered, offset, limit)

    def _page(
        self, carts: UpdateOrderIndex | None, offset: int, limit: int
    ) -> tuple[list[Cart], int]:
        if carts is None:
            return [], 0
        read, miss = self._read_carts.get, self.cart
        page = carts.newest_first(offset, limit)
        found = [cart for each in page if (cart := read(each) or miss(each)) is not None]
        return found, len(carts)

    def _index_cart(self, cart: Cart, *, in_place: bool = False) -> None:
        self._by_update.set(cart.id, cart.updated_at, in_place=in_place)
        self.next_expiry = min(self.next_expiry, cart.updated_at + CART_LIFETIME)
        for customer_id in cart.customers:
            carts = self._carts_of.get(customer_id)
            if carts is None:
                carts = self._carts_of[customer_id] = UpdateOrderIndex()
            carts.set(cart.id, cart.updated_at, in_place=in_place)
        if cart.customers:
            self._registered.set(cart.id, cart.updated_at, in_place=in_place)
        else:
            self._registered.discard(cart.id)

    def _unindex(self, cart_id: str, customer_id: str) -> None:
        carts = self._carts_of[customer_id]
        carts.discard(cart_id)
        if not carts:
            del self._carts_of[customer_id]

    # ---- Customers --------------------------------------------------------------------------

    def customer(self, customer_id: str) -> Customer | None:
        """Return the customer with that id, or None."""
        customer = self._read_customers.get(customer_id)
        return customer or _read(self._customers, customer_id, Customer, self._read_customers)

    def has_customer(self, customer_id: str) -> bool:
        """Whether there is a customer with that id."""
        return self.customer(customer_id) is not None

    def customer_with_email(self, email: str) -> Customer | None:
        """Return the customer with that email, letter case aside, or None."""
        customer_id = self._customer_by_email.get(email.lower())
        return None if customer_id is None else self.customer(customer_id)

    def customers_named(self, name: str) -> list[Customer]:
        """Return the customers with exactly that name, newest first. This scans all of them."""
        found = self._customers.search(Query().name == name)
        return [msgspec.convert(document, Customer) for document in reversed(found)]

    def customers(self, offset: int, limit: int) -> tuple[list[Customer], int]:
        """Return a page of the customers, newest first, and how many there are in all."""
        page = islice(self._customers.newest_first(), offset, offset + limit)
        found = [self.customer(customer_id) for customer_id in page]
        return [customer for customer in found if customer is not None], len(self._customers)

    def put_customer(self, customer: Customer) -> None:
        """Create or replace a customer."""
        old = self.customer(customer.id)
        self._customers.upsert(_document(customer))
        _keep(self._read_customers, customer.id, customer)
        if old is not None:
            del self._customer_by_email[old.email.lower()]
        self._customer_by_email[customer.email.lower()] = customer.id

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer and its associations, together; its carts stay."""
        customer = self.customer(customer_id)
        if customer is None:
            return
        carts = [
            msgspec.structs.replace(
                cart, customers=tuple(c for c in cart.customers if c != customer_id)
            )
            for cart in self.carts_of(customer_id, 0, self.cart_count_of(customer_id))[0]
        ]
        with self._storage.transaction():
            _remove(self._customers, customer_id)
            for cart in carts:
                self._carts.upsert(_document(cart))
        self._read_customers.pop(customer_id, None)
        del self._customer_by_email[customer.email.lower()]
        self._carts_of.pop(customer_id, None)
        for cart in carts:
            self._read_carts.pop(cart.id, None)
            if not cart.customers:
                self._registered.discard(cart.id)

    # ---- The store's key --------------------------------------------------------------------

    def accepts_secret(self, secret: str) -> bool:
        """Whether that is the key's secret, compared in constant time.

        The first secret that a key is used with becomes its secret.
        """
        key = _get(self._key, _KEY_ID)
        if key is None:
            salt = self._new_salt()
            self._key.insert(
                Document({"salt": salt, "digest": _digest(secret, salt)}, _KEY_ID)  # type: ignore[arg-type]  # ids are strings here
            )
            return True
        return hmac.compare_digest(_digest(secret, key["salt"]), key["digest"])

    # ---- The whole --------------------------------------------------------------------------

    def fill(self, customers: Iterable[Customer], carts: Iterable[Cart]) -> None:
        """Replace every customer and cart, together."""
        self._storage.write(
            {
                **self._storage.read(),
                "customers": {c.id: msgspec.to_builtins(c) for c in customers},
                "carts": {c.id: msgspec.to_builtins(c) for c in carts},
            }
        )
        self._index()

    def everything(self) -> tuple[list[Customer], list[Cart]]:
        """Return every customer and every cart, oldest first."""
        tables = self._storage.read()
        return (
            [msgspec.convert(each, Customer) for each in tables.get("customers", {}).values()],
            [msgspec.convert(each, Cart) for each in tables.get("carts", {}).values()],
        )

    def counts(self) -> dict[str, int]:
        """Return how many customers, carts and registered carts there are."""
        return {
            "customers": len(self._customers),
            "carts": len(self._carts),
            "registered_carts": len(self._registered),
        }

    def close(self) -> None:
        """Close the storage: every change from now on raises StorageClosed."""
        self._storage.close()


# TinyDB types ids as int and allows others: ours are strings.


def _get(table: KeyedTable, document_id: str) -> Document | None:
    found: Document | None = table.get(doc_id=document_id)  # type: ignore[call-overload]  # as above
    return found


def _remove(table: KeyedTable, document_id: str) -> None:
    table.remove(doc_ids=[document_id])  # type: ignore[list-item]  # as above


def _document(entity: Cart | Customer) -> Document:
    fields: dict[str, Any] = msgspec.to_builtins(entity)
    return Document(fields, entity.id)  # type: ignore[arg-type]  # as above


def _read(
    table: KeyedTable, document_id: str, kind: type[E], kept: OrderedDict[str, E]
) -> E | None:
    document = _get(table, document_id)
    if document is None:
        return None
    entity = msgspec.convert(document, kind)
    _keep(kept, document_id, entity)
    return entity


def _keep(kept: OrderedDict[str, E], document_id: str, entity: E) -> None:
    kept[document_id] = entity
    if len(kept) > _READ:
        kept.popitem(last=False)


def _digest(secret: str, salt: str) -> str:
    # A key's secret is random and long, so a slow hash would gain nothing.
    return hmac.new(salt.encode(), secret.encode(), hashlib.sha256).hexdigest()
