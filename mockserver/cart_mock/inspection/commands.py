"""Suggested requests as curl lines, with shell variables for values that only the user knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from cart_spec.curl import curl_line

PLACEHOLDERS = {
    "ACCESS_TOKEN": "An access token of this store, of the grant that was used.",
    "ADMIN_TOKEN": "An access token of this store with the grant client_credentials.",
    "CUSTOMER_TOKEN": "A customer token from POST /v2/customers/tokens.",
    "CUSTOMER_ID": "The id of the customer.",
    "ACCOUNT_TOKEN": "An account token from POST /v2/account-members/tokens.",
    "ACCOUNT_ID": "The id of the account.",
    "MEMBER_ID": "The id of the account member.",
    "MEMBERSHIP_ID": "The id of the account membership.",
    "CLIENT_SECRET": "The secret of the store's key.",
    "PASSWORD": "The password of the customer or account member.",
}
"""The shell variables in commands, and their meanings."""

_VARIABLES = {f"${name}" for name in PLACEHOLDERS}


class Command(NamedTuple):
    """One request. ``access``, ``customer`` and ``account`` name the variables for its tokens."""

    method: str
    path: str
    access: str | None = "ACCESS_TOKEN"
    customer: str | None = None
    body: Any = None
    form: Mapping[str, str] | None = None
    account: str | None = None

    def curl(self, base_url: str) -> str:
        """Return the curl line that sends this request to a mock at that URL."""
        headers, body = [], None
        if self.access is not None:
            headers.append(("Authorization", f"Bearer ${self.access}"))
        if self.customer is not None:
            headers.append(("X-Moltin-Customer-Token", f"${self.customer}"))
        if self.account is not None:
            headers.append(("EP-Account-Management-Authentication-Token", f"${self.account}"))
        if self.body is not None:
            headers.append(("Content-Type", "application/json"))
            body = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        elif self.form is not None:
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            body = "&".join(f"{name}={_escaped(value)}" for name, value in self.form.items())
        url = base_url + self.path
        return curl_line(self.method, url, headers, body, variables=PLACEHOLDERS)


def _escaped(value: str) -> str:
    return value if value in _VARIABLES else quote(value, safe="")


def placeholders_in(curl_lines: Iterable[str]) -> dict[str, str]:
    """Return the placeholders that curl lines use, by name, with their meanings."""
    text = "\n".join(curl_lines)
    return {name: PLACEHOLDERS[name] for name in sorted(PLACEHOLDERS) if f"${name}" in text}
