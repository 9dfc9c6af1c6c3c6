"""The store compared with a simple model: they agree after every sequence of operations."""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from cart_mock.api import serializers
from cart_mock.api.serializers import encoded_cart
from cart_mock.messages import encode_json
from cart_mock.owners import Owner, owners
from cart_mock.state.accounts import AccountContent
from cart_mock.state.clock import Clock
from cart_mock.state.entities import CART_LIFETIME, Account, Cart, Contact, Customer
from cart_mock.state.journal_storage import JournalStorage
from cart_mock.state.store import Store
from cart_mock.state.tinydb_tables import InMemoryStorage
from cart_mock.tenants.request_log import RequestLog
from cart_mock.tenants.tenant import Tenant
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tests.mock.documents import commit
from tests.mock.world import START, MachineTime

CARTS, CUSTOMERS = ("c1", "c2", "c3"), ("u1", "u2")
NAMES = ("gifts", "weekly")
CART_IDS, CUSTOMER_IDS = st.sampled_from(CARTS), st.sampled_from(CUSTOMERS)
# An account and a customer may have the same id.
U1, U2, ACCOUNT = Owner("customer", "u1"), Owner("customer", "u2"), Owner("account", "u1")
OWNERS = st.sampled_from([(), (U1,), (U2,), (U1, U2), (U2, U1), (ACCOUNT,), (U1, ACCOUNT)])
EACH = (U1, U2, ACCOUNT)
SECONDS = st.sampled_from([1, 60, 3600, CART_LIFETIME // 2, CART_LIFETIME - 1, CART_LIFETIME])


def new_tenant(storage: InMemoryStorage, time: MachineTime) -> Tenant:
    counter = itertools.count(1)

    def new_id() -> str:
        return f"id-{next(counter)}"

    return Tenant("shop", Store(storage, new_id), Clock(time), new_id, RequestLog())


class AgainstAModel(RuleBasedStateMachine):
    """Does the same to a store and to dictionaries, and compares all that can be asked.

    The model's dictionaries are in the order of creation; ``written`` says when each cart was
    written last, as a pair of the second and the number of the step.
    """

    directory: Path | None = None

    @initialize()
    def open(self) -> None:
        """Start with a store of customers without carts."""
        self.time = MachineTime()
        self.storage = self.new_storage()
        self.tenant = new_tenant(self.storage, self.time)
        self.store = self.tenant.store
        self.carts: dict[str, Cart] = {}
        self.customers: dict[str, Customer] = {}
        self.written: dict[str, tuple[int, int]] = {}
        self.emails: set[str] = set()
        self.bases: list[tuple[Store, tuple[list[Customer], list[Cart]]]] = []
        self.step = 0
        self.accounts: dict[str, Account] = {}
        for customer_id in CUSTOMERS:
            self.put_customer(customer_id, upper=False)
        self.put_account()

    def new_storage(self) -> InMemoryStorage:
        """A storage in memory."""
        return InMemoryStorage()

    def expire(self) -> int:
        """Let the model's carts expire; the time, in whole seconds."""
        now = self.tenant.now()
        for cart in list(self.carts.values()):
            if cart.updated_at + CART_LIFETIME <= now:
                del self.carts[cart.id]
                del self.written[cart.id]
        return int(now)

    @rule(cart_id=CART_IDS, its=OWNERS, name=st.sampled_from(NAMES), read=st.booleans())
    def put_cart(self, cart_id: str, its: tuple[Owner, ...], name: str, read: bool) -> None:
        """Make or change a cart."""
        now = self.expire()
        if read:
            self.store.cart(cart_id)
        contact = None if its else Contact(email="x@example.com", name="X")
        cart = Cart(
            id=cart_id, name=name, description=f"step {self.step}", created_at=now, updated_at=now,
            owners=its, contact=contact,
        )  # fmt: skip
        self.store.put_cart(cart)
        self.carts[cart_id] = cart
        self.step += 1
        self.written[cart_id] = (now, self.step)

    @rule(cart_id=CART_IDS)
    def delete_cart(self, cart_id: str) -> None:
        """Delete a cart, there or not."""
        self.expire()
        self.store.delete_cart(cart_id)
        self.carts.pop(cart_id, None)
        self.written.pop(cart_id, None)

    @rule(cart_id=CART_IDS, owner=st.sampled_from(EACH), reread=st.booleans())
    def associate_or_dissociate(self, cart_id: str, owner: Owner, reread: bool) -> None:
        """Change one association of a cart, which keeps its place in the lists."""
        self.expire()
        cart = self.carts.get(cart_id)
        if cart is None:
            return
        there = owner in cart.owners
        given = self.store.cart(cart_id) if reread else cart
        assert given is not None
        change = self.store.dissociate if there else self.store.associate
        change(given, owner)
        left = tuple(other for other in cart.owners if other != owner)
        self.carts[cart_id] = replace(cart, owners=left if there else (*left, owner))

    @rule(customer_id=CUSTOMER_IDS, upper=st.booleans())
    def put_customer(self, customer_id: str, upper: bool) -> None:
        """Make or change a customer."""
        now = self.expire()
        email = f"{customer_id}-{self.step}@example.com"
        self.emails.add(email)
        customer = Customer(
            id=customer_id, name="N", email=email.upper() if upper else email, created_at=now,
            updated_at=now, password_hash="hash" if upper else None,
        )  # fmt: skip
        self.step += 1
        self.store.put_customer(customer)
        self.customers[customer_id] = customer

    @rule(customer_id=CUSTOMER_IDS)
    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer, there or not."""
        self.expire()
        self.store.delete_customer(customer_id)
        if self.customers.pop(customer_id, None) is not None:
            self.take_from_all(Owner("customer", customer_id))

    def take_from_all(self, owner: Owner) -> None:
        """Remove an owner from the model's carts."""
        for cart in self.carts.values():
            left = tuple(other for other in cart.owners if other != owner)
            self.carts[cart.id] = replace(cart, owners=left)

    @rule()
    def put_account(self) -> None:
        """Make or change the account."""
        now = self.expire()
        account = Account(ACCOUNT.id, f"step {self.step}", "N Ltd", now, now)
        self.step += 1
        self.store.accounts.put_account(account)
        self.accounts[account.id] = account

    @rule()
    def delete_account(self) -> None:
        """Delete the account, there or not."""
        self.expire()
        self.store.delete_account(ACCOUNT.id)
        if self.accounts.pop(ACCOUNT.id, None) is not None:
            self.take_from_all(ACCOUNT)

    @rule(seconds=SECONDS, back=st.booleans())
    def move_time(self, seconds: int, back: bool) -> None:
        """Let the machine's time pass, or set the store's clock back."""
        if back:
            self.tenant.clock.advance(-seconds)
        else:
            self.time.now += seconds

    @rule()
    def restore(self) -> None:
        """Take all that is there and put it back, after having added something."""
        self.expire()
        customers, carts = self.store.everything()
        accounts = self.store.accounts.freeze()()
        self.store.delete_account(ACCOUNT.id)
        self.store.put_customer(Customer("u9", "N", "u9@example.com", 0, 0))
        if customers:
            self.store.delete_customer(customers[0].id)
        self.store.fill(customers, carts, accounts=accounts)
        # Of carts of one second, the one made last is now the newest.
        self.step += 1
        for number, cart in enumerate(carts):
            self.written[cart.id] = (cart.updated_at, self.step + number)
        self.step += len(carts)

    @rule(later=st.sampled_from([0, 5]))
    def share(self, later: int) -> None:
        """Share what is there, as another store has it that was made some seconds before."""
        self.expire()
        customers, carts = self.store.everything()
        base = Store(InMemoryStorage(), lambda: "salt")
        base.fill(
            [replace(c, created_at=c.created_at - later, updated_at=c.updated_at - later)
             for c in customers],
            [replace(c, created_at=c.created_at - later, updated_at=c.updated_at - later)
             for c in carts],
            accounts=AccountContent(
                tuple(replace(a, created_at=a.created_at - later, updated_at=a.updated_at - later)
                      for a in self.store.accounts.freeze()().accounts)),
        )  # fmt: skip
        self.bases.append((base, base.everything()))
        self.store.share(base, later)
        self.step += 1
        for number, cart in enumerate(carts):
            self.written[cart.id] = (cart.updated_at, self.step + number)
        self.step += len(carts)

    def newest_first(self, owner: Owner | None) -> list[Cart]:
        """The model's carts of an owner, or those of any owner, in the order of a list."""
        ids = sorted(self.written, key=lambda cart_id: self.written[cart_id], reverse=True)
        found = [self.carts[cart_id] for cart_id in ids]
        if owner is None:
            return [cart for cart in found if cart.owners]
        return [cart for cart in found if owner in cart.owners]

    @invariant()
    def they_agree(self) -> None:
        """Whatever can be asked is answered as the model says."""
        self.expire()
        store = self.store
        assert {cart_id: store.cart(cart_id) for cart_id in CARTS} == {
            cart_id: self.carts.get(cart_id) for cart_id in CARTS
        }
        for owner in EACH:
            expected = self.newest_first(owner)
            assert store.carts_of(owner, 0, 10) == (expected, len(expected))
            assert store.carts_of(owner, 1, 1) == (expected[1:2], len(expected))
            assert store.cart_count_of(owner) == len(expected)
        self.they_agree_on_names()
        assert store.accounts.account(ACCOUNT.id) == self.accounts.get(ACCOUNT.id)
        assert store.has_owner(ACCOUNT) == bool(self.accounts)
        for customer_id in CUSTOMERS:
            customer = self.customers.get(customer_id)
            assert store.customer(customer_id) == customer
            assert store.has_customer(customer_id) == (customer is not None)
        registered = self.newest_first(None)
        assert store.registered_carts(0, 10) == (registered, len(registered))
        assert store.registered_carts(1, 1) == (registered[1:2], len(registered))
        everything = [*reversed(store.cart_ids_by_update())]
        assert store.cart_ids(0, 10) == (everything, len(everything))
        for cart_id, made in zip(everything, store.made_of(everything, encoded_cart), strict=True):
            cart = store.cart(cart_id)
            assert cart is not None
            assert encode_json(made) == encode_json(serializers.cart(cart))
        customers = list(reversed(self.customers.values()))
        assert store.customers(0, 10) == (customers, len(customers))
        assert store.customers(1, 1) == (customers[1:2], len(customers))
        by_email = {customer.email.lower(): customer for customer in self.customers.values()}
        assert {email: store.customer_with_email(email.swapcase()) for email in self.emails} == {
            email: by_email.get(email) for email in self.emails
        }
        assert store.counts() == {
            "customers": len(customers),
            "accounts": len(self.accounts),
            "carts": len(self.carts),
            "registered_carts": len(registered),
        }
        assert store.everything() == (list(self.customers.values()), list(self.carts.values()))
        for base, content in self.bases:
            assert base.everything() == content
            of_first = [cart for cart in content[1] if U1 in cart.owners]
            assert base.cart_count_of(U1) == len(of_first)
            of_name = [cart for cart in content[1] if cart.name == NAMES[0]]
            assert base.carts_named(NAMES[0], 0, 0)[1] == len(of_name)

    def they_agree_on_names(self) -> None:
        """The carts of each name are those of the model."""
        newest = sorted(self.written, key=lambda cart_id: self.written[cart_id], reverse=True)
        for name in NAMES:
            named = [self.carts[each] for each in newest if self.carts[each].name == name]
            assert self.store.carts_named(name, 0, 10) == (named, len(named))
            assert self.store.carts_named(name, 1, 1) == (named[1:2], len(named))

            def is_named(its: str, _owners: Sequence[Owner], name: str = name) -> bool:
                return its == name

            assert self.store.carts_that(is_named, 0, 10) == (named, len(named))


class OnDiskAgainstAModel(AgainstAModel):
    """The same on a journal that is folded into the snapshot again and again, and reopened."""

    def new_storage(self) -> InMemoryStorage:
        """A storage on disk that compacts often."""
        if self.directory is None:
            self.directory = Path(tempfile.mkdtemp())
        return JournalStorage(self.directory, compact_after=600)

    @rule()
    def reopen(self) -> None:
        """Start over with what is on disk."""
        self.expire()
        offset = self.tenant.clock.offset
        self.store.close()
        self.tenant = new_tenant(self.new_storage(), self.time)
        self.store = self.tenant.store
        self.tenant.clock.advance(offset)
        # Of carts of one second, the order in which they were made is what is kept.
        made = [cart.id for cart in self.store.everything()[1]]
        for cart_id, (second, _) in self.written.items():
            self.written[cart_id] = (second, made.index(cart_id) - len(made))

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.store.close()
        if self.directory is not None:
            shutil.rmtree(self.directory)


class CrowdsAgainstAModel(OnDiskAgainstAModel):
    """The same with every association of a cart with two customers in a document of its own."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        for module in ("cart_documents", "store"):
            self.patch.setattr(f"cart_mock.state.{module}.CROWD", 1)
        super().__init__()

    def teardown(self) -> None:
        """Leave nothing behind."""
        super().teardown()
        self.patch.undo()


SETTINGS = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestInMemory = AgainstAModel.TestCase
TestInMemory.settings = SETTINGS
TestOnDisk = OnDiskAgainstAModel.TestCase
TestOnDisk.settings = settings(SETTINGS, max_examples=40)
TestCrowds = CrowdsAgainstAModel.TestCase
TestCrowds.settings = settings(SETTINGS, max_examples=40)


@pytest.fixture
def tenant() -> Tenant:
    return new_tenant(InMemoryStorage(), MachineTime())


@pytest.fixture
def store(tenant: Tenant) -> Store:
    return tenant.store


def test_the_first_secret_of_a_key_is_its_secret(store: Store) -> None:
    assert [store.accepts_secret(secret) for secret in ("one", "two", "", "one")] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_secret_is_kept_as_a_digest_and_outlives_a_fill() -> None:
    storage = InMemoryStorage()
    store = new_tenant(storage, MachineTime()).store
    store.accepts_secret("a-secret-of-a-key")
    store.fill((), ())
    assert "a-secret-of-a-key" not in repr(storage.read())
    assert not store.accepts_secret("another")


@pytest.mark.parametrize("field", ["name", "customers", "updated_at"])
def test_a_cart_that_was_read_cannot_be_changed(store: Store, field: str) -> None:
    store.put_cart(Cart("c", "N", int(START), int(START)))
    cart = store.cart("c")
    with pytest.raises(AttributeError):
        setattr(cart, field, None)


def test_a_cart_lives_seven_days_to_the_second(tenant: Tenant) -> None:
    store = tenant.store
    store.put_cart(Cart("c", "N", int(START), int(START)))
    tenant.clock.advance(CART_LIFETIME - 1)
    tenant.now()
    assert store.cart("c") is not None
    tenant.clock.advance(1)
    tenant.now()
    assert store.cart("c") is None


def steps_of(act: Callable[[], object]) -> int:
    """Return how many functions a call makes Python call, those written in C included."""
    steps = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return steps


X = Owner("customer", "x")


def in_store_of(customers: int, carts: int) -> dict[str, int]:
    """Return the steps of each operation, on a cart and a customer that have so many."""
    store, now = Store(InMemoryStorage(), lambda: "salt"), int(START)
    store.put_customer(Customer("x", "X", "x@example.com", now, now))
    for number in range(carts):
        store.put_cart(Cart(f"c{number}", "N", now, now, owners=(X,)))
    half = customers // 2
    ids = [f"u{number}" for number in range(half)]
    both = (*owners("customer", ids), *owners("account", ids))
    store.put_cart(Cart("crowded", "N", now, now, owners=both))

    def cart() -> Cart:
        found = store.cart("crowded")
        assert found is not None
        return found

    return {
        "associate": steps_of(lambda: store.associate(cart(), X)),
        "update": steps_of(lambda: store.put_cart(replace(cart(), name="M", updated_at=now + 2))),
        "first page": steps_of(lambda: store.carts_of(X, 0, 20)),
        "last page": steps_of(lambda: store.carts_of(X, carts - 20, 20)),
        "dissociate": steps_of(lambda: store.dissociate(cart(), X)),
    }


def test_store_operations_take_as_many_steps_however_much_there_is() -> None:
    few, many = in_store_of(customers=50, carts=50), in_store_of(customers=5000, carts=5000)
    for operation, steps in few.items():
        assert many[operation] < 1.5 * steps, operation


def test_store_sharing_takes_as_many_steps_however_much_is_shared() -> None:
    steps = []
    for size in (5, 500):
        base, store = (Store(InMemoryStorage(), lambda: "salt") for _ in range(2))
        base.fill((), [Cart(f"c{number}", "N", 0, 0, owners=(X,)) for number in range(size)])
        new = Cart("new", "N", 9, 9, owners=(X,))
        steps.append(
            (steps_of(partial(store.share, base, 1)), steps_of(partial(store.put_cart, new)))
        )
        assert [cart.id for cart in store.carts_of(X, 0, 2)[0]] == ["new", f"c{size - 1}"]
        assert base.cart_count_of(X) == size
    assert steps[0] == steps[1]


def test_store_a_crowded_cart_of_an_older_file_is_read(tmp_path: Path) -> None:
    ids = [f"u{number}" for number in range(50)]
    old = {"id": "c", "name": "N", "created_at": 1, "updated_at": 1, "customers": ids}
    storage = JournalStorage(tmp_path)
    commit(storage, {"carts": {"c": old}})
    store = Store(storage, lambda: "salt")
    cart = store.cart("c")
    assert cart is not None
    store.associate(cart, Owner("customer", "one more"))
    store.close()
    again = Store(JournalStorage(tmp_path), lambda: "salt").cart("c")
    assert again is not None
    assert again.customers == (*ids, "one more")


def test_store_a_crowded_cart_made_anew_has_only_its_new_customers(store: Store) -> None:
    ids = owners("customer", (f"u{number}" for number in range(50)))
    crowded = Cart("c", "N", int(START), int(START), owners=ids)
    for again in (replace(crowded, owners=ids[:1]), replace(crowded, owners=ids[:40])):
        store.put_cart(crowded)
        store.delete_cart("c")
        store.put_cart(again)
        assert [store.cart_count_of(c) for c in (ids[0], ids[39], ids[49])] == [
            1, int(len(again.customers) == 40), 0,
        ]  # fmt: skip
        store.delete_cart("c")
        assert store.carts_of(ids[0], 0, 9) == ([], 0)
