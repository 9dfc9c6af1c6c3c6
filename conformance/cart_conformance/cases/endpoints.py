"""The rules that hold for every endpoint, tried on those around the associations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.callers import access_header, customer_header
from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.registry import Case, cases
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.response_checks import ENVELOPE
from cart_conformance.run.events import Kind
from cart_conformance.target.credentials import CUSTOMER_TOKEN, Credentials
from cart_conformance.target.session import (
    ASSOCIATE,
    DISSOCIATE,
    Untestable,
    identifiers,
    log_in_body,
)
from cart_conformance.target.transport import Answer

CARTS = ("getCarts", "createACart", "getACart", "updateACart", "deleteACart")
RECORDS = ("getCustomer", "updateCustomer", "deleteCustomer")
CUSTOMERS = ("createCustomer", "getCustomers", *RECORDS)
BEARER = (*CARTS, *CUSTOMERS, "createCustomerToken")
EVERY = (ASSOCIATE, DISSOCIATE, *BEARER)


def request_of(x: CaseContext) -> dict[str, Any]:
    """Arguments of a request that an administrator may send, anew for each call."""
    operation, name = x.operation, f"Conformance run {x.session.run_id}"
    if operation in ("getCarts", "getCustomers"):
        return {}
    if operation in (ASSOCIATE, DISSOCIATE):
        cart, a = x.session.new_cart(), x.customer("A")
        if operation == DISSOCIATE:
            x.associate(cart, a)
        return {"cart": cart, "body": identifiers(a.id)}
    if operation == "createACart":
        return {"body": {"data": {"id": x.session.fresh_id(), "name": name}}}
    if operation == "updateACart":
        return {"cart": x.session.new_cart(), "body": {"data": {"name": name}}}
    if operation in ("getACart", "deleteACart"):
        return {"cart": x.session.new_cart()}
    if operation == "createCustomer":
        email = f"{x.session.fresh_id('customer')}@example.com"
        return {"body": {"data": {"type": "customer", "name": name, "email": email}}}
    if operation == "updateCustomer":
        body = {"data": {"type": "customer", "name": name}}
        return {"customer": _record(x), "body": body}
    if operation == "createCustomerToken":
        a = x.customer("A")
        return {"body": log_in_body(a.email, a.password)}
    return {"customer": _record(x)}


def _record(x: CaseContext) -> str:
    """A customer whom a case may read, change and lose; one of the fixtures only to read."""
    if x.operation == "getCustomer":
        return x.customer("A").id
    return x.session.new_customer().id


def touches(operation: str) -> str:
    """What a case of that operation makes."""
    return "customers of this run" if operation in CUSTOMERS else "carts of this run"


# --- Access tokens ---


@cases
def access_token_invalid() -> Iterator[Case]:
    """Three ways to have no valid access token, on each endpoint."""
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


def _without_access(x: CaseContext, what: str) -> None:
    # The control of a DELETE would take away what the faulty request is about, so each has its own.
    control = x.control(x.send(x.administrator, x.operation, **request_of(x)))
    request = request_of(x)
    headers = {"Authorization": access_header(x, what)}
    answer = x.send(x.administrator, x.operation, headers=headers, **request)
    x.refused(answer, control)


# --- Customer tokens ---


@cases
def customer_token_invalid() -> Iterator[Case]:
    """A customer token that does not hold, on each endpoint that reads one."""
    for operation in (*CARTS, *CUSTOMERS):
        # Whether a register or a list of customers looks at the header at all is not published.
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


def _with_bad_customer(x: CaseContext, what: str, level: Level) -> None:
    control = x.control(x.send(x.administrator, x.operation, **request_of(x)))
    request = request_of(x)
    headers = {CUSTOMER_TOKEN: customer_header(x, what)}
    caller = x.administrator if x.operation in CUSTOMERS else x.session.implicit
    answer = x.send(caller, x.operation, headers=headers, **request)
    x.refused(answer, control, level=level)


# --- Header names ---


def _spelled(name: str, how: str) -> str:
    if how == "small letters":
        return name.lower()
    if how == "capitals":
        return name.upper()
    return "".join(c.lower() if i % 2 else c.upper() for i, c in enumerate(name))


@cases
def header_names() -> Iterator[Case]:
    """The headers that carry credentials, in other letter cases."""
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


def _caller_for(x: CaseContext) -> Credentials:
    """Whose request shows that both headers were read: a shopper's, where the shopper may send it.

    A record is changed by the administrator: the shopper's own is given, or somebody else's.
    """
    alone = ("createCustomer", "getCustomers", "updateCustomer", "deleteCustomer")
    return x.administrator if x.operation in alone else x.shopper("A")


def _other_case(x: CaseContext, how: str) -> None:
    caller = _caller_for(x)
    control = x.control(x.send(caller, x.operation, **request_of(x)))
    headers: dict[str, str | None] = {}
    for name, value in caller.headers().items():
        headers |= {name: None, _spelled(name, how): value}
    answer = x.send(caller, x.operation, headers=headers, **request_of(x))
    x.expect(
        answer.ok,
        f"what the same request gets with the usual letter case: {control.status}",
        shown(answer),
        answer,
        control=control,
        kind=Kind.SERVER_ERROR if answer.status >= 500 else Kind.REFUSED,
    )
    if x.operation == "createACart" and answer.ok:
        # The new cart is the shopper's only if the customer token was read.
        if not _is_registered(x, control):
            raise Untestable("a shopper's new cart is nobody's with the usual letter case too")
        x.expect(
            _is_registered(x, answer),
            "a cart of the customer whose token was sent",
            "a cart without that customer",
            answer,
            control=control,
        )


def _is_registered(x: CaseContext, made: Answer) -> bool:
    a, data = x.customer("A"), made.data if isinstance(made.data, dict) else {}
    state = x.state(str(data.get("id")), a)
    return a.id in state.customers or state.count("A") > 0


# --- Empty customer tokens ---


@cases
def empty_customer_token() -> Iterator[Case]:
    """The header is there and says nothing."""
    for operation in (ASSOCIATE, DISSOCIATE, *CARTS, *CUSTOMERS):
        yield Case(
            "empty-customer-token",
            operation,
            "client credentials",
            _with_empty_token,
            4,
            touches=touches(operation),
        )


def _with_empty_token(x: CaseContext) -> None:
    control = x.control(x.send(x.administrator, x.operation, **request_of(x)))
    if not x.session.observer.is_proper(x.operation, control):
        raise Untestable("the control is no published answer")
    answer = x.send(x.administrator, x.operation, headers={CUSTOMER_TOKEN: ""}, **request_of(x))
    x.expect(
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
    """One error of each endpoint; those of every other case are looked at as well."""
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


def _refused_without_token(x: CaseContext) -> None:
    x.need_error(x.send(None, x.operation, **request_of(x)))


def _bad_grant(x: CaseContext) -> None:
    x.need_error(x.session.token("client_credentials", grant_type="password"))


def _bad_json(x: CaseContext) -> None:
    request = {name: value for name, value in request_of(x).items() if name != "body"}
    x.need_error(x.send(x.administrator, x.operation, raw=b'{"data": {', **request))


def _bad_name(x: CaseContext) -> None:
    request = request_of(x)
    request["body"]["data"]["name"] = {"not": "a string"}
    x.need_error(x.send(x.administrator, x.operation, **request))


def _bad_page(x: CaseContext) -> None:
    x.need_error(x.send(x.administrator, x.operation, query="page[limit]=1001"))


def _unknown_customer(x: CaseContext) -> None:
    x.need_error(x.send(x.administrator, x.operation, customer=x.unknown_customer()))
