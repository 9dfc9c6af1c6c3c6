"""What is known of a deployment: tokens, customers, carts and their associations.

Whoever sends, or reads what others sent, fills this in. What is not in it is unknown: another party
may have made it. An oracle never fails an answer for what it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

ADMINISTRATOR = "client_credentials"
SHOPPER = "implicit"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token that the deployment issued; ``expires`` in seconds since the epoch."""

    grant: str
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class CustomerToken:
    """A customer token that the deployment issued; ``expires`` in seconds since the epoch."""

    customer: str
    expires: float | None = None


@dataclass(slots=True)
class KnownCustomer:
    """A customer. ``exists`` is False once deleted, or for an id that nobody has.

    ``complete`` says that every cart of this customer is known, so that none was there before.
    """

    exists: bool = True
    email: str | None = None
    password: str | None = None
    complete: bool = False


CART_SIDE = "cart"
"""Where an association shows: in the cart, or in the list of a customer (:func:`list_side`)."""


def list_side(customer_id: str) -> str:
    """The side of that customer's list of carts."""
    return f"list of {customer_id}"


class Suspect(NamedTuple):
    """A request that should have changed nothing, by this rule; ``about`` is why it was refused."""

    rule: str
    operation: str
    about: str | None = None


@dataclass(slots=True)
class KnownCart:
    """A cart. ``exists`` is False once deleted, or for an id that nobody has.

    ``customers`` and ``contact`` (whether it carries a contact email) are None where unknown.
    ``removed`` are the customers whose association was deleted. ``verified`` are the sides from
    which the state was seen to be as expected since anything was last asked of this cart, and
    ``suspects`` are those that were, until a request that should have changed nothing.
    """

    exists: bool = True
    customers: set[str] | None = None
    contact: bool | None = None
    removed: set[str] = field(default_factory=set)
    verified: set[str] = field(default_factory=set)
    suspects: dict[str, Suspect] = field(default_factory=dict)

    def forget(self) -> None:
        """Something unforeseen happened to this cart: nothing is known of its state any more."""
        self.customers = self.contact = None
        self.removed.clear()
        self.changed()

    def changed(self) -> None:
        """An accepted request changed it: it is to be looked at anew from every side."""
        self.verified.clear()
        self.suspects.clear()

    def suspect(self, suspect: Suspect) -> None:
        """A request should have changed nothing: what is seen otherwise now, it changed."""
        self.suspects = dict.fromkeys(self.suspects, suspect._replace(about=None))
        self.suspects |= dict.fromkeys(self.verified, suspect)
        self.verified.clear()

    def seen(self, side: str) -> None:
        """It was seen to be as expected from there."""
        self.verified.add(side)
        self.suspects.pop(side, None)


@dataclass(slots=True)
class TargetState:
    """The whole of it. ``complete`` says that a token that is not here was never issued.

    ``secrets`` are the store's keys (``client_id``) with their secrets. ``odd`` are the ids of what
    was made or changed by a request that the contract does not describe: how it looks is open.
    """

    complete: bool = False
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    customer_tokens: dict[str, CustomerToken] = field(default_factory=dict)
    customers: dict[str, KnownCustomer] = field(default_factory=dict)
    carts: dict[str, KnownCart] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)

    def cart_exists(self, cart_id: str) -> bool | None:
        """Whether there is such a cart; None if unknown."""
        cart = self.carts.get(cart_id)
        return None if cart is None else cart.exists

    def customer_exists(self, customer_id: str) -> bool | None:
        """Whether there is such a customer; None if unknown."""
        customer = self.customers.get(customer_id)
        return None if customer is None else customer.exists

    def customers_of(self, cart_id: str) -> set[str] | None:
        """The customers of a cart; None if unknown."""
        cart = self.carts.get(cart_id)
        return None if cart is None or not cart.exists else cart.customers

    def carts_of(self, customer_id: str) -> set[str]:
        """The carts that are known to be this customer's."""
        return {
            cart_id
            for cart_id, cart in self.carts.items()
            if cart.exists and cart.customers is not None and customer_id in cart.customers
        }

    def has_only_cart(self, customer_id: str, cart_id: str) -> bool | None:
        """Whether that cart is the only one of that customer; None if unknown."""
        if self.carts_of(customer_id) - {cart_id}:
            return False
        customer = self.customers.get(customer_id)
        unsure = any(cart.exists and cart.customers is None for cart in self.carts.values())
        return True if customer is not None and customer.complete and not unsure else None

    def holder_of(self, email: str) -> str | None:
        """The id of the customer with that email, letter case aside; None if none is known."""
        for customer_id, customer in self.customers.items():
            same = customer.email is not None and customer.email.casefold() == email.casefold()
            if same and customer.exists:
                return customer_id
        return None

    def passwords(self) -> set[str]:
        """Every password that is known, long enough to be told from chance."""
        found = {customer.password for customer in self.customers.values()}
        return {password for password in found if password and len(password) >= 8}
