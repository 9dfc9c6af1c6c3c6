"""Seed files: the customers, carts and associations that every new store starts with."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec

from cart_mock.auth.passwords import hash_password, is_hash, is_salted
from cart_mock.formats import EMAIL, MAX_NAME, NOT_JSON, SAFE_ID
from cart_mock.state.entities import FIRST_TIME, LAST_TIME, Cart, Contact, Customer
from cart_mock.state.turns import in_turns

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in RFC 3339, with its zone."""


class SeedError(Exception):
    """A seed file that cannot be used. The message says which, where and why."""


class SeedCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer of a seed file; without a password there is no login.

    An export contains the Argon2 hash of the password instead. The default of times is the time of
    seeding.
    """

    id: str
    name: str
    email: str
    password: str | None = None
    password_hash: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    kept: dict[str, Any] = {}


class SeedCart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cart of a seed file. The default of times is the time of seeding."""

    id: str
    name: str = "Cart"
    description: str = ""
    contact: Contact | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    kept: dict[str, Any] = {}


class SeedAssociation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which customer has which cart, by their ids."""

    cart: str
    customer: str


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The content of a seed file."""

    customers: tuple[SeedCustomer, ...] = ()
    carts: tuple[SeedCart, ...] = ()
    associations: tuple[SeedAssociation, ...] = ()

    def problems(self) -> list[str]:
        """Return what is wrong with it, as sentences with a path; empty if it is valid."""
        found = _repeated("customers", "id", [c.id for c in self.customers])
        found += _repeated("customers", "email", [c.email.lower() for c in self.customers])
        found += _repeated("carts", "id", [c.id for c in self.carts])
        pairs = [f"{link.cart} and {link.customer}" for link in self.associations]
        found += _repeated("associations", "pair", pairs)
        for i, customer in enumerate(self.customers):
            found += (f"customers[{i}]{problem}" for problem in _customer_problems(customer))
        for i, cart in enumerate(self.carts):
            found += (f"carts[{i}]{problem}" for problem in _cart_problems(cart))
        carts = {cart.id: cart for cart in self.carts}
        customers = {customer.id for customer in self.customers}
        for i, link in enumerate(self.associations):
            problems = _association_problems(link, carts, customers)
            found += (f"associations[{i}]{problem}" for problem in problems)
        return found

    @cached_property
    def is_relative(self) -> bool | None:
        """Whether all times are left out; None if only some are."""
        entries: tuple[SeedCustomer | SeedCart, ...] = (*self.customers, *self.carts)
        given = {(e.created_at is not None, e.updated_at is not None) for e in entries}
        if given <= {(False, False)}:
            return True
        return False if given == {(True, True)} else None

    @property
    def _password_hashes(self) -> dict[str, str]:
        return self._new_hashes() if is_salted() else self._kept_hashes

    @cached_property
    def _kept_hashes(self) -> dict[str, str]:
        return self._new_hashes()

    def _new_hashes(self) -> dict[str, str]:
        # Hashing is slow on purpose; a seed's customers often share one password.
        passwords = {c.password for c in self.customers if c.password is not None}
        return {password: hash_password(password) for password in passwords}

    def customer_entities(self, now: int) -> list[Customer]:
        """Return the customers, created ``now``, in seconds since the epoch."""
        hashes = self._password_hashes
        return [
            Customer(
                id=c.id, name=c.name, email=c.email,
                created_at=_epoch(c.created_at, now), updated_at=_epoch(c.updated_at, now),
                password_hash=(
                    c.password_hash if c.password is None else hashes[c.password]
                ),
                kept=c.kept,
            )
            for c in in_turns(self.customers)
        ]  # fmt: skip

    def cart_entities(self, now: int) -> list[Cart]:
        """Return the carts with their customers, created ``now``, in seconds since the epoch."""
        customers: defaultdict[str, list[str]] = defaultdict(list)
        for link in in_turns(self.associations):
            customers[link.cart].append(link.customer)
        return [
            Cart(
                id=c.id, name=c.name, description=c.description, contact=c.contact,
                customers=tuple(customers.get(c.id, ())), kept=c.kept,
                created_at=_epoch(c.created_at, now), updated_at=_epoch(c.updated_at, now),
            )
            for c in in_turns(self.carts)
        ]  # fmt: skip


def _epoch(time: datetime | None, now: int) -> int:
    if time is None:
        return now
    # A time with its zone may be out of the years 1 to 9999 in UTC.
    return min(max(int(time.timestamp()), FIRST_TIME), LAST_TIME)


def _customer_problems(customer: SeedCustomer) -> Iterator[str]:
    if not customer.id or not customer.name:
        yield ": id and name must not be empty"
    if not EMAIL.fullmatch(customer.email):
        yield f".email: {customer.email!r} is not an email address"
    if customer.password_hash is not None:
        if customer.password is not None:
            yield ": has both a password and a password_hash; leave one out"
        if not is_hash(customer.password_hash):
            yield ".password_hash: is not an Argon2 hash; send a password instead"


def _cart_problems(cart: SeedCart) -> Iterator[str]:
    if not SAFE_ID.fullmatch(cart.id):
        yield f".id: {cart.id!r} has more than 0-9, A-Z, a-z, _ and -"
    if not cart.name.strip() or len(cart.name) > MAX_NAME:
        yield f".name: must have 1 to {MAX_NAME} characters, not only white space"
    if cart.contact is not None and cart.contact.email and not EMAIL.fullmatch(cart.contact.email):
        yield f".contact.email: {cart.contact.email!r} is not an email address"


def _association_problems(
    link: SeedAssociation, carts: Mapping[str, SeedCart], customers: Container[str]
) -> Iterator[str]:
    if link.cart not in carts:
        yield f".cart: no cart {link.cart!r} in this file"
    elif (contact := carts[link.cart].contact) is not None and contact.email:
        yield f".cart: {link.cart!r} has a contact email"
    if link.customer not in customers:
        yield f".customer: no customer {link.customer!r} in this file"


def _repeated(list_name: str, field: str, values: list[str]) -> list[str]:
    if len(set(values)) == len(values):
        return []
    seen: set[str] = set()
    found = []
    for i, value in enumerate(values):
        if value in seen:
            found.append(f"{list_name}[{i}]: the {field} {value!r} stands twice")
        seen.add(value)
    return found


_VALIDATION_PATH = re.compile(r" - at `\$\.?(.*)`$")


def parse_seed(content: bytes, name: str) -> Seed:
    """Return the seed in a JSON text; ``name`` is what errors call it. Raises SeedError."""
    try:
        value = msgspec.json.decode(content)
    except NOT_JSON as error:
        raise SeedError(f"{name}: is not JSON: {error}") from error
    return seed_of(value, name)


def seed_of(value: Any, name: str) -> Seed:
    """Return the seed in a JSON value; ``name`` is what errors call it. Raises SeedError."""
    try:
        seed = msgspec.convert(value, Seed)
    except msgspec.ValidationError as error:
        text = str(error)
        where = _VALIDATION_PATH.search(text)
        reason = _VALIDATION_PATH.sub("", text)
        raise SeedError(f"{name}: {where.group(1) + ': ' if where else ''}{reason}") from error
    problems = seed.problems()
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SeedError(f"{name}: {problems[0]}{more}")
    return seed


def exported(
    customers: Iterable[Customer], carts: Iterable[Cart], *, times: bool = False
) -> dict[str, Any]:
    """Those customers and carts as the content of a seed file, the cart updated last at the end.

    With ``times`` it says when each was made and updated.
    """
    return {name: list(v) for name, v in export_lists(customers, carts, times=times).items()}


def export_lists(
    customers: Iterable[Customer], carts: Iterable[Cart], *, times: bool = False
) -> dict[str, Iterator[dict[str, Any]]]:
    """Return the lists of ``exported``, whose entries are made one by one.

    100,000 entries that are freed together would hold up other threads for 30 ms.
    """
    carts = sorted(carts, key=lambda cart: cart.updated_at)

    def stamps(value: Customer | Cart) -> dict[str, str]:
        if not times:
            return {}
        return {"created_at": _time(value.created_at), "updated_at": _time(value.updated_at)}

    return {
        "customers": (
            {
                "id": c.id, "name": c.name, "email": c.email,
                **({} if c.password_hash is None else {"password_hash": c.password_hash}),
                **({"kept": c.kept} if c.kept else {}),
                **stamps(c),
            }
            for c in in_turns(customers)
        ),
        "carts": (
            {
                "id": c.id, "name": c.name, "description": c.description,
                **({} if c.contact is None else {"contact": msgspec.to_builtins(c.contact)}),
                **({"kept": c.kept} if c.kept else {}),
                **stamps(c),
            }
            for c in in_turns(carts)
        ),
        "associations": (
            {"cart": cart.id, "customer": customer}
            for cart in in_turns(carts)
            for customer in cart.customers
        ),
    }  # fmt: skip


def _time(epoch: int) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None).isoformat()}Z"


def load_seed(path: Path) -> Seed:
    """Read a seed file. Raises SeedError."""
    try:
        return parse_seed(path.read_bytes(), str(path))
    except OSError as error:
        raise SeedError(f"{path}: cannot be read: {error.strerror or error}") from error
