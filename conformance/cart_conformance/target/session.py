"""One run against one deployment: its callers, its customers and carts, and how it sends."""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from cart_spec.contract import Contract

from cart_conformance.config import GivenCustomer, Settings
from cart_conformance.oracle.response_checks import ResponseChecks
from cart_conformance.run.events import Event
from cart_conformance.target.credentials import Credentials, Customer
from cart_conformance.target.ledger import Journal, Thing
from cart_conformance.target.redaction import Redactor
from cart_conformance.target.transport import Answer, Client, NetworkFault, Request

ABSENT: Final = object()
"""No body; None is the JSON value null."""

ASSOCIATE = "createCustomerCartAssociation"
DISSOCIATE = "deleteCustomerCartAssociation"

# An access token is renewed when this part of its time is over.
_RENEW_AFTER = 0.8
# Its time in seconds, where an answer tells none that could be meant.
_LIFETIME = 3600.0
_LONGEST_LIFETIME = 1e9
_TELLING_PASSWORD = 12


class CouldNotRun(Exception):
    """The run cannot be made at all. The message says why and what to do."""


class Untestable(Exception):
    """A case cannot be tried: its control, or something that it needs, failed."""


class Session:
    """What layers work with. Everything made through it is journalled and cleaned up."""

    def __init__(
        self,
        settings: Settings,
        contract: Contract,
        client: Client,
        journal: Journal,
        run_id: str,
        emit: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """Nothing is sent yet: :meth:`provision` does. ``emit`` takes a layer's own events."""
        self.emit = emit
        self.settings = settings
        self.contract = contract
        self.client = client
        self.journal = journal
        self.run_id = run_id
        self.rng = random.Random(settings.seed)  # noqa: S311 - variety, not secrecy
        self.redactor = Redactor([settings.client_secret])
        self.customers: dict[str, Customer] = {}
        self.carts: list[str] = []
        self.made_customers: list[str] = []
        self.unsure: list[tuple[Thing, str]] = []
        self.lost: list[tuple[Thing, str]] = []
        self.problems: list[str] = []
        self.benches: dict[str, Any] = {}
        self._passwords: set[str] = set()
        self.observer = ResponseChecks(contract, self._passwords)
        self._tokens: dict[str, tuple[Credentials, float]] = {}
        self._count = 0

    # --- Callers ---

    @property
    def administrator(self) -> Credentials:
        """Client credentials and no customer token."""
        return self._caller("administrator", "client_credentials")

    @property
    def implicit(self) -> Credentials:
        """An implicit access token and no customer token. Raises Untestable."""
        return self._caller("implicit", "implicit")

    def shopper(self, customer: Customer) -> Credentials:
        """That customer, with an implicit access token. Raises Untestable."""
        return Credentials(f"shopper {customer.label}", self.implicit.access_token, customer.token)

    def narrowed(self, customer: Customer) -> Credentials:
        """Client credentials beside that customer's token."""
        name = f"administrator as {customer.label}"
        return Credentials(name, self.administrator.access_token, customer.token)

    def customer(self, label: str) -> Customer:
        """The customer with that label, A, B or C. Raises Untestable where there is none."""
        try:
            return self.customers[label]
        except KeyError:
            raise Untestable(f"no customer {label}: " + "; ".join(self.problems)) from None

    def _caller(self, name: str, grant: str) -> Credentials:
        caller, renew_at = self._tokens.get(name, (None, 0.0))
        if caller is None or time.monotonic() >= renew_at:
            return self._log_in(name, self.token(grant))
        return caller

    def _log_in(self, name: str, answer: Answer) -> Credentials:
        """The caller whom an answer of createAccessToken makes. Raises Untestable."""
        document = _grant(answer)
        token = document.get("access_token")
        if not answer.ok or not isinstance(token, str) or not token:
            raise Untestable(f"POST /oauth/access_token gave {answer.status} and no access_token")
        lifetime = document.get("expires_in")
        seconds = _LIFETIME
        if isinstance(lifetime, int | float) and 0 < lifetime < _LONGEST_LIFETIME:
            seconds = float(lifetime)
        caller = Credentials(name, token)
        self._tokens[name] = (caller, time.monotonic() + seconds * _RENEW_AFTER)
        return caller

    def token(self, grant: str, **form: str | None) -> Answer:
        """Ask for an access token; ``form`` replaces fields, None leaves one out."""
        fields: dict[str, str | None] = {
            "grant_type": grant,
            "client_id": self.settings.client_id,
        }
        if grant == "client_credentials":
            fields["client_secret"] = self.settings.client_secret
        fields |= form
        body = urlencode({name: value for name, value in fields.items() if value is not None})
        return self.send(
            None,
            "createAccessToken",
            raw=body.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )

    # --- Sending ---

    def send(
        self,
        caller: Credentials | None,
        operation: str,
        *,
        cart: str | None = None,
        customer: str | None = None,
        body: Any = ABSENT,
        raw: bytes | None = None,
        query: str = "",
        headers: Mapping[str, str | None] | None = None,
        encoded: bool = False,
        envelope: bool = True,
    ) -> Answer:
        """Send one operation. Raises an Interruption.

        ``cart`` and ``customer`` fill the path, percent-encoded unless ``encoded`` says that they
        are already. ``body`` is sent as JSON, ``raw`` as it is. ``headers`` are added, or with None
        taken away. ``envelope`` is whether an error must be in the envelope: False where a router
        may refuse before the service is reached.
        """
        method, path = self.contract.operations[operation]
        for name, value in (("cartID", cart), ("customerID", customer)):
            if value is not None:
                path = path.replace(f"{{{name}}}", value if encoded else quote(value, safe=""))
        if body is not ABSENT:
            raw = json.dumps(body, ensure_ascii=False).encode()
        sent = {"Accept": "application/json", "User-Agent": "cart-conformance"}
        if raw is not None:
            sent["Content-Type"] = "application/json"
        sent |= caller.headers() if caller else {}
        for name, header in (headers or {}).items():
            sent.pop(name, None)
            if header is not None:
                sent[name] = header
        url = self.settings.target + path + (f"?{query}" if query else "")
        self._intend(operation, body)
        try:
            answer = self.client.send(Request(method, url, sent, raw))
        except NetworkFault:
            # Whether something was made stays unsure until the clean-up.
            self.lost += self.unsure
            self.unsure.clear()
            raise
        self.unsure.clear()
        self._learn(operation, answer, body, cart, customer)
        self.observer.look(operation, answer, envelope)
        return answer

    def _intend(self, operation: str, body: Any) -> None:
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            return
        if operation == "createACart" and isinstance(data.get("id"), str):
            self.about_to_make("cart", data["id"])
        if operation == "createCustomer" and isinstance(data.get("email"), str):
            self.about_to_make("customer", data["email"])
        if isinstance(data.get("password"), str):
            self.redactor.add(data["password"])
            if operation in ("createCustomer", "updateCustomer"):
                self.secret_password(data["password"])

    def about_to_make(self, thing: Thing, key: str) -> None:
        """The next request may make a cart with that id, or a customer with that email."""
        self.journal.intend(thing, key)
        self.unsure.append((thing, key))

    def secret_password(self, password: str) -> None:
        """Redact this password, and look for it in every answer from now on.

        A short one could be an ordinary word of some answer, so it is only redacted.
        """
        self.redactor.add(password)
        if len(password) >= _TELLING_PASSWORD:
            self._passwords.add(password)

    def _learn(
        self, operation: str, answer: Answer, body: Any, cart: str | None, customer: str | None
    ) -> None:
        """Take note of what exists now, and of tokens, whatever the answer was sent for."""
        data = answer.data if isinstance(answer.data, dict) else {}
        made = data.get("id") if answer.ok and isinstance(data.get("id"), str) else None
        if operation == "createAccessToken":
            token = _grant(answer).get("access_token")
            self.redactor.add(token if isinstance(token, str) else None)
        elif operation == "createCustomerToken" and isinstance(data.get("token"), str):
            self.redactor.add(data["token"])
        elif operation == "createACart" and made and made not in self.carts:
            self.journal.made("cart", made, made)
            self.carts.append(made)
        elif operation == "createCustomer" and made and made not in self.made_customers:
            email = body["data"].get("email") if isinstance(body, dict) else None
            self.journal.made("customer", email if isinstance(email, str) else "", made)
            self.made_customers.append(made)
        elif operation == "deleteACart" and answer.ok and cart in self.carts:
            self.journal.gone("cart", cart)
            self.carts.remove(cart)
        elif operation == "deleteCustomer" and answer.ok and customer in self.made_customers:
            self.journal.gone("customer", customer)
            self.made_customers.remove(customer)

    # --- Making ---

    def fresh_id(self, what: str = "cart") -> str:
        """An id of safe characters that belongs to this run and to nothing else yet."""
        self._count += 1
        return f"conformance-{self.run_id}-{what}-{self._count}"

    def unknown_cart_id(self) -> str:
        """An id that no cart has. Journalled: a deployment may create the cart when it is named."""
        cart = self.fresh_id("unknown")
        self.journal.intend("cart", cart)
        self.carts.append(cart)
        return cart

    def new_cart(self, caller: Credentials | None = None, **fields: Any) -> str:
        """A new cart's id, made by the administrator or ``caller``. Raises Untestable."""
        cart = self.fresh_id()
        data = {"id": cart, "name": f"Conformance run {self.run_id}"} | fields
        answer = self.send(caller or self.administrator, "createACart", body={"data": data})
        made = answer.data.get("id") if isinstance(answer.data, dict) else None
        if not answer.ok or not isinstance(made, str) or not made:
            raise Untestable(f"no cart could be made: {answer.status}")
        return made

    def new_customer(self, label: str | None = None) -> Customer:
        """A new customer, logged in. Raises Untestable."""
        if self.settings.customers is not None:
            raise Untestable("customers are given by the fixtures; none is made")
        password = secrets.token_urlsafe(12) + "-Aa1"
        email = f"{self.fresh_id('customer')}@example.com"
        name = f"Conformance run {self.run_id}"
        data = {"type": "customer", "name": name, "email": email, "password": password}
        answer = self.send(self.administrator, "createCustomer", body={"data": data})
        made = answer.data.get("id") if isinstance(answer.data, dict) else None
        if not answer.ok or not isinstance(made, str) or not made:
            raise Untestable(
                f"no customer could be made: {answer.status}; give some with --fixtures"
            )
        token = self.customer_token(email, password)
        return Customer(label or made, made, email, token, password)

    def customer_token(self, email: str, password: str, caller: Credentials | None = None) -> str:
        """Log a customer in and return the token. Raises Untestable."""
        answer = self.send(
            caller or self.administrator, "createCustomerToken", body=log_in_body(email, password)
        )
        token = answer.data.get("token") if isinstance(answer.data, dict) else None
        if not answer.ok or not isinstance(token, str) or not token:
            raise Untestable(f"the customer could not log in: {answer.status}")
        return token

    def provision(self) -> None:
        """Get an access token, and customers A, B and C: made, or those of the fixtures.

        Raises CouldNotRun without an access token. What else fails is kept in ``problems``.
        """
        answer = self.token("client_credentials")
        if answer.status in (400, 401, 403):
            raise CouldNotRun(
                f"the credentials were refused ({answer.status}): check --client-id and the secret"
            )
        try:
            self._log_in("administrator", answer)
        except Untestable as problem:
            raise CouldNotRun(
                f"{self.settings.target} does not answer like this API: {problem}."
                " Check the base URL."
            ) from None
        given = self.settings.customers
        for i, label in enumerate("ABC"):
            try:
                if given is None:
                    self.customers[label] = self.new_customer(label)
                elif i < len(given):
                    self.customers[label] = self._given(label, given[i])
            except Untestable as problem:
                self.problems.append(str(problem))
                break

    def _given(self, label: str, given: GivenCustomer) -> Customer:
        self.journal.given(given.id)
        self.redactor.add(given.token)
        if given.password:
            self.secret_password(given.password)
        token = given.token
        if given.email and given.password:
            token = self.customer_token(given.email, given.password)
        return Customer(label, given.id, given.email, token, given.password, given=True)


def _grant(answer: Answer) -> dict[str, Any]:
    """What an answer of createAccessToken says.

    The vendor publishes it flat, and in one place under ``data``: that deviates, and gives a token
    to go on with.
    """
    document = answer.document if isinstance(answer.document, dict) else {}
    nested = document.get("data")
    return nested if "access_token" not in document and isinstance(nested, dict) else document


def log_in_body(email: object, password: object) -> dict[str, Any]:
    """The body of a customer's login."""
    return {
        "data": {
            "type": "token",
            "email": email,
            "password": password,
            "authentication_mechanism": "password",
        }
    }


def identifiers(*ids: object) -> dict[str, Any]:
    """The body of an association request, in the envelope."""
    return {"data": [{"type": "customer", "id": each} for each in ids]}
