"""The sections of a seed file for products, items, addresses, orders and settings."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import asdict

from cart_mock.state.account_seed import Time
from cart_mock.state.items import MOST_ITEMS, MOST_OF_ONE, Item, ItemType
from cart_mock.state.money import MOST
from cart_mock.state.shop import Address, Order, Product, Settings, ShopContent
from cart_mock.state.turns import in_turns

Amount = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=MOST_OF_ONE)]
Id = Annotated[str, msgspec.Meta(min_length=1)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


class SeedProduct(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True
):
    """A product of a seed file. ``price`` has amounts in the smallest unit, by currency."""

    id: Id
    sku: Id
    name: Id
    price: Annotated[dict[Currency, Amount], msgspec.Meta(min_length=1)]
    description: str = ""
    slug: str = ""
    image: str | None = None
    stock: Annotated[int, msgspec.Meta(ge=0)] | None = None

    def entity(self) -> Product:
        """Return the product."""
        return Product(**asdict(self))


class SeedItem(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True
):
    """An item of a cart or an order in a seed file.

    With the ``product_id`` of a product in the same file, the rest may be left out.
    """

    id: Id | None = None
    type: ItemType = "cart_item"
    product_id: str | None = None
    sku: str | None = None
    name: str | None = None
    quantity: Quantity = 1
    amount: Amount | None = None
    currency: Currency | None = None
    includes_tax: bool = True
    has_stock: bool = False
    added: Annotated[int, msgspec.Meta(ge=0)] = 0
    changed: Annotated[int, msgspec.Meta(ge=0)] = 0
    details: dict[str, Any] = {}
    cart_item_id: str | None = None

    def entity(self, default_id: str, products: Mapping[str, SeedProduct]) -> Item:
        """Return the item."""
        product = products.get(self.product_id or "")
        given = {name: value for name, value in asdict(self).items() if value is not None}
        given.setdefault("id", default_id)
        if product is not None:
            currency, amount = next(iter(product.price.items()))
            given.setdefault("currency", currency)
            given.setdefault("amount", product.price.get(given["currency"], amount))
            given.setdefault("name", product.name)
            given.setdefault("sku", product.sku)
            given["has_stock"] = product.stock is not None
        given.setdefault("currency", "USD")
        given.setdefault("name", given.get("sku", "Item"))
        return Item(**{"amount": 0, **given})


class SeedAddress(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True
):
    """An address of a customer in a seed file. The default of times is the time of seeding."""

    id: Id
    customer: str
    fields: dict[str, Any] = {}
    created_at: Time | None = None
    updated_at: Time | None = None


class SeedOrder(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True
):
    """An order of a seed file. The default of times is the time of seeding."""

    id: Id
    items: tuple[SeedItem, ...] = ()
    customer: str | None = None
    account: str | None = None
    status: Literal["incomplete", "complete", "processing", "cancelled"] = "incomplete"
    payment: Literal[
        "unpaid", "authorized", "paid", "refunded", "partially_paid", "partially_authorized"
    ] = "unpaid"
    paid: Amount = 0
    authorized: Amount = 0
    details: dict[str, Any] = {}
    created_at: Time | None = None
    updated_at: Time | None = None


class SeedSettings(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The cart settings of a seed file."""

    cart_expiry_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = Settings().cart_expiry_days
    show_all_carts: bool = True


def item_entities(
    owner_id: str, items: Sequence[SeedItem], products: Mapping[str, SeedProduct]
) -> tuple[Item, ...]:
    """Return the items of a cart or an order, with ids of their own if they lack them."""
    return tuple(
        item.entity(f"{owner_id}-item-{number}", products)
        for number, item in enumerate(items, start=1)
    )


def shop_entities(
    products: Sequence[SeedProduct], addresses: Sequence[SeedAddress], orders: Sequence[SeedOrder],
    settings: SeedSettings | None, epoch: Callable[[datetime | None], int],
) -> ShopContent:  # fmt: skip
    """Return the content of these sections. ``epoch`` converts a time or fills in a missing one."""
    by_id = {product.id: product for product in products}
    return ShopContent(
        products=tuple(product.entity() for product in in_turns(products)),
        addresses=tuple(
            Address(a.id, a.customer, epoch(a.created_at), epoch(a.updated_at), a.fields)
            for a in in_turns(addresses)
        ),
        orders=tuple(
            Order(
                **{
                    **asdict(order),
                    "items": item_entities(order.id, order.items, by_id),
                    "created_at": epoch(order.created_at),
                    "updated_at": epoch(order.updated_at),
                }
            )
            for order in in_turns(orders)
        ),
        settings=Settings() if settings is None else Settings(**asdict(settings)),
    )


def items_problems(items: Sequence[SeedItem], products: Mapping[str, SeedProduct]) -> Iterator[str]:
    """Yield what is wrong with the items of a cart or an order."""
    if len(items) > MOST_ITEMS:
        yield f".items: has {len(items)}; {MOST_ITEMS} is the most"
    made = item_entities("", items, products)
    if len({item.id for item in made}) < len(made):
        yield ".items: two have the same id"
    if len({item.currency for item in made}) > 1:
        yield ".items: have more than one currency"
    if sum(item.value for item in made) > MOST:
        yield f".items: cost more than {MOST} together"
    for number, item in enumerate(items):
        product = products.get(item.product_id or "")
        if product is None and (item.amount is None or not (item.name or item.sku)):
            yield (
                f".items[{number}]: has neither the product_id of a product in this file "
                "nor an amount and a name"
            )


def addresses_problems(
    addresses: Sequence[SeedAddress], customers: Container[str]
) -> Iterator[str]:
    """Yield what is wrong with the addresses."""
    for number, address in enumerate(addresses):
        if address.customer not in customers:
            yield f"addresses[{number}].customer: no customer {address.customer!r} in this file"


def shop_lists(
    shop: ShopContent, time: Callable[[int], str] | None
) -> dict[str, Iterator[dict[str, Any]]]:
    """Return the lists of an export that are not empty; ``time`` renders times, None omits them."""

    def stamps(entity: Address | Order) -> dict[str, str]:
        if time is None:
            return {}
        return {"created_at": time(entity.created_at), "updated_at": time(entity.updated_at)}

    def exported(entity: Address | Order) -> dict[str, Any]:
        fields: dict[str, Any] = msgspec.to_builtins(entity)
        kept = {name: value for name, value in fields.items() if value not in (None, {}, [], ())}
        return {**kept, "created_at": None, "updated_at": None, **stamps(entity)}

    def plain(entry: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in entry.items() if value is not None}

    lists: dict[str, Iterator[dict[str, Any]]] = {}
    if shop.products:
        lists["products"] = (plain(msgspec.to_builtins(p)) for p in in_turns(shop.products))
    if shop.addresses:
        lists["addresses"] = (plain(exported(a)) for a in in_turns(shop.addresses))
    if shop.orders:
        lists["orders"] = (plain(exported(o)) for o in in_turns(shop.orders))
    return lists


def settings_of(shop: ShopContent) -> dict[str, Any]:
    """Return the settings as a section of an export, empty if they are the default ones."""
    if shop.settings == Settings():
        return {}
    return {"settings": msgspec.to_builtins(shop.settings)}
