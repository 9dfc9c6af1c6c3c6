"""The rules of accounts, their members, and how members log in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.bodies import account_tokens
from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.customers import WRONG_LOGINS, one_answer_to_both
from cart_conformance.cases.endpoints import (
    ACCOUNTS,
    MEMBERSHIPS,
    faulty,
    request_of,
    usual_control,
)
from cart_conformance.cases.pages import INSIDE, NO_NUMBER, OUTSIDE
from cart_conformance.cases.registry import Case, case, cases
from cart_conformance.errors import Untestable
from cart_conformance.exchange import Answer
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.response_checks import SUCCESS
from cart_conformance.results import Kind
from cart_conformance.target.credentials import CartOwner
from cart_conformance.target.requests import (
    ASSOCIATE,
    DISSOCIATE,
    account_log_in_body,
    identifiers,
    operation_for,
)
from cart_conformance.target.state import list_ids

ABSENT: Any = object()
MINE = "accounts of this run"
LOG_IN = "createAccountToken"
LISTS = ("getAccounts", "getAccountMembers", "getAccountMemberships", LOG_IN)


# --- Who may read and change accounts ---


@cases
def account_record_not_permitted() -> Iterator[Case]:
    """Send each request of accounts with an implicit access token alone."""
    for operation in ACCOUNTS:
        yield Case(
            "account-record-not-permitted", operation, "no account token", _anonymous, 2,
            touches=MINE,
        )  # fmt: skip


def _anonymous(ctx: CaseContext) -> None:
    control = usual_control(ctx)
    ctx.refused(faulty(ctx, ctx.implicit), control)


@cases
def account_unknown() -> Iterator[Case]:
    """Name an account that does not exist, and, with an account token, another account."""
    rule = "account-unknown"
    for operation in (
        "getAccount", "updateAccount", "deleteAccount", *MEMBERSHIPS,
    ):  # fmt: skip
        yield Case(rule, operation, "an id that no account has", _no_account, 3, touches=MINE)
    for operation in ("getAccount", "updateAccount"):
        run = partial(_another_account, narrowed=False)
        yield Case(rule, operation, "another account", run, 4, touches=MINE)
        run = partial(_another_account, narrowed=True)
        yield Case(rule, operation, "another account, client credentials", run, 4, touches=MINE)


def _no_account(ctx: CaseContext) -> None:
    control = usual_control(ctx)
    answer = faulty(ctx, ctx.administrator, account=ctx.unknown_owner("account"))
    ctx.refused(answer, control)


def _another_account(ctx: CaseContext, *, narrowed: bool) -> None:
    own, other = ctx.new_owner("D"), ctx.owner("B")
    request: dict[str, Any] = {}
    if ctx.operation == "updateAccount":
        name = f"Conformance run {ctx.run_id}"
        request = {"body": {"data": {"type": "account", "name": name, "legal_name": name}}}
    sender = ctx.narrowed(own) if narrowed else ctx.shopper(own)
    control = ctx.control(ctx.send(sender, ctx.operation, account=own.id, **request))
    answer = ctx.send(sender, ctx.operation, account=other.id, **request)
    # That the account token narrows an administrator here too is not published.
    ctx.refused(answer, control, level="interpretation" if narrowed else None)


@case("account-resource-unknown", "getAccountMember", "an id that no member has", requests=2)
def no_member(ctx: CaseContext) -> None:
    """Read a member that does not exist."""
    control = usual_control(ctx)
    path = {"accountMemberID": ctx.unknown_owner("account")}
    ctx.refused(ctx.send(ctx.administrator, ctx.operation, path=path), control)


@case("account-resource-unknown", "createAccountMembership", "an id that no member has", requests=2)
def membership_of_no_member(ctx: CaseContext) -> None:
    """Make a member that does not exist belong to an account."""
    control = usual_control(ctx)
    request = request_of(ctx)
    request["body"]["data"]["account_member_id"] = ctx.unknown_owner("account")
    ctx.refused(ctx.send(ctx.administrator, ctx.operation, **request), control)


@case("account-resource-unknown", "deleteAccountMembership", "an unknown id", requests=3)
def no_membership(ctx: CaseContext) -> None:
    """End a membership that does not exist."""
    control = usual_control(ctx)
    request = request_of(ctx) | {"path": {"accountMembershipID": ctx.unknown_owner("account")}}
    ctx.refused(ctx.send(ctx.administrator, ctx.operation, **request), control)


@case("account-resource-unknown", "getPasswordProfiles", "an id that no realm has", requests=2)
def no_realm(ctx: CaseContext) -> None:
    """List the profiles of a realm that does not exist."""
    control = usual_control(ctx)
    path = {"authenticationRealmID": ctx.unknown_owner("account")}
    ctx.refused(ctx.send(ctx.administrator, ctx.operation, path=path), control)


# --- What an account must have ---

# Variant, the members that differ, and the level on POST and on PUT (None: not tried).
INVALID: tuple[tuple[str, dict[str, Any], Level, Level | None], ...] = (
    ("no type", {"type": ABSENT}, "documented", None),
    ("another type", {"type": "customer"}, "documented", "documented"),
    ("no name", {"name": ABSENT}, "documented", None),
    ("an empty name", {"name": ""}, "documented", "interpretation"),
    ("a name that is not a string", {"name": 1}, "documented", "documented"),
    # The newest published document lists legal_name as optional.
    ("no legal_name", {"legal_name": ABSENT}, "interpretation", None),
    ("an empty legal_name", {"legal_name": ""}, "interpretation", "interpretation"),
)


@cases
def account_invalid() -> Iterator[Case]:
    """Send accounts that lack something, or have it in another form."""
    for variant, members, on_post, on_put in INVALID:
        for operation, level in (("createAccount", on_post), ("updateAccount", on_put)):
            if level is not None:
                run = partial(_invalid, members=members, level=level)
                yield Case("account-invalid", operation, variant, run, 4, touches=MINE)


def _invalid(ctx: CaseContext, members: dict[str, Any], level: Level) -> None:
    control = usual_control(ctx)
    name = f"Conformance run {ctx.run_id}"
    data = {"type": "account", "name": name, "legal_name": name} | members
    body = {"data": {name: value for name, value in data.items() if value is not ABSENT}}
    ctx.refused(faulty(ctx, ctx.administrator, body=body), control, level=level)


# --- Logging in ---


def _login(ctx: CaseContext, **changed: Any) -> dict[str, Any]:
    """Return the login of a member that the run made, because wrong logins may lock it."""
    if "account to log in" not in ctx.shared:
        ctx.shared["account to log in"] = ctx.new_owner("D")
    owner = ctx.shared["account to log in"]
    profile = ctx.session.factory.password_profile()
    body = account_log_in_body(profile, owner.login, owner.password)
    data = body["data"] | changed
    return {"data": {name: value for name, value in data.items() if value is not ABSENT}}


WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a wrong password", {"password": "not-the-password-Aa1"}),
    ("an empty password", {"password": ""}),
    ("no password", {"password": ABSENT}),
    ("an unknown username", {"username": "conformance-nobody@example.com"}),
    ("no username", {"username": ABSENT}),
    ("an unknown profile", {"password_profile_id": "no-such-profile"}),
    ("no profile", {"password_profile_id": ABSENT}),
)
NEARLY: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    *(
        (member, what, change)
        for member in ("password", "username")
        for what, change in (
            ("cut short", lambda text: text[:-1]),
            ("and more", lambda text: f"{text}0"),
            ("after something else", lambda text: f"0{text}"),
            ("and a space", lambda text: f"{text} "),
        )
    ),
    # A username may be an email, whose letter case may not matter.
    ("password", "in the other letter case", str.swapcase),
)


@cases
def account_credentials_wrong() -> Iterator[Case]:
    """Log in with a profile, username or password that is not the member's."""
    for variant, changed in WRONG:
        run = partial(_wrong_login, changed=changed)
        yield Case("account-credentials-wrong", LOG_IN, variant, run, 3, touches=MINE)
    for member, what, change in NEARLY:
        run = partial(_nearly, member=member, change=change)
        yield Case(
            "account-credentials-wrong", LOG_IN, f"the {member} {what}", run, 3, touches=MINE
        )
    yield Case(
        "account-credentials-wrong", LOG_IN, "a deleted account", _deleted_account, 4, touches=MINE
    )
    yield Case(
        "account-credentials-wrong", LOG_IN, "a new list without a token", _switch_without, 2,
        touches=MINE,
    )  # fmt: skip
    yield Case("account-credentials-wrong", LOG_IN, "one answer to both", _same_answer, 3)


def _lockable(ctx: CaseContext) -> tuple[dict[str, Any], Answer]:
    """Return the login of a member made for wrong logins, and the answer to a right one."""

    def make() -> tuple[dict[str, Any], Answer]:
        owner, profile = ctx.new_owner("D"), ctx.session.factory.password_profile()
        body = account_log_in_body(profile, owner.login, owner.password)
        return body, ctx.control(ctx.send(ctx.implicit, LOG_IN, body=body))

    place = "a member for wrong logins"
    body, control = ctx.take(place, make, WRONG_LOGINS)
    ctx.back(place)
    return {"data": dict(body["data"])}, control


def _wrong_login(ctx: CaseContext, changed: dict[str, Any]) -> None:
    body, control = _lockable(ctx)
    data = body["data"] | changed
    wrong = {"data": {name: value for name, value in data.items() if value is not ABSENT}}
    ctx.refused(ctx.send(ctx.implicit, LOG_IN, body=wrong), control)


def _nearly(ctx: CaseContext, member: str, change: Callable[[str], str]) -> None:
    body, control = _lockable(ctx)
    body["data"][member] = change(body["data"][member])
    ctx.refused(ctx.send(ctx.implicit, LOG_IN, body=body), control)


def _deleted_account(ctx: CaseContext) -> None:
    """Log the member of a deleted account in: no token of that account comes."""
    owner = ctx.new_owner("D")
    profile = ctx.session.factory.password_profile()
    body = account_log_in_body(profile, owner.login, owner.password)
    control = ctx.control(ctx.send(ctx.implicit, LOG_IN, body=body))
    gone = ctx.send(ctx.administrator, "deleteAccount", account=owner.id)
    ctx.need(gone, "no account was deleted")
    answer = ctx.send(ctx.implicit, LOG_IN, body=body)
    accounts = [each["account_id"] for each in account_tokens(answer)]
    good, wanted = owner.id not in accounts, "no token of the deleted account"
    ctx.expect(good, wanted, f"tokens of {accounts}", answer, control=control)


def _same_answer(ctx: CaseContext) -> None:
    body, control = _lockable(ctx)
    changes = dict(WRONG)
    wrong, unknown = (
        ctx.send(ctx.implicit, LOG_IN, body={"data": body["data"] | changes[what]})
        for what in ("a wrong password", "an unknown username")
    )
    one_answer_to_both(ctx, wrong, unknown, control, "username")


def _switch_body() -> dict[str, Any]:
    kind = "account_management_authentication_token"
    return {"data": {"type": kind, "authentication_mechanism": kind}}


def _switch_without(ctx: CaseContext) -> None:
    control = ctx.control(ctx.send(ctx.shopper("A"), LOG_IN, body=_switch_body()))
    ctx.refused(ctx.send(ctx.implicit, LOG_IN, body=_switch_body()), control)


@case("implicit-registration", LOG_IN, "signing up", requests=2, touches=MINE)
def sign_up(ctx: CaseContext) -> None:
    """Sign a member up as shopper."""
    control = ctx.control(ctx.send(ctx.implicit, LOG_IN, body=_login(ctx)))
    username = ctx.session.factory.email("member")
    signing_up = {
        "authentication_mechanism": "self_signup",
        "name": f"Conformance run {ctx.run_id}",
        "email": username,
        "username": username,
    }
    answer = ctx.send(ctx.implicit, LOG_IN, body=_login(ctx, **signing_up))
    ctx.status(answer, 200, 201, control=control)


@case("username-taken", LOG_IN, "a second member with the username", requests=3, touches=MINE)
def username_taken(ctx: CaseContext) -> None:
    """Sign up with the username of a member who exists."""
    control = ctx.control(ctx.send(ctx.implicit, LOG_IN, body=_login(ctx)))
    signing_up = {
        "authentication_mechanism": "self_signup",
        "name": f"Conformance run {ctx.run_id}",
        "email": f"{ctx.fresh_id('member')}@example.com",
        "password": f"second-{ctx.run_id}-Aa1",
    }
    answer = ctx.send(ctx.implicit, LOG_IN, body=_login(ctx, **signing_up))
    ctx.refused(answer, control)


@case(SUCCESS, LOG_IN, "a new list for an old token", requests=2)
def token_switched(ctx: CaseContext) -> None:
    """Check that an account token is worth a new list with the account's token."""
    answer = ctx.send(ctx.shopper("A"), LOG_IN, body=_switch_body())
    if ctx.status(answer, 201):
        _has_token(ctx, answer)


@case(SUCCESS, LOG_IN, "the account's token", requests=2)
def token_as_asked(ctx: CaseContext) -> None:
    """Check that the token is of the member's account, and works."""
    a = ctx.owner("A")
    body = account_log_in_body(ctx.session.factory.password_profile(), a.login, a.password)
    answer = ctx.send(ctx.implicit, LOG_IN, body=body)
    if ctx.status(answer, 201):
        _has_token(ctx, answer)


def _has_token(ctx: CaseContext, answer: Answer) -> None:
    entries = answer.data if isinstance(answer.data, list) else []
    accounts = [each.get("account_id") for each in entries if isinstance(each, dict)]
    a = ctx.owner("A")
    ctx.expect(a.id in accounts, f"a token of account {a.id}", f"{accounts}", answer)


@case(SUCCESS, "getAccounts", "one's own account", requests=2)
def own_account_listed(ctx: CaseContext) -> None:
    """Check that an account token lists that account alone."""
    answer = ctx.control(ctx.send(ctx.shopper("A"), "getAccounts"))
    entries = answer.data if isinstance(answer.data, list) else []
    listed = [each.get("id") for each in entries if isinstance(each, dict)]
    a = ctx.owner("A")
    ctx.expect(listed == [a.id], f"the account {a.id} alone", f"{listed}", answer)


@case(SUCCESS, "createAccount", "what was asked for", requests=3, touches=MINE)
def account_as_asked(ctx: CaseContext) -> None:
    """Check that name, legal name and reference are returned, now and when it is read."""
    wanted = {
        "type": "account",
        "name": f"Conformance run {ctx.run_id}",
        "legal_name": "Conformance Ltd",
    }
    made = ctx.need(
        ctx.send(ctx.administrator, "createAccount", body={"data": wanted}), "no account"
    )
    account = str(made.data.get("id")) if isinstance(made.data, dict) else ""
    read = ctx.send(ctx.administrator, "getAccount", account=account)
    for answer in (made, read):
        data = answer.data if isinstance(answer.data, dict) else {}
        held = {name: data.get(name) for name in wanted}
        ctx.expect(held == wanted, f"{wanted}", f"{held}"[:300], answer)


@case(SUCCESS, "deleteAccount", "it is gone", requests=4, touches=MINE)
def account_gone(ctx: CaseContext) -> None:
    """Check that this account can no longer be read, and others can."""
    owner = ctx.new_owner("D")
    answer = ctx.send(ctx.administrator, "deleteAccount", account=owner.id)
    ctx.need(answer, "no account was deleted")
    read = ctx.send(ctx.administrator, "getAccount", account=owner.id)
    ctx.expect(not read.ok, "no such account any more", shown(read), answer)
    other = ctx.send(ctx.administrator, "getAccount", account=ctx.owner("A").id)
    ctx.expect(other.ok, "other accounts still there", shown(other), answer)


# --- Two kinds of owner ---


@cases
def both_kinds() -> Iterator[Case]:
    """Put a customer and an account on one cart: what is done to one leaves the other."""
    for operation, kind in (
        ("createCustomerCartAssociation", "customer"),
        ("createAccountCartAssociation", "account"),
    ):
        run = partial(_second_kind, kind=kind)
        variant = f"{kind} next to the other kind"
        yield Case("shared-cart", operation, variant, run, 10, both_kinds=True)
    for operation, kind in (
        ("deleteCustomerCartAssociation", "customer"),
        ("deleteAccountCartAssociation", "account"),
    ):
        run = partial(_kind_left, kind=kind)
        variant = f"{kind} leaves the other kind"
        yield Case("shared-cart", operation, variant, run, 12, both_kinds=True)


KINDS = ("customer", "account")


@cases
def each_next_to_the_other_kind() -> Iterator[Case]:
    """Try what holds for one kind of owner on carts that the other kind has."""
    for kind in KINDS:
        operation = operation_for(kind, ASSOCIATE)
        table: tuple[tuple[str, str, str, Callable[..., None], int], ...] = (
            ("others-cannot-see", "getCarts", "a cart of the other kind alone", _unseen, 6),
            ("association-repeat", operation, "next to the other kind", _repeated, 10),
            ("last-cart", "deleteACart", "with the other kind of owner too", _last_cart, 9),
        )
        for rule, name, variant, effect, requests in table:
            run = partial(effect, kind=kind)
            yield Case(rule, name, f"{variant}, {kind}", run, requests, True, both_kinds=True)
        for template in (ASSOCIATE, DISSOCIATE):
            yield Case(
                f"{kind}-token-required",
                operation_for(kind, template),
                "the token of the other kind",
                partial(_token_of_the_other, kind=kind),
                4,
                both_kinds=True,
            )


def _unseen(ctx: CaseContext, kind: str) -> None:
    owner, other = _pair(ctx, kind)
    own, cart = ctx.new_cart(), ctx.new_cart()
    ctx.associate(own, owner)
    answer = ctx.associate(cart, other)
    listed = list_ids(ctx.session, ctx.shopper(owner))
    if own not in listed:
        raise Untestable(f"the {kind}'s own cart is not in the list")
    wanted, actual = f"no cart of the {other.kind} alone", "such a cart is in the list"
    ctx.expect(cart not in listed, wanted, actual, answer)


def _repeated(ctx: CaseContext, kind: str) -> None:
    owner, other = _pair(ctx, kind)
    cart = ctx.new_cart()
    for each in (other, owner):
        ctx.associate(cart, each)
    before = ctx.state(cart, owner)
    body = identifiers(owner.id, kind=kind)
    answer = ctx.send(ctx.administrator, ctx.operation, cart=cart, body=body)
    ctx.status(answer, 204, what="and no change")
    after = ctx.state(cart, owner)
    same = before.associations() == after.associations()
    ctx.expect(same, "both owners as before", f"{after.owners}", answer)


def _last_cart(ctx: CaseContext, kind: str) -> None:
    factory, other = ctx.session.factory, _pair(ctx, kind)[1]
    owner = factory.customer("D") if kind == "customer" else factory.account("D")
    spare, cart = ctx.new_cart(), ctx.new_cart()
    ctx.associate(spare, other)
    for each in (owner, other):
        ctx.associate(cart, each)
    if not ctx.state(cart, owner).names(owner):
        raise Untestable("the cart does not have both kinds of owner")
    control = ctx.usual(lambda: ctx.send(ctx.administrator, ctx.operation, cart=ctx.new_cart()))
    if ctx.refused(ctx.send(ctx.administrator, ctx.operation, cart=cart), control):
        ctx.dissociate(cart, owner)


def _token_of_the_other(ctx: CaseContext, kind: str) -> None:
    owner, other = _pair(ctx, kind)
    cart, body = ctx.new_cart(), identifiers(owner.id, kind=kind)
    control = ctx.control(ctx.send(ctx.shopper(owner), ctx.operation, cart=cart, body=body))
    ctx.refused(ctx.send(ctx.shopper(other), ctx.operation, cart=cart, body=body), control)


def _pair(ctx: CaseContext, kind: str) -> tuple[CartOwner, CartOwner]:
    """Return owner A of this kind, and owner A of the other kind."""
    customer, account = ctx.session.actors.customer("A"), ctx.session.actors.account("A")
    return (customer, account) if kind == "customer" else (account, customer)


def _second_kind(ctx: CaseContext, kind: str) -> None:
    second, first = _pair(ctx, kind)
    cart = ctx.new_cart()
    ctx.associate(cart, first)
    answer = ctx.associate(cart, second)
    for owner in (first, second):
        state = ctx.state(cart, owner)
        good = state.names(owner) == 1 and state.count(owner.label) == 1
        ctx.expect(good, f"the {owner.kind} on both sides", f"{state.owners}", answer)


def _kind_left(ctx: CaseContext, kind: str) -> None:
    leaving, staying = _pair(ctx, kind)
    cart = ctx.new_cart()
    for owner in (leaving, staying):
        ctx.associate(cart, owner)
        if not ctx.state(cart, owner).names(owner):
            raise Untestable("the cart does not have both kinds of owner")
    body = identifiers(leaving.id, kind=kind)
    answer = ctx.send(ctx.administrator, ctx.operation, cart=cart, body=body)
    if not ctx.status(answer, 204, what=f"although the cart has a {staying.kind}"):
        return
    state = ctx.state(cart, staying)
    good = state.names(staying) == 1 and state.count(staying.label) == 1
    ctx.expect(good, f"the {staying.kind} is still there", f"{state.owners}", answer)
    gone = ctx.state(cart, leaving)
    ctx.expect(
        not gone.names(leaving) and gone.count(leaving.label) == 0,
        f"the {leaving.kind} gone from both sides",
        f"{gone.owners}",
        answer,
        kind=Kind.EFFECT,
        rule="association-deleted",
    )


# --- Pages ---


@cases
def pages_of_accounts() -> Iterator[Case]:
    """Send page parameters inside and outside their bounds."""
    for operation in LISTS:
        for name, value in OUTSIDE:
            yield _page(operation, "page-out-of-range", name, value)
        for value in NO_NUMBER:
            yield _page(operation, "page-not-a-number", "page[limit]", value)
        for name, value, level in INSIDE:
            run = partial(_taken, name=name, value=value, level=level)
            variant = f"{name}={value} is taken"
            yield Case("page-out-of-range", operation, variant, run, 1, touches="nothing")


def _page(operation: str, rule: str, name: str, value: str) -> Case:
    def run(ctx: CaseContext) -> None:
        answer, control = _pair_of_pages(ctx, f"{name}={value}")
        ctx.refused(answer, control)

    return Case(rule, operation, f"{name}={value or 'nothing'}", run, 1, touches="nothing")


def _taken(ctx: CaseContext, name: str, value: str, level: Level) -> None:
    answer, control = _pair_of_pages(ctx, f"{name}={value}")
    ctx.status(answer, control.status, control=control, level=level)


def _pair_of_pages(ctx: CaseContext, query: str) -> tuple[Answer, Answer]:
    """Return the answers to a query and to the usual one.

    Tokens are asked for with an old token, because a password takes a server longer to check.
    """
    is_login = ctx.operation == LOG_IN
    sender = ctx.shopper("A") if is_login else ctx.administrator
    request = {"body": _switch_body()} if is_login else request_of(ctx)
    send = partial(ctx.send, sender, ctx.operation, **request)
    name, _, _ = query.partition("=")
    control = ctx.usual(lambda: send(query=f"{name}=10"), name)
    return send(query=query), control
