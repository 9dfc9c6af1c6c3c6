"""The parts of a request to an operation of the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from cart_spec.contract import Contract

from cart_conformance.exchange import Request
from cart_conformance.target.credentials import Credentials

ABSENT: Final = object()
"""Marks a request without a body, because None is the JSON value null."""

ASSOCIATE = "create{Owner}CartAssociation"
DISSOCIATE = "delete{Owner}CartAssociation"
"""The operations of associations, for each kind of owner: see :func:`operation_for`."""


CUSTOMERS_ASSOCIATE = "createCustomerCartAssociation"
CUSTOMERS_DISSOCIATE = "deleteCustomerCartAssociation"
ACCOUNTS_ASSOCIATE = "createAccountCartAssociation"
ACCOUNTS_DISSOCIATE = "deleteAccountCartAssociation"


def operation_for(kind: str, operation: str) -> str:
    """Return an operation of a kind of owner: customers have ``createCustomerCartAssociation``."""
    return operation.replace("{Owner}", kind.capitalize())


@dataclass(frozen=True, slots=True)
class RequestParts:
    """One request to an operation, before it becomes bytes.

    ``path`` contains the path parameters, percent-encoded; ``cart``, ``customer`` and ``account``
    are the same ids unencoded. ``document`` is the value that ``body`` encodes.
    """

    operation: str
    headers: dict[str, str]
    path: dict[str, str]
    query: str = ""
    body: bytes | None = None
    document: Any = ABSENT
    cart: str | None = None
    customer: str | None = None
    account: str | None = None


def parts_of(
    caller: Credentials | None,
    operation: str,
    *,
    cart: str | None = None,
    customer: str | None = None,
    account: str | None = None,
    path: Mapping[str, str] | None = None,
    body: Any = ABSENT,
    raw: bytes | None = None,
    query: str = "",
    headers: Mapping[str, str | None] | None = None,
    encoded: bool = False,
) -> RequestParts:
    """Return the parts of a request.

    ``cart``, ``customer`` and ``account`` fill the path, percent-encoded unless they are
    ``encoded`` already. ``path`` has the other parameters of the path. ``body`` is sent as JSON,
    ``raw`` unchanged. ``headers`` are added; the value None removes one.
    """
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
    ids = {"cartID": cart, "customerID": customer, "accountID": account, **(path or {})}
    filled = {
        name: value if encoded else quote(value, safe="")
        for name, value in ids.items()
        if value is not None
    }
    return RequestParts(operation, sent, filled, query, raw, body, cart, customer, account)


def plain_request(
    contract: Contract, target: str, parts: RequestParts, token_url: str | None = None
) -> Request:
    """Build the request without Schemathesis, which takes seconds to load.

    ``token_url`` is the endpoint for access tokens, if it is elsewhere. Set-up and clean-up send
    these. Directed cases send byte-identical requests; see
    :class:`cart_conformance.cases.schema_cases.SchemaCases`.
    """
    method, path = contract.operations[parts.operation]
    for name, value in parts.path.items():
        path = path.replace(f"{{{name}}}", value)
    if token_url is not None and parts.operation == "createAccessToken":
        return Request(method, token_url, parts.headers, parts.body)
    url = target + path + (f"?{parts.query}" if parts.query else "")
    return Request(method, url, parts.headers, parts.body)


def log_in_body(email: object, password: object) -> dict[str, Any]:
    """Return the body of a customer's login."""
    return {
        "data": {
            "type": "token",
            "email": email,
            "password": password,
            "authentication_mechanism": "password",
        }
    }


def account_log_in_body(profile: object, username: object, password: object) -> dict[str, Any]:
    """Return the body of an account member's login."""
    return {
        "data": {
            "type": "account_management_authentication_token",
            "authentication_mechanism": "password",
            "password_profile_id": profile,
            "username": username,
            "password": password,
        }
    }


def identifiers(*ids: object, kind: str = "customer") -> dict[str, Any]:
    """Return the body of an association request, in the envelope."""
    return {"data": [{"type": kind, "id": each} for each in ids]}
