"""The rules of all endpoints, tried on the endpoints other than the associations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.callers import access_header, customer_header
from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.registry import Case, cases
from cart_conformance.errors import Untestable
from cart_conformance.exchange import CUSTOMER_TOKEN, Answer
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.response_checks import ENVELOPE
from cart_conformance.results import Kind
from cart_conformance.target.credentials import Credentials
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE, identifiers, log_in_body

CARTS = ("getCarts", "createACart", "getACart", "updateACart", "deleteACart")
RECORDS = ("getCustomer", "updateCustomer", "deleteCustomer")
CUSTOMERS = ("createCustomer", "getCustomers", *RECORDS)
BEARER = (*CARTS, *CUSTOMERS, "createCustomerToken")
EVERY = (ASSOCIATE, DISSOCIATE, *BEARER)


def request_of(ctx: CaseContext) -> dict[str, Any]:
    """Return the parts of a request that an administrator may send; each call makes new ones."""
    operation, name = ctx.operation, f"Conformance run {ctx.run_id}"
    if operation in ("getCarts", "getCustomers"):
        return {}
    if operation in (ASSOCIATE, DISSOCIATE):
        cart, a = ctx.new_cart(), ctx.customer("A")
        if operation == DISSOCIATE:
            ctx.associate(cart, a)
        return {"cart": cart, "body": identifiers(a.id)}
    if operation == "createACart":
        return {"body": {"data": {"id": ctx.fresh_id(), "name": name}}}
    if operation == "updateACart":
        return {"cart": ctx.new_cart(), "body": {"data": {"name": name}}}
    if operation in ("getACart", "deleteACart"):
        return {"cart": ctx.new_cart()}
    if operation == "createCustomer":
        person = {"name": name, "email": ctx.email(), "password": ctx.session.factory.password()}
        return {"body": {"data": {"type": "customer", **person}}}
    if operation == "updateCustomer":
        body = {"data": {"type": "customer", "name": name}}
        return {"customer": _record(ctx), "body": body}
    if operation == "createCustomerToken":
        return {"body": log_in_body(*ctx.login("A"))}
    return {"customer": _record(ctx)}


def _record(ctx: CaseContext) -> str:
    """Return a customer to read, change and delete; one of the fixtures if it is only read."""
    if ctx.operation == "getCustomer":
        return ctx.customer("A").id
    return ctx.new_customer().id


def touches(operation: str) -> str:
    """Return what a case of that operation creates."""
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
                3,
                touches=touches(operation),
            )


def _without_access(ctx: CaseContext, what: str) -> None:
    # The control of a DELETE removes its target, so the faulty request gets its own.
    control = ctx.control(ctx.send(ctx.administrator, ctx.operation, **request_of(ctx)))
    request = request_of(ctx)
    headers = {"Authorization": access_header(ctx, what)}
    answer = ctx.send(ctx.administrator, ctx.operation, headers=headers, **request)
    ctx.refused(answer, control)


# --- Customer tokens ---


@cases
def customer_token_invalid() -> Iterator[Case]:
    """Try an invalid customer token on each endpoint that reads one."""
    for operation in (*CARTS, *CUSTOMERS):
        # It is not published whether registering or listing customers reads the header at all.
        level: Level = (
            "interpretation" if operation in ("createCustomer", "getCustomers") else "documented"
        )
        for what in ("not a token", "altered"):
            yield Case(
                "customer-token-invalid",
                operation,
                what,
                partial(_with_bad_customer, what=what, level=level),
                4,
                touches=touches(operation),
            )


def _with_bad_customer(ctx: CaseContext, what: str, level: Level) -> None:
    control = ctx.control(ctx.send(ctx.administrator, ctx.operation, **request_of(ctx)))
    request = request_of(ctx)
    headers = {CUSTOMER_TOKEN: customer_header(ctx, what)}
    caller = ctx.administrator if ctx.operation in CUSTOMERS else ctx.implicit
    answer = ctx.send(caller, ctx.operation, headers=headers, **request)
    ctx.refused(answer, control, level=level)


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
        if operation == "createCustomerToken":
            continue
        for how in ("small letters", "capitals", "a mix"):
            yield Case(
                "header-names",
                operation,
                how,
                partial(_other_case, how=how),
                5,
                touches=touches(operation),
            )


def _caller_for(ctx: CaseContext) -> Credentials:
    """Return the caller whose response proves that both headers were read: a shopper if possible.

    The administrator changes records, because a shopper's own record may be from the fixtures.
    """
    alone = ("createCustomer", "getCustomers", "updateCustomer", "deleteCustomer")
    return ctx.administrator if ctx.operation in alone else ctx.shopper("A")


def _other_case(ctx: CaseContext, how: str) -> None:
    caller = _caller_for(ctx)
    control = ctx.control(ctx.send(caller, ctx.operation, **request_of(ctx)))
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
    return a.id in state.customers or state.count("A") > 0


# --- Empty customer tokens ---


@cases
def empty_customer_token() -> Iterator[Case]:
    """Send the header without a value."""
    for operation in (ASSOCIATE, DISSOCIATE, *CARTS, *CUSTOMERS):
        yield Case(
            "empty-customer-token",
            operation,
            "client credentials",
            _with_empty_token,
            4,
            touches=touches(operation),
        )


def _with_empty_token(ctx: CaseContext) -> None:
    control = ctx.control(ctx.send(ctx.administrator, ctx.operation, **request_of(ctx)))
    if not ctx.session.checks.is_proper(ctx.operation, control):
        raise Untestable("the control is not a published answer")
    answer = ctx.send(
        ctx.administrator, ctx.operation, headers={CUSTOMER_TOKEN: ""}, **request_of(ctx)
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
            2,
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
    ctx.need_error(ctx.send(None, ctx.operation, **request_of(ctx)))


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
