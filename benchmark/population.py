"""The customers and carts of the benchmark, and the mock's seed file with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CARTS_OF_A_CUSTOMER = 20
READERS = 600
"""How many customers read their carts, if there are enough carts. Read in turn, those carts are
more than the mock keeps as it read them last."""
WRITABLE_CARTS = 256
PASSWORD = "correct horse battery staple"  # noqa: S105 - its customers are invented
"""The password of all customers. One for all, so that a seed has only one hash to compute."""


@dataclass(frozen=True)
class Population:
    """A number of carts, most of them with a customer; each customer has 20 carts.

    The *readers* are customers whose carts are read: 600, or the owners of half of fewer carts.
    The *writer* has no cart; it is associated with the *writable* carts, which have no customer,
    and disassociated again. The carts of both kinds are spread evenly over the whole state, so that
    reads and writes use all of it.
    """

    carts: int

    def __post_init__(self) -> None:
        least = 2 * WRITABLE_CARTS
        if self.carts < least:
            raise ValueError(f"{self.carts} carts are too few: {least} are needed")

    writer = "writer"
    writer_email = "writer@example.com"

    @cached_property
    def readers(self) -> tuple[str, ...]:
        """The customers whose carts are read."""
        count = min(READERS, self.carts // 2 // CARTS_OF_A_CUSTOMER)
        return tuple(f"reader-{i}" for i in range(count))

    @staticmethod
    def email(customer: str) -> str:
        """Return the email of a customer."""
        return f"{customer}@example.com"

    @cached_property
    def _special(self) -> tuple[str, ...]:
        count = len(self.readers) * CARTS_OF_A_CUSTOMER + WRITABLE_CARTS
        return tuple(f"cart-{i * self.carts // count:07d}" for i in range(count))

    @cached_property
    def carts_of_readers(self) -> tuple[tuple[str, str], ...]:
        """Return each reader's carts, as (reader, cart)."""
        apart = len(self._special) // WRITABLE_CARTS
        read = [
            cart
            for i, cart in enumerate(self._special)
            if i % apart or i // apart >= WRITABLE_CARTS
        ]
        readers = self.readers
        return tuple((readers[i % len(readers)], cart) for i, cart in enumerate(read))

    @cached_property
    def writable(self) -> tuple[str, ...]:
        """Return the carts that are associated with the writer and disassociated again."""
        read = {cart for _, cart in self.carts_of_readers}
        return tuple(cart for cart in self._special if cart not in read)

    def _owners(self) -> Iterator[tuple[str, str | None]]:
        reader_of = {cart: reader for reader, cart in self.carts_of_readers}
        writable = set(self.writable)
        others = 0
        for i in range(self.carts):
            cart = f"cart-{i:07d}"
            if cart in writable:
                yield cart, None
            elif cart in reader_of:
                yield cart, reader_of[cart]
            else:
                yield cart, f"customer-{others // CARTS_OF_A_CUSTOMER:06d}"
                others += 1

    def write_seed(self, path: Path) -> None:
        """Write the seed file that the mock starts with."""
        owners = list(self._owners())
        customers = dict.fromkeys(owner for _, owner in owners if owner is not None)
        customers[self.writer] = None
        known = {*self.readers, self.writer}
        seed = {
            "customers": [
                {
                    "id": customer,
                    "name": f"Customer {customer}",
                    "email": self.email(customer),
                    **({"password": PASSWORD} if customer in known else {}),
                }
                for customer in customers
            ],
            "carts": [
                {"id": cart, "name": f"Cart {cart}", "description": "50% fruit, 50% \u2615"}
                for cart, _ in owners
            ],
            "associations": [
                {"cart": cart, "customer": owner} for cart, owner in owners if owner is not None
            ],
        }
        path.write_text(json.dumps(seed), encoding="utf-8")
