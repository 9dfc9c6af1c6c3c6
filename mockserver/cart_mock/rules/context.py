"""The input of the rules: caller, request and store, gathered but not yet judged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Generic, TypeVar, overload
from urllib.parse import parse_qsl

import msgspec
from cart_spec import OwnerKind

from cart_mock.auth.tokens import (
    GRANTS,
    AccessToken,
    Grant,
    OwnerToken,
    TokenInvalid,
    TokenKind,
    Tokens,
)
from cart_mock.bodies import Malformed, read_json
from cart_mock.formats import NAME_LIMIT, format_value, kind
from cart_mock.messages import Request, TokenProblem, Violation
from cart_mock.owners import OWNER_TYPES, Owner, OwnerType
from cart_mock.state.entities import Account, AccountMember, Cart, Customer
from cart_mock.tenants.registry import TenantRegistry, UnknownTenant
from cart_mock.tenants.tenant import Tenant

T = TypeVar("T")

ACCESS_HEADER = "Authorization"
CUSTOMER_HEADER = "X-Moltin-Customer-Token"
ACCOUNT_HEADER = "EP-Account-Management-Authentication-Token"
_ACCESS = ACCESS_HEADER.lower().encode()
_CUSTOMER, _ACCOUNT = CUSTOMER_HEADER.lower().encode(), ACCOUNT_HEADER.lower().encode()

DEFAULT_LIMIT, MAX_LIMIT = 20, 100
DEFAULT_TOKEN_LIMIT = 25
"""How many account tokens a page has if the request does not say."""
DEFAULT_OFFSET, MAX_OFFSET = 0, 10_000


_AUTHORIZE = 'Send "Authorization: Bearer TOKEN" with a token from POST /oauth/access_token.'
_LOG_IN: Mapping[OwnerType, str] = {
    "customer": "Log in again with POST /v2/customers/tokens.",
    "account": "Log in again with POST /v2/account-members/tokens.",
}

_NO_HEADER = TokenProblem("the Authorization header is missing", _AUTHORIZE)
_NOT_BEARER = TokenProblem("the Authorization header is not of the form Bearer TOKEN", _AUTHORIZE)
_UNKNOWN = TokenProblem("the token was not issued here", _AUTHORIZE)
_EXPIRED = TokenProblem("it has expired", "Get a new one with POST /oauth/access_token.")
_KINDS: Mapping[TokenKind, str] = {
    "access": "an access token", "customer": "a customer token", "account": "an account token",
}  # fmt: skip
_PLACES: Mapping[TokenKind, str] = {
    "access": "Authorization as Bearer TOKEN",
    "customer": CUSTOMER_HEADER,
    "account": ACCOUNT_HEADER,
}
NO_TOKENS = {"undefined", "null", "None", "[object Object]"}
"""What clients send that have no token."""


class Caller(msgspec.Struct, frozen=True, array_like=True):
    """Who is calling: a tenant's administrator, a shopper, or a shopper who is not logged in.

    ``owner`` is the customer or account whose token came with the access token, and ``member`` who
    logged in, of an account token. If a token is not valid, its problem stands here instead;
    ``problem_of`` names the owner's token that has ``owner_problem``. ``has_two_owners`` says that
    both came; then neither was read. Without a valid access token there is no tenant. ``now`` is
    the tenant's time in seconds since the epoch.
    """

    tenant: Tenant | None
    grant: Grant | None
    owner: Owner | None
    access_problem: TokenProblem | None
    owner_problem: TokenProblem | None
    now: float
    problem_of: OwnerType | None = None
    has_two_owners: bool = False
    member: str | None = None

    @property
    def customer_id(self) -> str | None:
        """The customer whose token was sent, if any."""
        return self.id_of("customer")

    @property
    def account_id(self) -> str | None:
        """The account whose token was sent, if any."""
        return self.id_of("account")

    def id_of(self, kind: OwnerType) -> str | None:
        """Return the id of the owner whose token was sent, if it is of that kind."""
        owner = self.owner
        return owner.id if owner is not None and owner.type == kind else None

    @property
    def is_administrator(self) -> bool:
        """Whether the caller acts for the whole store, not for one owner."""
        return self.grant == "client_credentials" and self.owner is None

    @property
    def is_anonymous(self) -> bool:
        """Whether the caller is a shopper who is not logged in."""
        return self.grant == "implicit" and self.owner is None


def _unauthorized(problem: TokenProblem) -> Caller:
    return Caller(None, None, None, problem, None, 0.0)


_REMEMBERED = 5_000
"""How many bytes a header may have whose claims are cached: the longest client_id fits."""


class Callers:
    """A reader of callers, from the tokens in a request's headers.

    The claims of a header are cached, so that only its first use pays for checking the signature;
    whether the token has expired, and whether its tenant and owner still exist, is looked up each
    time.
    """

    def __init__(self, tenants: TenantRegistry, tokens: Tokens) -> None:
        self._tenants = tenants
        self._tokens = tokens
        self._read_access = lru_cache(maxsize=8192)(self._access)
        self._read_owner = lru_cache(maxsize=8192)(self._owner)

    def of(
        self, headers: Mapping[bytes, bytes], takes: Collection[OwnerType] = OWNER_TYPES
    ) -> Caller:
        """Return the caller of a request with these headers.

        ``takes`` are the kinds of owner whose tokens the operation takes. The token of the other
        kind counts as none there, but both in one request are refused.
        """
        access = self._access_in(headers)
        if isinstance(access, TokenProblem):
            return _unauthorized(access)
        tenant = self._tenants.get(access.tenant)
        if tenant is None or tenant.incarnation != access.incarnation:
            return unknown_tenant(access.tenant)
        now = tenant.now()
        if access.expires <= now:
            return _unauthorized(_EXPIRED)
        # An empty header counts as none: rules empty-customer-token and empty-account-token.
        customer, account = headers.get(_CUSTOMER), headers.get(_ACCOUNT)
        if customer and account and takes:
            return Caller(tenant, access.grant, None, None, None, now, has_two_owners=True)
        kind: OwnerType = "customer" if customer else "account"
        sent = customer or account
        if not sent or kind not in takes:
            return Caller(tenant, access.grant, None, None, None, now)
        read_owner = self._read_owner if len(sent) <= _REMEMBERED else self._owner
        claims = read_owner(sent, kind)
        if isinstance(claims, OwnerToken):
            problem = _owner_problem(claims, tenant, now)
            if problem is None:
                return Caller(
                    tenant, access.grant, claims.owner, None, None, now, None, False, claims.member
                )
            claims = problem
        return Caller(tenant, access.grant, None, None, claims, now, kind)

    def store_of(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Return the store that an access token names, expired or not; None without a token."""
        access = self._access_in(headers)
        return None if isinstance(access, TokenProblem) else access.tenant

    def forget(self) -> None:
        """Forget the claims that were read: the signing key is another now."""
        self._read_access.cache_clear()
        self._read_owner.cache_clear()

    def _access_in(self, headers: Mapping[bytes, bytes]) -> AccessToken | TokenProblem:
        header = headers.get(_ACCESS)
        if header is not None and len(header) > _REMEMBERED:
            return self._access(header)
        return self._read_access(header)

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
        text = token.strip().decode("latin-1")
        try:
            return self._tokens.read_access(text)
        except TokenInvalid:
            return self._misplaced(text, "access") or _UNKNOWN

    def _owner(self, header: bytes, kind: OwnerType) -> OwnerToken | TokenProblem:
        text = header.strip().decode("latin-1")
        try:
            return self._tokens.read_owner(text, kind)
        except TokenInvalid:
            forged = TokenProblem("it was not issued here", _LOG_IN[kind])
            return self._misplaced(text, kind) or forged

    def _misplaced(self, text: str, wanted: TokenKind) -> TokenProblem | None:
        """Return the problem of a token that stands in the wrong header, or of a word in its place.

        None if the text is neither.
        """
        how = _AUTHORIZE if wanted == "access" else _LOG_IN[wanted]
        alone = text.rpartition(" ")[2].strip('"')
        word = next((word for word in (text, alone) if word in NO_TOKENS), None)
        if word is not None:
            return TokenProblem(f"it is the word {word}, so the client has no token yet", how)
        kind = self._tokens.kind_of(text)
        if kind is None:
            around = self._tokens.kind_of(alone) if alone != text else None
            if around is None:
                return None
            return TokenProblem(
                f"it is {_KINDS[around]} with something around it",
                f"Send {_KINDS[around]} in {_PLACES[around]}, without quotes or other words.",
            )
        here, there = _KINDS[wanted], _PLACES[kind]
        return TokenProblem(f"it is {_KINDS[kind]}, not {here}", f"Send it in {there}. {how}")


def unknown_tenant(name: str) -> Caller:
    """Return the caller whose access token names a tenant that is gone."""
    what = f"the token is of the store {format_value(name)}, which does not exist any more"
    return _unauthorized(TokenProblem(what, "Get a new one with POST /oauth/access_token."))


def _owner_problem(claims: OwnerToken, tenant: Tenant, now: float) -> TokenProblem | None:
    kind = claims.owner.type
    if claims.tenant != tenant.name:
        what = (
            f"it is of the store {format_value(claims.tenant)}, and the access token is of the "
            f"store {format_value(tenant.name)}"
        )
    elif claims.incarnation != tenant.incarnation:
        what = "its store was deleted"
    elif claims.expires <= now:
        what = "it has expired"
    elif not tenant.store.has_owner(claims.owner):
        what = f"its {kind} was deleted"
        other = "another customer" if kind == "customer" else "a member of another account"
        return TokenProblem(what, f"Register or log in as {other}.")
    elif claims.member is not None and tenant.store.accounts.member(claims.member) is None:
        what = "its account member was deleted"
    else:
        return None
    return TokenProblem(what, _LOG_IN[kind])


class once(Generic[T]):  # noqa: N801  # it is used as property is
    """A property that is computed once for each request.

    ``functools.cached_property`` takes a lock up to Python 3.11, which costs more than most values.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, ctx: None, kind: type) -> once[T]: ...
    @overload
    def __get__(self, ctx: object, kind: type) -> T: ...
    def __get__(self, ctx: Any, kind: type) -> Any:
        if ctx is None:
            return self
        value = ctx.__dict__[self._name] = self._compute(ctx)
        return value


class RequestContext:
    """One request, as input of the rules. It neither refuses nor writes."""

    def __init__(
        self, request: Request, caller: Caller, tenant: Tenant, *, envelope_only: bool = False,
        owner_kind: OwnerKind | None = None,
    ) -> None:  # fmt: skip
        self.request = request
        self.caller = caller
        self.tenant = tenant
        self.store = tenant.store
        self.envelope_only = envelope_only
        self.now = int(caller.now)
        self.owner_kind = owner_kind
        """The kind of owner that an association request is about, with its words."""

    # ---- The body ---------------------------------------------------------------------------

    @once
    def body(self) -> Any:
        """The JSON value that was sent. Raises Malformed."""
        return read_json(self.request.body)

    @once
    def data(self) -> dict[str, Any]:
        """The object under ``data``, or an empty one if it is missing."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        return data if isinstance(data, dict) else {}

    @once
    def entries(self) -> list[Any] | Violation:
        """The array of identifiers of an association request, or the reason why it is missing."""
        try:
            body = self.body
        except Malformed as error:
            empty = not self.request.body
            return self._no_array(
                "the body is empty" if empty else f"the body is not JSON, {error}"
            )
        if isinstance(body, dict) and "data" in body:
            data = body["data"]
            return data if isinstance(data, list) else self._no_array(f'"data" is {kind(data)}')
        if isinstance(body, list):
            return self._no_array("the array is not under data") if self.envelope_only else body
        what = 'an object without "data"' if isinstance(body, dict) else kind(body)
        return self._no_array(f"the body is {what}")

    @once
    def enveloped(self) -> bool:
        """Whether the identifiers of an association request came under ``data``."""
        return isinstance(self.body, dict)

    def field(self, path: str) -> str:
        """Return the name of a field of the only entry, for error details."""
        return f"data{path}" if self.enveloped else path

    @once
    def entry(self) -> dict[str, Any]:
        """The one entry of an association request that passed the rules on its shape."""
        entries = self.entries
        assert isinstance(entries, list)
        entry: dict[str, Any] = entries[0]
        return entry

    def absent(self, what: str, an_id: str) -> str:
        """Return the reason of a violation that names something that the store does not have.

        It names the store: what a client looks for is often in another one.
        """
        store = format_value(self.tenant.name)
        return f"there is no {what} {format_value(an_id)} in the store {store}"

    def _no_array(self, reason: str) -> Violation:
        return Violation(reason, self.envelope_hint, "data")

    @property
    def envelope_hint(self) -> str:
        """What to send instead of a body without the array of identifiers."""
        name = "customer" if self.owner_kind is None else self.owner_kind.name
        return f'Send {{"data":[{{"type":"{name}","id":"{name.upper()}_ID"}}]}}.'

    @property
    def owner_type(self) -> OwnerType:
        """The kind of owner that an association request is about."""
        kind = self.owner_kind
        return "account" if kind is not None and kind.name == "account" else "customer"

    @property
    def owner(self) -> Owner:
        """The owner that an association request names, once it passed the rules on its shape."""
        return Owner(self.owner_type, self.entry["id"])

    # ---- The cart and its owners ------------------------------------------------------------

    @property
    def cart_id(self) -> str:
        """The cart id in the path."""
        return self.request.path_params["cartID"]

    @once
    def cart(self) -> Cart | None:
        """The cart that the path names, or None if it does not exist."""
        return self.store.cart(self.cart_id)

    @property
    def customer_id(self) -> str:
        """The customer id in the path."""
        return self.request.path_params["customerID"]

    @once
    def customer(self) -> Customer | None:
        """The customer that the path names, or None if it does not exist."""
        return self.store.customer(self.customer_id)

    @property
    def account_id(self) -> str:
        """The account id in the path."""
        return self.request.path_params["accountID"]

    @once
    def account(self) -> Account | None:
        """The account that the path names, None if it does not exist or is another's."""
        own = self.caller.account_id
        if own is not None and own != self.account_id:
            return None
        return self.store.accounts.account(self.account_id)

    @once
    def account_member(self) -> AccountMember | None:
        """The member that the path names, None if it does not exist or is another one."""
        member_id = self.request.path_params["accountMemberID"]
        if self.caller.member not in (None, member_id):
            return None
        return self.store.accounts.member(member_id)

    @once
    def contact_email(self) -> Any:
        """The contact's email in the body; None or empty if it is missing."""
        contact = self.data.get("contact")
        return contact.get("email") if isinstance(contact, dict) else None

    # ---- The query --------------------------------------------------------------------------

    @once
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
        return self.limit_or(DEFAULT_LIMIT)

    def limit_or(self, default: int) -> int:
        """Return how many entries the page may have, with another default."""
        return int(self.query.get("page[limit]", default))

    @property
    def offset(self) -> int:
        """How many entries come before the page."""
        return int(self.query.get("page[offset]", DEFAULT_OFFSET))

    # ---- What was prepared off the event loop -----------------------------------------------

    password_hash: str | None = None
    """The hash of the password that was sent, if the operation stores one."""
    password_matches: bool = False
    """Whether the password that was sent is the customer's, if the operation logs in."""


class TokenRequestContext:
    """A request for an access token, as input of its rule.

    ``grant`` is None if ``grant_type`` is missing or unknown, and ``tenant`` is None if
    ``client_id`` is; ``secret_matches`` says whether the secret that was sent is the key's, and
    ``has_pinned_secret`` whether a file of clients says which secret that is.
    """

    def __init__(self, request: Request, form: dict[str, str], tenants: TenantRegistry) -> None:
        self.request = request
        self.form = form
        self.tenant: Tenant | None = None
        self.secret_matches = False
        self.grant = self.grant_of(form)
        self.has_pinned_secret = tenants.pins_secrets
        client_id, secret = self.tenant_of(form), form.get("client_secret")
        if client_id is not None:
            with suppress(UnknownTenant):
                self.tenant = tenants.use(client_id)
                if self.grant == "client_credentials" and secret:
                    self.secret_matches = tenants.has_secret(self.tenant, secret)

    @classmethod
    def tenant_of(cls, form: Mapping[str, str]) -> str | None:
        """Return the tenant that a form names, None if it gets no token whichever that is."""
        client_id = form.get("client_id")
        if not client_id or len(client_id) > NAME_LIMIT or cls.grant_of(form) is None:
            return None
        return client_id

    @staticmethod
    def grant_of(form: Mapping[str, str]) -> Grant | None:
        """Return the grant that a form asks for, None if it is missing or unknown."""
        return next((g for g in GRANTS if g == form.get("grant_type")), None)
