"""The known state of a deployment: tokens, customers, carts and their associations.

The sending client, or the reader of a recording, fills it in. A missing entry means "unknown",
because another client may have created the thing. The oracle never reports a deviation that
depends on unknown state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

ADMINISTRATOR = "client_credentials"
SHOPPER = "implicit"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token that the deployment issued. ``expires`` is in seconds since the epoch."""

    grant: str
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class CustomerToken:
    """A customer token that the deployment issued. ``expires`` is in seconds since the epoch."""

    customer: str
    expires: float | None = None


@dataclass(slots=True)
class KnownCustomer:
    """A customer. ``exists`` is False after deletion, or for an id without a customer.

    ``complete`` says that every cart of this customer is known.
    """

    exists: bool = True
    email: str | None = None
    password: str | None = None
    complete: bool = False


CART_SIDE = "cart"
"""One side on which an association is visible, the cart. :func:`list_side` is the other side."""


def list_side(customer_id: str) -> str:
    """Return the side of that customer's list of carts."""
    return f"list of {customer_id}"


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

    ``customers`` and ``contact`` (whether it has a contact email) are None if unknown.
    ``removed`` are the customers whose association was deleted. ``verified`` are the sides on which
    the expected state was observed after the last request for this cart. ``suspects`` are the sides
    on which it was observed before a request that should have had no effect.
    """

    exists: bool = True
    customers: set[str] | None = None
    contact: bool | None = None
    removed: set[str] = field(default_factory=set)
    verified: set[str] = field(default_factory=set)
    suspects: dict[str, Suspect] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget the state of this cart after an unexpected event."""
        self.customers = self.contact = None
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
    customer_tokens: dict[str, CustomerToken] = field(default_factory=dict)
    customers: dict[str, KnownCustomer] = field(default_factory=dict)
    carts: dict[str, KnownCart] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)

    def cart_exists(self, cart_id: str) -> bool | None:
        """Return whether the cart exists; None if unknown."""
        cart = self.carts.get(cart_id)
        return None if cart is None else cart.exists

    def customer_exists(self, customer_id: str) -> bool | None:
        """Return whether the customer exists; None if unknown."""
        customer = self.customers.get(customer_id)
        return None if customer is None else customer.exists

    def customers_of(self, cart_id: str) -> set[str] | None:
        """Return the customers of a cart; None if unknown."""
        cart = self.carts.get(cart_id)
        return None if cart is None or not cart.exists else cart.customers

    def carts_of(self, customer_id: str) -> set[str]:
        """Return the carts that this customer is known to have."""
        return {
            cart_id
            for cart_id, cart in self.carts.items()
            if cart.exists and cart.customers is not None and customer_id in cart.customers
        }

    def has_only_cart(self, customer_id: str, cart_id: str) -> bool | None:
        """Return whether that is the customer's only cart; None if unknown."""
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
