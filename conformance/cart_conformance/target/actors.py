"""The callers of a run (administrator, implicit caller, shoppers) and their access tokens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from cart_conformance.config import Settings
from cart_conformance.errors import Untestable
from cart_conformance.exchange import Answer
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


class Actors:
    """The callers of a run. Access tokens are requested when first needed, and renewed in time."""

    def __init__(self, settings: Settings, send: Callable[..., Answer]) -> None:
        """Request nothing yet. ``send`` takes a caller, an operation and the parts of a request."""
        self.customers: dict[str, Customer] = {}
        self.accounts: dict[str, Account] = {}
        self.without_accounts: str | None = None
        """Why the run has no accounts: the deployment has none, or the run leaves them out."""
        self.problems: list[str] = []
        self._settings = settings
        self._send = send
        self._tokens: dict[str, tuple[Credentials, float]] = {}

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
