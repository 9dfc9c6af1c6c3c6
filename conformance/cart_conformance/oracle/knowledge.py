"""What is known of a deployment: tokens, customers, carts and their associations.

The client that sends, or the reader of a recording, fills this in. What is missing is unknown:
another client may have made it. The oracle never fails an answer for what it does not know.
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
    """A customer. ``exists`` is False after deletion, or for an id without a customer.

    ``complete`` says that every cart of this customer is known, so that none was there before.
    """

    exists: bool = True
    email: str | None = None
    password: str | None = None
    complete: bool = False


CART_SIDE = "cart"
"""A place where an association is visible: the cart; see :func:`list_side` for the other."""


def list_side(customer_id: str) -> str:
    """Return the side of that customer's list of carts."""
    return f"list of {customer_id}"


class Suspect(NamedTuple):
    """A request that should have changed nothing, by this rule; ``about`` is why it was refused."""

    rule: str
    operation: str
    about: str | None = None


@dataclass(slots=True)
class KnownCart:
    """A cart. ``exists`` is False after deletion, or for an id without a cart.

    ``customers`` and ``contact`` (whether it carries a contact email) are None if unknown.
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
        """Forget the state of this cart, after something unforeseen."""
        self.customers = self.contact = None
        self.removed.clear()
        self.changed()

    def changed(self) -> None:
        """Note that an accepted request changed it: every side must be read again."""
        self.verified.clear()
        self.suspects.clear()

    def suspect(self, suspect: Suspect) -> None:
        """Blame later differences on this request, which should have changed nothing."""
        self.suspects = dict.fromkeys(self.suspects, suspect._replace(about=None))
        self.suspects |= dict.fromkeys(self.verified, suspect)
        self.verified.clear()

    def seen(self, side: str) -> None:
        """Note that it was as expected from there."""
        self.verified.add(side)
        self.suspects.pop(side, None)


@dataclass(slots=True)
class TargetState:
    """All that is known. ``complete`` says that a token that is not here was never issued.

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
        """Return whether there is such a cart; None if unknown."""
        cart = self.carts.get(cart_id)
        return None if cart is None else cart.exists

    def customer_exists(self, customer_id: str) -> bool | None:
        """Return whether there is such a customer; None if unknown."""
        customer = self.customers.get(customer_id)
        return None if customer is None else customer.exists

    def customers_of(self, cart_id: str) -> set[str] | None:
        """Return the customers of a cart; None if unknown."""
        cart = self.carts.get(cart_id)
        return None if cart is None or not cart.exists else cart.customers

    def carts_of(self, customer_id: str) -> set[str]:
        """Return the carts that are known to be this customer's."""
        return {
            cart_id
            for cart_id, cart in self.carts.items()
            if cart.exists and cart.customers is not None and customer_id in cart.customers
        }

    def has_only_cart(self, customer_id: str, cart_id: str) -> bool | None:
        """Return whether that cart is the only one of that customer; None if unknown."""
        if self.carts_of(customer_id) - {cart_id}:
            return False
        customer = self.customers.get(customer_id)
        unsure = any(cart.exists and cart.customers is None for cart in self.carts.values())
        return True if customer is not None and customer.complete and not unsure else None

    def holder_of(self, email: str) -> str | None:
        """Return the id of the customer with that email, ignoring letter case; None if unknown."""
        for customer_id, customer in self.customers.items():
            same = customer.email is not None and customer.email.casefold() == email.casefold()
            if same and customer.exists:
                return customer_id
        return None

    def passwords(self) -> set[str]:
        """Return every known password that is too long to occur by chance."""
        found = {customer.password for customer in self.customers.values()}
        return {password for password in found if password and len(password) >= 8}
