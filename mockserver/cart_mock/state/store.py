"""One store: the carts, owners and key of one ``client_id``, isolated from every other."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from operator import gt
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from cart_mock.owners import Owner, owners
from cart_mock.state.accounts import NO_ACCOUNTS, AccountContent, Accounts
from cart_mock.state.accounts import TABLES as ACCOUNT_TABLES
from cart_mock.state.entities import (
    CART_LIFETIME,
    Account,
    AccountMember,
    Cart,
    Customer,
    Membership,
    Owners,
)
from cart_mock.state.indexes import SortedPlaces, UpdateOrderIndex
from cart_mock.state.owner_list import OwnerList
from cart_mock.state.shared_documents import (
    Entity,
    SharedDocuments,
    documents_of,
    made_later,
    own_string,
    reader,
)
from cart_mock.state.shop import NO_CONTENT, TABLES, Address, Order, Shop, ShopContent
from cart_mock.state.tinydb_tables import (
    Changes,
    Database,
    Document,
    Documents,
    InMemoryStorage,
    KeyedTable,
    Replacement,
    StoreMemory,
    TableChanges,
    Tables,
    encoded,
)
from cart_mock.state.turns import WITHOUT_COLLECTION, Repeatable, in_turns

E = TypeVar("E", Cart, Customer)
_decode = msgspec.json.Decoder().decode
_read_cart, _read_customer = reader(Cart), reader(Customer)

_KINDS: dict[str, type[Any]] = {
    "customers": Customer, "carts": Cart, "addresses": Address, "orders": Order,
    "accounts": Account, "account_members": AccountMember, "account_memberships": Membership,
}  # fmt: skip
"""The entities of the tables whose documents have times."""
_KEY_ID = "1"
_READ = 10_000
"""How many carts, and how many customers, are kept as they were read last."""
READ_CARTS = 10_000
"""How many carts that were only read a store keeps, unless said otherwise."""
_CROWD = 32
"""How many owners a cart's document lists. Those of a cart that once had more, a crowded one,
are documents of their own, so that one more of them is one small document more."""


class _Indexed(msgspec.Struct, gc=False):
    """What the indexes need of a cart. It is read in half of the time of a ``Cart``."""

    id: str
    name: str
    updated_at: int
    owners: Owners = ()
    lifetime: int = CART_LIFETIME
    by_reading: bool = False


_read_indexed = msgspec.json.Decoder(_Indexed).decode


class CartRecord(NamedTuple):
    """A cart as it is stored: the JSON of its document.

    Its times are so many seconds ``later`` than in the document. The owners of a ``crowd`` are not
    in the document.
    """

    document: bytes
    later: int
    crowd: OwnerList | None

    def cart(self) -> Cart:
        """Return the cart. Raises msgspec.ValidationError."""
        document, later, crowd = self
        cart: Cart = _read_cart(document)
        if later:
            cart = made_later(cart, later)
        return cart if crowd is None else replace(cart, owners=crowd)


class Store:
    """Carts and their owners in TinyDB, with an index of the carts of each owner.

    What goes in and comes out are immutable values; times are given, there is no clock here.
    ``new_salt`` makes the salt of the key's secret. Raises msgspec.ValidationError if the storage
    holds something that is not a cart or an owner. After ``close`` every change raises
    StorageClosed.
    """

    def __init__(self, storage: InMemoryStorage, new_salt: Callable[[], str]) -> None:
        self._storage = storage
        self._new_salt = new_salt
        database = Database(storage)
        self._carts = database.keyed("carts")
        self._customers = database.keyed("customers")
        self._associations = database.keyed("associations")
        self._key = database.keyed("key")
        self._cart_order: dict[str, int] = {}
        self._is_indexed = True
        self.most_read_carts = READ_CARTS
        """How many carts that were made by reading, and not changed since, are kept."""
        self._read_carts: OrderedDict[str, Cart] = OrderedDict()
        self._read_customers: OrderedDict[str, Customer] = OrderedDict()
        self.shop = Shop(storage, database)
        """The products, settings, addresses and orders."""
        self.accounts = Accounts(storage, database)
        """The accounts, their members and memberships. Delete an account by ``delete_account``."""
        _upgrade_links(storage)
        self._index()

    def _index(self) -> None:
        self._read_customers.clear()
        self._customer_by_email: dict[str, str] = {}
        self._shared = SharedDocuments()
        self._is_sharing = False
        self._index_no_cart()
        crowds: defaultdict[str, list[Owner]] = defaultdict(list)
        for link in map(_decode, self._storage.documents("associations").values()):
            crowds[link["cart"]].append(Owner(*link["owner"]))
        self._crowds.update((cart_id, OwnerList(ids)) for cart_id, ids in crowds.items())
        self._index_carts()
        documents = self._storage.documents("customers")
        for customer_id, text in in_turns(documents.items()):
            self._customer_by_email[_read_customer(text).email.lower()] = customer_id

    def _index_no_cart(self) -> None:
        """Make the indexes of a store without carts."""
        self._read_carts.clear()
        self._by_update = UpdateOrderIndex()
        self._by_expiry = UpdateOrderIndex()
        """The expiry of the carts whose lifetime is not the default one."""
        self._by_reading = UpdateOrderIndex()
        """The carts that were made by reading, and not changed since."""
        self._expired = float("-inf")
        """No cart with the default lifetime was last updated at this moment or before it."""
        self._registered = SortedPlaces()
        self._carts_of: dict[Owner, SortedPlaces] = {}
        self._crowds: dict[str, OwnerList] = {}
        self._crowded_carts_of: dict[Owner, dict[str, int]] = {}
        self._own_places: set[Owner] | None = None
        self.next_expiry = float("inf")
        """When the next cart is past its time, or earlier, in seconds since the epoch."""

    def _index_carts(self) -> None:
        """Build the indexes of all carts."""
        crowds, read = self._crowds, dict[str, int]()
        ids, times, owners_ = self._carts_by_update(read)
        registered: list[int] = []
        places_of: defaultdict[Owner, list[int]] = defaultdict(list)
        places = self._by_update.fill(ids, times)
        for place, cart_id, has in in_turns(zip(places, ids, owners_, strict=True)):
            if has:
                registered.append(place)
                for owner in has if len(has) == 1 else dict.fromkeys(has):
                    places_of[owner].append(place)
                    if cart_id in crowds:
                        self._crowded_carts_of.setdefault(owner, {})[cart_id] = place
            if cart_id in read:
                self._by_reading.set(cart_id, read[cart_id])
        self._registered = SortedPlaces.of(registered)
        self._carts_of = {owner: SortedPlaces.of(own) for owner, own in places_of.items()}
        self._look_ahead()

    def _carts_by_update(self, read: dict[str, int]) -> tuple[list[str], list[int], list[Owners]]:
        """Return the ids, times of update and owners of all carts, the least recent update first.

        Note the times of those that were made by reading, and index those of another lifetime.
        """
        documents, order = self._storage.documents("carts"), self._cart_order
        times: list[int] = []
        owners_: list[Owners] = []
        known: dict[Owners, Owners] = {}
        for cart_id, text in in_turns(documents.items()):
            cart = _read_indexed(text)
            if not cart.owners and b'"customers"' in text:
                upgraded = documents[cart_id] = _with_owners(text)
                cart = _read_indexed(upgraded)
            times.append(cart.updated_at)
            # The same owners are kept once, or they would take much memory until the end.
            owners_.append(self._crowds.get(cart_id) or known.setdefault(cart.owners, cart.owners))
            if cart.lifetime != CART_LIFETIME:
                self._by_expiry.set(cart_id, cart.updated_at + cart.lifetime)
            if cart.by_reading:
                read[cart_id] = cart.updated_at
        ids = list(documents)
        if order or not _ascend(times):
            ranks = sorted(range(len(ids)), key=lambda at: (times[at], order.get(ids[at], 0)))
            ids, times = [ids[at] for at in ranks], [times[at] for at in ranks]
            owners_ = [owners_[at] for at in ranks]
        return ids, times, owners_

    def expire(self, now: float) -> None:
        """Delete the carts that are past their time."""
        if self._is_sharing:
            self._unshare()  # the base's indexes have its times
        by_expiry = self._by_expiry
        usual = self._by_update.older_than(now - CART_LIFETIME, self._expired)
        cart_ids = [cart_id for cart_id in usual if cart_id not in by_expiry]
        cart_ids += by_expiry.older_than(now)
        if cart_ids:
            with self._storage.repeatable():  # a read must not fail because the disk is full
                self._delete_carts(cart_ids)
        # Carts with a longer lifetime stay before this moment, and are not looked at again.
        self._expired = max(self._expired, now - CART_LIFETIME)
        self._look_ahead()

    def _look_ahead(self) -> None:
        oldest = self._by_update.min_updated_at(self._expired)
        first = self._by_expiry.min_updated_at()
        self.next_expiry = min(
            float("inf") if oldest is None else oldest + CART_LIFETIME,
            float("inf") if first is None else first,
        )

    # ---- Carts ------------------------------------------------------------------------------

    def cart(self, cart_id: str) -> Cart | None:
        """Return the cart with that id, or None."""
        return self._read_carts.get(cart_id) or self._read_cart(cart_id)

    def _read_cart(self, cart_id: str) -> Cart | None:
        # Not by TinyDB's get, which copies the document; what is read of it is never changed.
        for record in self._records((cart_id,)):
            cart = record.cart()
            _keep(self._read_carts, cart_id, cart)
            return cart
        return None

    def _records(self, cart_ids: Iterable[str]) -> list[CartRecord]:
        """Return what is stored of these carts, without those that do not exist."""
        documents, crowds = self._storage.documents("carts"), self._crowds
        stored = [(id_, documents[id_]) for id_ in cart_ids if id_ in documents]
        later = self._shared.later
        if not later and not crowds:
            return [CartRecord(document, 0, None) for _, document in stored]
        shared = self._shared.tables["carts"] if later else {}
        return [
            CartRecord(document, later if shared.get(id_) is document else 0, crowds.get(id_))
            for id_, document in stored
        ]

    def put_cart(self, cart: Cart, *, in_place: bool = False) -> None:
        """Create or replace a cart, its associations included.

        With ``in_place`` a cart whose ``updated_at`` stays keeps its place in the lists.
        """
        old = self.cart(cart.id)
        if old is None:
            self._write(old, cart, dict.fromkeys(cart.owners), (), in_place=in_place)
            return
        cart = _as_changed(cart)
        if cart.owners is old.owners:
            self._write(old, cart, (), (), in_place=in_place)
            return
        has, before = dict.fromkeys(cart.owners), dict.fromkeys(old.owners)
        added = [owner for owner in has if owner not in before]
        removed = [owner for owner in before if owner not in has]
        if [*(owner for owner in before if owner in has), *added] != list(has):  # in another order
            added, removed = list(has), list(before)
        self._write(old, cart, added, removed, in_place=in_place)

    def put_read_cart(self, cart: Cart) -> None:
        """Create a cart because its id was read. If there are too many of these, the oldest go."""
        self.put_cart(replace(cart, by_reading=True))
        with self._storage.repeatable():  # the new one is there, whatever becomes of an old one
            while len(self._by_reading) > self.most_read_carts:
                oldest = next(iter(self._by_reading.places))
                self.delete_cart(self._by_reading.cart_at(oldest))

    def associate(self, cart: Cart, owner: Owner) -> None:
        """Add an owner to a cart, which does not update it.

        The cart is as ``cart`` returned it. The cost does not grow with its owners.
        """
        self._change_owners(cart, (owner,), ())

    def dissociate(self, cart: Cart, owner: Owner) -> None:
        """Remove an owner from a cart, as ``associate`` adds one."""
        self._change_owners(cart, (), (owner,))

    def _change_owners(self, cart: Cart, added: Sequence[Owner], removed: Sequence[Owner]) -> None:
        old = self.cart(cart.id)
        as_read = old is not None and old.owners is cart.owners
        cart = _as_changed(cart)
        if not as_read or cart.id not in self._crowds:
            left = (owner for owner in cart.owners if owner not in removed)
            cart = replace(cart, owners=(*left, *added))
        if as_read:
            self._write(old, cart, added, removed, in_place=True)
        else:
            self.put_cart(cart, in_place=True)

    def _write(
        self, old: Cart | None, cart: Cart, added: Collection[Owner], removed: Collection[Owner], *,
        in_place: bool,
    ) -> None:  # fmt: skip
        """Write a cart and its indexes. Of a crowd, only who came and who went is written."""
        if self._is_sharing:
            self._unshare()
        crowd = self._crowds.get(cart.id)
        had = () if old is None or crowd is not None else old.owners
        was_registered = old is not None and bool(old.owners)
        if crowd is None and len(cart.owners) <= _CROWD:
            self._carts.put(cart.id, cart)
        else:
            linked = added if crowd is not None else dict.fromkeys(cart.owners)
            with self._storage.transaction():
                self._carts.put(cart.id, replace(cart, owners=()))
                # Not through the table, which copies each of many documents that it removes.
                if removed and crowd is not None:
                    gone: TableChanges = {_link_id(cart.id, o): None for o in removed}
                    self._storage.commit({"associations": gone})
                if linked:
                    links: TableChanges = dict(_link(cart.id, o) for o in linked)
                    self._storage.commit({"associations": links})
            if crowd is None:
                # From now on its entry in the index of each owner may be an old one.
                for owner in dict.fromkeys(had):
                    self._unindex(cart.id, owner)
                added, removed, crowd = linked, (), OwnerList(linked)
            else:
                for owner in removed:
                    crowd = crowd.without_owner(owner)
                for owner in added:
                    crowd = crowd.with_owner(owner)
            for owner in removed:
                self._unindex(cart.id, owner)
            removed = ()
            self._crowds[cart.id] = crowd
            cart = replace(cart, owners=crowd)
        _keep(self._read_carts, cart.id, cart)
        self._reindex(cart, added, removed, in_place=in_place, was_registered=was_registered)

    def delete_cart(self, cart_id: str) -> None:
        """Delete a cart and its associations."""
        if self.cart(cart_id) is not None:
            self._delete_carts([cart_id])

    def _delete_carts(self, cart_ids: Sequence[str]) -> None:
        """Delete carts, which must exist, and their associations, together."""
        if self._is_sharing:
            self._unshare()
        if len(cart_ids) == len(self._storage.documents("carts")):
            # It takes a quarter of the time to make empty indexes.
            tables = {name: self._storage.documents(name) for name in ("carts", "associations")}
            self._storage.commit({name: dict.fromkeys(tables[name]) for name in tables})
            self._index_no_cart()
        else:
            self._delete_some_carts(cart_ids)

    def _delete_some_carts(self, cart_ids: Sequence[str]) -> None:
        documents = self._storage.documents("carts")
        changes: Changes = {"carts": dict.fromkeys(cart_ids)}
        places: list[int] = []
        registered: list[int] = []
        places_of: defaultdict[Owner, list[int]] = defaultdict(list)
        for cart_id in cart_ids:
            place = self._place_of(cart_id)
            places.append(place)
            crowd = self._crowds.get(cart_id)
            if crowd is None:
                owners_ = _read_indexed(documents[cart_id]).owners
                for owner in set(owners_):
                    places_of[owner].append(place)
                if owners_:
                    registered.append(place)
            else:
                gone = changes.setdefault("associations", {})
                gone.update((_link_id(cart_id, owner), None) for owner in crowd)
                if crowd:
                    registered.append(place)
        # One change for all carts: through the tables, each would take ten times as long.
        self._storage.commit(changes)
        for owner, gone_places in places_of.items():
            carts = self._own_places_of(owner)
            assert carts is not None
            carts.remove_all(gone_places)
            if not carts:
                del self._carts_of[owner]
        self._registered.remove_all(registered)
        self._by_update.discard_all(cart_ids, places)
        for cart_id in cart_ids:
            # The index of an owner drops a crowded cart when it is read next.
            self._crowds.pop(cart_id, None)
            self._read_carts.pop(cart_id, None)
            self._by_expiry.discard(cart_id)
            self._by_reading.discard(cart_id)

    def cart_count_of(self, owner: Owner) -> int:
        """Return how many carts an owner has."""
        carts = self._index_of(owner)
        return 0 if carts is None else len(carts)

    def carts_of(self, owner: Owner, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of an owner's carts, newest update first, and how many it has in all."""
        records, total = self.records_of(owner, offset, limit)
        return [record.cart() for record in records], total

    def records_of(self, owner: Owner, offset: int, limit: int) -> tuple[list[CartRecord], int]:
        """Return the records of ``carts_of``."""
        return self._page(self._index_of(owner), offset, limit)

    def all_records(self, offset: int, limit: int) -> tuple[list[CartRecord], int]:
        """Return a page of all carts, newest update first, and how many there are in all."""
        return self._page(self._by_update.places, offset, limit)

    def carts_that(
        self, test: Callable[[str, Sequence[Owner]], bool], offset: int, limit: int
    ) -> tuple[list[Cart], int]:
        """Return a page of the carts whose name and owners pass a test, and their number.

        The newest update comes first. This scans all carts.
        """
        documents, crowds, cart_at = self._storage.documents("carts"), self._crowds, self._by_update
        found: list[str] = []
        for place in self._by_update.places:
            cart_id = cart_at.cart_at(place)
            cart = _read_indexed(documents[cart_id])
            # A crowded cart's document has no owners.
            if test(cart.name, crowds.get(cart_id) or cart.owners):
                found.append(cart_id)
        found.reverse()
        page = map(self.cart, found[offset : offset + limit])
        return [cart for cart in page if cart is not None], len(found)

    def carts_named(self, name: str, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of the carts with exactly that name, and their number, as ``carts_that``.

        This looks for the name in the JSON of all carts, which takes a tenth of the time. An
        index would take 170 bytes a cart, and a sixth of the time of a recovery.
        """
        sought = b'"name":' + encoded(name)
        found = [
            cart_id
            for cart_id, text in self._storage.documents("carts").items()
            if sought in text and _read_indexed(text).name == name
        ]
        found.sort(key=self._place_of, reverse=True)
        page = map(self.cart, found[offset : offset + limit])
        return [cart for cart in page if cart is not None], len(found)

    def registered_carts(self, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of the carts with an owner, newest update first, and their number."""
        records, total = self.registered_records(offset, limit)
        return [record.cart() for record in records], total

    def registered_records(self, offset: int, limit: int) -> tuple[list[CartRecord], int]:
        """Return the records of ``registered_carts``."""
        return self._page(self._registered, offset, limit)

    def cart_ids_by_update(self) -> list[str]:
        """Return the ids of all carts, the least recent update first."""
        return [self._by_update.cart_at(place) for place in self._by_update.places]

    def order_carts(self, cart_ids: Sequence[str]) -> None:
        """Bring the carts into the order of their updates, which whole seconds leave open."""
        self._cart_order = {cart_id: at for at, cart_id in enumerate(cart_ids)}
        self._index()
        self._cart_order = {}

    def _page(
        self, carts: SortedPlaces | None, offset: int, limit: int
    ) -> tuple[list[CartRecord], int]:
        if carts is None:
            return [], 0
        page = map(self._by_update.cart_at, carts.newest_first(offset, limit))
        return self._records(page), len(carts)

    # ---- The indexes ------------------------------------------------------------------------
    #
    # The index of an owner has each cart's place of ``_by_update``, but for crowded carts: these
    # are moved by an update, and removed by a deletion, without a walk over their owners.
    # ``_crowded_carts_of`` has the places that the index of an owner has for such carts.

    def _reindex(
        self, cart: Cart, added: Collection[Owner], removed: Iterable[Owner], *,
        in_place: bool = False, was_registered: bool = False,
    ) -> None:  # fmt: skip
        """Bring the indexes up to a cart that gained and lost these owners."""
        cart_id, registered = cart.id, self._registered
        old = self._by_update.place(cart_id)
        for owner in removed:
            self._unindex(cart_id, owner)
        place = self._by_update.set(cart_id, cart.updated_at, in_place=in_place)
        self.next_expiry = min(self.next_expiry, cart.expires_at)
        if cart.lifetime == CART_LIFETIME:
            self._expired = min(self._expired, cart.updated_at - 1)
            self._by_expiry.discard(cart_id)
        else:
            self._by_expiry.set(cart_id, cart.expires_at)
        if cart.by_reading:
            self._by_reading.set(cart_id, cart.updated_at)
        else:
            self._by_reading.discard(cart_id)
        moved = place != old
        if old is not None and was_registered and (moved or not cart.owners):
            registered.remove(old)
        if cart.owners and (moved or not was_registered):
            registered.add(place)
        if moved and old is not None and cart_id not in self._crowds:
            for owner in dict.fromkeys(cart.owners):
                if owner not in added:
                    self._move(owner, old, place)
        for owner in added:
            self._index_for(owner, cart_id, place)

    def _index_for(self, owner: Owner, cart_id: str, place: int) -> None:
        """Add a cart to the index of an owner."""
        if cart_id in self._crowded_carts_of.get(owner, ()):
            self._unindex(cart_id, owner)  # left by a deleted cart of this id
        if cart_id in self._crowds:
            self._crowded_carts_of.setdefault(owner, {})[cart_id] = place
        carts = self._own_places_of(owner)
        if carts is None:
            carts = self._carts_of[owner] = SortedPlaces()
            if self._own_places is not None:
                self._own_places.add(owner)
        carts.add(place)

    def _move(self, owner: Owner, old: int, place: int) -> None:
        carts = self._own_places_of(owner)
        assert carts is not None
        carts.remove(old)
        carts.add(place)

    def _place_of(self, cart_id: str) -> int:
        place = self._by_update.place(cart_id)
        assert place is not None
        return place

    def _unindex(self, cart_id: str, owner: Owner) -> None:
        """Remove a cart from the index of an owner that has it."""
        place: int | None = None
        crowded = self._crowded_carts_of.get(owner)
        if crowded is not None:
            place = crowded.pop(cart_id, None)
            if not crowded:
                del self._crowded_carts_of[owner]
        carts = self._own_places_of(owner)
        assert carts is not None
        carts.remove(self._place_of(cart_id) if place is None else place)
        if not carts:
            del self._carts_of[owner]

    def _index_of(self, owner: Owner) -> SortedPlaces | None:
        """Return an owner's index, with its crowded carts at their present places."""
        crowded = self._crowded_carts_of.get(owner)
        if crowded is not None:
            for cart_id, place in list(crowded.items()):
                if owner not in self._crowds.get(cart_id, ()):
                    self._unindex(cart_id, owner)
                elif (present := self._place_of(cart_id)) != place:
                    self._move(owner, place, present)
                    crowded[cart_id] = present
        return self._carts_of.get(owner)

    # ---- Customers --------------------------------------------------------------------------

    def customer(self, customer_id: str) -> Customer | None:
        """Return the customer with that id, or None."""
        return self._read_customers.get(customer_id) or self._read_customer(customer_id)

    def _read_customer(self, customer_id: str) -> Customer | None:
        documents = self._storage.documents("customers")
        customer = self._shared.read("customers", documents, customer_id, Customer)
        if customer is None:
            return None
        _keep(self._read_customers, customer_id, customer)
        return customer

    def has_customer(self, customer_id: str) -> bool:
        """Return whether there is a customer with that id."""
        return customer_id in self._storage.documents("customers")

    def customer_with_email(self, email: str) -> Customer | None:
        """Return the customer with that email in any letter case, or None."""
        customer_id = self._customer_by_email.get(email.lower())
        return None if customer_id is None else self.customer(customer_id)

    def customers_named(self, name: str) -> list[Customer]:
        """Return the customers with exactly that name, newest first. This scans all of them."""
        documents = self._storage.documents("customers")
        sought = encoded(name)
        ids = [
            customer_id
            for customer_id, text in documents.items()
            if sought in text and _read_customer(text).name == name
        ]
        found = map(self.customer, reversed(ids))
        return [customer for customer in found if customer is not None]

    def customers(self, offset: int, limit: int) -> tuple[list[Customer], int]:
        """Return a page of the customers, newest first, and how many there are in all."""
        page = islice(self._customers.newest_first(), offset, offset + limit)
        found = [self.customer(customer_id) for customer_id in page]
        return [customer for customer in found if customer is not None], len(self._customers)

    def put_customer(self, customer: Customer) -> None:
        """Create or replace a customer."""
        old = self.customer(customer.id)
        if self._is_sharing:
            self._unshare()
        self._customers.put(customer.id, customer)
        _keep(self._read_customers, customer.id, customer)
        if old is not None:
            del self._customer_by_email[old.email.lower()]
        self._customer_by_email[customer.email.lower()] = customer.id

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer, its associations and addresses, together; its carts stay."""
        customer = self.customer(customer_id)
        if customer is None:
            return
        removal: Changes = {"customers": {customer_id: None}}
        removal |= self.shop.removal_of_addresses(customer_id)
        self._delete_owner(Owner("customer", customer_id), removal)
        self.shop.forget_addresses(customer_id)
        self._read_customers.pop(customer_id, None)
        del self._customer_by_email[customer.email.lower()]

    def delete_account(self, account_id: str) -> None:
        """Delete an account, its associations and memberships, together; its carts stay."""
        if self.accounts.account(account_id) is not None:
            removal = self.accounts.removal_of_account(account_id)
            self._delete_owner(Owner("account", account_id), removal)
            self.accounts.forget_account(account_id)

    def has_owner(self, owner: Owner) -> bool:
        """Return whether there is such a customer or account."""
        return owner.id in self._storage.documents(f"{owner.type}s")

    def _delete_owner(self, owner: Owner, removal: Changes) -> None:
        """Delete the associations of an owner, together with what else has to go."""
        if self._is_sharing:
            self._unshare()
        index = self._index_of(owner)
        places = [] if index is None else list(index)
        cart_ids = list(map(self._by_update.cart_at, places))
        changes: Changes = {**removal}
        carts: TableChanges = {}
        unregistered = []
        records = self._records(cart_ids)
        for cart_id, place, record in zip(cart_ids, places, records, strict=True):
            # One change for all carts: through the tables, 10,000 carts take ten times as long.
            crowd = record.crowd
            if crowd is None:
                cart = record.cart()
                left = tuple([each for each in cart.owners if each != owner])
                carts[cart_id] = encoded(replace(cart, owners=left))
                is_last = not left
            else:
                changes.setdefault("associations", {})[_link_id(cart_id, owner)] = None
                is_last = len(crowd) == 1
            if is_last:
                unregistered.append(place)
        if carts:
            changes["carts"] = carts
        self._storage.commit(changes)
        self._carts_of.pop(owner, None)
        self._crowded_carts_of.pop(owner, None)
        self._registered.remove_all(unregistered)
        for cart_id in cart_ids:
            self._read_carts.pop(cart_id, None)
            crowd = self._crowds.get(cart_id)
            if crowd is not None:
                self._crowds[cart_id] = crowd.without_owner(owner)

    # ---- The store's key --------------------------------------------------------------------

    def accepts_secret(self, secret: str) -> bool:
        """Return whether that is the key's secret, compared in constant time.

        The first secret that a key is used with becomes its secret.
        """
        key = _get(self._key, _KEY_ID)
        if key is None:
            salt = self._new_salt()
            self._key.put(_KEY_ID, {"salt": salt, "digest": _digest(secret, salt)})
            return True
        return hmac.compare_digest(_digest(secret, key["salt"]), key["digest"])

    # ---- The whole --------------------------------------------------------------------------

    def fill(
        self, customers: Iterable[Customer], carts: Iterable[Cart], shop: ShopContent = NO_CONTENT,
        accounts: AccountContent = NO_ACCOUNTS, *, is_indexed: bool = True,
    ) -> None:  # fmt: skip
        """Replace every customer, account and cart, and what the shop has, together.

        Without indexes, the store is only good for stores on disk to ``share`` it.
        """
        tables = _tables_of(customers, carts, shop, accounts)
        self._storage.write({**self._storage.read(), **tables})
        self._is_indexed = is_indexed
        if is_indexed:
            self._index_all()

    def _index_all(self) -> None:
        self._index()
        self.shop.index()
        self.accounts.index()

    def share(self, base: Store, later: int = 0) -> None:
        """Replace every customer and cart by those of another store, made ``later`` seconds later.

        That store must not change any more. What it has is shared until this one is changed: then
        the tables and indexes are copied, not what is in them.
        """
        tables = base._content()
        if self._storage.can_share:
            self._storage.share(tables)
        else:
            dated = {name: _made_later(name, table, later) for name, table in tables.items()}
            self._storage.write({**self._storage.read(), **dated})
            if later or not base._is_indexed:
                self._index_all()
                return
        self._take_over(base, tables, later)

    def later(self, seconds: int) -> Store:
        """Return a store with the same, made so many seconds later. Call this in a thread."""
        content = self._content()
        tables = {name: dict(_made_later(name, each, seconds)) for name, each in content.items()}
        return Store(InMemoryStorage(tables), new_salt=str)

    def taking(self, base: Store) -> AbstractContextManager[Replacement]:
        """Prepare ``take`` within a block. A thread has to write the replacement before."""
        return self._storage.replacing(base._content())

    def take(self, base: Store, replacement: Replacement) -> None:
        """Replace every customer and cart by those of another store, which is not used any more.

        Raises StorageFailed or StorageClosed with nothing changed.
        """
        self._storage.replace(replacement)
        self._take_over(base, replacement.tables, 0)
        self._is_sharing, self._own_places = False, None

    def parts(self) -> list[Any]:
        """Return the tables and indexes, to be freed in a thread once the store is without them."""
        parts: list[Any] = list(self._storage.read().values())
        for each in (self, self.shop, self.accounts):
            parts += vars(each).values()
        return parts

    def _content(self) -> Tables:
        """Return the tables of customers and carts, and of what belongs to them."""
        names = ("customers", "carts", "associations", *TABLES, *ACCOUNT_TABLES)
        return {name: self._storage.documents(name) for name in names}

    def _take_over(self, base: Store, tables: Tables, later: int) -> None:
        """Take the indexes of a store whose tables the storage has taken already."""
        self._read_carts = OrderedDict()
        self._read_customers = OrderedDict()
        self._shared = SharedDocuments(tables, later)
        self._is_sharing, self._own_places = True, set()
        self.shop.share(base.shop, later)
        self.accounts.share(base.accounts, later)
        self._by_update = base._by_update
        self._by_expiry = base._by_expiry
        self._by_reading = base._by_reading
        self._expired = float("-inf")
        self._registered = base._registered
        self._carts_of = base._carts_of
        self._crowds = base._crowds
        self._crowded_carts_of = base._crowded_carts_of
        self._customer_by_email = base._customer_by_email
        self.next_expiry = base.next_expiry + later

    def _unshare(self) -> None:
        """Make the indexes this store's own, before they are changed."""
        self._is_sharing = False
        self._by_update = self._by_update.copy(self._shared.later)
        self._by_expiry = self._by_expiry.copy(self._shared.later)
        self._by_reading = self._by_reading.copy(self._shared.later)
        self._registered = self._registered.copy()
        self._carts_of = self._carts_of.copy()
        self._crowds = self._crowds.copy()
        self._crowded_carts_of = {c: own.copy() for c, own in self._crowded_carts_of.items()}
        self._customer_by_email = self._customer_by_email.copy()

    def _own_places_of(self, owner: Owner) -> SortedPlaces | None:
        """Return the places of an owner's carts, to be changed."""
        places = self._carts_of.get(owner)
        if places is None or self._own_places is None or owner in self._own_places:
            return places
        places = self._carts_of[owner] = places.copy()
        self._own_places.add(owner)
        return places

    def everything(self) -> tuple[list[Customer], list[Cart]]:
        """Return every customer and every cart, oldest first."""
        customers, carts = self.freeze()()
        return list(customers), list(carts)

    def freeze(
        self, *, by_update: bool = False
    ) -> Callable[[], tuple[Iterable[Customer], Iterable[Cart]]]:
        """Return a function that returns everything as it is now; a thread may call it later.

        The oldest come first, or the carts whose update is the least recent. They may be gone
        through more than once.
        """
        # Documents are replaced, never changed, so copies of the tables keep this state.
        customers = self._storage.documents("customers").copy()
        carts = self._storage.documents("carts").copy()
        crowds = {cart_id: tuple(crowd) for cart_id, crowd in self._crowds.items()}
        shared = self._shared

        def all_carts(documents: Documents) -> Iterator[Cart]:
            for cart in shared.read_all("carts", documents, Cart):
                yield replace(cart, owners=crowds[cart.id]) if cart.id in crowds else cart

        def read() -> tuple[Iterable[Customer], Iterable[Cart]]:
            documents = carts
            if by_update:
                times = [cart.updated_at for cart in all_carts(carts)]
                if not _ascend(times):
                    ids = list(carts)
                    ranks = sorted(range(len(ids)), key=times.__getitem__)
                    documents = {ids[at]: carts[ids[at]] for at in ranks}
            return (
                Repeatable(lambda: shared.read_all("customers", customers, Customer)),
                Repeatable(lambda: all_carts(documents)),
            )

        return read

    def counts(self) -> dict[str, int]:
        """Return how many customers, accounts, carts and registered carts there are."""
        return {
            "customers": len(self._customers),
            "accounts": len(self._storage.documents("accounts")),
            "carts": len(self._carts),
            "registered_carts": len(self._registered),
        }

    def count_in(self, memory: StoreMemory) -> None:
        """Count what the store has, and will have, in a memory."""
        self._storage.count_in(memory)

    def close(self) -> None:
        """Close the storage: every change from now on raises StorageClosed."""
        self._storage.close()


def store_of(
    customers: Iterable[Customer], carts: Iterable[Cart], shop: ShopContent = NO_CONTENT,
    accounts: AccountContent = NO_ACCOUNTS, *, is_indexed: bool = True,
) -> Store:  # fmt: skip
    """Return a store in memory with these, for others to share. Several threads may make some."""
    store = Store(InMemoryStorage(), new_salt=str)
    with WITHOUT_COLLECTION:
        store.fill(customers, carts, shop, accounts, is_indexed=is_indexed)
    return store


def _tables_of(
    customers: Iterable[Customer], carts: Iterable[Cart], shop: ShopContent,
    accounts: AccountContent,
) -> Tables:  # fmt: skip
    documents: Documents = {}
    links: Documents = {}
    for cart in in_turns(carts):
        sparse = cart
        if len(cart.owners) > _CROWD:
            links.update(_link(cart.id, owner) for owner in cart.owners)
            sparse = replace(cart, owners=())
        documents[own_string(cart.id)] = encoded(sparse)
    return {
        "customers": documents_of(customers),
        "carts": documents,
        "associations": links,
        **shop.tables(),
        **accounts.tables(),
    }


# TinyDB types ids as int and allows others: ours are strings.


def _get(table: KeyedTable, document_id: str) -> Document | None:
    found: Document | None = table.get(doc_id=document_id)  # type: ignore[call-overload]  # as above
    return found


def _link_id(cart_id: str, owner: Owner) -> str:
    cart = cart_id if "/" not in cart_id else quote(cart_id, "")
    # Links of customers have the form that they had before there were accounts.
    return f"{cart}/{owner.id}" if owner.type == "customer" else f"/{owner.type}/{cart}/{owner.id}"


def _link(cart_id: str, owner: Owner) -> tuple[str, bytes]:
    """Return the id and the JSON of an association with a crowded cart."""
    return _link_id(cart_id, owner), encoded({"cart": cart_id, "owner": owner})


def _made_later(table: str, documents: Documents, seconds: int) -> Documents:
    """Return the documents of a table, with entities made so many seconds later."""
    kind: type[Entity] | None = _KINDS.get(table)
    if kind is None or not seconds:
        return documents
    read = reader(kind)
    return {
        id_: encoded(made_later(read(text), seconds)) for id_, text in in_turns(documents.items())
    }


def _with_owners(cart: bytes) -> bytes:
    """Return the document of a cart from before there were accounts in its present form."""
    fields = _decode(cart)
    if "customers" in fields:
        fields["owners"] = owners("customer", fields.pop("customers"))
    return encoded(fields)


def _upgrade_links(storage: InMemoryStorage) -> None:
    """Bring associations from before there were accounts to the present form, in memory."""
    links = storage.documents("associations")
    for link_id, text in links.items():
        if b'"customer"' in text and "customer" in (link := _decode(text)):
            link["owner"] = Owner("customer", link.pop("customer"))
            links[link_id] = encoded(link)


def _ascend(times: list[int]) -> bool:
    return not any(map(gt, times, islice(times, 1, None)))


def _as_changed(cart: Cart) -> Cart:
    return replace(cart, by_reading=False) if cart.by_reading else cart


def _keep(kept: OrderedDict[str, E], document_id: str, entity: E) -> None:
    kept[document_id] = entity
    if len(kept) > _READ:
        kept.popitem(last=False)


def _digest(secret: str, salt: str) -> str:
    # A key's secret is random and long, so a slow hash would gain nothing.
    return hmac.new(salt.encode(), secret.encode(), hashlib.sha256).hexdigest()
