"""One store: the carts, owners and key of one ``client_id``, isolated from every other."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from cart_mock.owners import Owner
from cart_mock.state.accounts import NO_ACCOUNTS, AccountContent, Accounts
from cart_mock.state.accounts import TABLES as ACCOUNT_TABLES
from cart_mock.state.cart_documents import CROWD, documents_of_carts, link, link_id, read_indexed
from cart_mock.state.cart_indexes import CartIndexes
from cart_mock.state.entities import Account, AccountMember, Cart, Customer, Membership
from cart_mock.state.indexes import ascend
from cart_mock.state.shared_documents import SharedDocuments, all_made_later, documents_of, reader
from cart_mock.state.shop import NO_CONTENT, TABLES, Address, Order, Shop, ShopContent
from cart_mock.state.tinydb_tables import (
    Changes,
    Database,
    Documents,
    InMemoryStorage,
    Replacement,
    StoreMemory,
    TableChanges,
    Tables,
    encoded,
)
from cart_mock.state.turns import WITHOUT_COLLECTION, Repeatable, in_turns

E = TypeVar("E", Cart, Customer)
T = TypeVar("T")
_read_cart, _read_customer = reader(Cart), reader(Customer)

_KINDS: dict[str, type[Any]] = {
    "customers": Customer, "carts": Cart, "addresses": Address, "orders": Order,
    "accounts": Account, "account_members": AccountMember, "account_memberships": Membership,
}  # fmt: skip
"""The entities of the tables whose documents have times."""
_KEY_ID = "1"
_MADE = 32_768
_LARGE = 4096
"""What a caller makes of a cart is kept if its document has at most so many bytes."""
_READ = 10_000
"""How many carts, and how many customers, are kept as they were read last."""
READ_CARTS = 10_000
"""How many carts that were only read a store keeps, unless said otherwise."""


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
        self._key = database.keyed("key")
        self._is_indexed = True
        self.most_read_carts = READ_CARTS
        """How many carts that were made by reading, and not changed since, are kept."""
        self.shop = Shop(storage, database)
        """The products, settings, addresses and orders."""
        self.accounts = Accounts(storage, database)
        """The accounts, their members and memberships. Delete an account by ``delete_account``."""
        self._index()

    def _index(self, order: Iterable[str] = ()) -> None:
        """Build the indexes. ``order`` has the ids of carts as ``order_carts`` gets them."""
        self._forget_read()
        self._shared = SharedDocuments()
        self._is_sharing = False
        self._indexes = CartIndexes()  # without the old ones, which take much memory
        carts, links = map(self._storage.documents, ("carts", "associations"))
        self._indexes = CartIndexes.of(carts, links, order)
        self._customer_by_email: dict[str, str] = {}
        documents = self._storage.documents("customers")
        for customer_id, text in in_turns(documents.items()):
            self._customer_by_email[_read_customer(text).email.lower()] = customer_id

    def _forget_read(self) -> None:
        self._read_carts: OrderedDict[str, Cart] = OrderedDict()
        self._made: OrderedDict[str, Any] = OrderedDict()
        """What a caller made of carts, until these change; of the last ``_MADE``."""
        self._read_customers: OrderedDict[str, Customer] = OrderedDict()

    @property
    def next_expiry(self) -> float:
        """No cart expires before this moment, in seconds since the epoch."""
        later = self._shared.later if self._is_sharing else 0
        return self._indexes.next_expiry + later

    def expire(self, now: float) -> None:
        """Delete the carts that are past their time."""
        self._unshare()  # the base's indexes have its times
        cart_ids = self._indexes.expired(now)
        if cart_ids:
            with self._storage.repeatable():  # a read must not fail because the disk is full
                self._delete_carts(cart_ids)
        self._indexes.look_ahead(now)

    # ---- Carts ------------------------------------------------------------------------------

    def cart(self, cart_id: str) -> Cart | None:
        """Return the cart with that id, or None."""
        return self._read_carts.get(cart_id) or self._read_cart(cart_id)

    def _read_cart(self, cart_id: str) -> Cart | None:
        cart = self._stored_cart(cart_id)
        if cart is not None:
            _keep(self._read_carts, cart_id, cart)
        return cart

    def _stored_cart(self, cart_id: str) -> Cart | None:
        # Not by TinyDB's get, which copies the document.
        cart = self._shared.read("carts", self._storage.documents("carts"), cart_id, _read_cart)
        crowd = self._indexes.crowds.get(cart_id)
        return cart if cart is None or crowd is None else replace(cart, owners=crowd)

    def made_of(self, cart_ids: Iterable[str], make: Callable[[Cart], T]) -> list[T]:
        """Return what a function makes of each of these carts, which exist.

        It is kept until the cart changes, so give the same function each time.
        """
        get = self._made.get
        return [
            self._make(cart_id, make) if (kept := get(cart_id)) is None else kept
            for cart_id in cart_ids
        ]

    def _make(self, cart_id: str, make: Callable[[Cart], T]) -> T:
        cart = self._read_carts.get(cart_id) or self._stored_cart(cart_id)
        if cart is None:
            raise LookupError(f"the store does not have the cart {cart_id}")
        made = make(cart)
        is_large = len(self._storage.documents("carts")[cart_id]) > _LARGE
        if not is_large and cart_id not in self._indexes.crowds:
            self._made[cart_id] = made
            if len(self._made) > _MADE:
                self._made.popitem(last=False)
        return made

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
            while len(read := self._indexes.by_reading) > self.most_read_carts:
                self.delete_cart(next(read.carts_at(read.places)))

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
        if not as_read or cart.id not in self._indexes.crowds:
            left = [owner for owner in cart.owners if owner not in removed]
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
        self._unshare()
        was_registered = old is not None and bool(old.owners)
        if cart.id in self._indexes.crowds:
            cart = self._put_crowd(cart, added, removed)
        elif len(cart.owners) > CROWD:
            added = dict.fromkeys(cart.owners)
            cart = self._put_crowd(cart, added, ())
            # From now on its entry in the index of each owner may be an old one.
            removed = () if old is None else dict.fromkeys(old.owners)
        else:
            self._carts.put(cart.id, cart)
        _keep(self._read_carts, cart.id, cart)
        self._made.pop(cart.id, None)
        self._indexes.put(cart, added, removed, in_place=in_place, was_registered=was_registered)

    def _put_crowd(self, cart: Cart, added: Collection[Owner], removed: Collection[Owner]) -> Cart:
        """Store a crowded cart that gained and lost these owners; return it with its owners."""
        with self._storage.transaction():
            self._carts.put(cart.id, replace(cart, owners=()))
            # Not through the table, which copies each of many documents that it removes.
            if removed:
                gone: TableChanges = {link_id(cart.id, owner): None for owner in removed}
                self._storage.commit({"associations": gone})
            if added:
                links: TableChanges = dict(link(cart.id, owner) for owner in added)
                self._storage.commit({"associations": links})
        return replace(cart, owners=self._indexes.put_crowd(cart.id, added, removed))

    def delete_cart(self, cart_id: str) -> None:
        """Delete a cart and its associations."""
        if self.cart(cart_id) is not None:
            self._delete_carts([cart_id])

    def _delete_carts(self, cart_ids: Sequence[str]) -> None:
        """Delete carts, which must exist, and their associations, together."""
        self._unshare()
        if len(cart_ids) == len(self._storage.documents("carts")):
            # It takes a quarter of the time to make empty indexes.
            tables = {name: self._storage.documents(name) for name in ("carts", "associations")}
            self._storage.commit({name: dict.fromkeys(tables[name]) for name in tables})
            self._indexes = CartIndexes()
            self._read_carts.clear()
            self._made.clear()
        else:
            self._delete_some_carts(cart_ids)

    def _delete_some_carts(self, cart_ids: Sequence[str]) -> None:
        documents, crowds = self._storage.documents("carts"), self._indexes.crowds
        changes: Changes = {"carts": dict.fromkeys(cart_ids)}
        registered: list[str] = []
        carts_of: defaultdict[Owner, list[str]] = defaultdict(list)
        for cart_id in cart_ids:
            crowd = crowds.get(cart_id)
            owners_ = read_indexed(documents[cart_id]).owners if crowd is None else crowd
            if owners_:
                registered.append(cart_id)
            if crowd is None:
                for owner in set(owners_):
                    carts_of[owner].append(cart_id)
            else:
                gone = changes.setdefault("associations", {})
                gone.update((link_id(cart_id, owner), None) for owner in crowd)
        # One change for all carts: through the tables, each would take ten times as long.
        self._storage.commit(changes)
        self._indexes.remove_carts(cart_ids, registered, carts_of)
        for cart_id in cart_ids:
            self._read_carts.pop(cart_id, None)
            self._made.pop(cart_id, None)

    def cart_count_of(self, owner: Owner) -> int:
        """Return how many carts an owner has."""
        return len(self._indexes.places_of(owner))

    def carts_of(self, owner: Owner, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of an owner's carts, newest update first, and how many it has in all."""
        cart_ids, total = self.cart_ids_of(owner, offset, limit)
        return self._carts_with(cart_ids), total

    def cart_ids_of(self, owner: Owner, offset: int, limit: int) -> tuple[list[str], int]:
        """Return the ids of ``carts_of``."""
        return self._indexes.page(self._indexes.places_of(owner), offset, limit)

    def cart_ids(self, offset: int, limit: int) -> tuple[list[str], int]:
        """Return a page of the ids of all carts, newest update first, and how many there are."""
        return self._indexes.page(self._indexes.by_update.places, offset, limit)

    def carts_that(
        self, test: Callable[[str, Sequence[Owner]], bool], offset: int, limit: int
    ) -> tuple[list[Cart], int]:
        """Return a page of the carts whose name and owners pass a test, and their number.

        The newest update comes first. This scans all carts.
        """
        documents, crowds = self._storage.documents("carts"), self._indexes.crowds
        found: list[str] = []
        for cart_id in self._indexes.ids_by_update():
            cart = read_indexed(documents[cart_id])
            # A crowded cart's document has no owners.
            if test(cart.name, crowds.get(cart_id) or cart.owners):
                found.append(cart_id)
        found.reverse()
        return self._carts_with(found[offset : offset + limit]), len(found)

    def carts_named(self, name: str, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of the carts with exactly that name, and their number, as ``carts_that``.

        This looks for the name in the JSON of all carts, which takes a tenth of the time. An
        index would take 170 bytes a cart, and a sixth of the time of a recovery.
        """
        sought, carts = b'"name":' + encoded(name), self._storage.documents("carts").items()
        found = [i for i, text in carts if sought in text and read_indexed(text).name == name]
        found.sort(key=self._indexes.by_update.place, reverse=True)
        return list(filter(None, map(self.cart, found[offset : offset + limit]))), len(found)

    def registered_carts(self, offset: int, limit: int) -> tuple[list[Cart], int]:
        """Return a page of the carts with an owner, newest update first, and their number."""
        cart_ids, total = self.registered_cart_ids(offset, limit)
        return self._carts_with(cart_ids), total

    def registered_cart_ids(self, offset: int, limit: int) -> tuple[list[str], int]:
        """Return the ids of ``registered_carts``."""
        return self._indexes.page(self._indexes.registered, offset, limit)

    def _carts_with(self, cart_ids: Iterable[str]) -> list[Cart]:
        return list(filter(None, map(self._stored_cart, cart_ids)))

    def cart_ids_by_update(self) -> list[str]:
        """Return the ids of all carts, the least recent update first."""
        return list(self._indexes.ids_by_update())

    def order_carts(self, cart_ids: Sequence[str]) -> None:
        """Bring the carts into the order of their updates, which whole seconds leave open."""
        self._index(cart_ids)

    # ---- Customers --------------------------------------------------------------------------

    def customer(self, customer_id: str) -> Customer | None:
        """Return the customer with that id, or None."""
        return self._read_customers.get(customer_id) or self._read_customer(customer_id)

    def _read_customer(self, customer_id: str) -> Customer | None:
        documents = self._storage.documents("customers")
        customer = self._shared.read("customers", documents, customer_id, _read_customer)
        if customer is not None:
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
        sought, documents = encoded(name), self._storage.documents("customers").items()
        ids = [i for i, text in documents if sought in text and _read_customer(text).name == name]
        return list(filter(None, map(self.customer, reversed(ids))))

    def customers(self, offset: int, limit: int) -> tuple[list[Customer], int]:
        """Return a page of the customers, newest first, and how many there are in all."""
        page = islice(self._customers.newest_first(), offset, offset + limit)
        return list(filter(None, map(self.customer, page))), len(self._customers)

    def put_customer(self, customer: Customer) -> None:
        """Create or replace a customer."""
        old = self.customer(customer.id)
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
        self._unshare()
        cart_ids = self._indexes.ids_of(owner)
        changes: Changes = {**removal}
        carts: TableChanges = {}
        unregistered: list[str] = []
        for cart in self._carts_with(cart_ids):
            # One change for all carts: through the tables, 10,000 carts take ten times as long.
            crowd = self._indexes.crowds.get(cart.id)
            if crowd is None:
                left = tuple([each for each in cart.owners if each != owner])
                carts[cart.id] = encoded(replace(cart, owners=left))
                is_last = not left
            else:
                changes.setdefault("associations", {})[link_id(cart.id, owner)] = None
                is_last = len(crowd) == 1
            if is_last:
                unregistered.append(cart.id)
        if carts:
            changes["carts"] = carts
        self._storage.commit(changes)
        self._indexes.remove_owner(owner, unregistered)
        for cart_id in cart_ids:
            self._read_carts.pop(cart_id, None)
            self._made.pop(cart_id, None)

    # ---- The store's key --------------------------------------------------------------------

    def accepts_secret(self, secret: str) -> bool:
        """Return whether that is the key's secret, compared in constant time.

        The first secret that a key is used with becomes its secret.
        """
        document = self._storage.documents("key").get(_KEY_ID)
        if document is None:
            salt = self._new_salt()
            self._key.put(_KEY_ID, {"salt": salt, "digest": _digest(secret, salt)})
            return True
        key = msgspec.json.decode(document)
        return hmac.compare_digest(_digest(secret, key["salt"]), key["digest"])

    # ---- The whole --------------------------------------------------------------------------

    def fill(
        self, customers: Iterable[Customer], carts: Iterable[Cart], shop: ShopContent = NO_CONTENT,
        accounts: AccountContent = NO_ACCOUNTS, *, is_indexed: bool = True,
    ) -> None:  # fmt: skip
        """Replace every customer, account and cart, and what the shop has, together.

        Without indexes, the store is only good for stores on disk to ``share`` it.
        """
        documents, links = documents_of_carts(carts)
        tables = {"customers": documents_of(customers), "carts": documents, "associations": links}
        tables |= {**shop.tables(), **accounts.tables()}
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
            dated = base._tables_later(later) if later else tables
            self._storage.write({**self._storage.read(), **dated})
            if later or not base._is_indexed:
                self._index_all()
                return
        self._take_over(base, tables, later)

    def later(self, seconds: int) -> Store:
        """Return a copy of the store, made so many seconds later. Call this in a thread."""
        return Store(InMemoryStorage(self._tables_later(seconds)), new_salt=str)

    def taking(self, base: Store) -> AbstractContextManager[Replacement]:
        """Prepare ``take`` within a block. A thread has to write the replacement before."""
        return self._storage.replacing(base._content())

    def take(self, base: Store, replacement: Replacement) -> None:
        """Replace every customer and cart by those of another store. Do not use that store again.

        Raises StorageFailed or StorageClosed with nothing changed.
        """
        self._storage.replace(replacement)
        self._take_over(base, replacement.tables, 0)
        self._is_sharing = False

    def parts(self) -> list[Any]:
        """Return the tables and indexes, so that a thread can free them."""
        parts: list[Any] = list(self._storage.read().values())
        for each in (self._indexes, self.shop, self.accounts, self):  # the last is freed first
            parts += vars(each).values()
        return parts

    def _content(self) -> Tables:
        """Return the tables of customers and carts, and of what belongs to them."""
        names = ("customers", "carts", "associations", *TABLES, *ACCOUNT_TABLES)
        return {name: self._storage.documents(name) for name in names}

    def _tables_later(self, seconds: int) -> Tables:
        """Return copies of the same tables, with entities made so many seconds later."""
        tables = self._content().items()
        return {name: all_made_later(_KINDS.get(name), table, seconds) for name, table in tables}

    def _take_over(self, base: Store, tables: Tables, later: int) -> None:
        """Use the indexes of a store whose tables are in the storage."""
        self._forget_read()
        self._shared = SharedDocuments(tables, later)
        self._is_sharing = True
        self.shop.share(base.shop, self._shared)
        self.accounts.share(base.accounts, self._shared)
        self._indexes = base._indexes
        self._customer_by_email = base._customer_by_email

    def _unshare(self) -> None:
        """Make the indexes this store's own, before they are changed."""
        if self._is_sharing:
            self._is_sharing = False
            self._indexes = self._indexes.copy(self._shared.later)
            self._customer_by_email = self._customer_by_email.copy()

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
        crowds = {cart_id: tuple(crowd) for cart_id, crowd in self._indexes.crowds.items()}
        shared = self._shared

        def all_carts(documents: Documents) -> Iterator[Cart]:
            for cart in shared.read_all("carts", documents, Cart):
                yield replace(cart, owners=crowds[cart.id]) if cart.id in crowds else cart

        def read() -> tuple[Iterable[Customer], Iterable[Cart]]:
            documents = carts
            if by_update:
                times = [cart.updated_at for cart in all_carts(carts)]
                if not ascend(times):
                    updated_at = dict(zip(carts, times, strict=True))
                    documents = {i: carts[i] for i in sorted(carts, key=updated_at.__getitem__)}
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
            "registered_carts": len(self._indexes.registered),
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


def _as_changed(cart: Cart) -> Cart:
    return replace(cart, by_reading=False) if cart.by_reading else cart


def _keep(kept: OrderedDict[str, E], document_id: str, entity: E) -> None:
    kept[document_id] = entity
    if len(kept) > _READ:
        kept.popitem(last=False)


def _digest(secret: str, salt: str) -> str:
    # A key's secret is random and long, so a slow hash would gain nothing.
    return hmac.new(salt.encode(), secret.encode(), hashlib.sha256).hexdigest()
