"""The known state of a deployment: tokens, owners (customers, accounts), carts, associations.

The sending client, or the reader of a recording, fills it in. A missing entry means "unknown",
because another client may have created the thing. The oracle never reports a deviation that
depends on unknown state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, TypeGuard

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


_MOMENTS = count(1)
"""The moments at which knowledge changes, in their order."""


@dataclass(slots=True)
class KnownCart:
    """A cart. ``exists`` is False after deletion, or for an id without a cart.

    ``owners`` and ``contact`` (whether it has a contact email) are None if unknown.
    ``removed`` are the owners whose association was deleted. ``verified`` are the sides on which
    the expected state was observed after the last request for this cart. ``suspects`` are the sides
    on which it was observed before a request that should have had no effect. ``doubts`` are those
    requests with their moments, and ``changed_at`` is the moment of the last change. They say what
    holds for the lists of owners who do not have the cart, without a note for each of them.
    """

    exists: bool = True
    owners: set[OwnerRef] | None = None
    contact: bool | None = None
    removed: set[OwnerRef] = field(default_factory=set)
    verified: set[str] = field(default_factory=set)
    suspects: dict[str, Suspect] = field(default_factory=dict)
    doubts: list[tuple[int, Suspect]] = field(default_factory=list)
    changed_at: int = 0

    def forget(self) -> None:
        """Forget the state of this cart after an unexpected event."""
        self.owners = self.contact = None
        self.removed.clear()
        self.changed()

    def changed(self) -> None:
        """Note that an accepted request changed the cart, so both sides must be read again."""
        self.verified.clear()
        self.suspects.clear()
        self.doubts.clear()
        self.changed_at = next(_MOMENTS)

    def suspect(self, suspect: Suspect) -> None:
        """Attribute later differences to this request, which should have had no effect."""
        self.suspects = dict.fromkeys(self.suspects, suspect._replace(about=None))
        self.suspects |= dict.fromkeys(self.verified, suspect)
        self.verified.clear()
        self.doubts.append((next(_MOMENTS), suspect))

    def seen(self, side: str) -> None:
        """Note that the expected state was observed on that side."""
        self.verified.add(side)
        self.suspects.pop(side, None)

    def suspect_since(self, moment: int) -> Suspect | None:
        """Return the request to blame for what differs from a list that was read at a moment."""
        doubts = self._doubts_since(moment) if moment > self.changed_at else []
        if len(doubts) > 1:
            return doubts[-1]._replace(about=None)
        return doubts[0] if doubts else None

    def is_unchanged_since(self, moment: int) -> bool:
        """Return whether no request was sent for this cart since a moment."""
        return moment > self.changed_at and not self._doubts_since(moment)

    def _doubts_since(self, moment: int) -> list[Suspect]:
        return [suspect for at, suspect in self.doubts if at > moment]


_WORD = re.compile(r"[^\W_]+")
_SHORTEST_PASSWORD = 8
"""Characters of a password that is too long to occur by chance."""


def is_long_password(value: object) -> TypeGuard[str]:
    """Return whether a password is too long to occur by chance."""
    return isinstance(value, str) and len(value) >= _SHORTEST_PASSWORD


class Passwords:
    """Known passwords. There may be thousands, so that each is looked for by one of its words."""

    def __init__(self) -> None:
        self._by_word: dict[str, set[str]] = {}

    def add(self, password: str) -> None:
        """Add a password, unless it is so short that it occurs by chance."""
        if is_long_password(password):
            words = _WORD.findall(password) or [""]
            word = min(words, key=lambda each: (len(self._by_word.get(each, ())), -len(each)))
            self._by_word.setdefault(word, set()).add(password)

    def any_in(self, text: str) -> bool:
        """Return whether a text has one of the passwords in it."""
        if not self._by_word:
            return False
        words = {"", *_WORD.findall(text)}
        return any(
            password in text
            for word in self._by_word.keys() & words
            for password in self._by_word[word]
        )


def _is_never_withheld(_value: str) -> bool:
    return False


@dataclass(slots=True)
class TargetState:
    """All that is known. ``complete`` says that any other token was never issued.

    ``secrets`` maps the store's keys (``client_id``) to their secrets. ``is_withheld`` says whether
    a value stands for one that is not known. ``odd`` contains the ids of things that a request
    created or changed which the contract does not describe. Their form is therefore undefined.
    """

    complete: bool = False
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    owner_tokens: dict[str, OwnerToken] = field(default_factory=dict)
    owners: dict[OwnerRef, KnownOwner] = field(default_factory=dict)
    carts: dict[str, KnownCart] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)
    is_withheld: Callable[[str], bool] = _is_never_withheld
    passwords: Passwords = field(default_factory=Passwords)
    _by_login: dict[tuple[str, str], list[OwnerRef]] = field(default_factory=dict)
    _by_owner: dict[OwnerRef, set[str]] = field(default_factory=dict)
    _with_removed: set[str] = field(default_factory=set)
    _listed: dict[OwnerRef, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index what is known from the start."""
        for owner, known in self.owners.items():
            self.add_login(owner, known.login, known.password)
        for cart_id, cart in self.carts.items():
            for owner in cart.owners or ():
                self.add_owner(cart_id, owner)

    def add_login(self, owner: OwnerRef, login: object, password: object) -> None:
        """Note an owner's login and password, if they are texts."""
        known = self.owners.setdefault(owner, KnownOwner())
        if isinstance(login, str):
            known.login = login
            named = self._by_login.setdefault((owner.kind, login.casefold()), [])
            if owner not in named:
                named.append(owner)
        if isinstance(password, str):
            known.password = None if self.is_withheld(password) else password
            self.passwords.add(known.password or "")

    def add_owner(self, cart_id: str, owner: OwnerRef) -> None:
        """Note that a known cart has an owner."""
        cart = self.carts[cart_id]
        cart.owners = {*(cart.owners or ()), owner}
        self._by_owner.setdefault(owner, set()).add(cart_id)

    def set_owners(self, cart_id: str, owners: set[OwnerRef]) -> None:
        """Note all owners of a known cart."""
        self.carts[cart_id].owners = owners
        for owner in owners:
            self._by_owner.setdefault(owner, set()).add(cart_id)

    def is_verified(self, cart_id: str, owner: OwnerRef) -> bool:
        """Return whether an owner's list was as expected after the last request for a cart."""
        cart = self.carts[cart_id]
        if cart.owners is None or owner in cart.owners:
            return list_side(owner) in cart.verified
        return cart.is_unchanged_since(self.listed_at(owner))

    def remove_owner(self, cart_id: str, owner: OwnerRef) -> None:
        """Note that an owner's association with a known cart was deleted."""
        cart = self.carts[cart_id]
        cart.owners = (cart.owners or set()) - {owner}
        cart.removed.add(owner)
        self._with_removed.add(cart_id)

    def owners_with_carts(self) -> Iterator[OwnerRef]:
        """Yield the owners that are known to have carts."""
        for owner in [*self._by_owner]:
            if self.carts_of(owner):
                yield owner
            else:
                del self._by_owner[owner]  # until it has one again

    def has_removed_owners(self) -> bool:
        """Return whether an association with a cart that is known to exist was deleted."""
        for cart_id in [*self._with_removed]:
            cart = self.carts.get(cart_id)
            if cart is not None and cart.exists and cart.owners is not None and cart.removed:
                return True
            self._with_removed.discard(cart_id)
        return False

    def note_list(self, owner: OwnerRef) -> None:
        """Note that the list of an owner was read."""
        self._listed[owner] = next(_MOMENTS)

    def listed_at(self, owner: OwnerRef) -> int:
        """Return the moment at which an owner's list was read for the last time, or 0."""
        return self._listed.get(owner, 0)

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
        # A cart that the owner had before stays in the index.
        return {
            cart_id
            for cart_id in self._by_owner.get(owner, ())
            if owner in (self.owners_of(cart_id) or ())
        }

    def has_only_cart(self, owner: OwnerRef, cart_id: str) -> bool | None:
        """Return whether that is the owner's only cart; None if unknown."""
        if self.carts_of(owner) - {cart_id}:
            return False
        known = self.owners.get(owner)
        if known is None or not known.complete:
            return None
        unsure = any(cart.exists and cart.owners is None for cart in self.carts.values())
        return None if unsure else True

    def holder_of(self, login: str, kind: str = "customer") -> str | None:
        """Return the id of the owner with that login, ignoring letter case; None if unknown."""
        for owner in self._by_login.get((kind, login.casefold()), ()):
            known = self.owners[owner]
            if known.exists and (known.login or "").casefold() == login.casefold():
                return owner.id
        return None
