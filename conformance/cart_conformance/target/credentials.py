"""Credentials: access tokens, customers and their tokens, and tokens that servers must refuse."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import jwt

from cart_conformance.exchange import ACCOUNT_TOKEN, CUSTOMER_TOKEN


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials that a request carries. Reports use ``name``."""

    name: str
    access_token: str | None = field(default=None, repr=False)
    customer_token: str | None = field(default=None, repr=False)
    account_token: str | None = field(default=None, repr=False)

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the credentials."""
        headers = {}
        if self.access_token is not None:
            headers["Authorization"] = f"Bearer {self.access_token}"
        if self.customer_token is not None:
            headers[CUSTOMER_TOKEN] = self.customer_token
        if self.account_token is not None:
            headers[ACCOUNT_TOKEN] = self.account_token
        return headers


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer that the run made, or was given. ``password`` is None if only a token is known."""

    kind: ClassVar[str] = "customer"

    label: str
    id: str
    email: str | None
    token: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    given: bool = False

    @property
    def login(self) -> str | None:
        """What the customer logs in with, next to the password."""
        return self.email


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a member that the run made, or was given.

    ``username`` and ``password`` are the member's. They are None if only a token is known.
    """

    kind: ClassVar[str] = "account"

    label: str
    id: str
    username: str | None
    token: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    given: bool = False

    @property
    def login(self) -> str | None:
        """What the member logs in with, next to the password."""
        return self.username


CartOwner = Customer | Account
"""What a cart can be associated with."""


def acting_as(name: str, access_token: str | None, owner: CartOwner) -> Credentials:
    """Return the credentials of an access token together with that owner's token."""
    if owner.kind == "customer":
        return Credentials(name, access_token, customer_token=owner.token)
    return Credentials(name, access_token, account_token=owner.token)


def altered(token: str) -> str:
    """Return ``token`` with one character changed, in the middle of its last part.

    The last characters of base64 may contain unused padding bits. A change to these could leave
    the token valid.
    """
    start = token.rfind(".") + 1
    if len(token) - start < 4:
        start = 0
    at = start + (len(token) - start) // 2
    other = "A" if token[at] != "A" else "B"
    return token[:at] + other + token[at + 1 :]


def forged_tokens(token: str, other: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield tokens like ``token`` that a server must refuse, as (what, value).

    ``other`` is another valid token. Its claims are combined with this token's signature. A token
    that is not a JWT can only be altered.
    """
    yield "not a token", "not-a-token"
    yield "altered", altered(token)
    parts = token.split(".")
    if len(parts) != 3:
        return
    header, payload, signature = parts
    yield "signature cut off", f"{header}.{payload}."
    yield "unsigned, alg none", f"{_part({'alg': 'none', 'typ': 'JWT'})}.{payload}."
    if other is not None and other.count(".") == 2 and other != token:
        yield "claims swapped", f"{header}.{other.split('.')[1]}.{signature}"
    claims = _claims(token)
    if claims is not None:
        yield "expired", _signed(claims | {"exp": 1_500_000_000, "expires": 1_500_000_000})
        yield "of another store", _signed(_of_another_store(claims))


def _of_another_store(claims: dict[str, object]) -> dict[str, object]:
    foreign = {"iss": "https://another-store.example", "store": "another-store"}
    return {name: foreign.get(name, value) for name, value in claims.items()} | foreign


def _claims(token: str) -> dict[str, object] | None:
    try:
        claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    return claims


def _signed(claims: dict[str, object]) -> str:
    try:
        return jwt.encode(claims, "a key that no server has, of some length", algorithm="HS256")
    except (TypeError, ValueError, jwt.PyJWTError):
        return "not.a.token"


def _part(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
