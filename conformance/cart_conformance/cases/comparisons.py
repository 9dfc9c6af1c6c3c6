"""Values that are nearly right: ids, passwords, tokens and secrets, compared in part or loosely.

Also logins that must not succeed, and durations that an answer states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.bodies import account_tokens, instant, timestamp
from cart_conformance.cases.callers import AUTHORIZATION
from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.customers import lockable
from cart_conformance.cases.fixtures import ADMINISTRATOR, OPERATIONS, SHOPPER, refusal
from cart_conformance.cases.registry import Case, case, cases
from cart_conformance.errors import Skipped, Untestable
from cart_conformance.exchange import Answer
from cart_conformance.oracle.conventions import SUCCESS
from cart_conformance.target.requests import ASSOCIATE, account_log_in_body, log_in_body

MINE = "customers of this run"
LOG_IN = "createCustomerToken"

NEARLY: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("cut short", lambda text: text[:-1]),
    ("and more", lambda text: f"{text}0"),
    ("after something else", lambda text: f"0{text}"),
)
SPACE: tuple[str, Callable[[str], str]] = ("and a space", lambda text: f"{text} ")
"""Not for tokens: HTTP drops the space at the end of a header."""


@cases
def nearly_ids() -> Iterator[Case]:
    """Send the owner's own token with an id that is nearly the owner's."""
    # Ids may be UUIDs, whose letter case does not matter to some readers.
    in_capitals: Level = "interpretation"
    table: tuple[tuple[str, Callable[[str], str], Level], ...] = (
        *((what, change, "documented") for what, change in (*NEARLY, SPACE)),
        ("in the other letter case", str.swapcase, in_capitals),
    )
    for operation in OPERATIONS:
        for what, change, level in table:
            yield refusal(
                "customer-not-permitted",
                operation,
                f"the own id {what}",
                SHOPPER,
                partial(_names, change=change),
                level=level,
            )


def _names(ctx: CaseContext, _: str, change: Callable[[str], str]) -> dict[str, Any]:
    own = ctx.owner("A").id
    if change(own) == own:
        raise Untestable("the id has no letters")
    return {"body": ctx.identifiers(change(own))}


@cases
def nearly_tokens() -> Iterator[Case]:
    """Send tokens that are cut short or continued, or in another letter case."""
    changes = (*NEARLY[:2], ("in the other letter case", str.swapcase))
    for operation in OPERATIONS:
        for what, change in changes:
            yield refusal(
                "access-token-invalid",
                operation,
                what,
                ADMINISTRATOR,
                partial(_access, change=change),
            )
            yield refusal(
                "customer-token-invalid",
                operation,
                what,
                SHOPPER,
                partial(_owner_token, change=change),
            )


def _access(ctx: CaseContext, _: str, change: Callable[[str], str]) -> dict[str, Any]:
    token = change(ctx.administrator.access_token or "")
    ctx.redactor.add(token)
    return {"headers": {AUTHORIZATION: f"Bearer {token}"}}


def _owner_token(ctx: CaseContext, _: str, change: Callable[[str], str]) -> dict[str, Any]:
    token = change(ctx.owner("A").token or "")
    ctx.redactor.add(token)
    return {"headers": {ctx.owner_token: token}}


# --- Logins ---


@cases
def nearly_passwords() -> Iterator[Case]:
    """Log in with a password that is nearly right, and as customers that cannot log in."""
    for what, change in (*NEARLY, SPACE):
        run = partial(_nearly_password, change=change)
        yield Case("credentials-wrong", LOG_IN, f"the password {what}", run, 5, touches=MINE)
    yield Case("credentials-wrong", LOG_IN, "a long password, another end", _long, 5, touches=MINE)
    for what in ("empty", "null", "the word null", "true", "absent"):
        yield Case(
            "credentials-wrong",
            LOG_IN,
            f"a customer without a password, {what}",
            partial(_without_password, what=what),
            4,
            True,
            MINE,
        )
    yield Case("credentials-wrong", LOG_IN, "a deleted customer", _deleted, 5, touches=MINE)
    for what, sign in (("a per cent sign", "%"), ("an asterisk", "*")):
        run = partial(_pattern, sign=sign)
        yield Case("credentials-wrong", LOG_IN, f"{what} as email", run, 5, touches=MINE)
    yield Case("credentials-wrong", LOG_IN, "a tag in the email", _tagged, 3, touches=MINE)
    yield Case("credentials-wrong", LOG_IN, "the password in an array", _in_array, 3, touches=MINE)
    for member in ("password", "email"):
        run = partial(_changed, member=member)
        yield Case("credentials-wrong", LOG_IN, f"the {member} of before", run, 5, touches=MINE)


def _log_in(ctx: CaseContext, email: object, password: object) -> Answer:
    return ctx.send(ctx.administrator, LOG_IN, body=log_in_body(email, password))


def _person(ctx: CaseContext, password: str | None) -> tuple[str, str]:
    """Make a customer; return its email and id. Raises Untestable."""
    if ctx.customers_are_given:
        raise Skipped("customers are given by the fixtures; none is made")
    email = ctx.email()
    data = {"type": "customer", "name": f"Conformance run {ctx.run_id}", "email": email}
    if password is not None:
        data["password"] = password
    made = ctx.send(ctx.administrator, "createCustomer", body={"data": data})
    ctx.need(made, "no such customer could be made")
    return email, str(made.data.get("id")) if isinstance(made.data, dict) else ""


def _nearly_password(ctx: CaseContext, change: Callable[[str], str]) -> None:
    email, password, control = lockable(ctx)
    ctx.refused(_log_in(ctx, email, change(password)), control)


def _long(ctx: CaseContext) -> None:
    """Use a password of 100 characters: some hashes read only the first 72 bytes."""
    password = ctx.session.factory.password() * 5
    email, _ = _person(ctx, password)
    control = ctx.control(_log_in(ctx, email, password))
    ctx.refused(_log_in(ctx, email, f"{password[:72]}another end"), control)


def _without_password(ctx: CaseContext, what: str) -> None:
    sent = {"empty": "", "null": None, "the word null": "null", "true": True}.get(what)
    email, _ = _person(ctx, None)
    control = ctx.usual(lambda: _log_in(ctx, *ctx.login("A")))
    body = log_in_body(email, sent)
    if what == "absent":
        del body["data"]["password"]
    answer = ctx.send(ctx.administrator, LOG_IN, body=body)
    ctx.refused(answer, control, statuses=(400, 401, 422))


def _deleted(ctx: CaseContext) -> None:
    password = ctx.session.factory.password()
    email, customer = _person(ctx, password)
    control = ctx.control(_log_in(ctx, email, password))
    gone = ctx.send(ctx.administrator, "deleteCustomer", customer=customer)
    ctx.need(gone, "no customer was deleted")
    ctx.refused(_log_in(ctx, email, password), control)


def _pattern(ctx: CaseContext, sign: str) -> None:
    email, password, control = lockable(ctx)
    pattern = email.replace(email[:-12], sign)
    ctx.refused(_log_in(ctx, pattern, password), control, statuses=(400, 401, 422))


def _tagged(ctx: CaseContext) -> None:
    """Put a tag into the email: some mail servers ignore it, and a shop must not."""
    email, password, control = lockable(ctx)
    ctx.refused(_log_in(ctx, email.replace("@", "+tag@"), password), control)


def _in_array(ctx: CaseContext) -> None:
    email, password, control = lockable(ctx)
    ctx.refused(_log_in(ctx, email, [password]), control, statuses=(400, 401, 422))


def _changed(ctx: CaseContext, member: str) -> None:
    """Log in with what was valid before it was changed."""
    password = ctx.session.factory.password()
    email, customer = _person(ctx, password)
    new = {"email": ctx.email()} if member == "email" else {"password": f"{password}-new"}
    body = {"data": {"type": "customer", **new}}
    change = ctx.send(ctx.administrator, "updateCustomer", customer=customer, body=body)
    ctx.need(change, "no change")
    login = {"email": email, "password": password} | new
    control = ctx.control(_log_in(ctx, login["email"], login["password"]))
    ctx.refused(_log_in(ctx, email, password), control)


@cases
def nearly_secrets() -> Iterator[Case]:
    """Request a token with a secret that is nearly right."""
    for what, change in (NEARLY[1], SPACE, ("in the other letter case", str.swapcase)):
        yield Case(
            "grant-invalid",
            "createAccessToken",
            f"the secret {what}",
            partial(_nearly_secret, change=change),
            2,
            touches="nothing",
        )


def _nearly_secret(ctx: CaseContext, change: Callable[[str], str]) -> None:
    secret = ctx.session.settings.client_secret
    nearly = change(secret)
    if nearly == secret:
        raise Untestable("the secret has no letters")
    ctx.redactor.add(nearly)
    control = ctx.control(ctx.token("client_credentials"))
    answer = ctx.token("client_credentials", client_secret=nearly)
    ctx.refused(answer, control, statuses=(401,))


@cases
def names_in_other_units() -> Iterator[Case]:
    """Send a name that is too long in characters, whatever its length in bytes."""
    for operation in ("createACart", "updateACart"):
        yield Case("cart-name-missing", operation, "256 letters beyond ASCII", _too_long, 4)
        # That a character is a code point is our interpretation.
        run = partial(_too_long, letter="e\u0301", level="interpretation")
        yield Case("cart-name-missing", operation, "128 letters with an accent apart", run, 4)


def _too_long(ctx: CaseContext, letter: str = "\u00e9", level: Level | None = None) -> None:
    plain, long = {"name": "Conformance run"}, {"name": letter * (256 // len(letter))}
    if ctx.operation == "createACart":
        control = ctx.send(ctx.administrator, "createACart", body={"data": plain})
        answer = ctx.send(ctx.administrator, "createACart", body={"data": long})
    else:
        cart = ctx.new_cart()
        control = ctx.send(ctx.administrator, "updateACart", cart=cart, body={"data": plain})
        answer = ctx.send(ctx.administrator, "updateACart", cart=cart, body={"data": long})
    ctx.refused(answer, ctx.control(control), level=level)


# --- Durations ---

ROUNDING = 120
"""Seconds by which a stated end may differ from the published duration."""
HOUR, DAY = 3600, 86400


def _seconds_from_now(answer: Answer, expires: float) -> float:
    """Return how long after the answer that is, by the server's clock if it states the time."""
    try:
        now = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        now = answer.at
    return expires - now


@case(SUCCESS, "createAccessToken", "the published lifetime", requests=2, touches="nothing")
def access_token_lifetime(ctx: CaseContext) -> None:
    """Check that an access token says that it is valid for an hour."""
    for grant in ("client_credentials", "implicit"):
        answer = ctx.need(ctx.token(grant), "no access token")
        document = answer.document if isinstance(answer.document, dict) else {}
        lifetime, expires = document.get("expires_in"), document.get("expires")
        if isinstance(lifetime, int | float):
            ctx.expect(lifetime == HOUR, f"expires_in {HOUR}", f"expires_in {lifetime}", answer)
        if isinstance(expires, int | float) and expires < 1e11:
            left = _seconds_from_now(answer, expires)
            good = abs(left - HOUR) <= ROUNDING
            ctx.expect(good, f"expires {HOUR} s from now", f"{left:.0f} s from now", answer)


@case(SUCCESS, LOG_IN, "the published lifetime", requests=1)
def customer_token_lifetime(ctx: CaseContext) -> None:
    """Check that a customer token says that it is valid for 24 hours."""
    answer = ctx.need(_log_in(ctx, *ctx.login("B")), "no customer token")
    expires = answer.data.get("expires") if isinstance(answer.data, dict) else None
    if isinstance(expires, int | float) and expires < 1e11:
        left = _seconds_from_now(answer, expires)
        good = abs(left - DAY) <= ROUNDING
        ctx.expect(good, f"expires {DAY} s from now", f"{left:.0f} s from now", answer)


@case(SUCCESS, "createAccountToken", "the published lifetime", requests=1)
def account_token_lifetime(ctx: CaseContext) -> None:
    """Check that an account token says that it is valid for 24 hours."""
    a = ctx.owner("A")
    body = account_log_in_body(ctx.session.factory.password_profile(), a.login, a.password)
    answer = ctx.need(ctx.send(ctx.administrator, "createAccountToken", body=body), "no token")
    for each in account_tokens(answer):
        expires = instant(str(each.get("expires"))).timestamp()
        left = _seconds_from_now(answer, expires)
        good = abs(left - DAY) <= ROUNDING
        ctx.expect(good, f"expires {DAY} s from now", f"{left:.0f} s from now", answer)


@case("updated-at-moves", "updateACart", "expires_at is days later", requests=2, optional=True)
def cart_lifetime(ctx: CaseContext) -> None:
    """Check that a cart expires some whole days after its last update: the store sets how many."""
    body = {"data": {"name": "Conformance run, renamed"}}
    answer = ctx.send(ctx.administrator, "updateACart", cart=ctx.new_cart(), body=body)
    data = ctx.need(answer, "no change").data
    updated, expires = timestamp(data, "updated_at"), timestamp(data, "expires_at")
    if updated is None or expires is None:
        raise Untestable("the cart does not say when it expires")
    life = instant(expires) - instant(updated)
    settings = ctx.send(ctx.administrator, "getCartSettings").data
    stated = settings.get("cart_expiry_days") if isinstance(settings, dict) else None
    whole = max(1, round(life / timedelta(days=1)))
    number = stated if isinstance(stated, int) else whole
    good = abs(life - timedelta(days=number)) < timedelta(seconds=2)
    wanted = f"{number} days after updated_at"
    ctx.expect(good, wanted, f"{life} later", answer, level="observed")


# --- Successes that say more or less ---


@case(SUCCESS, ASSOCIATE, "no other identifiers", requests=3)
def only_the_identifiers_sent(ctx: CaseContext) -> None:
    """Check that the answer names the one owner of a new cart, once."""
    a, cart = ctx.owner("A"), ctx.new_cart()
    answer = ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    ctx.need(answer, "no association")
    if answer.status != 200:
        return
    echoed = answer.data if isinstance(answer.data, list) else []
    pairs = [(each.get("type"), each.get("id")) for each in echoed if isinstance(each, dict)]
    ctx.expect(pairs == [(ctx.kind, a.id)], f"only {ctx.kind} {a.id}", f"{pairs}", answer)
