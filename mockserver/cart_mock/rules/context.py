"""What the rules judge: the caller, the request and the store, gathered but not yet judged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
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
from cart_mock.cached import lazy, said
from cart_mock.formats import kind
from cart_mock.http.bodies import Malformed, read_json
from cart_mock.http.messages import Request
from cart_mock.state.entities import Cart, Customer
from cart_mock.state.store import Store
from cart_mock.tenants.registry import TenantRegistry, UnknownStore

ACCESS_HEADER = "Authorization"
CUSTOMER_HEADER = "X-Moltin-Customer-Token"
_ACCESS, _CUSTOMER = ACCESS_HEADER.lower().encode(), CUSTOMER_HEADER.lower().encode()

DEFAULT_LIMIT, MAX_LIMIT = 20, 100
DEFAULT_OFFSET, MAX_OFFSET = 0, 10_000


class Fault(NamedTuple):
    """Why a token does not hold, and what to do."""

    what: str
    instead: str


_AUTHORIZE = 'Send "Authorization: Bearer TOKEN" with a token from POST /oauth/access_token.'
SEND_ENVELOPE = 'Send {"data":[{"type":"customer","id":"CUSTOMER_ID"}]}.'
_LOG_IN = "Log in again with POST /v2/customers/tokens."

_NO_HEADER = Fault("the Authorization header is missing", _AUTHORIZE)
_NOT_BEARER = Fault("the Authorization header is not of the form Bearer TOKEN", _AUTHORIZE)
_UNKNOWN = Fault("the token was not issued here", _AUTHORIZE)
_EXPIRED = Fault("it has expired", "Get a new one with POST /oauth/access_token.")
_C_FORGED = Fault("it was not issued here", _LOG_IN)
_C_FOREIGN = Fault("it belongs to another store than the access token", _LOG_IN)
_C_EXPIRED = Fault("it has expired", _LOG_IN)
_C_DELETED = Fault("its customer was deleted", "Register or log in as another customer.")


class Caller(msgspec.Struct, frozen=True):
    """Who is calling: a store's administrator, one of its shoppers, or a shopper not logged in.

    Where a token does not hold, its fault stands here instead; without a valid access token there
    is no store. ``now`` is the store's time in seconds since the epoch.
    """

    store: Store | None
    grant: Grant | None
    customer_id: str | None
    access_fault: Fault | None
    customer_fault: Fault | None
    now: float

    @property
    def is_administrator(self) -> bool:
        """Whether the caller acts for the whole store."""
        return self.grant == "client_credentials" and self.customer_id is None

    @property
    def is_anonymous(self) -> bool:
        """Whether the caller is a shopper who is not logged in."""
        return self.grant == "implicit" and self.customer_id is None


def _nobody(fault: Fault) -> Caller:
    return Caller(None, None, None, fault, None, 0.0)


class Callers:
    """Finds out who is calling, from the tokens in a request's headers.

    What a header says is remembered, so that only its first use pays for checking the signature;
    whether the token has expired, and whether its store and customer still exist, is looked up
    each time.
    """

    def __init__(self, stores: TenantRegistry, tokens: Tokens) -> None:
        self._stores = stores
        self._tokens = tokens
        self._read_access = lru_cache(maxsize=8192)(self._access)
        self._read_customer = lru_cache(maxsize=8192)(self._customer)

    def of(self, headers: Mapping[bytes, bytes]) -> Caller:
        """The caller of a request with these headers."""
        access = self._read_access(headers.get(_ACCESS))
        if isinstance(access, Fault):
            return _nobody(access)
        store = self._stores.get(access.store)
        if store is None:
            return _nobody(_UNKNOWN)
        now = store.now()
        if access.expires <= now:
            return _nobody(_EXPIRED)
        sent = headers.get(_CUSTOMER)
        if not sent:  # an empty header counts as none: rule empty-customer-token
            return Caller(store, access.grant, None, None, None, now)
        claims = self._read_customer(sent)
        if isinstance(claims, CustomerToken):
            fault = _customer_fault(claims, store, now)
            if fault is None:
                return Caller(store, access.grant, claims.customer, None, None, now)
            claims = fault
        return Caller(store, access.grant, None, None, claims, now)

    def _access(self, header: bytes | None) -> AccessToken | Fault:
        if header is None:
            return _NO_HEADER
        scheme, _, token = header.partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            return _NOT_BEARER
        try:
            return self._tokens.read_access(token.strip().decode("latin-1"))
        except TokenInvalid:
            return _UNKNOWN

    def _customer(self, header: bytes) -> CustomerToken | Fault:
        try:
            return self._tokens.read_customer(header.strip().decode("latin-1"))
        except TokenInvalid:
            return _C_FORGED


def _customer_fault(claims: CustomerToken, store: Store, now: float) -> Fault | None:
    if claims.store != store.name:
        return _C_FOREIGN
    if claims.expires <= now:
        return _C_EXPIRED
    return None if store.has_customer(claims.customer) else _C_DELETED


class RequestContext:
    """One request, as the rules see it. Nothing here refuses, and nothing here writes."""

    def __init__(
        self, request: Request, caller: Caller, store: Store, *, envelope_only: bool = False
    ) -> None:
        self.request = request
        self.caller = caller
        self.store = store
        self.envelope_only = envelope_only
        self.now = int(caller.now)

    def of_request(self) -> dict[str, Any]:
        """What was gathered so far that depends on nothing but the request, by its name."""
        return {name: value for name, value in vars(self).items() if name in _SAID}

    # ---- The body ---------------------------------------------------------------------------

    @said
    def body(self) -> Any:
        """The JSON value that was sent. Raises Malformed."""
        return read_json(self.request.body)

    @said
    def data(self) -> dict[str, Any]:
        """The object under ``data``, or an empty one where there is none."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        return data if isinstance(data, dict) else {}

    @said
    def entries(self) -> list[Any] | Fault:
        """The array of identifiers of an association request, or why there is none."""
        try:
            body = self.body
        except Malformed as error:
            what = f"the body is not JSON, {error}" if self.request.body else "the body is empty"
            return Fault(what, SEND_ENVELOPE)
        if isinstance(body, dict) and "data" in body:
            data = body["data"]
            if isinstance(data, list):
                return data
            return Fault(f'"data" is {kind(data)}', SEND_ENVELOPE)
        if isinstance(body, list):
            if not self.envelope_only:
                return body
            return Fault("the array is not under data", SEND_ENVELOPE)
        what = 'an object without "data"' if isinstance(body, dict) else kind(body)
        return Fault(f"the body is {what}", SEND_ENVELOPE)

    @said
    def enveloped(self) -> bool:
        """Whether the identifiers of an association request came under ``data``."""
        return isinstance(self.body, dict)

    def field(self, path: str) -> str:
        """How a field of the one entry is written: below ``data``, or from the top if bare."""
        return f"data{path}" if self.enveloped else path

    @said
    def entry(self) -> dict[str, Any]:
        """The one entry of an association request that passed the rules on its shape."""
        entries = self.entries
        assert isinstance(entries, list)
        entry: dict[str, Any] = entries[0]
        return entry

    # ---- What the request is about ----------------------------------------------------------

    @property
    def cart_id(self) -> str:
        """The cart id in the path."""
        return self.request.path_params["cartID"]

    @lazy
    def cart(self) -> Cart | None:
        """The cart that the path names, or None if there is no such cart."""
        return self.store.cart(self.cart_id)

    @property
    def is_cart_of_others(self) -> bool:
        """Whether the caller has a customer token and the cart only other customers."""
        customer_id, cart = self.caller.customer_id, self.cart
        return (
            customer_id is not None
            and cart is not None
            and bool(cart.customers)
            and customer_id not in cart.customers
        )

    @property
    def customer_id(self) -> str:
        """The customer id in the path."""
        return self.request.path_params["customerID"]

    @lazy
    def customer(self) -> Customer | None:
        """The customer that the path names, or None if there is no such customer."""
        return self.store.customer(self.customer_id)

    @said
    def contact_email(self) -> Any:
        """What was sent as the contact's email; None or empty if there is none."""
        contact = self.data.get("contact")
        return contact.get("email") if isinstance(contact, dict) else None

    # ---- The query --------------------------------------------------------------------------

    @said
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
    """The hash of the password that was sent, where the operation stores one."""
    password_matches: bool = False
    """Whether the password that was sent is the customer's, where the operation logs in."""


_SAID = frozenset(name for name, fact in vars(RequestContext).items() if isinstance(fact, said))


class TokenRequestContext:
    """A request for an access token, as its rule sees it.

    ``grant`` is None where the form names none that there is, and ``store`` is None where it names
    no key that there is; ``secret_holds`` says whether the secret that was sent is that key's.
    """

    def __init__(self, request: Request, form: dict[str, str], stores: TenantRegistry) -> None:
        self.request = request
        self.form = form
        self.store: Store | None = None
        self.secret_holds = False
        self.grant: Grant | None = next((g for g in GRANTS if g == form.get("grant_type")), None)
        client_id, secret = form.get("client_id"), form.get("client_secret")
        if client_id and self.grant is not None:
            with suppress(UnknownStore):
                self.store = stores.use(client_id)
                if self.grant == "client_credentials" and secret:
                    self.secret_holds = stores.has_secret(self.store, secret)
