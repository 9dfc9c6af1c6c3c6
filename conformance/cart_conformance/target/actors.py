"""The callers of a run (administrator, implicit caller, shoppers) and their access tokens."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from cart_conformance.bodies import owner_tokens
from cart_conformance.config import Settings
from cart_conformance.errors import Untestable
from cart_conformance.exchange import OWNER_TOKENS, Answer, Request
from cart_conformance.target.credentials import (
    Account,
    CartOwner,
    Credentials,
    Customer,
    acting_as,
)

RENEW_AFTER = 0.8
"""Fraction of its lifetime after which an access token is renewed."""
LIFETIME = 3600.0
"""Lifetime of a token in seconds, if the answer does not give a plausible one."""
LONGEST_LIFETIME = 1e9


class Login(NamedTuple):
    """The request that logs an owner in, and the owner's id."""

    operation: str
    body: dict[str, Any]
    owner_id: str


class Actors:
    """The callers of a run. Access tokens are requested when first needed, and renewed in time."""

    def __init__(self, settings: Settings, send: Callable[..., Answer]) -> None:
        """Request nothing yet. ``send`` takes a caller, an operation and the parts of a request."""
        self.customers: dict[str, Customer] = {}
        self.accounts: dict[str, Account] = {}
        self.without_accounts: str | None = None
        """The reason why the run uses no accounts: missing on the deployment, or left out."""
        self.problems: list[str] = []
        self._settings = settings
        self._send = send
        self._tokens: dict[str, tuple[Credentials, float]] = {}
        self._logins: dict[str, Login] = {}
        self._replaced: dict[str, str] = {}
        self._is_renewing = False

    @property
    def administrator(self) -> Credentials:
        """Client credentials and no customer token. Raises Untestable."""
        return self._caller("administrator", "client_credentials")

    @property
    def implicit(self) -> Credentials:
        """An implicit access token and no customer token. Raises Untestable."""
        return self._caller("implicit", "implicit")

    def shopper(self, owner: CartOwner) -> Credentials:
        """Return that owner with an implicit access token. Raises Untestable."""
        return acting_as(f"shopper {owner.label}", self.implicit.access_token, owner)

    def narrowed(self, owner: CartOwner) -> Credentials:
        """Return client credentials together with that owner's token."""
        name = f"administrator as {owner.label}"
        return acting_as(name, self.administrator.access_token, owner)

    def customer(self, label: str) -> Customer:
        """Return the customer with that label: A, B or C. Raises Untestable if it is missing."""
        try:
            return self.customers[label]
        except KeyError:
            raise Untestable(f"no customer {label}: " + "; ".join(self.problems)) from None

    def account(self, label: str) -> Account:
        """Return the account with that label: A, B or C. Raises Untestable if it is missing."""
        try:
            return self.accounts[label]
        except KeyError:
            why = self.without_accounts or "; ".join(self.problems)
            raise Untestable(f"no account {label}: {why}") from None

    def token(self, grant: str, **form: str | None) -> Answer:
        """Request an access token. ``form`` replaces fields; the value None leaves a field out."""
        fields: dict[str, str | None] = {
            "grant_type": grant,
            "client_id": self._settings.client_id,
        }
        if grant == "client_credentials":
            fields["client_secret"] = self._settings.client_secret
        fields |= form
        body = urlencode({name: value for name, value in fields.items() if value is not None})
        return self._send(
            None,
            "createAccessToken",
            raw=body.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )

    def adopt(self, name: str, answer: Answer) -> Credentials:
        """Keep the access token in an answer for the caller ``name``. Raises Untestable."""
        document = granted(answer)
        token = document.get("access_token")
        if not answer.ok or not isinstance(token, str) or not token:
            raise Untestable(f"POST /oauth/access_token gave {answer.status} and no access_token")
        lifetime = document.get("expires_in")
        seconds = LIFETIME
        if isinstance(lifetime, int | float) and 0 < lifetime < LONGEST_LIFETIME:
            seconds = float(lifetime)
        caller = Credentials(name, token)
        self._tokens[name] = (caller, time.monotonic() + seconds * RENEW_AFTER)
        return caller

    # --- Tokens that end early ---

    @property
    def is_renewing(self) -> bool:
        """Whether a token is being replaced, so that a 401 does not start that again."""
        return self._is_renewing

    def remember_login(self, token: str, login: Login) -> None:
        """Keep the login that gave an owner's token, to replace the token if it ends early."""
        self._logins[token] = login

    def current(self, token: str) -> str:
        """Return the token that has replaced this one, or the token itself."""
        return self._replaced.get(token, token)

    def with_new_tokens(self, request: Request) -> Request:
        """Return the request with the tokens that have replaced those in it."""
        if not self._replaced:
            return request
        headers = {name: self._current_header(value) for name, value in request.headers.items()}
        return replace(request, headers=headers)

    def _current_header(self, value: str) -> str:
        scheme, space, token = value.rpartition(" ")
        return f"{scheme}{space}{self.current(token)}"

    def name_of(self, request: Request) -> str | None:
        """Return the caller whose access token a request carries, or None.

        None too if it carries an owner's token that the run did not get: that may be refused with
        401.
        """
        headers = {name.lower(): value for name, value in request.headers.items()}
        tokens = [headers.get(name.lower()) for name in OWNER_TOKENS.values()]
        ours = {*self._logins, *self._given_tokens()}
        if any(token and token not in ours for token in tokens):
            return None
        for name, (caller, _) in self._tokens.items():
            if headers.get("authorization") == f"Bearer {caller.access_token}":
                return name
        return None

    def _given_tokens(self) -> set[str]:
        return {each.token for each in self.customers.values() if each.token}

    def has_ended(self, name: str) -> bool:
        """Return whether a plain read with that caller's access token is answered with 401."""
        if self._is_renewing:
            return False
        self._is_renewing = True
        try:
            caller = self._tokens[name][0]
            return self._send(caller, "getCarts", query="page[limit]=1").status == 401
        finally:
            self._is_renewing = False

    def renew(self, name: str) -> None:
        """Replace that caller's access token, and all others, because they may have ended too."""
        # A restart ends all of them, and an owner's login needs an access token.
        for each in [name, *(other for other in self._tokens if other != name)]:
            self._renew_access(each)
        owners: list[CartOwner] = [*self.customers.values(), *self.accounts.values()]
        for owner in owners:
            self.renew_owner(owner.token or "")

    def _renew_access(self, name: str) -> None:
        grant = "client_credentials" if name == "administrator" else name
        old = self._tokens[name][0].access_token
        with suppress(Untestable):
            new = self.adopt(name, self.token(grant)).access_token
            self._replace(str(old), str(new))

    def renew_owner(self, token: str) -> bool:
        """Replace an owner's token by one of a new login; return whether that was possible."""
        login = self._logins.get(token)
        if login is None or self._is_renewing:
            return False
        self._is_renewing = True
        try:
            answer = self._send(self.administrator, login.operation, body=login.body)
        finally:
            self._is_renewing = False
        new = owner_tokens(answer).get(login.owner_id)
        if new is None:
            return False
        self.remember_login(new, login)
        self._replace(token, new)
        for label, account in self.accounts.items():
            if account.token == token:
                self.accounts[label] = replace(account, token=new)
        for label, customer in self.customers.items():
            if customer.token == token:
                self.customers[label] = replace(customer, token=new)
        return True

    def replacements(self) -> dict[str, str]:
        """Return the tokens that have replaced others, by the old one."""
        return dict(self._replaced)

    def _replace(self, old: str, new: str) -> None:
        for earlier, latest in [*self._replaced.items()]:
            if latest == old:
                self._replaced[earlier] = new
        self._replaced[old] = new

    def _caller(self, name: str, grant: str) -> Credentials:
        caller, renew_at = self._tokens.get(name, (None, 0.0))
        if caller is None or time.monotonic() >= renew_at:
            return self.adopt(name, self.token(grant))
        return caller


def granted(answer: Answer) -> dict[str, Any]:
    """Return the object with the token in an answer of createAccessToken.

    The vendor's documentation has it at the top level, and in one place under ``data``. The latter
    is a deviation, but the run can use the token.
    """
    document = answer.document if isinstance(answer.document, dict) else {}
    nested = document.get("data")
    return nested if "access_token" not in document and isinstance(nested, dict) else document
