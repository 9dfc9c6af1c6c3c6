"""A mock without HTTP, with a frozen clock and sequential ids, in which scenes are played."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jwt
import pytest
from cart_mock.api.endpoints import Mock as Answering
from cart_mock.auth import passwords
from cart_mock.breaks import Break, break_process
from cart_mock.messages import Answer, Request
from cart_mock.owners import Owner, OwnerType, owners
from cart_mock.state.clock import Clock
from cart_mock.state.entities import (
    Account,
    AccountMember,
    Cart,
    Contact,
    Customer,
    Membership,
)
from cart_mock.tenants.registry import TenantRegistry
from cart_spec import Contract
from msgspec.structs import replace

from tests.probes import ACCOUNT_CARTS, CARTS, MEMBER, Probe, Sent, rendered
from tests.probes.shop import stock_shop

NOW = 1_800_000_000
DAY = 24 * 3600
POST, DELETE = "createCustomerCartAssociation", "deleteCustomerCartAssociation"
ADMINISTRATOR, IMPLICIT = "client_credentials", "implicit"
CUSTOMERS = ("ada", "bob", "cyd")
ACCOUNTS = ("acme", "bolt", "corp")
ACCOUNT_POST, ACCOUNT_DELETE = "createAccountCartAssociation", "deleteAccountCartAssociation"


class Seen(NamedTuple):
    """An answer as a client receives it. ``body`` is decoded if it is JSON."""

    status: int
    body: Any
    media: str

    def says(self, text: str | None) -> bool:
        """Return whether the body contains a text."""
        return text is not None and text in json.dumps(self.body)

    @property
    def data(self) -> Any:
        """What stands under ``data``, or None."""
        return self.body.get("data") if isinstance(self.body, dict) else None


class World:
    """One store of a mock with three customers, ``ada``, ``bob`` and ``cyd``.

    While ``watching``, ``changed`` says whether a refused request changed anything.
    """

    def __init__(self, mock: Mock, name: str) -> None:
        self.mock = mock.answering
        mock.count_anew()
        self.tenant = self.mock.tenants.use(name)
        self.tenant.incarnation = "first"  # random otherwise, and so are the tokens
        self.store = self.tenant.store
        self.store.accepts_secret("secret")
        self.watching = False
        self.changed = False
        self._carts = itertools.count(1)
        self._access: dict[tuple[Any, float], str] = {}
        for name_ in CUSTOMERS:
            self.store.put_customer(
                Customer(
                    name_, name_.title(), f"{name_}@example.com", NOW, NOW, f"hashed:{name_}-pw"
                )
            )
        accounts = self.store.accounts
        for name_ in ACCOUNTS:
            accounts.put_account(Account(name_, name_.title(), f"{name_} Ltd", NOW, NOW))
        email = f"{MEMBER}@example.com"
        accounts.put_member(AccountMember(MEMBER, "Ann", email, email, NOW, NOW, "hashed:ada-pw"))
        accounts.put_membership(Membership(MEMBER, "acme", MEMBER, NOW, NOW))

    # ---- The state -------------------------------------------------------------------------

    def cart(self, *customers: str, email: str | None = None, name: str = "Basket") -> str:
        """The id of a new cart with these customers, made a while ago."""
        number = next(self._carts)
        made = NOW - 10_000 + number
        contact = None if email is None else Contact(email)
        self.store.put_cart(
            Cart(
                f"cart-{number}",
                name,
                made,
                made,
                owners=owners("customer", customers),
                contact=contact,
            )
        )
        return f"cart-{number}"

    def own(self, cart_id: str, *customers: str) -> None:
        """Give a cart exactly these customers, without a change of its times."""
        cart = self.store.cart(cart_id)
        assert cart is not None
        self.store.put_cart(replace(cart, owners=owners("customer", customers)))

    def owners(self, cart_id: str) -> tuple[str, ...] | None:
        """The customers of a cart, None if the cart does not exist."""
        cart = self.store.cart(cart_id)
        return None if cart is None else tuple(sorted(cart.customers))

    def _state(self) -> Any:
        return self.store.everything(), self.store.accounts.freeze()()

    # ---- Tokens -----------------------------------------------------------------------------

    def access(self, grant: Any = ADMINISTRATOR, *, at: float = NOW) -> str:
        """An access token, issued at that time."""
        if (grant, at) not in self._access:
            issued, _ = self.mock.tokens.issue_access(
                self.tenant.name, grant, at, "access", incarnation=self.tenant.incarnation
            )
            self._access[grant, at] = issued
        return self._access[grant, at]

    def token(self, customer: str, *, at: float = NOW, number: int = 0) -> str:
        """A customer token, issued at that time."""
        name = f"token-{number}"
        owner = Owner("customer", customer)
        return self.mock.tokens.issue_owner(
            self.tenant.name, owner, at, name, incarnation=self.tenant.incarnation
        )[0]

    def owner(self, kind: OwnerType, name: str, *, at: float = NOW, shop: str | None = None) -> str:
        """A valid token of a customer or account, for the probe table."""
        member = MEMBER if kind == "account" else None
        issued_by, owner = shop or self.tenant.name, Owner(kind, name)
        return self.mock.tokens.issue_owner(
            issued_by, owner, at, "token-0", member, incarnation=self.tenant.incarnation
        )[0]

    def expired_access(self) -> str:
        """An access token that has expired."""
        return self.access(at=NOW - DAY)

    def expired_owner(self, kind: OwnerType, name: str) -> str:
        """An owner's token that has expired."""
        return self.owner(kind, name, at=NOW - 2 * DAY)

    def foreign_owner(self, kind: OwnerType, name: str) -> str:
        """An owner's token of another store."""
        return self.owner(kind, name, shop="another store")

    # ---- Requests ---------------------------------------------------------------------------

    def send(
        self,
        operation: str,
        *,
        grant: str | None = ADMINISTRATOR,
        authorization: str | None = None,
        customer: str | None = None,
        account: str | None = None,
        token: str | None = None,
        cart: str | None = None,
        record: str | None = None,
        query: str = "",
        body: Any = None,
    ) -> Seen:
        """The answer to a request.

        ``grant`` gives a valid access token; with None, ``authorization`` is the header as it is.
        ``customer`` or ``account`` is logged in; ``token`` is a customer token as it is. ``cart``
        and ``record`` are the ids in the path; ``body`` is bytes, or a value to send as JSON.
        """
        headers: dict[bytes, bytes] = {}
        if grant is not None:
            authorization = f"Bearer {self.access(grant)}"
        if authorization is not None:
            headers[b"authorization"] = authorization.encode()
        if customer is not None:
            token = self.token(customer)
        if token is not None:
            headers[b"x-moltin-customer-token"] = token.encode()
        if account is not None:
            header = "" if account == "" else self.owner("account", account)
            headers[b"ep-account-management-authentication-token"] = header.encode()
        method, path = self.mock.contract.operations[operation]
        ids = {"cartID": cart, "customerID": record, "accountID": record}
        params = {n: value for n, value in ids.items() if value is not None and f"{{{n}}}" in path}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._answer(
            operation, Request("id", method, path, params, query.encode(), headers, content)
        )

    def _answer(self, operation: str, request: Request) -> Seen:
        before = self._state() if self.watching else None
        answer = self.mock.endpoints[operation].answer(request)
        seen = see(answer if isinstance(answer, Answer) else finished(answer))
        if before is not None and seen.status >= 400:
            self.changed = self.changed or self._state() != before
        return seen

    def try_probe(self, probe: Probe) -> Seen:
        """Return the answer to the violating request of a row, in a shop of its own."""
        self._stock()
        for sent in probe.prepare:
            self.try_request(sent)  # a mock that is broken may refuse it
        return self.try_request(probe.request)

    def try_control(self, probe: Probe) -> Seen:
        """Return the answer to the control of a row, in a shop of its own."""
        self._stock()
        return self.try_request(probe.control)

    def try_request(self, sent: Sent) -> Seen:
        """Return the answer to a request of the probe table."""
        names = {name: name for name in (*CUSTOMERS, *ACCOUNTS, MEMBER)}
        names["anns-membership"] = MEMBER
        names |= {"password": "ada-pw", "client_id": self.tenant.name, "client_secret": "secret"}
        made = rendered(sent, self, names)
        headers = {name.lower().encode(): value.encode() for name, value in made.headers.items()}
        path = self.mock.contract.operations[sent.operation][1]
        return self._answer(
            sent.operation,
            Request(
                "id", made.method, path, dict(made.params), made.query.encode(), headers,
                made.content,
            ),
        )  # fmt: skip

    def _stock(self) -> None:
        """Bring the carts of the probe table into their state."""
        if self.store.cart("no-such-cart") is not None:
            self.store.delete_cart("no-such-cart")
        for number, (cart_id, owner) in enumerate(CARTS.items()):
            made = NOW - 20_000 + number
            its = owners("customer", () if owner is None else (owner,))
            self._put(Cart(cart_id, "Groceries", made, made, owners=its))
        for cart_id, account in ACCOUNT_CARTS.items():
            made, its = NOW - 19_000, owners("account", (account,))
            self._put(Cart(cart_id, "Groceries", made, made, owners=its))
        stock_shop(self.store, "ada", NOW - 30_000)

    def _put(self, cart: Cart) -> None:
        """Create or replace a cart. Most rows leave it as it was, and reading is cheaper."""
        if self.store.cart(cart.id) != cart:
            self.store.put_cart(cart)

    def associate(self, cart: str, customer_id: str, method: str = POST, **how: Any) -> Seen:
        """The answer to associating one customer, or to taking that back."""
        return self.send(method, cart=cart, body=envelope(customer_id), **how)

    def associate_account(self, cart: str, account_id: str, method: str = POST, **how: Any) -> Seen:
        """The answer to associating one account, or to taking that back."""
        operation = ACCOUNT_POST if method == POST else ACCOUNT_DELETE
        body = {"data": [{"type": "account", "id": account_id}]}
        return self.send(operation, cart=cart, body=body, **how)

    def shown_accounts(self, cart: str) -> list[str]:
        """The accounts of a cart as the API returns it."""
        data = self.send("getACart", cart=cart).data or {}
        accounts = data.get("relationships", {}).get("accounts", {})
        return [one["id"] for one in accounts.get("data", [])]

    def listed(self, customer: str | None = None, **how: Any) -> list[str]:
        """The ids in a customer's list of carts."""
        answer = self.send("getCarts", customer=customer, **how)
        return [cart["id"] for cart in answer.data or []]

    def shown(self, cart: str) -> list[str]:
        """The customers of a cart as the API returns it."""
        data = self.send("getACart", cart=cart).data or {}
        customers = data.get("relationships", {}).get("customers", {})
        return [one["id"] for one in customers.get("data", [])]

    def login(self, customer: str, **how: Any) -> Seen:
        """The answer to a login with the right password."""
        return self.send("createCustomerToken", body=credentials(customer), **how)

    def updated(self, cart: str) -> Any:
        """The time of update of a cart as the API returns it."""
        data = self.send("getACart", cart=cart).data or {}
        return data.get("meta", {}).get("timestamps", {}).get("updated_at")


class Mock:
    """A mock, broken or intact, in which worlds are made."""

    def __init__(
        self,
        contract: Contract,
        breaks: Sequence[Break] = (),
        tenants: TenantRegistry | None = None,
    ) -> None:
        self._ids = itertools.count(1)
        if tenants is None:
            tenants = TenantRegistry(new_id=self._new_id, new_clock=lambda: Clock(lambda: NOW))
            # The same key in every mock, so that tokens are the same, too.
            tenants.signing_key = b"a key that all these mocks share"
        self.answering = Answering(contract, tenants)
        self.answering.add_all()
        if breaks:
            break_process(self.answering, breaks)

    def _new_id(self) -> str:
        return f"id-{next(self._ids)}"

    def count_anew(self) -> None:
        """Restart the counted ids."""
        self._ids = itertools.count(1)


def finished(awaitable: Awaitable[Answer]) -> Answer:
    """Return the result of an awaitable that does not wait."""
    assert isinstance(awaitable, Coroutine)
    try:
        awaitable.send(None)
    except StopIteration as stop:
        answer = stop.value
        assert isinstance(answer, Answer)
        return answer
    raise AssertionError("it waits for something")


def see(answer: Answer) -> Seen:
    """An answer as a client sees it."""
    media = dict(answer.headers).get(b"content-type", b"").decode()
    try:
        return Seen(answer.status, json.loads(answer.body), media)
    except ValueError:
        return Seen(answer.status, answer.body.decode(errors="replace"), media)


def entry(customer_id: Any) -> dict[str, Any]:
    """A resource identifier."""
    return {"type": "customer", "id": customer_id}


def envelope(*ids: Any) -> dict[str, Any]:
    """The body of an association request."""
    return {"data": [entry(i) for i in ids]}


def credentials(customer: str, password: str | None = None) -> dict[str, Any]:
    """The body of a login."""
    return {
        "data": {
            "type": "token",
            "email": f"{customer}@example.com",
            "password": f"{customer}-pw" if password is None else password,
            "authentication_mechanism": "password",
        }
    }


def forged(claims: dict[str, Any], algorithm: str = "HS256") -> str:
    """A JWT that the mock did not issue."""
    key = "" if algorithm == "none" else "another key, that is long enough for it"
    return jwt.encode(claims, key, algorithm)


@contextmanager
def plain_passwords() -> Iterator[None]:
    """Replace the hashes of passwords by cheap, deterministic ones."""

    async def hashed(password: str) -> str:
        return f"hashed:{password}"

    async def matches(password: str, known: str | None) -> bool:
        return known == f"hashed:{password}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hash_in_thread", hashed)
        patch.setattr(passwords, "matches_in_thread", matches)
        yield
