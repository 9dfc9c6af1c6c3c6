"""One run against one deployment, from the transport, the actors, the ledger and the factory."""

from __future__ import annotations

import random
from typing import Any

from cart_spec.contract import Contract
from cart_spec.redaction import Redactor

from cart_conformance.bodies import account_tokens
from cart_conformance.config import GivenCustomer, Settings
from cart_conformance.errors import CouldNotRun, Untestable
from cart_conformance.exchange import Answer, Request
from cart_conformance.oracle.response_checks import ResponseChecks
from cart_conformance.target.actors import Actors, granted
from cart_conformance.target.credentials import Account, CartOwner, Credentials, Customer
from cart_conformance.target.factory import Factory
from cart_conformance.target.ledger import Ledger
from cart_conformance.target.requests import (
    ABSENT,
    RequestParts,
    identifiers,
    log_in_body,
    parts_of,
    plain_request,
)
from cart_conformance.target.transport import NetworkError, Transport

__all__ = [
    "ABSENT",
    "CouldNotRun",
    "Session",
    "Untestable",
    "identifiers",
    "log_in_body",
]

TELLING_PASSWORD = 12
"""Minimum length of a password to search answers for: a shorter one may be an ordinary word."""


class Session:
    """The interface for phases. Everything made through it is in the ledger and is cleaned up."""

    def __init__(
        self,
        settings: Settings,
        contract: Contract,
        transport: Transport,
        ledger: Ledger,
        run_id: str,
    ) -> None:
        """Send nothing yet; :meth:`provision` sends the first request."""
        self.settings = settings
        self.contract = contract
        self.transport = transport
        self.ledger = ledger
        self.run_id = run_id
        self.rng = random.Random(settings.seed)  # noqa: S311 - variety, not secrecy
        self.redactor = Redactor([settings.client_secret], by_name=False)
        self.actors = Actors(settings, self.send)
        self.factory = Factory(
            settings, run_id, self.actors, ledger, self.send, self._keep_given_secret
        )
        self._passwords: set[str] = set()
        self.checks = ResponseChecks(contract, self._passwords)

    # --- Sending ---

    def send(
        self, caller: Credentials | None, operation: str, *, envelope: bool = True, **parts: Any
    ) -> Answer:
        """Send one operation and return its answer. Raises an Interruption.

        For ``parts`` see :func:`cart_conformance.target.requests.parts_of`, for ``envelope`` see
        :meth:`exchange`.
        """
        made = parts_of(caller, operation, **parts)
        request = plain_request(self.contract, self.settings.target, made)
        return self.exchange(made, request, envelope=envelope)

    def exchange(self, parts: RequestParts, request: Request, *, envelope: bool = True) -> Answer:
        """Send a request that was made from ``parts``, and note its effects and secrets.

        ``envelope`` says whether an error must have the envelope. It is False if a router may
        refuse
        the request before it reaches the service. Raises an Interruption.
        """
        self._keep_secrets_sent(parts)
        self.ledger.expect(parts)
        try:
            answer = self.transport.send(request)
        except NetworkError:
            self.ledger.settle(parts, None)
            raise
        self.ledger.settle(parts, answer)
        self._keep_secrets_received(parts, answer)
        self.checks.check(parts.operation, answer, envelope)
        return answer

    # --- Secrets ---

    def secret_password(self, password: str) -> None:
        """Redact this password, and search every later answer for it.

        A short one may be an ordinary word of an answer, so it is only redacted.
        """
        self.redactor.add(password)
        if len(password) >= TELLING_PASSWORD:
            self._passwords.add(password)

    def _keep_given_secret(self, given: GivenCustomer) -> None:
        self.redactor.add(given.token)
        if given.password:
            self.secret_password(given.password)

    def _keep_secrets_sent(self, parts: RequestParts) -> None:
        data = parts.document.get("data") if isinstance(parts.document, dict) else None
        if isinstance(data, dict) and isinstance(data.get("password"), str):
            self.redactor.add(data["password"])
            if parts.operation in ("createCustomer", "updateCustomer") or "name" in data:
                self.secret_password(data["password"])

    def _keep_secrets_received(self, parts: RequestParts, answer: Answer) -> None:
        token: object = None
        if parts.operation == "createAccessToken":
            token = granted(answer).get("access_token")
        elif parts.operation == "createCustomerToken" and isinstance(answer.data, dict):
            token = answer.data.get("token")
        elif parts.operation == "createAccountToken":
            for each in account_tokens(answer):
                self.redactor.add(each["token"])
        self.redactor.add(token if isinstance(token, str) else None)

    # --- Short names for what phases use most ---

    @property
    def administrator(self) -> Credentials:
        """Client credentials and no customer token. Raises Untestable."""
        return self.actors.administrator

    @property
    def implicit(self) -> Credentials:
        """An implicit access token and no customer token. Raises Untestable."""
        return self.actors.implicit

    def shopper(self, owner: CartOwner) -> Credentials:
        """Return that owner with an implicit access token. Raises Untestable."""
        return self.actors.shopper(owner)

    def narrowed(self, owner: CartOwner) -> Credentials:
        """Return client credentials together with that owner's token."""
        return self.actors.narrowed(owner)

    def customer(self, label: str) -> Customer:
        """Return customer A, B or C. Raises Untestable if it is missing."""
        return self.actors.customer(label)

    def account(self, label: str) -> Account:
        """Return account A, B or C. Raises Untestable if it is missing."""
        return self.actors.account(label)

    def fresh_id(self, what: str = "cart") -> str:
        """Return an unused id of this run."""
        return self.factory.fresh_id(what)

    def unknown_cart_id(self) -> str:
        """Return an id that no cart has."""
        return self.factory.unknown_cart_id()

    def new_cart(self, caller: Credentials | None = None, **fields: Any) -> str:
        """Make a cart and return its id. Raises Untestable."""
        return self.factory.cart(caller, **fields)

    def new_customer(self, label: str | None = None) -> Customer:
        """Make a customer, logged in. Raises Untestable."""
        return self.factory.customer(label)

    def customer_token(self, email: str, password: str) -> str:
        """Log a customer in and return the token. Raises Untestable."""
        return self.factory.customer_token(email, password)

    def provision(self) -> None:
        """Get an access token, customers A, B and C, and accounts. Raises CouldNotRun."""
        self.factory.provision()
