"""The rules of customer records, logins and grants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.effects import need_visible
from cart_conformance.cases.registry import Case, case, cases
from cart_conformance.errors import Skipped, Untestable
from cart_conformance.exchange import Answer
from cart_conformance.oracle.answer_checks import entries, shown
from cart_conformance.results import Kind
from cart_conformance.target.credentials import CartOwner, Customer
from cart_conformance.target.requests import log_in_body
from cart_conformance.target.state import list_ids

CREATE, GET, UPDATE, DELETE = "createCustomer", "getCustomer", "updateCustomer", "deleteCustomer"
LIST, LOG_IN = "getCustomers", "createCustomerToken"
ABSENT: Any = object()
DELETE_OWNER = "delete{Owner}"
MINE = "customers of this run"


def _fields(ctx: CaseContext, **changed: Any) -> dict[str, Any]:
    fields = {
        "type": "customer",
        "name": f"Conformance run {ctx.run_id}",
        "email": ctx.email(),
        # Every answer is searched for it, because no refusal may echo it.
        "password": f"fields-{ctx.run_id}-Aa1",
    }
    fields |= changed
    return {"data": {name: value for name, value in fields.items() if value is not ABSENT}}


def _can_make(ctx: CaseContext) -> None:
    if ctx.customers_are_given:
        raise Skipped("customers are given by the fixtures; none is made")


# --- Records of other customers ---


@cases
def customer_record_not_permitted() -> Iterator[Case]:
    """Access a customer record without a customer token, and with another customer's token."""
    rule = "customer-record-not-permitted"
    for operation in (GET, UPDATE, DELETE):
        for who in ("an implicit caller", "another customer", "another, client credentials beside"):
            # The carts show whether a customer token also narrows an administrator here.
            level: Level = "interpretation" if who.endswith("beside") else "documented"
            yield Case(
                rule,
                operation,
                who,
                partial(_others_record, who=who, level=level),
                6,
                touches=MINE,
            )
    for who in ("an implicit caller", "a customer", "a customer, client credentials beside"):
        level = "interpretation" if who.endswith("beside") else "documented"
        yield Case(rule, LIST, who, partial(_others_list, who=who, level=level), 2)


def _others_record(ctx: CaseContext, who: str, level: Level) -> None:
    # A broken deployment may delete the customer, so it must not be one of the fixtures.
    place = "a customer whose record others want"
    reads = ctx.operation == GET
    owner = ctx.customer("A") if reads else ctx.take(place, lambda: ctx.new_customer("D"))
    b = ctx.customer("B")
    caller = {
        "an implicit caller": ctx.implicit,
        "another customer": ctx.shopper(b),
    }.get(who, ctx.narrowed(b))
    request: dict[str, Any] = {"customer": owner.id}
    if ctx.operation == UPDATE:
        request["body"] = {"data": {"type": "customer", "name": "Conformance, changed"}}
    control = ctx.control(ctx.send(ctx.shopper(owner), GET, customer=owner.id))
    before = _record(ctx, owner)
    answer = ctx.send(caller, ctx.operation, **request)
    if not ctx.refused(answer, control, level=level) or reads:
        return
    same = before == _record(ctx, owner)
    if same:
        ctx.back(place)
    ctx.expect(
        same,
        "the record as it was",
        "another record",
        answer,
        rule="refusal-changes-nothing",
        level="interpretation",
    )


def _record(ctx: CaseContext, customer: Customer) -> tuple[str, ...]:
    data = ctx.send(ctx.administrator, GET, customer=customer.id).data
    if not isinstance(data, dict):
        return ()
    return tuple(repr(data.get(name)) for name in ("id", "name", "email", "password"))


def _others_list(ctx: CaseContext, who: str, level: Level) -> None:
    a = ctx.customer("A")
    control = ctx.usual(lambda: ctx.send(ctx.administrator, LIST))
    caller = {
        "an implicit caller": ctx.implicit,
        "a customer": ctx.shopper(a),
    }.get(who, ctx.narrowed(a))
    ctx.refused(ctx.send(caller, LIST), control, level=level)


# --- Customers that do not exist ---


@cases
def customer_unknown() -> Iterator[Case]:
    """Send an id that no customer has, or no longer has."""
    for operation in (GET, UPDATE, DELETE):
        yield Case(
            "customer-unknown", operation, "deleted before", _deleted_customer, 6, touches=MINE
        )
        yield Case("customer-unknown", operation, "never made", _no_customer, 4, touches=MINE)


def _of_nobody(ctx: CaseContext, customer: str) -> Answer:
    body = {"data": {"type": "customer", "name": "Conformance run"}}
    request: dict[str, Any] = {"body": body} if ctx.operation == UPDATE else {}
    return ctx.send(ctx.administrator, ctx.operation, customer=customer, **request)


def _deleted_customer(ctx: CaseContext) -> None:
    customer = ctx.session.factory.record("customer")
    control = ctx.control(ctx.send(ctx.administrator, GET, customer=customer))
    ctx.need(ctx.send(ctx.administrator, DELETE, customer=customer), "no customer was deleted")
    ctx.refused(_of_nobody(ctx, customer), control)


def _no_customer(ctx: CaseContext) -> None:
    a = ctx.customer("A")
    control = ctx.control(ctx.send(ctx.administrator, GET, customer=a.id))
    ctx.refused(_of_nobody(ctx, ctx.unknown_customer()), control)


# --- Fields that a customer must have ---

# Variant, changed fields, and the level of the expectation on POST and on PUT (None: not tried).
INVALID: tuple[tuple[str, dict[str, Any], Level, Level | None], ...] = (
    ("no type", {"type": ABSENT}, "documented", None),
    ("another type", {"type": "cart"}, "documented", "documented"),
    ("type is null", {"type": None}, "documented", None),
    ("no name", {"name": ABSENT}, "documented", None),
    ("name is a number", {"name": 1}, "documented", "documented"),
    ("name is empty", {"name": ""}, "interpretation", "interpretation"),
    ("no email", {"email": ABSENT}, "documented", None),
    ("email is null", {"email": None}, "documented", None),
    ("email is empty", {"email": ""}, "documented", "interpretation"),
    ("email is a number", {"email": 1}, "documented", "documented"),
    ("email without an at sign", {"email": "nobody.example.com"}, "documented", "documented"),
    ("email without a domain", {"email": "nobody@"}, "documented", "documented"),
    ("email with a space", {"email": "no body@example.com"}, "interpretation", "interpretation"),
)


@cases
def customer_invalid() -> Iterator[Case]:
    """Omit one field, or make it invalid."""
    for variant, changed, on_post, on_put in INVALID:
        for operation, level in ((CREATE, on_post), (UPDATE, on_put)):
            if level is not None:
                yield Case(
                    "customer-invalid",
                    operation,
                    variant,
                    partial(_invalid, changed=changed, level=level),
                    4,
                    touches=MINE,
                )


def _invalid(ctx: CaseContext, changed: dict[str, Any], level: Level) -> None:
    _can_make(ctx)
    if ctx.operation == CREATE:
        control = _registered(ctx)
        answer = ctx.send(ctx.administrator, CREATE, body=_fields(ctx, **changed))
        if not ctx.refused(answer, control, level=level) and isinstance(answer.data, dict):
            # It would appear in the lists that other cases read.
            ctx.send(ctx.administrator, DELETE, customer=str(answer.data.get("id")))
        return
    place = "a customer that is changed"
    customer = ctx.take(place, lambda: ctx.session.factory.record("customer"))
    plain = {"data": {"type": "customer", "name": "Conformance run"}}
    update = partial(ctx.send, ctx.administrator, UPDATE, customer=customer)
    control = ctx.usual(lambda: update(body=plain))
    answer = update(body={"data": plain["data"] | changed})
    if ctx.refused(answer, control, level=level):
        ctx.back(place)


def _registered(ctx: CaseContext) -> Answer:
    """Return the answer to the registration of a customer, which cases share."""
    return ctx.usual(lambda: ctx.send(ctx.administrator, CREATE, body=_fields(ctx)))


@cases
def email_taken() -> Iterator[Case]:
    """Send the email of another customer, in any letter case."""
    for operation in (CREATE, UPDATE):
        for variant in ("the same", "capitals"):
            yield Case(
                "email-taken",
                operation,
                variant,
                partial(_taken, variant=variant),
                5,
                touches=MINE,
            )


def _taken(ctx: CaseContext, variant: str) -> None:
    _can_make(ctx)
    control = ctx.control(ctx.send(ctx.administrator, CREATE, body=_fields(ctx)))
    taken = _fields(ctx)
    ctx.control(ctx.send(ctx.administrator, CREATE, body=taken))
    email = str(taken["data"]["email"])
    email = email.upper() if variant == "capitals" else email
    if ctx.operation == CREATE:
        ctx.refused(ctx.send(ctx.administrator, CREATE, body=_fields(ctx, email=email)), control)
        return
    made = control.data.get("id") if isinstance(control.data, dict) else None
    body = {"data": {"type": "customer", "email": email}}
    ctx.refused(ctx.send(ctx.administrator, UPDATE, customer=str(made), body=body), control)


@cases
def customer_deleted() -> Iterator[Case]:
    """Delete a customer or an account, and check what is deleted with it."""
    yield Case(
        "customer-deleted", DELETE_OWNER, "its associations", _associations_gone, 12, touches=MINE
    )
    yield Case("customer-deleted", DELETE_OWNER, "its tokens", _tokens_gone, 6, touches=MINE)
    yield Case(
        "customer-deleted", DELETE_OWNER, "nobody else's", _others_stay, 14, True, touches=MINE
    )


def _delete(ctx: CaseContext, owner: CartOwner) -> Answer:
    of_owner: dict[str, Any] = {ctx.kind: owner.id}
    return ctx.send(ctx.administrator, DELETE_OWNER, **of_owner)


def _associations_gone(ctx: CaseContext) -> None:
    owner = ctx.new_owner("D")
    cart = ctx.new_cart()
    ctx.associate(cart, owner)
    need_visible(ctx, cart, owner)
    answer = ctx.need(_delete(ctx, owner), "no {owner} was deleted")
    after = ctx.state(cart)
    ctx.expect(
        not after.names(owner) and after.missing is None,
        "a cart without the deleted {owner}",
        f"its owners are {after.owners or after.missing}",
        answer,
    )


def _tokens_gone(ctx: CaseContext) -> None:
    owner = ctx.new_owner("D")
    control = ctx.control(ctx.send(ctx.shopper(owner), "getCarts"))
    ctx.need(_delete(ctx, owner), "no {owner} was deleted")
    answer = ctx.send(ctx.shopper(owner), "getCarts")
    ctx.expect(
        answer.refused,
        "a refusal of the deleted {owner}'s token",
        shown(answer),
        answer,
        control=control,
        kind=Kind.NOT_REFUSED,
    )


def _others_stay(ctx: CaseContext) -> None:
    owner, other = ctx.new_owner("D"), ctx.owner("B")
    cart, apart = ctx.new_cart(), ctx.new_cart()
    ctx.associate(apart, other)
    ctx.associate(cart, other)
    ctx.associate(cart, owner)
    need_visible(ctx, cart, other, owner)
    answer = ctx.need(_delete(ctx, owner), "no {owner} was deleted")
    for each in (cart, apart):
        state = ctx.state(each, other)
        good = bool(state.names(other)) and state.count("B") == 1
        ctx.expect(good, "the carts of other {owner}s as they were", "one is gone", answer)


# --- Logging in ---


@cases
def credentials_wrong() -> Iterator[Case]:
    """Log in with an email or a password that is not the customer's."""
    for variant in (
        "a wrong password",
        "the password in another letter case",
        "an empty password",
        "no password",
        "the password of another customer",
        "an unknown email",
    ):
        yield Case("credentials-wrong", LOG_IN, variant, partial(_wrong_login, variant=variant), 5)
    yield Case("credentials-wrong", LOG_IN, "one answer to both", _same_answer, 3)


def _login(ctx: CaseContext, email: object, password: object) -> Answer:
    body = log_in_body(email, password)
    if password is ABSENT:
        del body["data"]["password"]
    return ctx.send(ctx.administrator, LOG_IN, body=body)


WRONG_LOGINS = 2
"""Wrong logins of one customer: shops lock a customer after three."""


def lockable(ctx: CaseContext) -> tuple[str, str, Answer]:
    """Return the login of a customer made for wrong logins, and the answer to a right one."""
    if ctx.customers_are_given:
        raise Skipped("wrong logins could lock a customer of the fixtures")

    def make() -> tuple[str, str, Answer]:
        data = _fields(ctx, password=ctx.session.factory.password())["data"]
        made = ctx.send(ctx.administrator, CREATE, body={"data": data})
        ctx.need(made, "no customer could be made")
        email, password = data["email"], data["password"]
        return email, password, ctx.control(_login(ctx, email, password))

    place = "a customer for wrong logins"
    found = ctx.take(place, make, WRONG_LOGINS)
    ctx.back(place)
    return found


NO_PASSWORD = ("an empty password", "no password")
"""Variants that a deployment may also refuse as malformed."""


def _wrong_login(ctx: CaseContext, variant: str) -> None:
    if variant == "an unknown email":
        email, password = ctx.login("A")
        control = ctx.control(_login(ctx, email, password))
    else:
        email, password, control = lockable(ctx)
    wrong: dict[str, tuple[object, object]] = {
        "a wrong password": (email, f"wrong-{ctx.run_id}"),
        "the password in another letter case": (email, password.swapcase()),
        "an empty password": (email, ""),
        "no password": (email, ABSENT),
        "an unknown email": (ctx.email(), password),
    }
    if variant == "the password of another customer":
        pair: tuple[object, object] = (email, ctx.login("B")[1])
    else:
        pair = wrong[variant]
    statuses = (400, 401, 422) if variant in NO_PASSWORD else None
    ctx.refused(_login(ctx, *pair), control, statuses=statuses)


def _same_answer(ctx: CaseContext) -> None:
    email, _, control = lockable(ctx)
    wrong = _login(ctx, email, f"wrong-{ctx.run_id}")
    unknown = _login(ctx, ctx.email(), f"wrong-{ctx.run_id}")
    one_answer_to_both(ctx, wrong, unknown, control, "email")


def one_answer_to_both(
    ctx: CaseContext, wrong: Answer, unknown: Answer, control: Answer, login: str
) -> None:
    """Check that the answers to a wrong password and an unknown login do not differ.

    ``login`` is what a login is named. Raises Untestable if one was not refused.
    """
    if not (wrong.refused and unknown.refused):
        raise Untestable("a wrong login was not refused")
    ctx.expect(
        _told(wrong) == _told(unknown),
        f"one answer to a wrong password and to an unknown {login}: {shown(wrong)}",
        shown(unknown),
        unknown,
        control=control,
        kind=Kind.WRONG_TEXT,
        level="interpretation",
    )


def _told(answer: Answer) -> tuple[object, ...]:
    return (
        answer.status,
        *((entry.get("title"), entry.get("detail")) for entry in entries(answer)),
    )


@cases
def grant_invalid() -> Iterator[Case]:
    """Send token requests that must be refused."""
    table: tuple[tuple[str, str, dict[str, str | None], int], ...] = (
        ("an unknown grant", "client_credentials", {"grant_type": "password"}, 400),
        ("no grant", "client_credentials", {"grant_type": None}, 400),
        ("an empty grant", "client_credentials", {"grant_type": ""}, 400),
        ("the grant in capitals", "client_credentials", {"grant_type": "CLIENT_CREDENTIALS"}, 400),
        ("no client id", "client_credentials", {"client_id": None}, 400),
        ("no client id, implicit", "implicit", {"client_id": None}, 400),
        ("no secret", "client_credentials", {"client_secret": None}, 401),
        ("an empty secret", "client_credentials", {"client_secret": ""}, 401),
        ("a wrong secret", "client_credentials", {"client_secret": "wrong"}, 401),
        ("the secret cut short", "client_credentials", {"client_secret": "…"}, 401),
    )
    for variant, grant, form, status in table:
        yield Case(
            "grant-invalid",
            "createAccessToken",
            variant,
            partial(_bad_grant, grant=grant, form=form, status=status),
            2,
            touches="nothing",
        )


def _bad_grant(ctx: CaseContext, grant: str, form: dict[str, str | None], status: int) -> None:
    control = ctx.control(ctx.token(grant))
    secret = ctx.session.settings.client_secret
    if form.get("client_secret") == "…":
        if len(secret) < 2:
            raise Untestable("the secret is too short to be cut")
        ctx.redactor.add(secret[:-1])
        form = {"client_secret": secret[:-1]}
    answer = ctx.token(grant, **form)
    # A deployment may accept a grant type in any letter case.
    lenient = str(form.get("grant_type") or "").lower() == grant
    level: Level = "interpretation" if lenient else "documented"
    ctx.refused(answer, control, level=level, statuses=(status,))


@case("implicit-registration", CREATE, "registering", requests=2, touches=MINE)
def register(ctx: CaseContext) -> None:
    """Register an account as shopper."""
    _can_make(ctx)
    control = ctx.control(ctx.send(ctx.administrator, CREATE, body=_fields(ctx)))
    answer = ctx.send(ctx.implicit, CREATE, body=_fields(ctx))
    ctx.status(answer, 201, control=control)


@case("implicit-registration", LOG_IN, "logging in", requests=3)
def log_in(ctx: CaseContext) -> None:
    """Log in as shopper, and use the token."""
    email, password = ctx.login("A")
    control = ctx.control(_login(ctx, email, password))
    answer = ctx.send(ctx.implicit, LOG_IN, body=log_in_body(email, password))
    if ctx.status(answer, 200, 201, control=control):
        token = answer.data.get("token") if isinstance(answer.data, dict) else None
        a = ctx.customer("A")
        list_ids(ctx.session, ctx.shopper(Customer("A", a.id, email, token)))
