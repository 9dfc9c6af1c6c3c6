"""The owners of carts: customers and accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

OwnerType = Literal["customer", "account"]
OWNER_TYPES: tuple[OwnerType, ...] = ("customer", "account")


class Owner(NamedTuple):
    """An owner of carts. A customer and an account may have the same id."""

    type: OwnerType
    id: str


def owners(kind: OwnerType, ids: Iterable[str]) -> tuple[Owner, ...]:
    """Return the owners of one kind that have these ids."""
    return tuple(Owner(kind, each) for each in ids)
