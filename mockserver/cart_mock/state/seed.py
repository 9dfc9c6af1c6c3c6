"""Seed files: the customers, carts and associations that every new store starts with."""

from __future__ import annotations

import codecs
import json
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import msgspec

from cart_mock.auth.passwords import hash_password, is_hash, is_salted
from cart_mock.formats import EMAIL, MAX_NAME, NOT_JSON, SAFE_ID
from cart_mock.owners import Owner
from cart_mock.state.account_seed import (
    SeedAccount,
    SeedMember,
    SeedMembership,
    Time,
    account_entities,
    account_lists,
    account_problems,
    member_problems,
)
from cart_mock.state.accounts import NO_ACCOUNTS, AccountContent
from cart_mock.state.entities import (
    CART_LIFETIME,
    FIRST_TIME,
    LAST_TIME,
    Cart,
    Contact,
    Customer,
)
from cart_mock.state.json_lines import line_of
from cart_mock.state.shop import DAY, NO_CONTENT, ShopContent
from cart_mock.state.shop_seed import (
    SeedAddress,
    SeedItem,
    SeedOrder,
    SeedProduct,
    SeedSettings,
    addresses_problems,
    item_entities,
    items_problems,
    settings_of,
    shop_entities,
    shop_lists,
)
from cart_mock.state.turns import in_turns

MOST_DAYS = 3650
"""The longest lifetime of a cart, in days."""


class SeedError(Exception):
    """A seed file that cannot be used. The message says which, where and why.

    ``path`` is where in it, such as ``carts[0].name``; it is empty for the file as a whole.
    """

    def __init__(self, name: str, reason: str, path: str = "") -> None:
        super().__init__(f"{name}: {reason}")
        self.reason, self.path = reason, path


class SeedCustomer(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
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


class SeedCart(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A cart of a seed file. The default of times is the time of seeding.

    ``expiry_days`` count from its last update; the default is that of the settings.
    """

    id: str
    name: str = "Cart"
    description: str = ""
    contact: Contact | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    kept: dict[str, Any] = {}
    items: tuple[SeedItem, ...] = ()
    expiry_days: int | None = None


class SeedAssociation(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Which customer or account has which cart, by their ids."""

    cart: str
    customer: str | None = None
    account: str | None = None

    @property
    def owner(self) -> Owner:
        """The customer, or else the account."""
        if self.customer is not None:
            return Owner("customer", self.customer)
        return Owner("account", self.account or "")


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The content of a seed file."""

    customers: tuple[SeedCustomer, ...] = ()
    carts: tuple[SeedCart, ...] = ()
    associations: tuple[SeedAssociation, ...] = ()
    accounts: tuple[SeedAccount, ...] = ()
    members: tuple[SeedMember, ...] = ()
    memberships: tuple[SeedMembership, ...] = ()
    products: tuple[SeedProduct, ...] = ()
    addresses: tuple[SeedAddress, ...] = ()
    orders: tuple[SeedOrder, ...] = ()
    settings: SeedSettings | None = None

    @cached_property
    def _products_by_id(self) -> dict[str, SeedProduct]:
        return {product.id: product for product in self.products}

    def problems(self) -> list[str]:
        """Return what is wrong with it, as sentences with a path; empty if it is valid."""
        found = _repeated("customers", "id", [c.id for c in self.customers])
        found += _repeated("customers", "email", [c.email.lower() for c in self.customers])
        found += _repeated("carts", "id", [c.id for c in self.carts])
        pairs = [f"{link.cart} and {' '.join(link.owner)}" for link in self.associations]
        found += _repeated("associations", "pair", pairs)
        for i, customer in enumerate(self.customers):
            found += (f"customers[{i}]{problem}" for problem in _customer_problems(customer))
        for i, cart in enumerate(self.carts):
            found += (f"carts[{i}]{problem}" for problem in _cart_problems(cart))
            if cart.items:
                problems = items_problems(cart.items, self._products_by_id)
                found += (f"carts[{i}]{problem}" for problem in problems)
        carts = {cart.id: cart for cart in self.carts}
        customers = {customer.id for customer in self.customers}
        accounts = {account.id for account in self.accounts}
        for i, link in enumerate(self.associations):
            problems = _association_problems(link, carts, customers, accounts)
            found += (f"associations[{i}]{problem}" for problem in problems)
        return found + self._account_problems(accounts) + self._shop_problems(customers)

    def _account_problems(self, accounts: Container[str]) -> list[str]:
        found = _repeated("accounts", "id", [a.id for a in self.accounts])
        found += _repeated("members", "id", [m.id for m in self.members])
        found += _repeated("members", "username", [m.login.lower() for m in self.members])
        found += _repeated("memberships", "id", [m.key for m in self.memberships])
        pairs = [f"{m.account} and {m.member}" for m in self.memberships]
        found += _repeated("memberships", "pair", pairs)
        for i, account in enumerate(self.accounts):
            found += (f"accounts[{i}]{problem}" for problem in account_problems(account))
        for i, member in enumerate(self.members):
            found += (f"members[{i}]{problem}" for problem in member_problems(member))
        members = {member.id for member in self.members}
        for i, membership in enumerate(self.memberships):
            if membership.account not in accounts:
                account_id = membership.account
                found.append(f"memberships[{i}].account: no account {account_id!r} in this file")
            if membership.member not in members:
                member_id = membership.member
                found.append(f"memberships[{i}].member: no member {member_id!r} in this file")
        return found

    def _shop_problems(self, customers: Container[str]) -> list[str]:
        found = _repeated("products", "id", [p.id for p in self.products])
        found += _repeated("products", "sku", [p.sku for p in self.products])
        found += _repeated("addresses", "id", [a.id for a in self.addresses])
        found += addresses_problems(self.addresses, customers)
        found += _repeated("orders", "id", [o.id for o in self.orders])
        for i, order in enumerate(self.orders):
            problems = items_problems(order.items, self._products_by_id)
            found += (f"orders[{i}]{problem}" for problem in problems)
        return found

    @cached_property
    def is_relative(self) -> bool | None:
        """Whether all times are left out; None if only some are."""
        entries: tuple[
            SeedCustomer | SeedCart | SeedAddress | SeedOrder | SeedAccount | SeedMember
            | SeedMembership, ...
        ] = (
            *self.customers, *self.carts, *self.addresses, *self.orders, *self.accounts,
            *self.members, *self.memberships,
        )  # fmt: skip
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
        people: tuple[SeedCustomer | SeedMember, ...] = (*self.customers, *self.members)
        passwords = {each.password for each in people if each.password is not None}
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

    def cart_entities(self, now: int) -> Iterator[Cart]:
        """Yield the carts with their owners, created ``now``, in seconds since the epoch."""
        owners: defaultdict[str, list[Owner]] = defaultdict(list)
        for link in in_turns(self.associations):
            owners[link.cart].append(link.owner)
        for c in in_turns(self.carts):
            yield Cart(
                id=c.id, name=c.name, description=c.description, contact=c.contact,
                owners=tuple(owners.get(c.id, ())), kept=c.kept,
                items=item_entities(c.id, c.items, self._products_by_id) if c.items else (),
                lifetime=DAY * (self._expiry_days if c.expiry_days is None else c.expiry_days),
                created_at=_epoch(c.created_at, now), updated_at=_epoch(c.updated_at, now),
            )  # fmt: skip

    @property
    def _expiry_days(self) -> int:
        return CART_LIFETIME // DAY if self.settings is None else self.settings.cart_expiry_days

    def shop_entities(self, now: int) -> ShopContent:
        """Return the products, addresses, orders and settings, made ``now``."""
        return shop_entities(
            self.products, self.addresses, self.orders, self.settings, lambda t: _epoch(t, now)
        )

    def account_entities(self, now: int) -> AccountContent:
        """Return the accounts and members, created ``now``, in seconds since the epoch."""
        return account_entities(
            self.accounts, self.members, self.memberships, self._password_hashes,
            lambda time: _epoch(time, now),
        )  # fmt: skip


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
    if cart.expiry_days is not None and not 1 <= cart.expiry_days <= MOST_DAYS:
        yield f".expiry_days: must be 1 to {MOST_DAYS}"
    if not cart.name.strip() or len(cart.name) > MAX_NAME:
        yield f".name: must have 1 to {MAX_NAME} characters, not only white space"
    if cart.contact is not None and cart.contact.email and not EMAIL.fullmatch(cart.contact.email):
        yield f".contact.email: {cart.contact.email!r} is not an email address"


def _association_problems(
    link: SeedAssociation, carts: Mapping[str, SeedCart], customers: Container[str],
    accounts: Container[str],
) -> Iterator[str]:  # fmt: skip
    if link.cart not in carts:
        yield f".cart: no cart {link.cart!r} in this file"
    elif (contact := carts[link.cart].contact) is not None and contact.email:
        yield f".cart: {link.cart!r} has a contact email"
    if (link.customer is None) == (link.account is None):
        yield ": needs either a customer or an account"
    elif link.customer is not None and link.customer not in customers:
        yield f".customer: no customer {link.customer!r} in this file"
    elif link.account is not None and link.account not in accounts:
        yield f".account: no account {link.account!r} in this file"


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
    content = content.removeprefix(codecs.BOM_UTF8)
    with suppress(*NOT_JSON):
        # At once: values in between would take much memory, and leave it in small pieces.
        seed = msgspec.json.decode(content, type=Seed)
        if not seed.problems():
            return seed
    try:
        value = msgspec.json.decode(content)
    except NOT_JSON as error:
        raise SeedError(name, f"is not JSON: {_json_problem(content, error)}") from error
    try:
        return seed_of(value, name)
    except SeedError as error:
        line = line_of(content.decode(), error.path) if error.path else None
        if line is None:
            raise
        raise SeedError(f"{name}, line {line}", error.reason, error.path) from error


def _json_problem(content: bytes, error: Exception) -> str:
    try:
        json.loads(content)
    except json.JSONDecodeError as found:
        return f"{found.msg[:1].lower()}{found.msg[1:]}, line {found.lineno} column {found.colno}"
    except (ValueError, RecursionError):
        pass
    return str(error)


def seed_of(value: Any, name: str) -> Seed:
    """Return the seed in a JSON value; ``name`` is what errors call it. Raises SeedError."""
    try:
        seed = msgspec.convert(value, Seed)
    except msgspec.ValidationError as error:
        text = str(error)
        where = _VALIDATION_PATH.search(text)
        path = where[1] if where else ""
        reason = _VALIDATION_PATH.sub("", text)
        if "unknown field" in reason:
            reason += f"; the fields are: {', '.join(_fields_at(path)) or 'others'}"
        raise SeedError(name, f"{path}: {reason}" if path else reason, path) from error
    return checked(seed, name)


def checked(seed: Seed, name: str) -> Seed:
    """Return a seed without problems; ``name`` is what errors call it. Raises SeedError."""
    problem = problem_of(seed, name)
    if problem is not None:
        raise problem
    return seed


def problem_of(seed: Seed, name: str) -> SeedError | None:
    """Return the error for what is wrong with a seed, None if nothing is."""
    problems = seed.problems()
    if not problems:
        return None
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return SeedError(name, f"{problems[0]}{more}", problems[0].partition(":")[0])


def _fields_at(path: str) -> list[str]:
    """Return the fields that an object at a path may have."""
    kind: Any = Seed
    for step in path.split(".") if path else ():
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        inner = fields.get(step.partition("[")[0])
        # What a list or an option is of stands first in its type.
        kind = next(iter(get_args(inner)), inner)
        if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
            return []
    return [field.name for field in msgspec.structs.fields(kind)]


def exported(
    customers: Iterable[Customer], carts: Iterable[Cart], shop: ShopContent = NO_CONTENT, *,
    accounts: AccountContent = NO_ACCOUNTS, times: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Those customers and carts as the content of a seed file, the cart updated last at the end.

    With ``times`` it says when each was made and updated.
    """
    lists = export_lists(customers, by_update(carts), shop, accounts=accounts, times=times)
    return {**{name: list(v) for name, v in lists.items()}, **settings_of(shop)}


def by_update(carts: Iterable[Cart]) -> list[Cart]:
    """Return the carts in the order of their updates, as they are exported."""
    return sorted(carts, key=lambda cart: cart.updated_at)


def export_lists(
    customers: Iterable[Customer], carts: Iterable[Cart], shop: ShopContent = NO_CONTENT, *,
    accounts: AccountContent = NO_ACCOUNTS, times: bool = False,
) -> dict[str, Iterator[dict[str, Any]]]:  # fmt: skip
    """Return the lists of ``exported``, whose entries are made one by one.

    100,000 entries that are freed together would hold up other threads for 30 ms. The carts come in
    the order of their updates, and are gone through twice.
    """

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
                **({"items": msgspec.to_builtins(c.items)} if c.items else {}),
                **_expiry(c, shop),
                **stamps(c),
            }
            for c in in_turns(carts)
        ),
        "associations": (
            {"cart": cart.id, owner.type: owner.id}
            for cart in in_turns(carts)
            for owner in cart.owners
        ),
        **account_lists(accounts, _time if times else None),
        **shop_lists(shop, _time if times else None),
    }  # fmt: skip


def _expiry(cart: Cart, shop: ShopContent) -> dict[str, int]:
    is_usual = cart.lifetime == shop.settings.cart_lifetime
    return {} if is_usual else {"expiry_days": cart.lifetime // DAY}


def _time(epoch: int) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None).isoformat()}Z"


def load_seed(path: Path) -> Seed:
    """Read a seed file. Raises SeedError."""
    try:
        return parse_seed(path.read_bytes(), str(path))
    except OSError as error:
        raise SeedError(str(path), f"cannot be read: {error.strerror or error}") from error
