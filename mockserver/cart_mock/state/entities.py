"""What a store holds: immutable values, so that what goes in and out of it is never shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from cart_mock.state.items import Item

if TYPE_CHECKING:
    Customers = Sequence[str]
else:
    # What msgspec makes of a document. A cart with many customers has a CustomerList instead.
    Customers = tuple[str, ...]

CART_LIFETIME = 7 * 24 * 3600
"""Seconds from a cart's last update until it is gone (rule ``cart-expired``), by default."""

FIRST_TIME, LAST_TIME = -62_135_596_800, 253_402_300_799
"""The first and the last second that RFC 3339 can write, in seconds since the epoch."""


class Contact(msgspec.Struct, frozen=True):
    """The contact of an unregistered cart."""

    email: str
    name: str | None = None


class Cart(msgspec.Struct, frozen=True, dict=True):
    """A cart. Times are whole seconds since the epoch; ``customers`` are ids, oldest first.

    It never changes, so what was made of it can be kept with it (``dict=True`` leaves room).
    """

    id: str
    name: str
    created_at: int
    updated_at: int
    description: str = ""
    customers: Customers = ()
    contact: Contact | None = None
    kept: dict[str, Any] = {}
    """Published fields without behaviour here, such as ``custom_attributes``."""
    items: tuple[Item, ...] = ()
    lifetime: int = CART_LIFETIME
    """Seconds from the last update until it is gone, as the store's settings were at that time."""

    @property
    def expires_at(self) -> int:
        """When the cart is gone unless it is updated, in seconds since the epoch."""
        return self.updated_at + self.lifetime


class Customer(msgspec.Struct, frozen=True):
    """A customer. ``password_hash`` is an Argon2 hash, or None: then there is no login."""

    id: str
    name: str
    email: str
    created_at: int
    updated_at: int
    password_hash: str | None = None
    kept: dict[str, Any] = {}
    """``external_ref`` and the store's custom fields."""
