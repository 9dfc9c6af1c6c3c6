"""One run against one deployment, from the transport, the actors, the ledger and the factory."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cart_spec.contract import Contract
from cart_spec.redaction import Redactor

from cart_conformance.bodies import account_tokens
from cart_conformance.config import GivenCustomer, Settings
from cart_conformance.errors import CouldNotRun, ServerFailed, Untestable
from cart_conformance.exchange import OWNER_TOKENS, Answer, Request
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.knowledge import OwnerRef
from cart_conformance.oracle.response_checks import ResponseChecks
from cart_conformance.target.actors import Actors, granted
from cart_conformance.target.credentials import Account, CartOwner, Credentials, Customer
from cart_conformance.target.factory import Factory
from cart_conformance.target.ledger import Ledger
from cart_conformance.target.patience import Patience, Written
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

READS_OF_A_FAILURE = 3
"""How often a GET is sent whose answer is 5xx. Only the last answer counts."""

MOST_IN_VAIN = 3
"""After this many reads of one kind failed at every attempt, that kind is read only once."""

LOGINS = ("createAccessToken", "createCustomerToken", "createAccountToken")
"""POSTs that change nothing which a read returns."""

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
        # A password like "customer" is in every answer. That is not evidence of a leak.
        self._own_words = _words_of(contract)
        self.redactor = Redactor([settings.client_secret], by_name=False, own_words=self._own_words)
        self.redactor.add(*(value for _, value in settings.headers if len(value) > 3))
        self.patience = Patience(settings.settle, transport.budget.pause)
        self.written = Written()
        self.trace: list[Answer] = []
        """The exchanges of the case in progress, oldest first."""
        self.failures: Counter[tuple[str, int]] = Counter()
        """The answers with 5xx, by operation and status."""
        self.listeners: list[Callable[[str, Answer], None]] = []
        """Called with the operation and the answer of every exchange, in its order."""
        self._in_vain: Counter[str] = Counter()
        self._unheard: list[tuple[str, Answer]] = []
        self._owners: dict[str, OwnerRef] = {}
        self._own_401: set[tuple[str, str]] = set()
        self.actors = Actors(settings, self.send)
        self.factory = Factory(
            settings,
            run_id,
            self.actors,
            ledger,
            self.send,
            self._keep_given_secret,
            transport.budget.pause,
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
        settings = self.settings
        request = plain_request(self.contract, settings.target, made, settings.token_url)
        return self.exchange(made, request, envelope=envelope)

    def exchange(self, parts: RequestParts, request: Request, *, envelope: bool = True) -> Answer:
        """Send a request that was made from ``parts``, and note its effects and secrets.

        ``envelope`` says whether an error must have the envelope. It is False if a router may
        refuse the request before it reaches the service. Raises an Interruption.
        """
        self._keep_secrets_sent(parts)
        request = self.actors.with_new_tokens(request)
        if request.method == "GET":
            self.patience.before_read()
        self.ledger.expect(parts)
        try:
            answer = self._send(parts.operation, request)
            renewed = self._renewed(parts.operation, answer)
            if renewed is not None:
                answer = self._send(parts.operation, renewed)
                if answer.status == 401:
                    self._own_401.add((parts.operation, self.actors.name_of(renewed) or ""))
        except NetworkError:
            self.ledger.settle(parts, None)
            raise
        self.ledger.settle(parts, answer)
        self._keep_secrets_received(parts, answer)
        self._tell_listeners()
        self._note_change(parts, answer)
        self.checks.check(parts.operation, answer, envelope)
        return answer

    def _send(self, operation: str, request: Request) -> Answer:
        """Send a request; a GET once more after each 5xx, because one may be an accident."""
        for attempt in range(1, READS_OF_A_FAILURE + 1):
            answer = self.transport.send(request)
            self.trace.append(answer)
            self._unheard.append((operation, answer))
            if answer.status < 500:
                self._in_vain[operation] = 0
                break
            self.failures[operation, answer.status] += 1
            if request.method != "GET" or self.always_fails(operation):
                break
            if attempt == READS_OF_A_FAILURE:
                self._in_vain[operation] += 1
                break
            self.transport.budget.pause(0.1 * attempt)
        return answer

    def always_fails(self, operation: str) -> bool:
        """Return whether reads of that kind failed so often that the run does not try it again."""
        return self._in_vain[operation] >= MOST_IN_VAIN

    @property
    def is_failing(self) -> bool:
        """Whether some kind of read always fails."""
        return any(map(self.always_fails, self._in_vain))

    def _tell_listeners(self) -> None:
        """Give the exchanges to the listeners, now that the secrets in them are known."""
        unheard, self._unheard = self._unheard, []
        for operation, answer in unheard:
            for listener in self.listeners:
                listener(operation, answer)

    def _note_change(self, parts: RequestParts, answer: Answer) -> None:
        if answer.request.method in ("GET", "HEAD") or answer.refused:
            return
        if parts.operation not in LOGINS:
            self.patience.changed()
        if answer.ok:
            tokens = (answer.request.headers.get(name) for name in OWNER_TOKENS.values())
            owners = [self._owners[token] for token in tokens if token in self._owners]
            self.written.note(parts, answer, owners)

    def owner_of(self, caller: Credentials) -> OwnerRef | None:
        """Return the owner whose token a caller sends, or None."""
        token = caller.customer_token or caller.account_token or ""
        return self._owners.get(self.actors.current(token))

    def need_answer(self, operation: str, answer: Answer) -> Answer:
        """Return an answer that is not 5xx. Otherwise report it separately and raise ServerFailed.

        A 5xx is not evidence about the rule that needed the answer.
        """
        if answer.status >= 500:
            self.checks.failed(operation, answer)
            method, path = self.contract.operations[operation]
            raise ServerFailed(f"{method} {path} was answered with {shown(answer)}")
        return answer

    # --- Tokens that end early ---

    def _renewed(self, operation: str, answer: Answer) -> Request | None:
        """Return the request with a new access token if the old one has ended, else None.

        A deployment may restart, or revoke tokens. A token has ended if it is the run's own and a
        plain read with it is also answered with 401.
        """
        if answer.status != 401 or self.actors.is_renewing:
            return None
        name = self.actors.name_of(answer.request)
        if name is None or (operation, name) in self._own_401:
            return None
        if not self.actors.has_ended(name):
            self._own_401.add((operation, name))
            return None
        self.actors.renew(name)
        return self.actors.with_new_tokens(answer.request)

    def renew_ended_tokens(self) -> bool:
        """Replace owners' tokens that a plain read does not accept; return whether there were any.

        A request that was refused because of such a token is not evidence.
        """
        renewed = False
        owners: list[CartOwner] = [*self.actors.customers.values(), *self.actors.accounts.values()]
        for owner in owners:
            caller = self.shopper(owner)
            if self.send(caller, "getCarts", query="page[limit]=1").status in (401, 403):
                renewed |= self.renew_owner(caller)
        return renewed

    def renew_owner(self, caller: Credentials) -> bool:
        """Log the owner of a caller in again; return whether there is a new token."""
        token = self.actors.current(caller.customer_token or caller.account_token or "")
        return bool(token) and self.actors.renew_owner(token)

    # --- Secrets ---

    def secret_password(self, password: str) -> None:
        """Redact this password, and search every later answer for it.

        A short one may be an ordinary word of an answer, so it is only redacted.
        """
        self.redactor.add(password)
        if len(password) >= TELLING_PASSWORD and password not in self._own_words:
            self._passwords.add(password)

    def _keep_given_secret(self, given: GivenCustomer) -> None:
        self.redactor.add(given.token)
        if given.token:
            self._owners[given.token] = OwnerRef("customer", given.id)
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
            owner = answer.data.get("customer_id")
            if isinstance(token, str) and isinstance(owner, str):
                self._owners[token] = OwnerRef("customer", owner)
        elif parts.operation == "createAccountToken":
            for each in account_tokens(answer):
                self.redactor.add(each["token"])
                self._owners[each["token"]] = OwnerRef("account", each["account_id"])
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


@lru_cache(maxsize=4)
def _words_of(contract: Contract) -> str:
    """Return all texts of the contract, in which a word is not a secret."""
    return json.dumps(contract.document, ensure_ascii=False, default=str)
