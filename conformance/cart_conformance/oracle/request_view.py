"""Interprets a request in terms of the contract: operation, caller, parameters, body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from cart_spec import Contract
from cart_spec.paths import PathTemplates
from requests.structures import CaseInsensitiveDict

from cart_conformance.exchange import OWNER_TOKENS, Request
from cart_conformance.oracle.jsontext import JsonText, read_json
from cart_conformance.oracle.knowledge import ADMINISTRATOR, SHOPPER, OwnerRef, TargetState

ASSOCIATING = ("createCustomerCartAssociation", "createAccountCartAssociation")
DISSOCIATING = ("deleteCustomerCartAssociation", "deleteAccountCartAssociation")
ASSOCIATION_OPERATIONS = (*ASSOCIATING, *DISSOCIATING)

_UNSAFE = re.compile(r"[^0-9A-Za-z_-]")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +(\S+) *")
_CLOCK_SKEW = 120.0
"""Seconds before and after its expiry during which a token's validity is uncertain."""
_LONG_TARGET, _LONG_HEADER, _LONG_BODY = 1500, 3000, 60_000
"""Sizes from which gateways may refuse a target or header (characters), or a body (bytes)."""


class Token(Enum):
    """What is known about the token of a request, or about its absence."""

    NONE = "none"
    EMPTY = "empty"
    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


def is_safe_id(value: str) -> bool:
    """Return whether an id has safe characters only."""
    return bool(value) and _UNSAFE.search(value) is None


def templates_of(contract: Contract) -> PathTemplates[str]:
    """Return the operation ids of a contract, by method and path."""
    return PathTemplates(
        (method, template, operation)
        for operation, (method, template) in contract.operations.items()
    )


class RequestView:
    """A request in terms of the contract, with the known state of the deployment."""

    def __init__(
        self,
        sent: Request,
        known: TargetState,
        templates: PathTemplates[str],
        at: float | None = None,
    ) -> None:
        """Find its operation.

        ``at`` is when it was sent, in seconds since the epoch; None for now.
        """
        self.sent = sent
        self.known = known
        self.at = at
        self.body = sent.body or b""
        url = urlsplit(sent.url)
        self.query_text = url.query
        method = sent.method.upper()
        # The contract has no HEAD, but the templates would match it as GET.
        path = templates.without_prefix(url.path)
        found = templates.find(method, path) if method != "HEAD" else None
        self.operation: str | None = found[0] if found else None
        self.parameters: Mapping[str, str] = found[1] if found else {}

    def header(self, name: str) -> str | None:
        """Return the value of a request header, ignoring the letter case of its name."""
        headers = self.sent.headers
        if isinstance(headers, CaseInsensitiveDict):
            return headers.get(name)
        for other, value in headers.items():
            if other.lower() == name.lower():
                return value
        return None

    # --- The caller ---

    @cached_property
    def access(self) -> Token:
        """What is known about the access token."""
        header = self.header("Authorization")
        if header is None:
            return Token.NONE
        match = _BEARER.fullmatch(header)
        if match is None:
            # Whether a token counts without the word Bearer is left open.
            is_bare = header.strip() in self.known.access_tokens
            return Token.UNKNOWN if is_bare else Token.INVALID
        issued = self.known.access_tokens.get(match[1])
        if issued is None:
            return self._unissued(match[1])
        return self._by_time(issued.expires)

    @cached_property
    def grant(self) -> str | None:
        """The grant of a valid access token; None if it is unknown or missing."""
        match = _BEARER.fullmatch(self.header("Authorization") or "")
        issued = self.known.access_tokens.get(match[1]) if match else None
        return issued.grant if issued is not None and self.access is Token.VALID else None

    @cached_property
    def kind(self) -> str | None:
        """The kind of owner whose token the operation reads, or None if it reads either."""
        for kind in OWNER_TOKENS:
            if kind.capitalize() in (self.operation or ""):
                return kind
        return None

    @cached_property
    def _kinds_sent(self) -> list[str]:
        kinds = [self.kind] if self.kind else list(OWNER_TOKENS)
        return [kind for kind in kinds if self.token_of(kind) not in {Token.NONE, Token.EMPTY}]

    def token_of(self, kind: str) -> Token:
        """Return what is known about the customer or account token."""
        header = self.header(OWNER_TOKENS[kind])
        if header is None:
            return Token.NONE
        if not header.strip():
            return Token.EMPTY
        issued = self.known.owner_tokens.get(header.strip())
        if issued is not None and issued.owner.kind != kind:
            return Token.INVALID
        if issued is None:
            return self._unissued(header.strip())
        if self.known.owner_exists(*issued.owner) is False:
            return Token.UNKNOWN  # by customer-deleted it may stay valid until it expires
        return self._by_time(issued.expires)

    @cached_property
    def owner_token(self) -> Token:
        """What is known about the token of an owner that counts for this operation."""
        sent = self._kinds_sent
        if len(sent) > 1:
            return Token.UNKNOWN
        return self.token_of(sent[0]) if sent else Token.NONE

    @property
    def has_empty_token(self) -> bool:
        """Whether a header for an owner's token is sent without a value."""
        return any(self.token_of(kind) is Token.EMPTY for kind in OWNER_TOKENS)

    @cached_property
    def owner(self) -> OwnerRef | None:
        """The owner that a valid token restricts the caller to."""
        if self.owner_token is not Token.VALID:
            return None
        header = self.header(OWNER_TOKENS[self._kinds_sent[0]]) or ""
        return self.known.owner_tokens[header.strip()].owner

    @property
    def customer(self) -> str | None:
        """The id of the customer that a valid token restricts the caller to."""
        owner = self.owner
        return owner.id if owner is not None and owner.kind == "customer" else None

    @property
    def is_administrator(self) -> bool | None:
        """Return whether the caller acts for the whole store; None if unknown."""
        return self._caller_is(ADMINISTRATOR)

    @property
    def is_anonymous(self) -> bool | None:
        """Return whether the caller is a shopper without an owner's token; None if unknown."""
        return self._caller_is(SHOPPER)

    def _caller_is(self, grant: str) -> bool | None:
        if self.owner_token is Token.UNKNOWN:
            return None
        if self.owner_token is not Token.NONE or self.access in {Token.NONE, Token.INVALID}:
            return False
        return None if self.grant is None else self.grant == grant

    def _unissued(self, token: str) -> Token:
        # An unknown token is certainly invalid if all issued tokens are known, or if it is far too
        # short.
        return Token.INVALID if self.known.complete or len(token) < 8 else Token.UNKNOWN

    def _by_time(self, expires: float | None) -> Token:
        if expires is None or self.at is None or self.at < expires - _CLOCK_SKEW:
            return Token.VALID
        return Token.INVALID if self.at > expires + _CLOCK_SKEW else Token.UNKNOWN

    # --- The path and the query ---

    def _parameter(self, name: str) -> str:
        raw = unquote_to_bytes(self.parameters.get(name, ""))
        return raw.decode("utf-8", errors="replace")

    @cached_property
    def cart_id(self) -> str:
        """The cart id in the path, percent-decoded; empty if it is missing."""
        return self._parameter("cartID")

    @cached_property
    def customer_id(self) -> str:
        """The customer id in the path, percent-decoded; empty if it is missing."""
        return self._parameter("customerID")

    @cached_property
    def account_id(self) -> str:
        """The account id in the path, percent-decoded; empty if it is missing."""
        return self._parameter("accountID")

    @property
    def has_odd_path(self) -> bool:
        """Whether a gateway may read the path as another one, or as invalid."""
        segments = [self._parameter(name) for name in self.parameters]
        return any(
            segment.strip(".") == "" or re.search(r"[\x00-\x1f\x7f/\\\ufffd;?#%]", segment)
            for segment in segments
            if segment
        )

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """The query parameters, with duplicates."""
        return parse_qsl(self.query_text, keep_blank_values=True)

    # --- The body ---

    @property
    def has_json_type(self) -> bool:
        """Whether the body's media type is a JSON type or missing."""
        media = (self.header("Content-Type") or "application/json").split(";")[0].strip()
        return media.lower() == "application/json" or media.lower().endswith("+json")

    @cached_property
    def json(self) -> JsonText:
        """The body, parsed as JSON."""
        return read_json(self.body)

    @property
    def data(self) -> dict[str, Any]:
        """The object under ``data``, empty if it is missing."""
        value = self.json.value
        data = value.get("data") if isinstance(value, dict) else None
        return data if isinstance(data, dict) else {}

    @property
    def is_bare(self) -> bool:
        """Whether the identifiers of an association request are sent without the envelope."""
        return isinstance(self.json.value, list)

    @property
    def entries(self) -> list[Any] | None:
        """The array of identifiers of an association request, or None if it is missing."""
        value = self.json.value
        found = value.get("data") if isinstance(value, dict) else value
        return found if isinstance(found, list) else None

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The entries of the array that are objects."""
        return [entry for entry in self.entries or () if isinstance(entry, dict)]

    @property
    def named_owner(self) -> OwnerRef | None:
        """The owner of an association request with one well-formed identifier."""
        entries = self.entries or []
        if len(entries) != 1 or not self.objects or self.kind is None:
            return None
        value = self.objects[0].get("id")
        return OwnerRef(self.kind, value) if isinstance(value, str) and value else None

    @property
    def is_oversized(self) -> bool:
        """Whether the request is so long that a gateway may refuse it unread."""
        longest = max((len(value) for value in self.sent.headers.values()), default=0)
        return (
            len(self.sent.url) > _LONG_TARGET
            or longest > _LONG_HEADER
            or len(self.body) > _LONG_BODY
        )
