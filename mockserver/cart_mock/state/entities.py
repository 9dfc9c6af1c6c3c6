"""What a store holds: immutable values, so that what goes in and out of it is never shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from cart_mock.owners import Owner, OwnerType
from cart_mock.state.items import Item

if TYPE_CHECKING:
    Owners = Sequence[Owner]
else:
    # What msgspec makes of a document. A cart with many owners has an OwnerList instead.
    Owners = tuple[Owner, ...]

CART_LIFETIME = 7 * 24 * 3600
"""Seconds from a cart's last update until it is gone (rule ``cart-expired``), by default."""

FIRST_TIME, LAST_TIME = -62_135_596_800, 253_402_300_799
"""The first and the last second that RFC 3339 can write, in seconds since the epoch."""


class Contact(msgspec.Struct, frozen=True, gc=False):
    """The contact of an unregistered cart."""

    email: str
    name: str | None = None


class Cart(msgspec.Struct, frozen=True, dict=True, omit_defaults=True):
    """A cart. Times are whole seconds since the epoch; ``owners`` come oldest first.

    It never changes, so what was made of it can be kept with it (``dict=True`` leaves room).
    """

    id: str
    name: str
    created_at: int
    updated_at: int
    description: str = ""
    owners: Owners = ()
    contact: Contact | None = None
    kept: dict[str, Any] = {}
    """Published fields without behaviour here, such as ``custom_attributes``."""
    items: tuple[Item, ...] = ()
    lifetime: int = CART_LIFETIME
    """Seconds from the last update until it is gone, as the store's settings were at that time."""
    by_reading: bool = False
    """Whether reading an unknown id made it, and nothing has changed it since."""

    def owners_of(self, kind: OwnerType) -> tuple[str, ...]:
        """Return the ids of the owners of one kind, oldest first."""
        return tuple(owner.id for owner in self.owners if owner.type == kind)

    @property
    def customers(self) -> tuple[str, ...]:
        """The ids of its customers, oldest first."""
        return self.owners_of("customer")

    @property
    def accounts(self) -> tuple[str, ...]:
        """The ids of its accounts, oldest first."""
        return self.owners_of("account")

    @property
    def expires_at(self) -> int:
        """When the cart is gone unless it is updated, in seconds since the epoch."""
        return self.updated_at + self.lifetime


class Customer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A customer. ``password_hash`` is an Argon2 hash, or None: then there is no login."""

    id: str
    name: str
    email: str
    created_at: int
    updated_at: int
    password_hash: str | None = None
    kept: dict[str, Any] = {}
    """``external_ref`` and the store's custom fields."""


class Account(msgspec.Struct, frozen=True, gc=False):
    """An account: an organization, or the account that a member has of its own."""

    id: str
    name: str
    legal_name: str
    created_at: int
    updated_at: int
    parent_id: str | None = None
    kept: dict[str, Any] = {}
    """``registration_id``, ``external_ref`` and the store's custom fields."""


class AccountMember(msgspec.Struct, frozen=True, gc=False):
    """A person who acts for accounts. ``password_hash`` is an Argon2 hash, or None: no login."""

    id: str
    name: str
    email: str
    username: str
    created_at: int
    updated_at: int
    password_hash: str | None = None


class Membership(msgspec.Struct, frozen=True, gc=False):
    """That a member belongs to an account; both are ids."""

    id: str
    account: str
    member: str
    created_at: int
    updated_at: int
