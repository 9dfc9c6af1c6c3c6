"""Converts a row of the probe table to a request with the tokens and ids of a test bed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import quote, urlencode

from tests.probes.row import ACCESS_HEADER, CASTS, CONTRACT, Cast, Sent

Grant = Literal["client_credentials", "implicit"]
OwnerType = Literal["customer", "account"]
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Tokens(Protocol):
    """The source of tokens in a test bed."""

    def access(self, grant: Grant) -> str:
        """Return a valid access token of the shop."""

    def expired_access(self) -> str:
        """Return an access token of the shop that has expired."""

    def owner(self, kind: OwnerType, name: str) -> str:
        """Return a valid token of a customer or account, such as ``ada`` or ``acme``."""

    def expired_owner(self, kind: OwnerType, name: str) -> str:
        """Return a token of an owner that has expired."""

    def foreign_owner(self, kind: OwnerType, name: str) -> str:
        """Return a token of an owner that another shop issued."""


@dataclass(frozen=True)
class Rendered:
    """A request as it is sent. ``params`` are the path parameters, as the mock reads them."""

    operation: str
    method: str
    url: str
    params: Mapping[str, str]
    query: str
    headers: dict[str, str]
    content: bytes


def rendered(sent: Sent, tokens: Tokens, names: Mapping[str, str]) -> Rendered:
    """Return the request with the tokens of a test bed and its ``names`` for the placeholders."""
    method, _ = CONTRACT.operations[sent.operation]
    content, media = content_of(sent, names)
    headers = _headers(sent, tokens) | ({"Content-Type": media} if media else {})
    # The mock leaves an encoded slash in a path parameter as it was sent.
    params = {name: value.replace("/", "%2F") for name, value in _params(sent, names).items()}
    return Rendered(
        sent.operation, method, url_of(sent, names), params, sent.query, headers, content
    )


def url_of(sent: Sent, names: Mapping[str, str]) -> str:
    """Return the path and query of a request."""
    _, path = CONTRACT.operations[sent.operation]
    for name, value in _params(sent, names).items():
        path = path.replace(f"{{{name}}}", quote(value, safe="!~@+"))
    return f"{path}?{sent.query}" if sent.query else path


def content_of(sent: Sent, names: Mapping[str, str]) -> tuple[bytes, str | None]:
    """Return the body of a request and its media type; without a body the type is None."""
    if sent.body is None:
        return b"", None
    if sent.body is NotImplemented:
        raise NotImplementedError(f"the row for {sent.operation} says not what is sent")
    if sent.operation == "createAccessToken":
        form = {key: _named(value.encode(), names) for key, value in sent.body.items()}
        return urlencode(form).encode(), FORM
    raw = sent.body if isinstance(sent.body, bytes) else json.dumps(sent.body).encode()
    return _named(raw, names), JSON


def _params(sent: Sent, names: Mapping[str, str]) -> dict[str, str]:
    given = {"cartID": sent.cart, **_record(sent)}
    return {
        name: _named(value.encode(), names).decode()
        for name, value in given.items()
        if value is not None
    }


def _record(sent: Sent) -> dict[str, str | None]:
    """Return the path parameters that name no cart, in the order of the path."""
    _, path = CONTRACT.operations[sent.operation]
    names = [name for name in re.findall(r"\{(\w+)\}", path) if name != "cartID"]
    return dict(zip(names, (sent.record, sent.part), strict=False))


def _named(text: bytes, names: Mapping[str, str]) -> bytes:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}".encode(), value.encode())
    return text


def _headers(sent: Sent, tokens: Tokens) -> dict[str, str]:
    # A test bed may let time pass for an expired token: the other token has to be fetched later.
    owners = {
        cast.header: None if role is None else _owner_token(cast, role, tokens)
        for cast, role in zip(CASTS, (sent.customer, sent.account), strict=True)
    }
    access = None if sent.access is None else _authorization(sent.access, tokens)
    headers = {ACCESS_HEADER: access, **owners}
    return {name: value for name, value in headers.items() if value is not None}


def _owner_token(cast: Cast, role: str, tokens: Tokens) -> str:
    match role:
        case "junk":
            return "not-a-token"
        case "empty":
            return ""
        case "forged":
            return forged(tokens.owner(cast.kind, cast.first))
        case "unsigned":
            return unsigned(tokens.owner(cast.kind, cast.first))
        case "foreign":
            return tokens.foreign_owner(cast.kind, cast.first)
        case "expired":
            return tokens.expired_owner(cast.kind, cast.first)
    return tokens.owner(cast.kind, role)


def _authorization(role: str, tokens: Tokens) -> str:
    match role:
        case "administrator":
            return f"Bearer {tokens.access('client_credentials')}"
        case "shopper":
            return f"Bearer {tokens.access('implicit')}"
        case "basic":
            return "Basic eDp5"
        case "scheme only":
            return "Bearer "
        case "empty":
            return ""
        case "junk":
            return "Bearer not-a-token"
        case "expired":
            return f"Bearer {tokens.expired_access()}"
        case "customer token":
            return f"Bearer {tokens.owner('customer', 'ada')}"
    good = tokens.access("client_credentials")
    return f"Bearer {forged(good) if role == 'forged' else unsigned(good)}"


def forged(token: str) -> str:
    """Return the token with another signature."""
    return token[:-8] + ("AAAAAAAA" if token[-8:] != "AAAAAAAA" else "BBBBBBBB")


def unsigned(token: str) -> str:
    """Return a token with the same claims that says that it needs no signature."""
    return f"eyJhbGciOiJub25lIn0.{token.split('.')[1]}."
