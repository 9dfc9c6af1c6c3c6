"""A small shop in a mock in this process, for tests to act in."""

from __future__ import annotations

import asyncio
import functools
import itertools
from types import TracebackType
from typing import Any, Self

import httpx
from cart_mock.app import create_app
from cart_mock.auth.passwords import hash_password
from cart_mock.auth.tokens import Grant, Tokens
from cart_mock.owners import Owner, OwnerType, owners
from cart_mock.state.clock import Clock
from cart_mock.state.entities import Account, AccountMember, Cart, Customer, Membership
from cart_mock.state.store import Store
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.tenants.tenant import Tenant

from tests.openapi.vendor import problem_of
from tests.probes import ACCOUNT_CARTS, CARTS, MEMBER, Rendered, Sent, rendered
from tests.probes.shop import stock_shop

JSON = "application/json"
CUSTOMER_HEADER = "X-Moltin-Customer-Token"
ACCOUNT_HEADER = "EP-Account-Management-Authentication-Token"
DAY = 24 * 3600
PASSWORD = "correct horse"
START = 1_795_000_000.0


class MachineTime:
    """A machine's time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Site:
    """A mock in this process and a client of it."""

    def __init__(self, **options: Any) -> None:
        self.time = MachineTime()
        counter = itertools.count(1)
        self.tenants = TenantRegistry(
            new_id=lambda: f"id-{next(counter)}",
            new_clock=lambda: Clock(self.time),
            **{
                key: options.pop(key)
                for key in (
                    "data",
                    "clients",
                    "seed",
                    "most_read_carts",
                    "store_memory",
                    "most_of_document",
                )
                if key in options
            },
        )
        self.app = create_app(tenants=self.tenants, **options)
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app, raise_app_exceptions=False),
            base_url="http://mock",
        )

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request, and require that its answer has the form that the vendor publishes."""
        answer = self._runner.run(self._client.request(method, path, **more))
        sent_to = answer.request.url.raw_path.decode().partition("?")[0]
        problem = problem_of(method, sent_to, answer.status_code, answer.content)
        assert problem is None, problem
        return answer

    def close(self) -> None:
        """Close the client and the tenants."""
        self._runner.run(self._client.aclose())
        self._runner.close()
        self.tenants.close()


_password_hash = functools.cache(hash_password)


class World:
    """A shop of its own in a mock whose ids and time are known, a client of it, two customers.

    Each world has a ``client_id`` of its own, and so a store; worlds may share a mock's ``site``.
    """

    def __init__(
        self, site: Site | None = None, *, client_id: str = "shop", **options: Any
    ) -> None:
        self._own = site is None
        self.site = site or Site(**options)
        self.client_id = client_id
        self.admin = self.token("client_credentials")
        self.anonymous = self.token("implicit")
        self.ada = self._customer("ada@example.com")
        self.bob = self._customer("bob@example.com")

    @property
    def tenant(self) -> Tenant:
        """The shop as a tenant."""
        tenant = self.site.tenants.get(self.client_id)
        assert tenant is not None
        return tenant

    @property
    def store(self) -> Store:
        """The shop's store."""
        return self.tenant.store

    def wait(self, seconds: float) -> None:
        """Let time pass for this shop."""
        self.tenant.clock.advance(seconds)

    def _customer(self, email: str) -> str:
        # Straight into the store: hashing a password for each test would take most of its time.
        store, now = self.store, int(START)
        customer = Customer(
            id=self.tenant.new_id(), name=email.split("@", maxsplit=1)[0], email=email,
            created_at=now, updated_at=now, password_hash=_password_hash(PASSWORD),
        )  # fmt: skip
        store.put_customer(customer)
        return customer.id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._own:
            self.site.close()

    def send(self, method: str, path: str, headers: Any = None, **body: Any) -> httpx.Response:
        """Send a request; ``headers`` are a mapping or pairs."""
        return self.site.send(method, path, headers=headers, **body)

    def token(
        self, grant: str, client_id: str | None = None, secret: str = "secret"
    ) -> dict[str, str]:
        """The Authorization header of a new access token."""
        client_id = client_id or self.client_id
        form = {"grant_type": grant, "client_id": client_id, "client_secret": secret}
        answer = self.send("POST", "/oauth/access_token", data=form)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def log_in(self, email: str, access: dict[str, str] | None = None) -> dict[str, str]:
        """The headers of a customer who is logged in, over an implicit access token."""
        access = access or self.anonymous
        data = {
            "type": "token",
            "email": email,
            "password": PASSWORD,
            "authentication_mechanism": "password",
        }
        answer = self.send("POST", "/v2/customers/tokens", access, json={"data": data})
        assert answer.status_code == 200, answer.text
        return {**access, "X-Moltin-Customer-Token": answer.json()["data"]["token"]}

    def as_ada(self) -> dict[str, str]:
        """The headers of ada, logged in once more."""
        return self.log_in("ada@example.com")

    def as_bob(self) -> dict[str, str]:
        """The headers of bob, logged in once more."""
        return self.log_in("bob@example.com")

    def cart(self, cart_id: str, headers: dict[str, str] | None = None, **more: Any) -> str:
        """The id of a new cart, without a customer unless ``headers`` have a customer token."""
        data = {"id": cart_id, "name": "Groceries", **more}
        answer = self.send("POST", "/v2/carts", headers or self.admin, json={"data": data})
        assert answer.status_code == 201, answer.text
        return cart_id

    def associate(
        self, cart: str, customer: str, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> httpx.Response:
        """POST or DELETE an association."""
        body = {"data": [{"type": "customer", "id": customer}]}
        path = f"/v2/carts/{cart}/relationships/customers"
        return self.send(method, path, headers or self.admin, json=body)

    def read(self, cart: str) -> dict[str, Any]:
        """A cart as the administrator sees it."""
        data: dict[str, Any] = self.send("GET", f"/v2/carts/{cart}", self.admin).json()["data"]
        return data

    def customers_of(self, cart: str) -> list[str]:
        """The ids of a cart's customers."""
        return [c["id"] for c in self.read(cart)["relationships"]["customers"].get("data", [])]

    def carts_of(self, headers: dict[str, str]) -> list[str]:
        """The ids in a caller's cart list, in its order."""
        answer = self.send("GET", "/v2/carts", headers)
        assert answer.status_code == 200, answer.text
        return [cart["id"] for cart in answer.json()["data"]]

    # ---- The probe table --------------------------------------------------------------------

    def stock(self) -> None:
        """Bring the carts of the probe table into the shop."""
        ids = {"ada": (self.ada,), "bob": (self.bob,), None: ()}
        for cart_id, owner in CARTS.items():
            self.put_cart(cart_id, owners("customer", ids[owner]))
        self.put_accounts()
        for cart_id, account in ACCOUNT_CARTS.items():
            self.put_cart(cart_id, owners("account", (account,)))
        stock_shop(self.store, self.ada, int(START))

    def put_cart(self, cart_id: str, its_owners: tuple[Owner, ...] = ()) -> None:
        """Put a cart with these owners into the store."""
        made = int(START)
        cart = Cart(cart_id, "Groceries", made, made, owners=its_owners)
        if self.store.cart(cart_id) != cart:  # reading is cheaper, and most rows change nothing
            self.store.put_cart(cart)

    def put_accounts(self) -> None:
        """Bring the accounts of the probe table into the shop, and Ann, who belongs to Acme."""
        accounts, made = self.store.accounts, int(START)
        for account in ACCOUNT_CARTS.values():
            accounts.put_account(Account(account, account.title(), f"{account} Ltd", made, made))
        email = f"{MEMBER}@example.com"
        accounts.put_member(
            AccountMember(MEMBER, "Ann", email, email, made, made, _password_hash(PASSWORD))
        )
        accounts.put_membership(Membership(MEMBER, "acme", MEMBER, made, made))

    def rendered(self, sent: Sent) -> Rendered:
        """Return a request of the probe table with the tokens and ids of this shop."""
        names = {
            "ada": self.ada,
            "bob": self.bob,
            "password": PASSWORD,
            "client_id": self.client_id,
            "client_secret": "secret",
            "acme": "acme",
            "bolt": "bolt",
            "ann": MEMBER,
            "anns-membership": MEMBER,
        }
        return rendered(sent, self, names)

    def try_request(self, sent: Sent) -> httpx.Response:
        """Send a request of the probe table."""
        made = self.rendered(sent)
        return self.send(made.method, made.url, made.headers, content=made.content)

    def access(self, grant: Grant, *, age: float = 0.0) -> str:
        """Return an access token that was issued so many seconds ago."""
        return self._tokens.issue_access(
            self.client_id, grant, self._issued(age), "token", incarnation=self.tenant.incarnation
        )[0]

    def owner(
        self, kind: OwnerType, name: str, *, age: float = 0.0, shop: str | None = None
    ) -> str:
        """Return an owner's token that was issued so many seconds ago, by this shop or another."""
        owner = Owner(kind, {"ada": self.ada, "bob": self.bob}.get(name, name))
        issued, member = self._issued(age), MEMBER if kind == "account" else None
        return self._tokens.issue_owner(
            shop or self.client_id, owner, issued, "token", member,
            incarnation=self.tenant.incarnation,
        )[0]  # fmt: skip

    def customer(self, name: str, **how: Any) -> str:
        """Return a customer token, as ``owner`` does."""
        return self.owner("customer", name, **how)

    def expired_access(self) -> str:
        """Return an access token that has expired."""
        return self.access("client_credentials", age=2 * DAY)

    def expired_owner(self, kind: OwnerType, name: str) -> str:
        """Return an owner's token that has expired."""
        return self.owner(kind, name, age=2 * DAY)

    def foreign_owner(self, kind: OwnerType, name: str) -> str:
        """Return a token of another shop, for an owner with the same id."""
        return self.owner(kind, name, shop="elsewhere")

    @property
    def _tokens(self) -> Tokens:
        tokens: Tokens = self.site.app.mock.tokens
        return tokens

    def _issued(self, age: float) -> float:
        return self.tenant.now() - age

    def everything(self) -> Any:
        """The whole state of the store, to compare."""
        return self.store.everything(), self.store.accounts.freeze()()
