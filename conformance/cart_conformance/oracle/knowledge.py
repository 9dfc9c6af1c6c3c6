"""The known state of a deployment: tokens, owners (customers, accounts), carts, associations.

The sending client, or the reader of a recording, fills it in. A missing entry means "unknown",
because another client may have created the thing. The oracle never reports a deviation that
depends on unknown state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

ADMINISTRATOR = "client_credentials"
SHOPPER = "implicit"


class OwnerRef(NamedTuple):
    """An owner of carts: its kind, "customer" or "account", and its id."""

    kind: str
    id: str

    def __str__(self) -> str:
        """Return it as reports name it."""
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token that the deployment issued. ``expires`` is in seconds since the epoch."""

    grant: str
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class OwnerToken:
    """A token of an owner that the deployment issued. ``expires`` is in seconds since the epoch."""

    owner: OwnerRef
    expires: float | None = None


@dataclass(slots=True)
class KnownOwner:
    """A customer or account. ``exists`` is False after deletion, or for an id that none has.

    ``complete`` says that every cart of this owner is known. ``login`` is a customer's email, or
    the username of an account's member.
    """

    exists: bool = True
    login: str | None = None
    password: str | None = None
    complete: bool = False


CART_SIDE = "cart"
"""One side on which an association is visible, the cart. :func:`list_side` is the other side."""


def list_side(owner: OwnerRef) -> str:
    """Return the side of that owner's list of carts."""
    return f"list of {owner}"


class Suspect(NamedTuple):
    """A request that, by this rule, should have had no effect.

    ``about`` is the rule that refused it.
    """

    rule: str
    operation: str
    about: str | None = None


@dataclass(slots=True)
class KnownCart:
    """A cart. ``exists`` is False after deletion, or for an id without a cart.

    ``owners`` and ``contact`` (whether it has a contact email) are None if unknown.
    ``removed`` are the owners whose association was deleted. ``verified`` are the sides on which
    the expected state was observed after the last request for this cart. ``suspects`` are the sides
    on which it was observed before a request that should have had no effect.
    """

    exists: bool = True
    owners: set[OwnerRef] | None = None
    contact: bool | None = None
    removed: set[OwnerRef] = field(default_factory=set)
    verified: set[str] = field(default_factory=set)
    suspects: dict[str, Suspect] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget the state of this cart after an unexpected event."""
        self.owners = self.contact = None
        self.removed.clear()
        self.changed()

    def changed(self) -> None:
        """Note that an accepted request changed the cart, so both sides must be read again."""
        self.verified.clear()
        self.suspects.clear()

    def suspect(self, suspect: Suspect) -> None:
        """Attribute later differences to this request, which should have had no effect."""
        self.suspects = dict.fromkeys(self.suspects, suspect._replace(about=None))
        self.suspects |= dict.fromkeys(self.verified, suspect)
        self.verified.clear()

    def seen(self, side: str) -> None:
        """Note that the expected state was observed on that side."""
        self.verified.add(side)
        self.suspects.pop(side, None)


@dataclass(slots=True)
class TargetState:
    """All that is known. ``complete`` says that any other token was never issued.

    ``secrets`` maps the store's keys (``client_id``) to their secrets. ``odd`` contains the ids of
    things that a request created or changed which the contract does not describe. Their form is
    therefore undefined.
    """

    complete: bool = False
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    owner_tokens: dict[str, OwnerToken] = field(default_factory=dict)
    owners: dict[OwnerRef, KnownOwner] = field(default_factory=dict)
    carts: dict[str, KnownCart] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)

    def cart_exists(self, cart_id: str) -> bool | None:
        """Return whether the cart exists; None if unknown."""
        cart = self.carts.get(cart_id)
        return None if cart is None else cart.exists

    def owner_exists(self, kind: str, owner_id: str) -> bool | None:
        """Return whether the customer or account exists; None if unknown."""
        owner = self.owners.get(OwnerRef(kind, owner_id))
        return None if owner is None else owner.exists

    def owners_of(self, cart_id: str) -> set[OwnerRef] | None:
        """Return the owners of a cart; None if unknown."""
        cart = self.carts.get(cart_id)
        return None if cart is None or not cart.exists else cart.owners

    def carts_of(self, owner: OwnerRef) -> set[str]:
        """Return the carts that this owner is known to have."""
        return {
            cart_id
            for cart_id, cart in self.carts.items()
            if cart.exists and cart.owners is not None and owner in cart.owners
        }

    def has_only_cart(self, owner: OwnerRef, cart_id: str) -> bool | None:
        """Return whether that is the owner's only cart; None if unknown."""
        if self.carts_of(owner) - {cart_id}:
            return False
        known = self.owners.get(owner)
        unsure = any(cart.exists and cart.owners is None for cart in self.carts.values())
        return True if known is not None and known.complete and not unsure else None

    def holder_of(self, login: str, kind: str = "customer") -> str | None:
        """Return the id of the owner with that login, ignoring letter case; None if unknown."""
        for owner, known in self.owners.items():
            same = known.login is not None and known.login.casefold() == login.casefold()
            if same and known.exists and owner.kind == kind:
                return owner.id
        return None

    def passwords(self) -> set[str]:
        """Return every known password that is too long to occur by chance."""
        found = {owner.password for owner in self.owners.values()}
        return {password for password in found if password and len(password) >= 8}
