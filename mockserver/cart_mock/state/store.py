"""One store: the carts, customers and key of one ``client_id``, isolated from every other."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from operator import itemgetter

import msgspec

from cart_mock.api.interceptors import Handler, InterceptorChain, InterceptorName, Layer
from cart_mock.state.clock import Clock
from cart_mock.state.entities import CART_LIFETIME, Cart, Customer
from cart_mock.state.indexes import UpdateOrderIndex
from cart_mock.state.tinydb_tables import Database, InMemoryStorage
from cart_mock.tenants.request_log import RequestLog

_KEY_ID = "1"
_READ = 10_000
"""How many of the carts that were read last are kept as they were read."""
_PAGES = 128
"""How many pages of carts are kept as they were shown."""


class Store:
    """Holds carts and customers; knows which cart belongs to whom, and nothing of HTTP or rules.

    What goes in and comes out are immutable values. ``new_id`` makes the ids of what is created.
    Raises msgspec.ValidationError if the storage holds what is no cart or no customer.
    """

    def __init__(
        self, name: str, storage: InMemoryStorage, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self.name = name
        self.clock = clock
        self.new_id = new_id
        self.journal = RequestLog()
        self.intervention: Handler | None = None
        self._layers = InterceptorChain()
        self._database = Database(storage)
        self._read: OrderedDict[str, Cart] = OrderedDict()
        self._pages: dict[tuple[str | None, int, int], tuple[int, bytes]] = {}
        self._carts = self._database.keyed("carts")
        self._customers = self._database.keyed("customers")
        self._key = self._database.keyed("key")
        self._index()

    def _index(self) -> None:
        self._read.clear()
        self._pages.clear()
        self._by_update = UpdateOrderIndex()
        self._registered = UpdateOrderIndex()
        self._carts_of: dict[str, UpdateOrderIndex] = {}
        self._customer_by_email: dict[str, str] = {}
        self._next_expiry = float("inf")
        documents = self._database.resident.documents
        carts = (msgspec.convert(document, Cart) for document in documents("carts").values())
        entries = [(cart.updated_at, cart.id, cart.customers) for cart in carts]
        for updated_at, cart_id, customers in sorted(entries, key=itemgetter(0)):
            self._index_cart(cart_id, updated_at, customers)
        for document in documents("customers").values():
            customer = msgspec.convert(document, Customer)
            self._customer_by_email[customer.email.lower()] = customer.id

    def set_interceptor(self, name: InterceptorName, layer: Layer | None) -> None:
        """Put a layer between the store's requests and its rules, or take it out."""
        self.intervention = self._layers.put(name, layer)

    # ---- Time -------------------------------------------------------------------------------

    def now(self) -> float:
        """The store's time in seconds since the epoch; carts that are past their time are gone."""
        now = self.clock.now()
        if now >= self._next_expiry:
            self._expire(now)
        return now

    def _expire(self, now: float) -> None:
        for cart_id in self._by_update.until(now - CART_LIFETIME):
            self.delete_cart(cart_id)
        oldest = self._by_update.oldest()
        self._next_expiry = float("inf") if oldest is None else oldest + CART_LIFETIME

    # ---- Carts ------------------------------------------------------------------------------

    def cart(self, cart_id: str) -> Cart | None:
        """The cart with that id, or None."""
        cart = self._read.get(cart_id)
        if cart is None:
            document = self._carts.live(cart_id)
            if document is None:
                return None
            cart = self._read[cart_id] = msgspec.convert(document, Cart)
            if len(self._read) > _READ:
                self._read.popitem(last=False)
        return cart

    def put_cart(self, cart: Cart) -> None:
        """Create or replace a cart, its associations included."""
        document = self._carts.live(cart.id)
        self._carts.put(cart.id, msgspec.to_builtins(cart))
        if cart.id in self._read:
            self._read[cart.id] = cart
        if document is not None:
            for customer_id in document["customers"]:
                if customer_id not in cart.customers:
                    self._disown(cart.id, customer_id)
        self._index_cart(cart.id, cart.updated_at, cart.customers)

    def delete_cart(self, cart_id: str) -> None:
        """Delete a cart and its associations."""
        document = self._carts.live(cart_id)
        if document is None:
            return
        self._carts.delete(cart_id)
        self._read.pop(cart_id, None)
        self._by_update.discard(cart_id)
        self._registered.discard(cart_id)
        for customer_id in document["customers"]:
            self._disown(cart_id, customer_id)

    def cart_count_of(self, customer_id: str) -> int:
        """How many carts a customer has."""
        carts = self._carts_of.get(customer_id)
        return 0 if carts is None else len(carts)

    def carts_of(self, customer_id: str, offset: int, limit: int) -> tuple[list[Cart], int]:
        """A page of a customer's carts, newest update first, and how many there are in all."""
        return self._page(self._carts_of.get(customer_id), offset, limit)

    def registered_carts(self, offset: int, limit: int) -> tuple[list[Cart], int]:
        """A page of the carts that have a customer, newest update first, and how many there are."""
        return self._page(self._registered, offset, limit)

    def shown_carts(
        self, owner: str | None, offset: int, limit: int, show: Callable[[list[Cart], int], bytes]
    ) -> bytes:
        """What ``show`` makes of a page of the owner's carts, or of the registered ones for None.

        It is kept until one of them changes.
        """
        carts = self._registered if owner is None else self._carts_of.get(owner)
        version = 0 if carts is None else carts.version
        page = (owner, offset, limit)
        kept = self._pages.get(page)
        if kept is None or kept[0] != version:
            if kept is None and len(self._pages) >= _PAGES:
                del self._pages[next(iter(self._pages))]
            kept = self._pages[page] = (version, show(*self._page(carts, offset, limit)))
        return kept[1]

    def _page(
        self, carts: UpdateOrderIndex | None, offset: int, limit: int
    ) -> tuple[list[Cart], int]:
        if carts is None:
            return [], 0
        read, cart = self._read.get, self.cart
        found = [read(cart_id) or cart(cart_id) for cart_id in carts.newest_first(offset, limit)]
        return [each for each in found if each is not None], len(carts)

    def _index_cart(self, cart_id: str, updated_at: int, customers: Iterable[str]) -> None:
        self._by_update.touch(cart_id, updated_at)
        self._next_expiry = min(self._next_expiry, updated_at + CART_LIFETIME)
        registered = False
        for customer_id in customers:
            registered = True
            carts = self._carts_of.get(customer_id)
            if carts is None:
                carts = self._carts_of[customer_id] = UpdateOrderIndex()
            carts.touch(cart_id, updated_at)
        if registered:
            self._registered.touch(cart_id, updated_at)
        else:
            self._registered.discard(cart_id)

    def _disown(self, cart_id: str, customer_id: str) -> None:
        carts = self._carts_of[customer_id]
        carts.discard(cart_id)
        if not carts:
            del self._carts_of[customer_id]

    # ---- Customers --------------------------------------------------------------------------

    def customer(self, customer_id: str) -> Customer | None:
        """The customer with that id, or None."""
        document = self._customers.live(customer_id)
        return None if document is None else msgspec.convert(document, Customer)

    def has_customer(self, customer_id: str) -> bool:
        """Whether there is a customer with that id."""
        return self._customers.live(customer_id) is not None

    def customer_with_email(self, email: str) -> Customer | None:
        """The customer with that email, letter case aside, or None."""
        customer_id = self._customer_by_email.get(email.lower())
        return None if customer_id is None else self.customer(customer_id)

    def customers(self, offset: int, limit: int) -> tuple[list[Customer], int]:
        """A page of the customers, newest first, and how many there are in all."""
        page = islice(self._customers.newest_first(), offset, offset + limit)
        found = [self.customer(customer_id) for customer_id in page]
        return [customer for customer in found if customer is not None], len(self._customers)

    def put_customer(self, customer: Customer) -> None:
        """Create or replace a customer."""
        old = self.customer(customer.id)
        self._customers.put(customer.id, msgspec.to_builtins(customer))
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
        with self._database.resident.transaction():
            self._customers.delete(customer_id)
            for cart in carts:
                self._carts.put(cart.id, msgspec.to_builtins(cart))
                self._read.pop(cart.id, None)
        del self._customer_by_email[customer.email.lower()]
        self._carts_of.pop(customer_id, None)
        self._registered.bump_version()
        for cart in carts:
            if not cart.customers:
                self._registered.discard(cart.id)
            for other in cart.customers:
                self._carts_of[other].bump_version()

    # ---- The store's key --------------------------------------------------------------------

    def accepts_secret(self, secret: str) -> bool:
        """Whether that is the key's secret, compared in constant time.

        The first secret that a key is used with becomes its secret.
        """
        key = self._key.live(_KEY_ID)
        if key is None:
            salt = self.new_id()
            self._key.put(_KEY_ID, {"salt": salt, "digest": _digest(secret, salt)})
            return True
        return hmac.compare_digest(_digest(secret, key["salt"]), key["digest"])

    # ---- The whole --------------------------------------------------------------------------

    def fill(self, customers: Iterable[Customer], carts: Iterable[Cart]) -> None:
        """Replace every customer and cart, together."""
        resident = self._database.resident
        with resident.transaction():
            self._customers.truncate()
            self._carts.truncate()
            resident.commit(
                {
                    "customers": {c.id: msgspec.to_builtins(c) for c in customers},
                    "carts": {c.id: msgspec.to_builtins(c) for c in carts},
                }
            )
        self._index()

    def everything(self) -> tuple[list[Customer], list[Cart]]:
        """Every customer and every cart."""
        documents = self._database.resident.documents
        return (
            [msgspec.convert(document, Customer) for document in documents("customers").values()],
            [msgspec.convert(document, Cart) for document in documents("carts").values()],
        )

    def counts(self) -> dict[str, int]:
        """How many customers, carts and registered carts there are."""
        return {
            "customers": len(self._customers),
            "carts": len(self._carts),
            "registered_carts": len(self._registered),
        }

    def close(self) -> None:
        """Close the store's files, if it has any."""
        self._database.close()


def _digest(secret: str, salt: str) -> str:
    # A key's secret is random and long, so that a slow hash would buy nothing.
    return hmac.new(salt.encode(), secret.encode(), hashlib.sha256).hexdigest()
