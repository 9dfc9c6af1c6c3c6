"""What a store has besides carts and customers: products, settings, addresses and orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import msgspec

from cart_mock.owners import Owner
from cart_mock.state.entities import CART_LIFETIME
from cart_mock.state.items import Item
from cart_mock.state.shared_documents import SharedDocuments, documents_of, reader
from cart_mock.state.tinydb_tables import (
    Changes,
    Database,
    InMemoryStorage,
    KeyedTable,
    Tables,
    encoded,
)
from cart_mock.state.turns import in_turns

DAY = 24 * 3600
TABLES = ("products", "addresses", "orders", "settings")
_SETTINGS_ID = "cart"


class Product(msgspec.Struct, frozen=True, gc=False):
    """A product. ``price`` has an amount for each currency, in the currency's smallest unit.

    ``stock`` is how many a cart may have, None if there is no limit.
    """

    id: str
    sku: str
    name: str
    price: dict[str, int]
    description: str = ""
    slug: str = ""
    image: str | None = None
    stock: int | None = None


class Settings(msgspec.Struct, frozen=True, gc=False):
    """The cart settings of a store."""

    cart_expiry_days: int = CART_LIFETIME // DAY
    show_all_carts: bool = True

    @property
    def cart_lifetime(self) -> int:
        """How long a cart that is updated now stays, in seconds."""
        return self.cart_expiry_days * DAY


class Address(msgspec.Struct, frozen=True, gc=False):
    """An address of a customer; ``fields`` are its lines as they were sent."""

    id: str
    customer: str
    created_at: int
    updated_at: int
    fields: dict[str, Any] = {}


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order: what a cart held when it was checked out.

    ``customer`` and ``account`` are ids, if the order has an owner. ``details`` are fields as they
    were sent, such as the addresses and the contact. ``payment`` says how it was paid.
    """

    id: str
    created_at: int
    updated_at: int
    items: tuple[Item, ...] = ()
    customer: str | None = None
    account: str | None = None
    status: str = "incomplete"
    payment: str = "unpaid"
    paid: int = 0
    authorized: int = 0
    details: dict[str, Any] = {}

    @property
    def owners(self) -> list[Owner]:
        """Whose the order is; empty if it is a guest's."""
        owners: list[Owner] = []
        if self.customer is not None:
            owners.append(Owner("customer", self.customer))
        if self.account is not None:
            owners.append(Owner("account", self.account))
        return owners

    @property
    def currency(self) -> str:
        """The currency of its items; empty without items."""
        return self.items[0].currency if self.items else ""

    @property
    def owing(self) -> int:
        """What is neither paid nor authorised yet."""
        total = sum(item.value for item in self.items)
        return total - self.paid - self.authorized


E = TypeVar("E", Address, Order)
_read_product = msgspec.json.Decoder(Product).decode
_read_settings = msgspec.json.Decoder(Settings).decode


class ShopContent(NamedTuple):
    """All that a shop holds, oldest first."""

    products: tuple[Product, ...] = ()
    addresses: tuple[Address, ...] = ()
    orders: tuple[Order, ...] = ()
    settings: Settings = Settings()

    def tables(self) -> Tables:
        """Return the documents of each table."""
        is_set = self.settings != Settings()
        return {
            "products": {p.id: encoded(p) for p in in_turns(self.products)},
            "addresses": documents_of(self.addresses),
            "orders": documents_of(self.orders),
            "settings": {_SETTINGS_ID: encoded(self.settings)} if is_set else {},
        }


NO_CONTENT = ShopContent()


class Shop:
    """Products, settings, addresses and orders in TinyDB tables, next to a store's carts.

    No cost grows with what others have: the orders and addresses of each owner are indexed. Raises
    msgspec.ValidationError if the storage holds something else.
    """

    def __init__(self, storage: InMemoryStorage, database: Database) -> None:
        self._storage = storage
        self._products = database.keyed("products")
        self._addresses = database.keyed("addresses")
        self._orders = database.keyed("orders")
        self._settings = database.keyed("settings")
        self.index()

    def index(self) -> None:
        """Build the indexes of what the storage holds."""
        self._shared = SharedDocuments()
        self._is_sharing = False
        # Whose entries in the indexes are not shared with the base.
        self._own_customers: set[str] = set()
        self._own_owners: set[Owner] = set()
        self._product_by_sku: dict[str, str] = {}
        self._addresses_of: dict[str, dict[str, None]] = {}
        self._orders_of: dict[Owner, list[str]] = {}
        content = self.freeze()()
        for product in in_turns(content.products):
            self._product_by_sku[product.sku] = product.id
        for address in in_turns(content.addresses):
            self._addresses_of.setdefault(address.customer, {})[address.id] = None
        for order in in_turns(content.orders):
            for owner in order.owners:
                self._orders_of.setdefault(owner, []).append(order.id)
        self.settings = content.settings

    # ---- Products and settings --------------------------------------------------------------

    @property
    def has_products(self) -> bool:
        """Whether the store has products of its own; without, any id or sku is a product."""
        return bool(self._storage.documents("products"))

    def products(self, limit: int) -> list[Product]:
        """Return the first products."""
        found = islice(self._storage.documents("products").values(), limit)
        return list(map(_read_product, found))

    def product(self, product_id: str) -> Product | None:
        """Return the product with that id, or None."""
        document = self._storage.documents("products").get(product_id)
        return None if document is None else _read_product(document)

    def product_with_sku(self, sku: str) -> Product | None:
        """Return the product with that sku, or None."""
        product_id = self._product_by_sku.get(sku)
        return None if product_id is None else self.product(product_id)

    def put_settings(self, settings: Settings) -> None:
        """Replace the settings."""
        self._settings.put(_SETTINGS_ID, settings)
        self.settings = settings

    # ---- Addresses --------------------------------------------------------------------------

    def address(self, customer_id: str, address_id: str) -> Address | None:
        """Return an address of that customer, or None."""
        address = self._read(self._addresses, address_id, Address)
        return address if address is not None and address.customer == customer_id else None

    def addresses_of(self, customer_id: str) -> list[Address]:
        """Return the addresses of a customer, oldest first."""
        ids = self._addresses_of.get(customer_id, ())
        found = (self._read(self._addresses, each, Address) for each in ids)
        return [address for address in found if address is not None]

    def put_address(self, address: Address) -> None:
        """Create or replace an address."""
        is_new = address.id not in self._storage.documents("addresses")
        self._unshare()
        self._addresses.put(address.id, address)
        if is_new:
            self._own_addresses_of(address.customer)[address.id] = None

    def delete_address(self, address: Address) -> None:
        """Delete an address."""
        self._unshare()
        self._addresses.remove(doc_ids=[address.id])  # type: ignore[list-item]  # ids are strings here
        del self._own_addresses_of(address.customer)[address.id]

    def removal_of_addresses(self, customer_id: str) -> Changes:
        """Return the changes that delete the addresses of a customer; the storage commits them."""
        ids = self._addresses_of.get(customer_id)
        return {"addresses": dict.fromkeys(ids)} if ids else {}

    def forget_addresses(self, customer_id: str) -> None:
        """Remove a customer from the index, after its addresses were deleted."""
        if customer_id in self._addresses_of:
            self._unshare()
            del self._addresses_of[customer_id]

    # ---- Orders -----------------------------------------------------------------------------

    def order(self, order_id: str) -> Order | None:
        """Return the order with that id, or None."""
        return self._read(self._orders, order_id, Order)

    def put_order(self, order: Order) -> None:
        """Create an order, or replace it by one of the same owners."""
        is_new = order.id not in self._storage.documents("orders")
        self._unshare()
        self._orders.put(order.id, order)
        if is_new:
            for owner in order.owners:
                self._own_orders_of(owner).append(order.id)

    def orders_of(self, owner: Owner, offset: int, limit: int) -> tuple[list[Order], int]:
        """Return a page of an owner's orders, newest first, and how many it has."""
        ids = self._orders_of.get(owner, [])
        return self._page(islice(reversed(ids), offset, offset + limit)), len(ids)

    def all_orders(self, offset: int, limit: int) -> tuple[list[Order], int]:
        """Return a page of all orders, newest first, and how many there are."""
        ids = self._orders.newest_first()
        return self._page(islice(ids, offset, offset + limit)), len(self._orders)

    def _page(self, ids: Iterable[str]) -> list[Order]:
        return list(filter(None, map(self.order, ids)))

    # ---- The whole --------------------------------------------------------------------------

    def share(self, base: Shop, shared: SharedDocuments) -> None:
        """Use the indexes of a shop whose ``shared`` tables are in the storage."""
        self._shared = shared
        self._is_sharing = True
        self._own_customers, self._own_owners = set(), set()
        self._product_by_sku = base._product_by_sku
        self._addresses_of = base._addresses_of
        self._orders_of = base._orders_of
        self.settings = base.settings

    def _unshare(self) -> None:
        """Make the indexes this shop's own, before they are changed."""
        if self._is_sharing:
            self._is_sharing = False
            self._addresses_of = self._addresses_of.copy()
            self._orders_of = self._orders_of.copy()

    def _own_addresses_of(self, customer_id: str) -> dict[str, None]:
        """Return the ids of a customer's addresses, to be changed."""
        ids = self._addresses_of.setdefault(customer_id, {})
        if self._shared.tables and customer_id not in self._own_customers:
            self._own_customers.add(customer_id)
            ids = self._addresses_of[customer_id] = ids.copy()
        return ids

    def _own_orders_of(self, owner: Owner) -> list[str]:
        """Return the ids of an owner's orders, to be changed."""
        ids = self._orders_of.setdefault(owner, [])
        if self._shared.tables and owner not in self._own_owners:
            self._own_owners.add(owner)
            ids = self._orders_of[owner] = ids.copy()
        return ids

    def _read(self, table: KeyedTable, document_id: str, kind: type[E]) -> E | None:
        documents = self._storage.documents(table.name)
        return self._shared.read(table.name, documents, document_id, reader(kind))

    def freeze(self) -> Callable[[], ShopContent]:
        """Return a function that returns everything as it is now; a thread may call it later."""
        tables = {name: self._storage.documents(name).copy() for name in TABLES}
        shared = self._shared

        def read() -> ShopContent:
            return ShopContent(
                tuple(map(_read_product, in_turns(tables["products"].values()))),
                tuple(shared.read_all("addresses", tables["addresses"], Address)),
                tuple(shared.read_all("orders", tables["orders"], Order)),
                _read_settings(tables["settings"].get(_SETTINGS_ID, b"{}")),
            )

        return read

    def counts(self) -> dict[str, int]:
        """Return how many products, addresses and orders there are."""
        return {name: len(self._storage.documents(name)) for name in TABLES[:3]}
