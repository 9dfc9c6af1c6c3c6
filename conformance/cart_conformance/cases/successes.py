"""The rules of successful answers, operation by operation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cart_conformance.bodies import instant, page_of, timestamp
from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.endpoints import EVERY, request_of, touches
from cart_conformance.cases.fixtures import NARROWED, SHOPPER
from cart_conformance.cases.registry import Case, case, cases
from cart_conformance.errors import Skipped, Untestable
from cart_conformance.exchange import Answer
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.response_checks import PASSWORD, SUCCESS
from cart_conformance.results import Kind
from cart_conformance.target.credentials import Customer
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE, log_in_body
from cart_conformance.target.state import list_ids

MINE = "customers of this run"
PAGE = 20
"""Carts on a page if the request does not set a limit."""

STATUS = {
    ASSOCIATE: 200,
    DISSOCIATE: 204,
    "getCarts": 200,
    "createACart": 201,
    "getACart": 200,
    "updateACart": 200,
    "deleteACart": 204,
    "createCustomer": 201,
    "getCustomers": 200,
    "getCustomer": 200,
    "updateCustomer": 200,
    "deleteCustomer": 204,
    "createCustomerToken": 200,
    "createAccount": 201,
    "getAccounts": 200,
    "getAccount": 200,
    "updateAccount": 200,
    "deleteAccount": 204,
    "getAccountMemberships": 200,
    "createAccountMembership": 201,
    "deleteAccountMembership": 204,
    "getAccountMembers": 200,
    "getAccountMember": 200,
    "createAccountToken": 201,
    "getAccountAuthenticationSettings": 200,
    "getPasswordProfiles": 200,
}


@cases
def published_status() -> Iterator[Case]:
    """Check each operation's published status. Its body is checked like all others."""
    for operation in (*EVERY, "createAccessToken"):
        yield Case(
            SUCCESS, operation, "the published status", _published, 3, touches=touches(operation)
        )


def _published(ctx: CaseContext) -> None:
    if ctx.operation == "createAccessToken":
        for grant in ("client_credentials", "implicit"):
            answer = ctx.token(grant)
            ctx.status(answer, 200, what=f"for {grant}")
            _access_token(ctx, answer, grant)
        return
    answer = ctx.send(ctx.administrator, ctx.operation, **request_of(ctx))
    ctx.status(answer, STATUS[ctx.operation])


def _access_token(ctx: CaseContext, answer: Answer, grant: str) -> None:
    document = answer.document if isinstance(answer.document, dict) else {}
    if not answer.ok:
        return
    given = document.get("identifier")
    ctx.expect(given == grant, f"identifier {grant}", f"identifier {given}", answer)
    expires = document.get("expires")
    if isinstance(expires, int | float):
        ctx.expect(expires < 1e11, "expires in epoch seconds", f"expires {expires}", answer)


@case(SUCCESS, ASSOCIATE, "the identifiers sent", requests=2)
def identifiers_echoed(ctx: CaseContext) -> None:
    """Check that the answer repeats the identifiers, type and id."""
    answer = ctx.need(ctx.send(ctx.administrator, ASSOCIATE, **request_of(ctx)), "no association")
    if answer.status == 200:
        a = ctx.owner("A")
        echoed = answer.data if isinstance(answer.data, list) else []
        pairs = [(each.get("type"), each.get("id")) for each in echoed if isinstance(each, dict)]
        ctx.expect((ctx.kind, a.id) in pairs, f"the identifier of {a.id}", f"{pairs}", answer)


@case(SUCCESS, "createACart", "what was asked for", requests=2)
def cart_as_asked(ctx: CaseContext) -> None:
    """Check that id, name and description are returned, now and when the cart is read."""
    wanted = {"id": ctx.fresh_id("Az_9"), "name": "Conformance", "description": "run"}
    answer = ctx.need(ctx.send(ctx.administrator, "createACart", body={"data": wanted}), "no cart")
    _holds(ctx, answer, wanted)
    read = ctx.send(ctx.administrator, "getACart", cart=wanted["id"])
    _holds(ctx, read, wanted)


@case(SUCCESS, "createACart", "without an id", requests=2)
def cart_without_id(ctx: CaseContext) -> None:
    """Check that the deployment chooses a new id each time."""
    body = {"data": {"name": f"Conformance run {ctx.run_id}"}}
    ids = []
    for _ in range(2):
        answer = ctx.need(ctx.send(ctx.administrator, "createACart", body=body), "no cart")
        ids.append(answer.data.get("id") if isinstance(answer.data, dict) else None)
    ctx.expect(len(set(ids)) == 2, "two carts with two ids", f"{ids}", answer)


@case(SUCCESS, "getACart", "an id that no cart has", requests=2)
def cart_by_reading(ctx: CaseContext) -> None:
    """Check that reading an unknown id makes a new cart: SDKs make the ids of carts themselves."""
    cart = ctx.unknown_cart_id()
    answer = ctx.send(ctx.implicit, "getACart", cart=cart)
    if ctx.status(answer, 200, what="and a new cart"):
        _holds(ctx, answer, {"id": cart, "name": "Cart"})


@cases
def carts_of_guests() -> Iterator[Case]:
    """Check that a shopper who is not logged in may create, change and delete a cart."""
    for operation in ("createACart", "updateACart", "deleteACart"):
        yield Case(SUCCESS, operation, "an implicit token alone", _by_guest, 3)


def _by_guest(ctx: CaseContext) -> None:
    control = ctx.control(ctx.send(ctx.administrator, ctx.operation, **request_of(ctx)))
    answer = ctx.send(ctx.implicit, ctx.operation, **request_of(ctx))
    ctx.status(answer, STATUS[ctx.operation], control=control)


@cases
def cart_of_shopper() -> Iterator[Case]:
    """Check that a cart made with a customer token belongs to the customer immediately."""
    for variant, who in (("with a customer token", SHOPPER), (NARROWED, NARROWED)):
        run = partial(_cart_of_caller, who=who, kind="customer")
        yield Case(SUCCESS, "createACart", variant, run, 4)
    for variant, who in (
        ("with an account token", SHOPPER),
        ("client credentials and an account token", NARROWED),
    ):
        run = partial(_cart_of_caller, who=who, kind="account")
        yield Case(SUCCESS, "createACart", variant, run, 4, both_kinds=True)


def _cart_of_caller(ctx: CaseContext, who: str, kind: str) -> None:
    actors = ctx.session.actors
    a = actors.customer("A") if kind == "customer" else actors.account("A")
    cart = ctx.new_cart(actors.shopper(a) if who == SHOPPER else actors.narrowed(a))
    state = ctx.state(cart, a)
    good = bool(state.names(a)) and state.count("A") == 1
    ctx.expect(good, f"a cart of that {kind} at once", f"a cart without that {kind}")


@case(SUCCESS, "createACart", "ids that differ in letter case", requests=3)
def ids_in_two_letter_cases(ctx: CaseContext) -> None:
    """Check that two ids which differ in letter case only are two ids."""
    first = ctx.fresh_id("Az")
    made = [
        ctx.send(
            ctx.administrator, "createACart", body={"data": {"id": each, "name": "Conformance"}}
        )
        for each in (first, first.swapcase())
    ]
    ctx.status(made[1], 201, control=ctx.control(made[0]), level="interpretation")


@case(SUCCESS, "updateACart", "what was asked for", requests=4)
def cart_as_changed(ctx: CaseContext) -> None:
    """Check that fields that are sent change, and that others stay."""
    cart = ctx.new_cart(description="stays")
    answer = ctx.need(
        ctx.send(ctx.administrator, "updateACart", cart=cart, body={"data": {"name": "changed"}}),
        "no change",
    )
    wanted = {"id": cart, "name": "changed", "description": "stays"}
    _holds(ctx, answer, wanted)
    _holds(ctx, ctx.send(ctx.administrator, "getACart", cart=cart), wanted)


@case(SUCCESS, "deleteACart", "it is gone", requests=10, touches="carts and customers of this run")
def cart_gone(ctx: CaseContext) -> None:
    """Check that the cart leaves the list of its customer, with its association."""
    a = ctx.customer("A")
    spare, cart = ctx.new_cart(), ctx.new_cart()
    ctx.associate(spare, a)
    ctx.associate(cart, a)
    before = list_ids(ctx.session, ctx.shopper("A"))
    if cart not in before or spare not in before:
        raise Untestable("the carts are not in the customer's list")
    answer = ctx.need(
        ctx.send(ctx.administrator, "deleteACart", cart=cart), "the cart was not deleted"
    )
    after = list_ids(ctx.session, ctx.shopper("A"))
    ctx.expect(cart not in after, "a list without the deleted cart", "it is in the list", answer)
    ctx.expect(spare in after, "the other cart still there", "it is gone too", answer)


@case(SUCCESS, "deleteACart", "and made again", requests=10, optional=True)
def cart_made_again(ctx: CaseContext) -> None:
    """Check that a new cart with the id of a deleted one does not have its associations."""
    a = ctx.customer("A")
    spare, cart = ctx.new_cart(), ctx.new_cart()
    ctx.associate(spare, a)
    ctx.associate(cart, a)
    answer = ctx.send(ctx.administrator, "deleteACart", cart=cart)
    ctx.need(answer, "the cart was not deleted")
    ctx.new_cart(id=cart)
    state = ctx.state(cart, a)
    good = not state.names(a) and state.count("A") == 0
    ctx.expect(good, "a new cart without a customer", f"{state.owners}", answer)


@case(SUCCESS, "getCarts", "one page after another", requests=14)
def pages_of_carts(ctx: CaseContext) -> None:
    """Check that the pages of a list contain each cart once, and that an offset counts carts."""
    a = ctx.customer("A")
    for _ in range(3):
        ctx.associate(ctx.new_cart(), a)
    whole = list_ids(ctx.session, ctx.shopper("A"))
    first = ctx.send(ctx.shopper("A"), "getCarts", query="page[limit]=1&page[offset]=0")
    second = ctx.send(ctx.shopper("A"), "getCarts", query="page[limit]=2&page[offset]=1")
    found = [[cart.get("id") for cart in page_of(page)] for page in (first, second)]
    wanted = [whole[:1], whole[1:3]]
    ctx.expect(found == wanted, f"one cart, then two: {wanted}", f"{found}", second, control=first)
    for page, asked in ((first, (1, 0)), (second, (2, 1))):
        meta = page.document.get("meta", {})
        described = (meta.get("page", {}).get("limit"), meta.get("page", {}).get("offset"))
        ctx.expect(described == asked, f"limit and offset {asked}", f"{described}", page)
    unasked = ctx.send(ctx.shopper("A"), "getCarts")
    limit = unasked.document.get("meta", {}).get("page", {}).get("limit")
    good = limit == PAGE and len(page_of(unasked)) <= PAGE
    ctx.expect(good, f"at most {PAGE} on a page that was not asked for", f"{limit}", unasked)
    total = second.document.get("meta", {}).get("results", {}).get("total")
    ctx.expect(total == len(whole), f"{len(whole)} results", f"{total} results", second)


@case(SUCCESS, "getCarts", "no cart of nobody", requests=5)
def no_cart_of_nobody(ctx: CaseContext) -> None:
    """Check that a customer token lists only that customer's carts."""
    own, free = ctx.new_cart(), ctx.new_cart()
    ctx.associate(own, ctx.customer("A"))
    listed = list_ids(ctx.session, ctx.shopper("A"))
    if own not in listed:
        raise Untestable("the customer's own cart is not in the list")
    ctx.expect(free not in listed, "the customer's own carts", "a cart without a customer too")


def _two_carts(ctx: CaseContext) -> list[str]:
    """Make two carts of customer A; return their ids, the oldest first."""
    carts = [ctx.new_cart(), ctx.new_cart()]
    for cart in carts:
        ctx.associate(cart, ctx.customer("A"))
    return carts


@case(SUCCESS, "getCarts", "the newest first", requests=9, prepare=_two_carts)
def newest_first(ctx: CaseContext) -> None:
    """Check that the list is ordered by the time of the last update."""
    # The cart that is updated last was created and associated first.
    new, _ = ctx.prepared(_two_carts)
    body = {"data": {"name": "Conformance run, renamed"}}
    ctx.need(ctx.send(ctx.administrator, "updateACart", cart=new, body=body), "no change")
    answer = ctx.need(ctx.send(ctx.shopper("A"), "getCarts", query="page[limit]=100"), "no list")
    times = [instant(timestamp(cart, "updated_at")) for cart in page_of(answer)]
    if len(set(times)) < 2:
        raise Untestable("no cart was updated later than another")
    good = times == sorted(times, reverse=True)
    ctx.expect(good, "the newest updated_at first", "another order", answer)


@case(SUCCESS, "getCustomers", "a page of two", requests=2, touches="nothing")
def page_of_customers(ctx: CaseContext) -> None:
    """Check the number of customers on a page, and that an offset counts customers."""
    # If another client registers in between, the pages shift. That does not happen repeatedly.
    for _ in range(3):
        pages = []
        for offset in (0, 1):
            query = f"page[limit]=2&page[offset]={offset}"
            answer = ctx.need(ctx.send(ctx.administrator, "getCustomers", query=query), "no list")
            pages.append([customer.get("id") for customer in page_of(answer)])
        good = len(set(pages[0])) == 2 and pages[1][:1] == pages[0][1:]
        if good:
            break
    wanted = "two customers a page, the second the first from offset 1"
    ctx.expect(good, wanted, f"{pages}", answer)


@case(SUCCESS, "createCustomer", "what was asked for", requests=3, touches=MINE)
def customer_as_asked(ctx: CaseContext) -> None:
    """Check that name and email are returned, now and when the customer is read."""
    _new_customer(ctx, "createCustomer")


@case(SUCCESS, "getCustomer", "what was asked for", requests=3, touches=MINE)
def customer_as_read(ctx: CaseContext) -> None:
    """Check that the customer is returned as it was created."""
    _new_customer(ctx, "getCustomer")


def _new_customer(ctx: CaseContext, looked_at: str) -> None:
    request: dict[str, Any] = {
        "type": "customer",
        "name": f"Conformance run {ctx.run_id}",
        "email": ctx.email(),
    }
    if ctx.customers_are_given:
        raise Skipped("customers are given by the fixtures; none is made")
    secret = {"password": ctx.session.factory.password()}
    made = ctx.send(ctx.administrator, "createCustomer", body={"data": request | secret})
    ctx.need(made, "no customer could be made")
    answer = made
    if looked_at == "getCustomer":
        customer = str(made.data.get("id")) if isinstance(made.data, dict) else ""
        answer = ctx.send(ctx.administrator, "getCustomer", customer=customer)
    _holds(ctx, answer, request)


@case(SUCCESS, "updateCustomer", "what was asked for", requests=5, touches=MINE)
def customer_as_changed(ctx: CaseContext) -> None:
    """Check that fields that are sent change, and that others stay."""
    customer = ctx.new_customer("D")
    body = {"data": {"type": "customer", "name": "Conformance, changed"}}
    answer = ctx.send(ctx.administrator, "updateCustomer", customer=customer.id, body=body)
    ctx.need(answer, "no change")
    wanted = {"id": customer.id, "name": "Conformance, changed", "email": customer.email}
    _holds(ctx, answer, wanted)
    _holds(ctx, ctx.send(ctx.administrator, "getCustomer", customer=customer.id), wanted)
    login = ctx.customer_token(str(customer.email), str(customer.password))
    ctx.expect(bool(login), "the password still holds", "it does not")


@case(SUCCESS, "deleteCustomer", "it is gone", requests=5, touches=MINE)
def customer_gone(ctx: CaseContext) -> None:
    """Check that this customer can no longer be read, and others can."""
    customer = ctx.new_customer("D")
    answer = ctx.need(
        ctx.send(ctx.administrator, "deleteCustomer", customer=customer.id),
        "no customer was deleted",
    )
    read = ctx.send(ctx.administrator, "getCustomer", customer=customer.id)
    ctx.expect(not read.ok, "no such customer any more", shown(read), answer)
    other = ctx.send(ctx.administrator, "getCustomer", customer=ctx.customer("A").id)
    ctx.expect(other.ok, "other customers still there", shown(other), answer)


@case(SUCCESS, "createCustomerToken", "what was asked for", requests=2)
def token_as_asked(ctx: CaseContext) -> None:
    """Check that the token belongs to that customer, and that its lifetime is in seconds."""
    # Not the first customer, because a broken server may give that one's token to all.
    b = ctx.customer("B")
    who = b if b.email and b.password else ctx.customer("A")
    body = log_in_body(*ctx.login(who.label))
    answer = ctx.need(
        ctx.send(ctx.administrator, "createCustomerToken", body=body), "no customer token"
    )
    data = answer.data if isinstance(answer.data, dict) else {}
    ctx.expect(
        data.get("customer_id") == who.id,
        f"customer_id {who.id}",
        f"{data.get('customer_id')}",
        answer,
    )
    expires = data.get("expires")
    if isinstance(expires, int | float):
        ctx.expect(expires < 1e11, "expires in epoch seconds", f"expires {expires}", answer)


@case(SUCCESS, "createCustomerToken", "without authentication_mechanism", requests=2)
def login_without_mechanism(ctx: CaseContext) -> None:
    """Check that a login passes without the mechanism, which is published as optional."""
    body = log_in_body(*ctx.login("A"))
    control = ctx.control(ctx.send(ctx.administrator, "createCustomerToken", body=body))
    del body["data"]["authentication_mechanism"]
    answer = ctx.send(ctx.administrator, "createCustomerToken", body=body)
    ctx.status(answer, 200, control=control)


def _holds(ctx: CaseContext, answer: Answer, wanted: dict[str, Any]) -> None:
    data = answer.data if isinstance(answer.data, dict) else {}
    held = {name: data.get(name) for name in wanted}
    ctx.expect(held == wanted, f"{wanted}", f"{held}"[:300], answer)


# --- Passwords ---


@cases
def password_never_returned() -> Iterator[Case]:
    """Check the answers to requests that contain a password or concern a customer with one."""
    for operation in (*EVERY, "createAccessToken"):
        yield Case(PASSWORD, operation, "in no answer", _no_password, 3, touches=touches(operation))
    yield Case(PASSWORD, "createCustomer", "refused", _refused_with_password, 1, touches=MINE)
    yield Case(PASSWORD, "createCustomer", "true or false", _true_or_false, 4, touches=MINE)
    yield Case(PASSWORD, "updateCustomer", "a new one", _new_password, 4, touches=MINE)


def _no_password(ctx: CaseContext) -> None:
    # Every answer is searched for every password of this run.
    if ctx.operation == "createAccessToken":
        ctx.need(ctx.token("client_credentials"), "no access token")
    elif ctx.operation == "createCustomer":
        ctx.new_customer("D")
    else:
        ctx.need(
            ctx.send(ctx.administrator, ctx.operation, **request_of(ctx)), "the request was refused"
        )


def _refused_with_password(ctx: CaseContext) -> None:
    body = {"data": {"type": "cart", "name": "Conformance", "email": "nobody"}}
    body["data"]["password"] = f"refused-{ctx.run_id}-Aa1"
    ctx.send(ctx.administrator, "createCustomer", body=body)


def _true_or_false(ctx: CaseContext) -> None:
    having: Customer = ctx.new_customer("D")
    data = {
        "type": "customer",
        "name": f"Conformance run {ctx.run_id}",
        "email": ctx.email(),
    }
    without = ctx.send(ctx.administrator, "createCustomer", body={"data": data})
    read = ctx.send(ctx.administrator, "getCustomer", customer=having.id)
    # A shop may demand a password of every customer. Then only that of the first can be checked.
    for answer, wanted in ((read, True), *([(without, False)] if without.ok else [])):
        shown_as = answer.data.get("password") if isinstance(answer.data, dict) else None
        ctx.expect(
            shown_as is wanted,
            f"password {str(wanted).lower()}",
            f"password {shown_as!r}",
            answer,
            kind=Kind.SCHEMA,
        )


def _new_password(ctx: CaseContext) -> None:
    customer = ctx.new_customer("D")
    password = f"changed-{ctx.run_id}-Aa1"
    body = {"data": {"type": "customer", "password": password}}
    answer = ctx.send(ctx.administrator, "updateCustomer", customer=customer.id, body=body)
    ctx.need(answer, "no change")
    # The new password must work: one that was never set could not leak.
    ctx.customer_token(str(customer.email), password)
