"""The input of the rules: caller, request and store, gathered but not yet judged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from cart_mock.auth.tokens import (
    GRANTS,
    AccessToken,
    CustomerToken,
    Grant,
    TokenInvalid,
    Tokens,
)
from cart_mock.bodies import Malformed, read_json
from cart_mock.formats import NAME_LIMIT, kind
from cart_mock.messages import Request, TokenProblem, Violation
from cart_mock.state.entities import Cart, Customer
from cart_mock.tenants.registry import TenantRegistry, UnknownTenant
from cart_mock.tenants.tenant import Tenant

ACCESS_HEADER = "Authorization"
CUSTOMER_HEADER = "X-Moltin-Customer-Token"
_ACCESS, _CUSTOMER = ACCESS_HEADER.lower().encode(), CUSTOMER_HEADER.lower().encode()

DEFAULT_LIMIT, MAX_LIMIT = 20, 100
DEFAULT_OFFSET, MAX_OFFSET = 0, 10_000


_AUTHORIZE = 'Send "Authorization: Bearer TOKEN" with a token from POST /oauth/access_token.'
SEND_ENVELOPE = 'Send {"data":[{"type":"customer","id":"CUSTOMER_ID"}]}.'
_LOG_IN = "Log in again with POST /v2/customers/tokens."

_NO_HEADER = TokenProblem("the Authorization header is missing", _AUTHORIZE)
_NOT_BEARER = TokenProblem("the Authorization header is not of the form Bearer TOKEN", _AUTHORIZE)
_UNKNOWN = TokenProblem("the token was not issued here", _AUTHORIZE)
_EXPIRED = TokenProblem("it has expired", "Get a new one with POST /oauth/access_token.")
_C_FORGED = TokenProblem("it was not issued here", _LOG_IN)
_C_FOREIGN = TokenProblem("it belongs to another store than the access token", _LOG_IN)
_C_EXPIRED = TokenProblem("it has expired", _LOG_IN)
_C_DELETED = TokenProblem("its customer was deleted", "Register or log in as another customer.")


class Caller(msgspec.Struct, frozen=True):
    """Who is calling: a tenant's administrator, a shopper, or a shopper who is not logged in.

    If a token is not valid, its problem stands here instead; without a valid access token there is
    no tenant. ``now`` is the tenant's time in seconds since the epoch.
    """

    tenant: Tenant | None
    grant: Grant | None
    customer_id: str | None
    access_problem: TokenProblem | None
    customer_problem: TokenProblem | None
    now: float

    @property
    def is_administrator(self) -> bool:
        """Whether the caller acts for the whole store, not for one customer."""
        return self.grant == "client_credentials" and self.customer_id is None

    @property
    def is_anonymous(self) -> bool:
        """Whether the caller is a shopper who is not logged in."""
        return self.grant == "implicit" and self.customer_id is None


def _unauthorized(problem: TokenProblem) -> Caller:
    return Caller(None, None, None, problem, None, 0.0)


class Callers:
    """A reader of callers, from the tokens in a request's headers.

    The claims of a header are cached, so that only its first use pays for checking the signature;
    whether the token has expired, and whether its tenant and customer still exist, is looked up
    each time.
    """

    def __init__(self, tenants: TenantRegistry, tokens: Tokens) -> None:
        self._tenants = tenants
        self._tokens = tokens
        self._read_access = lru_cache(maxsize=8192)(self._access)
        self._read_customer = lru_cache(maxsize=8192)(self._customer)

    def of(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return the caller of a request with these headers."""
        access = self._read_access(headers.get(_ACCESS))
        if isinstance(access, TokenProblem):
            return _unauthorized(access)
        tenant = self._tenants.get(access.tenant)
        if tenant is None:
            return UNKNOWN_CALLER
        now = tenant.now()
        if access.expires <= now:
            return _unauthorized(_EXPIRED)
        sent = headers.get(_CUSTOMER)
        if not sent:  # an empty header counts as none: rule empty-customer-token
            return Caller(tenant, access.grant, None, None, None, now)
        claims = self._read_customer(sent)
        if isinstance(claims, CustomerToken):
            problem = _customer_problem(claims, tenant, now)
            if problem is None:
                return Caller(tenant, access.grant, claims.customer, None, None, now)
            claims = problem
        return Caller(tenant, access.grant, None, None, claims, now)

    def store_of(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Return the store that an access token names, expired or not; None without a token."""
        access = self._read_access(headers.get(_ACCESS))
        return None if isinstance(access, TokenProblem) else access.tenant

    def forget(self) -> None:
        """Forget the claims that were read: the signing key is another now."""
        self._read_access.cache_clear()
        self._read_customer.cache_clear()

    def _access(self, header: bytes | None) -> AccessToken | TokenProblem:
        if header is None:
            return _NO_HEADER
        scheme, _, token = header.strip().partition(b" ")
        if not token and scheme.lower() != b"bearer":
            token = scheme  # "Authorization: TOKEN", as some clients send it
        elif scheme.lower() != b"bearer":
            return _NOT_BEARER
        if not token:
            return _NOT_BEARER
        try:
            return self._tokens.read_access(token.strip().decode("latin-1"))
        except TokenInvalid:
            return _UNKNOWN

    def _customer(self, header: bytes) -> CustomerToken | TokenProblem:
        try:
            return self._tokens.read_customer(header.strip().decode("latin-1"))
        except TokenInvalid:
            return _C_FORGED


UNKNOWN_CALLER = _unauthorized(_UNKNOWN)
"""The caller whose access token does not name an existing tenant."""


def _customer_problem(claims: CustomerToken, tenant: Tenant, now: float) -> TokenProblem | None:
    if claims.tenant != tenant.name:
        return _C_FOREIGN
    if claims.expires <= now:
        return _C_EXPIRED
    return None if tenant.store.has_customer(claims.customer) else _C_DELETED


class RequestContext:
    """One request, as input of the rules. It neither refuses nor writes."""

    def __init__(
        self, request: Request, caller: Caller, tenant: Tenant, *, envelope_only: bool = False
    ) -> None:
        self.request = request
        self.caller = caller
        self.tenant = tenant
        self.store = tenant.store
        self.envelope_only = envelope_only
        self.now = int(caller.now)

    # ---- The body ---------------------------------------------------------------------------

    @cached_property
    def body(self) -> Any:
        """The JSON value that was sent. Raises Malformed."""
        return read_json(self.request.body)

    @cached_property
    def data(self) -> dict[str, Any]:
        """The object under ``data``, or an empty one if it is missing."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        return data if isinstance(data, dict) else {}

    @cached_property
    def entries(self) -> list[Any] | Violation:
        """The array of identifiers of an association request, or the reason why it is missing."""
        try:
            body = self.body
        except Malformed as error:
            empty = not self.request.body
            return _no_array("the body is empty" if empty else f"the body is not JSON, {error}")
        if isinstance(body, dict) and "data" in body:
            data = body["data"]
            return data if isinstance(data, list) else _no_array(f'"data" is {kind(data)}')
        if isinstance(body, list):
            return _no_array("the array is not under data") if self.envelope_only else body
        what = 'an object without "data"' if isinstance(body, dict) else kind(body)
        return _no_array(f"the body is {what}")

    @cached_property
    def enveloped(self) -> bool:
        """Whether the identifiers of an association request came under ``data``."""
        return isinstance(self.body, dict)

    def field(self, path: str) -> str:
        """Return the name of a field of the only entry, for error details."""
        return f"data{path}" if self.enveloped else path

    @cached_property
    def entry(self) -> dict[str, Any]:
        """The one entry of an association request that passed the rules on its shape."""
        entries = self.entries
        assert isinstance(entries, list)
        entry: dict[str, Any] = entries[0]
        return entry

    # ---- The cart and the customer ----------------------------------------------------------

    @property
    def cart_id(self) -> str:
        """The cart id in the path."""
        return self.request.path_params["cartID"]

    @cached_property
    def cart(self) -> Cart | None:
        """The cart that the path names, or None if there is no such cart."""
        return self.store.cart(self.cart_id)

    @property
    def customer_id(self) -> str:
        """The customer id in the path."""
        return self.request.path_params["customerID"]

    @cached_property
    def customer(self) -> Customer | None:
        """The customer that the path names, or None if there is no such customer."""
        return self.store.customer(self.customer_id)

    @cached_property
    def contact_email(self) -> Any:
        """The contact's email in the body; None or empty if it is missing."""
        contact = self.data.get("contact")
        return contact.get("email") if isinstance(contact, dict) else None

    # ---- The query --------------------------------------------------------------------------

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters, the first of each name."""
        fields: dict[str, str] = {}
        if not self.request.query:
            return fields
        query = self.request.query.decode("latin-1")
        for name, value in parse_qsl(query, keep_blank_values=True):
            fields.setdefault(name, value)
        return fields

    @property
    def limit(self) -> int:
        """How many entries the page may have."""
        return int(self.query.get("page[limit]", DEFAULT_LIMIT))

    @property
    def offset(self) -> int:
        """How many entries come before the page."""
        return int(self.query.get("page[offset]", DEFAULT_OFFSET))

    # ---- What was prepared off the event loop -----------------------------------------------

    password_hash: str | None = None
    """The hash of the password that was sent, if the operation stores one."""
    password_matches: bool = False
    """Whether the password that was sent is the customer's, if the operation logs in."""


def _no_array(reason: str) -> Violation:
    return Violation(reason, SEND_ENVELOPE, "data")


class TokenRequestContext:
    """A request for an access token, as input of its rule.

    ``grant`` is None if ``grant_type`` is missing or unknown, and ``tenant`` is None if
    ``client_id`` is; ``secret_matches`` says whether the secret that was sent is the key's.
    """

    def __init__(self, request: Request, form: dict[str, str], tenants: TenantRegistry) -> None:
        self.request = request
        self.form = form
        self.tenant: Tenant | None = None
        self.secret_matches = False
        self.grant = self.grant_of(form)
        client_id, secret = form.get("client_id"), form.get("client_secret")
        if client_id and len(client_id) <= NAME_LIMIT and self.grant is not None:
            with suppress(UnknownTenant):
                self.tenant = tenants.use(client_id)
                if self.grant == "client_credentials" and secret:
                    self.secret_matches = tenants.has_secret(self.tenant, secret)

    @staticmethod
    def grant_of(form: Mapping[str, str]) -> Grant | None:
        """Return the grant that a form asks for, None if it is missing or unknown."""
        return next((g for g in GRANTS if g == form.get("grant_type")), None)
