"""The rules of all endpoints, tried on the endpoints other than the associations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.callers import access_header, owner_header
from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.registry import Case, cases
from cart_conformance.errors import Untestable
from cart_conformance.exchange import OWNER_TOKENS, Answer
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.response_checks import ENVELOPE
from cart_conformance.results import Kind
from cart_conformance.target.credentials import Credentials
from cart_conformance.target.requests import (
    ASSOCIATE,
    DISSOCIATE,
    account_log_in_body,
    identifiers,
    log_in_body,
    operation_for,
)

CARTS = ("getCarts", "createACart", "getACart", "updateACart", "deleteACart")
RECORDS = ("getCustomer", "updateCustomer", "deleteCustomer")
CUSTOMERS = ("createCustomer", "getCustomers", *RECORDS)
MEMBERSHIPS = ("createAccountMembership", "getAccountMemberships", "deleteAccountMembership")
ACCOUNT_RECORDS = ("getAccount", "updateAccount", "deleteAccount", *MEMBERSHIPS)
ACCOUNTS = ("createAccount", "getAccounts", *ACCOUNT_RECORDS, "getAccountMembers",
            "getAccountMember")  # fmt: skip
READING_ACCOUNT_TOKEN = (*ACCOUNTS, "createAccountToken")
ACCOUNT_LOGIN = ("createAccountToken", "getAccountAuthenticationSettings", "getPasswordProfiles")
BEARER = (*CARTS, *CUSTOMERS, "createCustomerToken", *ACCOUNTS, *ACCOUNT_LOGIN)
EVERY = (ASSOCIATE, DISSOCIATE, *BEARER)


def request_of(ctx: CaseContext) -> dict[str, Any]:
    """Return the parts of a request that an administrator may send; each call makes new ones."""
    operation, name = ctx.operation, f"Conformance run {ctx.run_id}"
    if operation in (*ACCOUNTS, *ACCOUNT_LOGIN):
        return _account_request(ctx)
    if operation in CARTS:
        return _cart_request(ctx)
    if operation in (ASSOCIATE, DISSOCIATE):
        cart, owner = ctx.new_cart(), ctx.owner("A")
        if operation == DISSOCIATE:
            ctx.associate(cart, owner)
        return {"cart": cart, "body": ctx.identifiers(owner.id)}
    if operation == "createCustomer":
        return {"body": {"data": ctx.session.factory.fields_of_customer()}}
    if operation == "updateCustomer":
        body = {"data": {"type": "customer", "name": name}}
        return {"customer": _record(ctx), "body": body}
    if operation == "createCustomerToken":
        return {"body": log_in_body(*ctx.login("A"))}
    return {} if operation == "getCustomers" else {"customer": _record(ctx)}


def _cart_request(ctx: CaseContext) -> dict[str, Any]:
    operation, name = ctx.operation, f"Conformance run {ctx.run_id}"
    if operation == "createACart":
        return {"body": {"data": {"id": ctx.fresh_id(), "name": name}}}
    if operation == "updateACart":
        return {"cart": ctx.new_cart(), "body": {"data": {"name": name}}}
    if operation in ("getACart", "deleteACart"):
        return {"cart": ctx.new_cart()}
    return {}


def _account_request(ctx: CaseContext) -> dict[str, Any]:
    operation, name = ctx.operation, f"Conformance run {ctx.run_id}"
    if operation == "createAccount":
        return {"body": {"data": {"type": "account", "name": name, "legal_name": name}}}
    if operation == "getAccount":
        return {"account": ctx.owner("A").id}
    if operation == "updateAccount":
        data = {"type": "account", "name": name, "legal_name": name}
        return {"account": ctx.session.factory.record("account"), "body": {"data": data}}
    if operation == "deleteAccount":
        return {"account": ctx.session.factory.record("account")}
    if operation in MEMBERSHIPS:
        return _membership_request(ctx)
    if operation == "getAccountMember":
        return {"path": {"accountMemberID": ctx.session.factory.member_of(ctx.owner("A").id)}}
    if operation == "createAccountToken":
        a = ctx.owner("A")
        profile = ctx.session.factory.password_profile()
        return {"body": account_log_in_body(profile, a.login, a.password)}
    if operation == "getPasswordProfiles":
        return {"path": {"authenticationRealmID": ctx.session.factory.realm()}}
    return {}


def _membership_request(ctx: CaseContext) -> dict[str, Any]:
    """Return a request about an account of the run that has no member yet."""
    factory = ctx.session.factory
    if ctx.operation == "getAccountMemberships":
        return {"account": ctx.owner("A").id}
    account = factory.record("account")
    member = factory.member_of(ctx.owner("A").id)
    body = {"data": {"type": "account_membership", "account_member_id": member}}
    if ctx.operation == "createAccountMembership":
        return {"account": account, "body": body}
    joined = ctx.send(ctx.administrator, "createAccountMembership", account=account, body=body)
    ctx.need(joined, "no membership could be made")
    membership = str(joined.data.get("id")) if isinstance(joined.data, dict) else ""
    return {"account": account, "path": {"accountMembershipID": membership}}


def _record(ctx: CaseContext) -> str:
    """Return a customer to read, change and delete; one of the fixtures if it is only read."""
    if ctx.operation == "getCustomer":
        return ctx.customer("A").id
    return ctx.session.factory.record("customer")


def _of(operation: str, account_rule: str, customer_rule: str) -> str:
    """Return the rule of accounts if the operation exists for them only."""
    return account_rule if operation in READING_ACCOUNT_TOKEN else customer_rule


def touches(operation: str) -> str:
    """Return what a case of that operation creates."""
    if operation in ACCOUNTS:
        return "accounts of this run"
    return "customers of this run" if operation in CUSTOMERS else "carts of this run"


# --- Access tokens ---


@cases
def access_token_invalid() -> Iterator[Case]:
    """Try three kinds of invalid access token on each endpoint."""
    for operation in BEARER:
        for what in ("absent", "not a token", "altered"):
            yield Case(
                "access-token-invalid",
                operation,
                what,
                partial(_without_access, what=what),
                2,
                touches=touches(operation),
            )


def usual_control(ctx: CaseContext) -> Answer:
    """Return the answer to the operation's request as administrator, which cases share."""
    send = partial(ctx.send, ctx.administrator, ctx.operation)
    return ctx.usual(lambda: send(**request_of(ctx)))


def faulty(ctx: CaseContext, caller: Credentials | None, **changes: Any) -> Answer:
    """Send the operation's request with a fault, and return the answer.

    If it is refused, a later case names the same cart, customer or account. The control cannot: a
    DELETE removes its target.
    """
    place = f"target of {ctx.kind}, {ctx.operation}"
    request = ctx.take(place, lambda: request_of(ctx))
    answer = ctx.send(caller, ctx.operation, **(request | changes))
    if answer.refused:
        ctx.back(place)
    return answer


def _without_access(ctx: CaseContext, what: str) -> None:
    control = usual_control(ctx)
    headers = {"Authorization": access_header(ctx, what)}
    ctx.refused(faulty(ctx, ctx.administrator, headers=headers), control)


# --- Customer tokens ---


@cases
def customer_token_invalid() -> Iterator[Case]:
    """Try an invalid customer or account token on each endpoint that reads one."""
    for operation in (*CARTS, *CUSTOMERS, *READING_ACCOUNT_TOKEN):
        # It is not published whether these read the header at all.
        unsure = operation in ("createCustomer", "getCustomers", "createAccountToken")
        level: Level = "interpretation" if unsure else "documented"
        for what in ("not a token", "altered"):
            yield Case(
                _of(operation, "account-token-invalid", "customer-token-invalid"),
                operation,
                what,
                partial(_with_bad_customer, what=what, level=level),
                2,
                touches=touches(operation),
            )


def _with_bad_customer(ctx: CaseContext, what: str, level: Level) -> None:
    control = usual_control(ctx)
    headers = {ctx.owner_token: owner_header(ctx, what)}
    caller = ctx.implicit if ctx.operation in CARTS else ctx.administrator
    ctx.refused(faulty(ctx, caller, headers=headers), control, level=level)


# --- Header names ---


def _spelled(name: str, how: str) -> str:
    if how == "small letters":
        return name.lower()
    if how == "capitals":
        return name.upper()
    return "".join(c.lower() if i % 2 else c.upper() for i, c in enumerate(name))


@cases
def header_names() -> Iterator[Case]:
    """Send the headers with credentials in other letter cases."""
    for operation in EVERY:
        if operation in ("createCustomerToken", *ACCOUNT_LOGIN[1:]):
            continue
        for how in ("small letters", "capitals", "a mix"):
            yield Case(
                "header-names",
                operation,
                how,
                partial(_other_case, how=how),
                3,
                touches=touches(operation),
            )


def _caller_for(ctx: CaseContext) -> Credentials:
    """Return the caller whose response proves that both headers were read: a shopper if possible.

    The administrator changes records, because a shopper's own record may be from the fixtures.
    """
    alone = ("createCustomer", "getCustomers", "updateCustomer", "deleteCustomer",
             "createAccount", "updateAccount", "deleteAccount", "createAccountMembership",
             "deleteAccountMembership", "createAccountToken")  # fmt: skip
    return ctx.administrator if ctx.operation in alone else ctx.shopper("A")


def _other_case(ctx: CaseContext, how: str) -> None:
    caller = _caller_for(ctx)
    control = ctx.usual(lambda: ctx.send(caller, ctx.operation, **request_of(ctx)), caller.name)
    headers: dict[str, str | None] = {}
    for name, value in caller.headers().items():
        headers |= {name: None, _spelled(name, how): value}
    answer = ctx.send(caller, ctx.operation, headers=headers, **request_of(ctx))
    ctx.expect(
        answer.ok,
        f"what the same request gets with the usual letter case: {control.status}",
        shown(answer),
        answer,
        control=control,
        kind=Kind.SERVER_ERROR if answer.status >= 500 else Kind.REFUSED,
    )
    if ctx.operation == "createACart" and answer.ok:
        # The new cart belongs to the shopper only if the customer token was read.
        if not _is_registered(ctx, control):
            raise Untestable("with the usual letter case too, a shopper's new cart has no customer")
        ctx.expect(
            _is_registered(ctx, answer),
            "a cart of the customer whose token was sent",
            "a cart without that customer",
            answer,
            control=control,
        )


def _is_registered(ctx: CaseContext, made: Answer) -> bool:
    a, data = ctx.customer("A"), made.data if isinstance(made.data, dict) else {}
    state = ctx.state(str(data.get("id")), a)
    return bool(state.names(a)) or state.count("A") > 0


# --- Tokens of both kinds of owner ---


@cases
def two_owner_tokens() -> Iterator[Case]:
    """Send a customer token and an account token in one request, both of them valid."""
    for operation in (*CARTS, *CUSTOMERS, *READING_ACCOUNT_TOKEN):
        yield Case(
            "two-owner-tokens", operation, "both valid", _with_both, 2,
            touches=touches(operation), both_kinds=True,
        )  # fmt: skip
    for kind in OWNER_TOKENS:
        for operation in (ASSOCIATE, DISSOCIATE):
            yield Case(
                "two-owner-tokens",
                operation_for(kind, operation),
                "both valid",
                _both_associate,
                5,
                both_kinds=True,
            )
            yield Case(
                f"{kind}-token-required",
                operation_for(kind, operation),
                "the token of the other kind of owner",
                _other_associates,
                5,
                both_kinds=True,
            )


def _both_tokens(ctx: CaseContext) -> dict[str, str | None]:
    actors = ctx.session.actors
    return {
        OWNER_TOKENS["customer"]: actors.customer("A").token,
        OWNER_TOKENS["account"]: actors.account("A").token,
    }


def _with_both(ctx: CaseContext) -> None:
    control = usual_control(ctx)
    ctx.refused(faulty(ctx, ctx.administrator, headers=_both_tokens(ctx)), control)


def _both_associate(ctx: CaseContext) -> None:
    """Send both tokens with what the token of the path's own kind of owner may do alone."""
    _not_as_owner(ctx, headers=_both_tokens(ctx))


def _other_associates(ctx: CaseContext) -> None:
    """Send the token of the other kind of owner, which counts as none on this path."""
    actors = ctx.session.actors
    other = actors.customer("A") if "Account" in ctx.operation else actors.account("A")
    _not_as_owner(ctx, caller=ctx.shopper(other))


def _not_as_owner(
    ctx: CaseContext,
    *,
    caller: Credentials | None = None,
    headers: dict[str, str | None] | None = None,
) -> None:
    """Check that what a shopper may do is refused to this caller, or with these headers."""
    kind = "account" if "Account" in ctx.operation else "customer"
    actors = ctx.session.actors
    owner = actors.customer("A") if kind == "customer" else actors.account("A")
    cart, shopper = ctx.new_cart(), ctx.shopper(owner)
    body = identifiers(owner.id, kind=kind)
    if ctx.operation == operation_for(kind, DISSOCIATE):
        ctx.associate(cart, owner)
    control = ctx.control(ctx.send(shopper, ctx.operation, cart=cart, body=body))
    if ctx.operation == operation_for(kind, DISSOCIATE):
        ctx.associate(cart, owner)
    else:
        ctx.dissociate(cart, owner)
    before = ctx.state(cart, owner)
    sender = caller or shopper
    answer = ctx.send(sender, ctx.operation, cart=cart, body=body, headers=headers)
    if ctx.refused(answer, control):
        ctx.unchanged(before, ctx.state(cart, owner), answer)


# --- Empty customer tokens ---


@cases
def empty_customer_token() -> Iterator[Case]:
    """Send the header without a value."""
    for operation in (ASSOCIATE, DISSOCIATE, *CARTS, *CUSTOMERS, *READING_ACCOUNT_TOKEN):
        yield Case(
            _of(operation, "empty-account-token", "empty-customer-token"),
            operation,
            "client credentials",
            _with_empty_token,
            3,
            touches=touches(operation),
        )


def _with_empty_token(ctx: CaseContext) -> None:
    control = usual_control(ctx)
    if not ctx.session.checks.is_proper(ctx.operation_id, control):
        raise Untestable("the control is not a published answer")
    answer = ctx.send(
        ctx.administrator, ctx.operation, headers={ctx.owner_token: ""}, **request_of(ctx)
    )
    ctx.expect(
        answer.ok,
        f"what the same request gets without the header: {control.status}",
        shown(answer),
        answer,
        control=control,
        kind=Kind.SERVER_ERROR if answer.status >= 500 else Kind.REFUSED,
    )


# --- The envelope ---


@cases
def error_envelope() -> Iterator[Case]:
    """Cause one error of each endpoint. The errors of all other cases are checked as well."""
    for operation in EVERY:
        yield Case(
            ENVELOPE,
            operation,
            "no access token",
            _refused_without_token,
            1,
            touches=touches(operation),
        )
    yield Case(ENVELOPE, "createAccessToken", "an unknown grant", _bad_grant, 1)
    for operation in ("createACart", "updateACart"):
        yield Case(ENVELOPE, operation, "a body that is not JSON", _bad_json, 2)
        yield Case(ENVELOPE, operation, "a name that is no string", _bad_name, 2)
    yield Case(ENVELOPE, "getCarts", "a page out of range", _bad_page, 1)
    yield Case(ENVELOPE, "getCustomers", "a page out of range", _bad_page, 1)
    yield Case(ENVELOPE, "getCustomer", "an unknown customer", _unknown_customer, 1)


def _refused_without_token(ctx: CaseContext) -> None:
    ctx.need_error(faulty(ctx, None))


def _bad_grant(ctx: CaseContext) -> None:
    ctx.need_error(ctx.token("client_credentials", grant_type="password"))


def _bad_json(ctx: CaseContext) -> None:
    request = {name: value for name, value in request_of(ctx).items() if name != "body"}
    ctx.need_error(ctx.send(ctx.administrator, ctx.operation, raw=b'{"data": {', **request))


def _bad_name(ctx: CaseContext) -> None:
    request = request_of(ctx)
    request["body"]["data"]["name"] = {"not": "a string"}
    ctx.need_error(ctx.send(ctx.administrator, ctx.operation, **request))


def _bad_page(ctx: CaseContext) -> None:
    ctx.need_error(ctx.send(ctx.administrator, ctx.operation, query="page[limit]=1001"))


def _unknown_customer(ctx: CaseContext) -> None:
    ctx.need_error(ctx.send(ctx.administrator, ctx.operation, customer=ctx.unknown_customer()))
