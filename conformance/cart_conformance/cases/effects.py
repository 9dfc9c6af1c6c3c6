"""What an association does: who sees it, from where, and what stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.context import NOTHING_CHANGES, CaseContext
from cart_conformance.cases.fixtures import ADMINISTRATOR, CALLERS, NARROWED, SHOPPER, caller_of
from cart_conformance.cases.registry import Case, case, cases
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.run.events import Kind
from cart_conformance.target.credentials import Customer
from cart_conformance.target.session import ASSOCIATE, DISSOCIATE, Untestable, identifiers
from cart_conformance.target.state import State, instant, list_carts, list_ids
from cart_conformance.target.transport import Answer

NEW = "association-visible"
GONE = "association-deleted"
# Timestamps may be whole seconds: after this long, the next second has come.
NEXT_SECOND = 1.1


def free_cart(x: CaseContext, *customers: Customer, by: str = ADMINISTRATOR) -> str:
    """A new cart that none of the customers has. Raises Untestable where one has it already."""
    cart = x.session.new_cart(x.session.implicit if by == SHOPPER else None)
    state = x.state(cart, *customers)
    if any(customer.id in state.customers for customer in customers):
        raise Untestable("a new cart has a customer already")
    if any(times != 0 for _, times in state.listed):
        raise Untestable("a new cart is in a customer's list already, or the list cannot be read")
    return cart


def visible(state: State, customer: Customer) -> bool:
    """Whether the association shows from both sides, once each."""
    return state.customers.count(customer.id) == 1 and state.count(customer.label) == 1


def sides(state: State, customer: Customer) -> str:
    """From which sides it shows, in words."""
    in_cart = state.customers.count(customer.id)
    in_list = state.count(customer.label)
    listed = "cannot be read" if in_list < 0 else f"has the cart {in_list} times"
    return f"the cart names the customer {in_cart} times, the customer's list {listed}"


def need_visible(x: CaseContext, cart: str, *customers: Customer) -> State:
    """The state with these associations in it. Raises Untestable where one does not show."""
    state = x.state(cart, *customers)
    for customer in customers:
        if not visible(state, customer):
            raise Untestable(f"the association does not show: {sides(state, customer)}")
    return state


@cases
def association_visible() -> Iterator[Case]:
    """From both sides, whoever made it, and whoever made the cart."""
    for caller in CALLERS:
        yield Case(NEW, ASSOCIATE, f"from both sides, {caller}", partial(_visible, by=caller), 6)
        yield Case(NEW, "getCarts", f"in the list, {caller}", partial(_listed, by=caller), 6)
        yield Case(NEW, "getACart", f"in the cart, {caller}", partial(_named, by=caller), 6)
    yield Case(NEW, ASSOCIATE, f"from both sides, {NARROWED}", partial(_visible, by=NARROWED), 6)
    yield Case(NEW, "getCarts", "in the list beside client credentials", _listed_narrowed, 6)
    yield Case(NEW, "getACart", "read by the customer", _named_to_customer, 6)
    yield Case(NEW, "getACart", "after the cart was changed", _still_after_change, 8)
    yield Case(NEW, "getCarts", "among the registered carts", _listed_to_administrator, 5)


def _associated(x: CaseContext, by: str) -> tuple[str, Customer, Answer]:
    a = x.customer("A")
    cart = free_cart(x, a, by=by)
    answer = x.send(caller_of(x, by), ASSOCIATE, cart=cart, body=identifiers(a.id))
    return cart, a, answer


def _visible(x: CaseContext, by: str) -> None:
    cart, a, answer = _associated(x, by)
    if not x.status(answer, 200) and not answer.ok:
        return
    state = x.state(cart, a)
    x.expect(visible(state, a), "the association from both sides", sides(state, a), answer)


def _listed(x: CaseContext, by: str) -> None:
    cart, a, answer = _associated(x, by)
    x.need(answer, "a customer could not be associated")
    state = x.state(cart, a)
    x.expect(state.count("A") == 1, "the cart once in the customer's list", sides(state, a), answer)


def _named(x: CaseContext, by: str) -> None:
    cart, a, answer = _associated(x, by)
    x.need(answer, "a customer could not be associated")
    state = x.state(cart, a)
    good = state.customers.count(a.id) == 1
    x.expect(good, "the customer once in the cart's relationships", sides(state, a), answer)


def _listed_narrowed(x: CaseContext) -> None:
    cart, a, answer = _associated(x, ADMINISTRATOR)
    x.need(answer, "a customer could not be associated")
    times = list_ids(x.session, x.session.narrowed(a)).count(cart)
    x.expect(times == 1, "the cart once in the customer's list", f"{times} times", answer)


def _named_to_customer(x: CaseContext) -> None:
    cart, a, answer = _associated(x, SHOPPER)
    x.need(answer, "a customer could not be associated")
    read = x.send(x.shopper("A"), "getACart", cart=cart)
    related = str(read.data.get("relationships")) if isinstance(read.data, dict) else shown(read)
    x.expect(read.ok and a.id in related, "the customer in the cart's relationships", related, read)


def _still_after_change(x: CaseContext) -> None:
    cart, a, answer = _associated(x, SHOPPER)
    x.need(answer, "a customer could not be associated")
    need_visible(x, cart, a)
    change = x.session.send(x.administrator, "updateACart", cart=cart, body=_renamed())
    x.need(change, "the cart could not be changed")
    state = x.state(cart, a)
    x.expect(visible(state, a), "the association from both sides", sides(state, a), change)


def _listed_to_administrator(x: CaseContext) -> None:
    cart, _, answer = _associated(x, ADMINISTRATOR)
    x.need(answer, "a customer could not be associated")
    # The newest come first; on a busy store, more pages than these are not worth their requests.
    carts = list_carts(x.session, x.administrator, pages=4)
    seen = [str(each.get("id")) for each in carts]
    if cart not in seen and len(seen) >= 150:
        raise Untestable("the store has too many carts to look through")
    x.expect(cart in seen, "the cart among the registered carts", "it is not listed", answer)


@case("any-device", ASSOCIATE, "a later login", requests=8)
def later_login(x: CaseContext) -> None:
    """The second token is issued after the association was made."""
    _second_login(x, before=False)


@case("any-device", "getCarts", "an earlier login", requests=8)
def earlier_login(x: CaseContext) -> None:
    """The second token was issued before the association was made with the first."""
    _second_login(x, before=True)


@case("any-device", "getCarts", "the first token, after another login", requests=9)
def first_token(x: CaseContext) -> None:
    """A later login takes nothing from an earlier device."""
    a = _someone(x)
    cart = free_cart(x, a)
    x.associate(cart, a, x.session.shopper(a))
    need_visible(x, cart, a)
    x.session.customer_token(str(a.email), str(a.password))
    answer = x.send(x.session.shopper(a), "getCarts")
    ids = [each.get("id") for each in answer.data or ()] if answer.ok else []
    x.expect(cart in ids, "the cart in the list with the first token", shown(answer), answer)


def _someone(x: CaseContext) -> Customer:
    """A customer who can log in, and who did so once: a new one where that can be.

    Of customer A other cases may have got other tokens before.
    """
    if x.session.settings.customers is None:
        return x.session.new_customer("A")
    a = x.customer("A")
    if a.email is None or a.password is None:
        raise Untestable("the customer's login is not known; give email and password")
    return a


def _second_login(x: CaseContext, *, before: bool) -> None:
    a = _someone(x)
    email, password = str(a.email), str(a.password)
    cart = free_cart(x, a)
    second = x.session.customer_token(email, password) if before else None
    answer = x.associate(cart, a, x.session.shopper(a))
    need_visible(x, cart, a)
    second = second or x.session.customer_token(email, password)
    other = Customer("A", a.id, email, second, password)
    times = list_ids(x.session, x.session.shopper(other)).count(cart)
    x.expect(times == 1, "the cart in the list with another token", f"{times} times", answer)


@case("many-carts", ASSOCIATE, "three carts", requests=16)
def many_carts(x: CaseContext) -> None:
    """One after another; each stays when the next one comes."""
    _three(x)


@case("many-carts", "getCarts", "three carts, listed", requests=16)
def many_carts_listed(x: CaseContext) -> None:
    """As the list shows them, each once."""
    _three(x)


def _three(x: CaseContext) -> None:
    a = x.customer("A")
    carts = [free_cart(x, a) for _ in range(3)]
    control = x.associate(carts[0], a)
    need_visible(x, carts[0], a)
    answer = control
    for cart in carts[1:]:
        answer = x.session.send(x.shopper("A"), ASSOCIATE, cart=cart, body=identifiers(a.id))
        if not x.status(answer, 200, 201, 204, control=control, what="for another cart"):
            return
    listed = list_ids(x.session, x.shopper("A"))
    times = [listed.count(cart) for cart in carts]
    x.expect(times == [1, 1, 1], "each of three carts once", f"{times} times", answer)


# A page has twenty carts unless more are asked for.
MORE_THAN_A_PAGE = 22


@case("many-carts", "getCarts", "more than a page of carts", requests=26)
def many_carts_on_pages(x: CaseContext) -> None:
    """More than a page has by itself: whoever asks for them finds each once."""
    made = [x.session.new_cart(x.shopper("A")) for _ in range(MORE_THAN_A_PAGE)]
    listed = list_ids(x.session, x.shopper("A"))
    if made[-1] not in listed:
        raise Untestable("a shopper's new cart is not in the list")
    found = sum(listed.count(cart) == 1 for cart in made)
    x.expect(found == len(made), f"each of {len(made)} carts once", f"{found} of them")


SHARED = "shared-cart"


@case(SHARED, ASSOCIATE, "a second customer joins", requests=12)
def shared_joined(x: CaseContext) -> None:
    """The first stays."""
    cart, a, b, answer = _shared(x)
    if not answer.ok:
        return
    state = x.state(cart, a, b)
    for each in (a, b):
        x.expect(visible(state, each), f"customer {each.label} too", sides(state, each), answer)


@case(SHARED, ASSOCIATE, "a third customer joins", requests=16)
def shared_by_three(x: CaseContext) -> None:
    """The other two stay."""
    cart, a, b, answer = _shared(x)
    c = x.customer("C")
    if not answer.ok:
        return
    third = x.send(x.administrator, ASSOCIATE, cart=cart, body=identifiers(c.id))
    x.status(third, 200, 201, 204, control=answer, what="for a third customer")
    state = x.state(cart, a, b, c)
    for each in (a, b, c):
        x.expect(visible(state, each), f"customer {each.label} too", sides(state, each), third)


@case(SHARED, DISSOCIATE, "one of two leaves, the first", requests=14)
def shared_first_left(x: CaseContext) -> None:
    """The second stays."""
    _left(x, "A", "B")


@case(SHARED, DISSOCIATE, "one of two leaves, the second", requests=14)
def shared_second_left(x: CaseContext) -> None:
    """The first stays."""
    _left(x, "B", "A")


def _shared(x: CaseContext) -> tuple[str, Customer, Customer, Answer]:
    a, b = x.customer("A"), x.customer("B")
    cart = free_cart(x, a, b)
    control = x.associate(cart, a)
    need_visible(x, cart, a)
    answer = x.send(x.administrator, ASSOCIATE, cart=cart, body=identifiers(b.id))
    x.status(answer, 200, 201, 204, control=control, what="for a second customer")
    return cart, a, b, answer


def _shared_need(x: CaseContext) -> tuple[str, Customer, Customer, Answer]:
    """A cart with A and B. Raises Untestable where the deployment does not do that."""
    a, b = x.customer("A"), x.customer("B")
    cart = free_cart(x, a, b)
    x.associate(cart, a)
    answer = x.associate(cart, b)
    state = x.state(cart, a, b)
    if not all(visible(state, each) for each in (a, b)):
        raise Untestable("the cart does not have both customers")
    return cart, a, b, answer


def _left(x: CaseContext, leaving: str, staying: str) -> None:
    cart, a, b, answer = _shared(x)
    if not answer.ok:
        return
    state = x.state(cart, a, b)
    if not all(visible(state, each) for each in (a, b)):
        raise Untestable("the cart does not have both customers")
    gone, left = x.customer(leaving), x.customer(staying)
    answer = x.dissociate(cart, gone)
    state = x.state(cart, gone, left)
    good = visible(state, left)
    x.expect(good, f"customer {staying} is still there", sides(state, left), answer)


@case("others-cannot-see", ASSOCIATE, "a cart of A", requests=10)
def others_cannot_see(x: CaseContext) -> None:
    """B's list does not have it: with an implicit token."""
    _unseen(x, narrowed=False)


@case("others-cannot-see", "getCarts", "a cart of A, client credentials", requests=10)
def others_cannot_see_narrowed(x: CaseContext) -> None:
    """B's list does not have it: client credentials beside B's token."""
    _unseen(x, narrowed=True)


def _unseen(x: CaseContext, *, narrowed: bool) -> None:
    a, b = x.customer("A"), x.customer("B")
    cart, of_b = x.session.new_cart(), x.session.new_cart()
    answer = x.associate(cart, a)
    x.associate(of_b, b)
    caller = x.session.narrowed(b) if narrowed else x.shopper("B")
    listed = list_ids(x.session, caller)
    if of_b not in listed:
        raise Untestable("B's list does not have B's own cart")
    x.expect(cart not in listed, "no cart of A in B's list", "a cart of A is in it", answer)


@case("others-cannot-see", "getCarts", "by somebody without a cart", requests=8)
def newcomer_sees_nothing(x: CaseContext) -> None:
    """A customer who has no cart is listed none of A's."""
    a = x.customer("A")
    cart = x.session.new_cart()
    answer = x.associate(cart, a)
    need_visible(x, cart, a)
    if x.session.settings.customers is None:
        newcomer = x.session.new_customer("D")
    else:
        newcomer = x.customer("C")
    listed = list_ids(x.session, x.session.shopper(newcomer))
    x.expect(cart not in listed, "no cart of A", "a cart of A is listed", answer)


@case(
    "others-cannot-see",
    "getCarts",
    "by somebody who shares another cart",
    requests=12,
    optional=True,
)
def sharer_sees_what_is_shared(x: CaseContext) -> None:
    """B shares one cart with A, and is not listed A's other cart."""
    _, a, _, answer = _shared_need(x)
    own = x.session.new_cart()
    x.associate(own, a)
    listed = list_ids(x.session, x.shopper("B"))
    x.expect(own not in listed, "only the cart that is shared", "A's own cart too", answer)


REPEAT = "association-repeat"


@cases
def association_repeat() -> Iterator[Case]:
    """The same POST once more, by the same caller and by the other one."""
    for first in CALLERS:
        for second in CALLERS:
            yield Case(
                REPEAT,
                ASSOCIATE,
                f"made by {first}, repeated by {second}",
                partial(_repeated, first=first, second=second),
                8,
            )
    yield Case(
        REPEAT, ASSOCIATE, "on a cart that another customer has, too", _repeated_beside, 14, True
    )


def _repeated(x: CaseContext, first: str, second: str) -> None:
    a = x.customer("A")
    cart = free_cart(x, a)
    body = identifiers(a.id)
    control = x.need(
        x.send(caller_of(x, first), ASSOCIATE, cart=cart, body=body),
        "a customer could not be associated",
    )
    before = need_visible(x, cart, a)
    if first == second == SHOPPER:
        x.session.client.pause(NEXT_SECOND)
    answer = x.send(caller_of(x, second), ASSOCIATE, cart=cart, body=body)
    x.status(answer, 204, control=control, what="and no change", level="documented")
    after = x.state(cart, a)
    same = before.associations() == after.associations()
    x.expect(same, "the association as it was, once", sides(after, a), answer)
    if same:
        x.expect(
            before.updated_at == after.updated_at,
            f"updated_at still {before.updated_at}",
            f"{after.updated_at}",
            answer,
            level="interpretation",
        )


def _repeated_beside(x: CaseContext) -> None:
    """Whoever else has the cart keeps it: a repeat changes nothing for anybody."""
    cart, a, b, control = _shared_need(x)
    before = x.state(cart, a, b)
    answer = x.send(x.administrator, ASSOCIATE, cart=cart, body=identifiers(a.id))
    x.status(answer, 204, control=control, what="and no change", level="documented")
    after = x.state(cart, a, b)
    same = before.associations() == after.associations()
    actual = f"A: {sides(after, a)}; B: {sides(after, b)}"
    x.expect(same, "both customers as before", actual, answer)


@cases
def association_deleted() -> Iterator[Case]:
    """Gone from both sides, whoever removes it."""
    for caller in CALLERS:
        yield Case(GONE, DISSOCIATE, f"from both sides, {caller}", partial(_deleted, by=caller), 8)
        yield Case(GONE, "getCarts", f"from the list, {caller}", partial(_unlisted, by=caller), 8)
        yield Case(GONE, "getACart", f"from the cart, {caller}", partial(_unnamed, by=caller), 8)
    yield Case(GONE, DISSOCIATE, f"from both sides, {NARROWED}", partial(_deleted, by=NARROWED), 8)
    yield Case(GONE, DISSOCIATE, "from both sides, a later login", _deleted_by_later_login, 9)
    yield Case(GONE, DISSOCIATE, "one of two carts", _one_of_two_carts, 12)
    yield Case(GONE, DISSOCIATE, "from a cart with two customers", _one_of_two_customers, 14, True)
    yield Case(GONE, DISSOCIATE, "and made again", _made_again, 10)


def _dissociated(x: CaseContext, by: str, *kept: str) -> tuple[str, Customer, Answer]:
    a = x.customer("A")
    cart = free_cart(x, a)
    x.associate(cart, a)
    for each in (cart, *kept):
        need_visible(x, each, a)
    answer = x.send(caller_of(x, by), DISSOCIATE, cart=cart, body=identifiers(a.id))
    return cart, a, answer


def _deleted(x: CaseContext, by: str) -> None:
    cart, a, answer = _dissociated(x, by)
    x.status(answer, 204, what="and no body")
    if answer.ok:
        state = x.state(cart, a)
        gone = a.id not in state.customers and state.count("A") == 0
        x.expect(gone, "gone from both sides", sides(state, a), answer)


def _deleted_by_later_login(x: CaseContext) -> None:
    a = _someone(x)
    cart = free_cart(x, a)
    x.associate(cart, a, x.session.shopper(a))
    need_visible(x, cart, a)
    later = x.session.customer_token(str(a.email), str(a.password))
    caller = x.session.shopper(replace(a, token=later))
    answer = x.send(caller, DISSOCIATE, cart=cart, body=identifiers(a.id))
    x.status(answer, 204, what="whichever token of the customer comes")
    if answer.ok:
        state = x.state(cart, a)
        gone = a.id not in state.customers and state.count(a.label) == 0
        x.expect(gone, "gone from both sides", sides(state, a), answer)


def _unlisted(x: CaseContext, by: str) -> None:
    cart, a, answer = _dissociated(x, by)
    x.need(answer, "the association could not be removed")
    state = x.state(cart, a)
    x.expect(state.count("A") == 0, "gone from the customer's list", sides(state, a), answer)


def _unnamed(x: CaseContext, by: str) -> None:
    cart, a, answer = _dissociated(x, by)
    x.need(answer, "the association could not be removed")
    state = x.state(cart, a)
    x.expect(a.id not in state.customers, "gone from the cart", sides(state, a), answer)


def _one_of_two_carts(x: CaseContext) -> None:
    a = x.customer("A")
    kept = free_cart(x, a)
    x.associate(kept, a)
    _, a, answer = _dissociated(x, SHOPPER, kept)
    x.need(answer, "the association could not be removed")
    state = x.state(kept, a)
    x.expect(visible(state, a), "the customer's other cart stays", sides(state, a), answer)


def _one_of_two_customers(x: CaseContext) -> None:
    cart, a, b, answer = _shared_need(x)
    answer = x.dissociate(cart, a)
    state = x.state(cart, a, b)
    gone = a.id not in state.customers and state.count("A") == 0
    x.expect(gone, "gone from both sides", sides(state, a), answer)


def _made_again(x: CaseContext) -> None:
    a = x.customer("A")
    cart = free_cart(x, a)
    first = x.associate(cart, a)
    need_visible(x, cart, a)
    x.dissociate(cart, a)
    again = x.session.send(x.administrator, ASSOCIATE, cart=cart, body=identifiers(a.id))
    x.status(again, first.status, what="as for the first time", control=first)
    state = x.state(cart, a)
    x.expect(visible(state, a), "the association from both sides", sides(state, a), again)


@cases
def delete_missing() -> Iterator[Case]:
    """A DELETE of what is not there."""
    for caller in CALLERS:
        yield Case(
            "delete-missing",
            DISSOCIATE,
            f"never associated, {caller}",
            partial(_delete_missing, by=caller),
            8,
        )
    yield Case("delete-missing", DISSOCIATE, "on a cart of another", _delete_missing_of_other, 9)


def _delete_missing(x: CaseContext, by: str) -> None:
    a = x.customer("A")
    cart = free_cart(x, a)
    x.associate(cart, a)
    body = identifiers(a.id)
    control = x.control(x.send(caller_of(x, by), DISSOCIATE, cart=cart, body=body))
    before = x.state(cart, a)
    if by == SHOPPER:
        x.session.client.pause(NEXT_SECOND)
    answer = x.send(caller_of(x, by), DISSOCIATE, cart=cart, body=body)
    x.status(answer, 204, control=control, what="and no change")
    after = x.state(cart, a)
    x.expect(before.associations() == after.associations(), "no change", sides(after, a), answer)
    old, new = before.updated_at, after.updated_at
    x.expect(old == new, f"updated_at still {old}", f"{new}", answer)


def _delete_missing_of_other(x: CaseContext) -> None:
    a, b = x.customer("A"), x.customer("B")
    cart = free_cart(x, a, b)
    control = x.associate(cart, b)
    before = need_visible(x, cart, b)
    answer = x.send(x.administrator, DISSOCIATE, cart=cart, body=identifiers(a.id))
    x.status(answer, 204, control=control, what="and no change")
    after = x.state(cart, b)
    x.expect(before.associations() == after.associations(), "B as before", sides(after, b), answer)


@cases
def administrator_unrestricted() -> Iterator[Case]:
    """Any customer and any cart: of the administrator, of nobody, of a shopper."""
    for operation in (ASSOCIATE, DISSOCIATE):
        for owner in ("the administrator", "an implicit caller", "a shopper"):
            yield Case(
                "administrator-unrestricted",
                operation,
                f"a cart made by {owner}",
                partial(_any_cart, owner=owner),
                9,
            )


def _any_cart(x: CaseContext, owner: str) -> None:
    a, b = x.customer("A"), x.customer("B")
    if owner == "a shopper":
        cart = x.session.new_cart(x.shopper("A"))
        x.dissociate(cart, a, x.shopper("A"))
    else:
        cart = x.session.new_cart(x.session.implicit if owner != "the administrator" else None)
    # The shopper B may do this, so the administrator must be able to.
    control = x.control(
        x.session.send(x.shopper("B"), ASSOCIATE, cart=cart, body=identifiers(b.id))
    )
    need_visible(x, cart, b)
    if x.operation == ASSOCIATE:
        x.dissociate(cart, b, x.shopper("B"))
    answer = x.send(x.administrator, x.operation, cart=cart, body=identifiers(b.id))
    x.status(answer, 200, 201, 204, control=control, what="for any customer and any cart")
    if answer.ok:
        state = x.state(cart, b)
        good = (b.id in state.customers) == (x.operation == ASSOCIATE)
        x.expect(good, "what was asked for, done", sides(state, b), answer, control=control)


@case("updated-at-moves", "updateACart", "by PUT", requests=4)
def moved_by_put(x: CaseContext) -> None:
    """The published expiry counts from the last update."""
    cart = _aged(x, x.operation)
    _moves(x, cart, "documented", body=_renamed())


@case("updated-at-moves", ASSOCIATE, "by POST of an association", requests=4)
def moved_by_post(x: CaseContext) -> None:
    """An association that is new."""
    cart = _aged(x, x.operation)
    _moves(x, cart, "interpretation", body=identifiers(x.customer("A").id))


@case("updated-at-moves", DISSOCIATE, "by DELETE of an association", requests=5)
def moved_by_delete(x: CaseContext) -> None:
    """An association that is there."""
    cart = _aged(x, x.operation)
    _moves(x, cart, "interpretation", body=identifiers(x.customer("A").id))


def _aged(x: CaseContext, use: str) -> str:
    """A cart that was last changed at least a second ago, with customer A where ``use`` has that.

    The carts of all uses are made together, so that they are waited for together.
    """
    with_a = (DISSOCIATE, f"refused {ASSOCIATE}", f"refused {DISSOCIATE}")
    if f"aged {use}" not in x.session.benches:
        for each in ("updateACart", ASSOCIATE, *with_a):
            x.session.benches[f"aged {each}"] = cart = x.session.new_cart()
            if each in with_a:
                x.associate(cart, x.customer("A"))
        x.session.client.pause(NEXT_SECOND)
    return str(x.session.benches.pop(f"aged {use}"))


def _renamed() -> dict[str, Any]:
    return {"data": {"name": "Conformance run, renamed"}}


def _moves(x: CaseContext, cart: str, level: Level, *, body: Any) -> None:
    before = x.state(cart).updated_at
    old = instant(before)
    answer = x.send(x.administrator, x.operation, cart=cart, body=body)
    x.need(answer, "the change was refused")
    after = x.state(cart).updated_at
    x.expect(
        instant(after) > old,
        f"an updated_at later than {before}",
        f"{after}",
        answer,
        level=level,
    )


@cases
def refusal_changes_nothing() -> Iterator[Case]:
    """A refused request beside a cart with a customer: cart, lists and customer stay.

    Every other refusal of an association request is held against this rule as well.
    """
    for operation in (ASSOCIATE, DISSOCIATE):
        yield Case(
            NOTHING_CHANGES, operation, "a wrong type", partial(_nothing_changes, wrong="carts"), 10
        )
        yield Case(
            NOTHING_CHANGES,
            operation,
            "two customers",
            partial(_nothing_changes, wrong=None),
            10,
        )


def _nothing_changes(x: CaseContext, wrong: str | None) -> None:
    a, b = x.customer("A"), x.customer("B")
    if wrong:
        cart = _aged(x, f"refused {x.operation}")
    else:
        cart = x.session.new_cart()
        x.associate(cart, a)
    before = x.state(cart, a, b)
    record = _record(x, a)
    body: dict[str, Any] = identifiers(a.id, b.id)
    if wrong:
        body = {"data": [{"type": wrong, "id": a.id}]}
    answer = x.send(x.administrator, x.operation, cart=cart, body=body)
    if not answer.refused:
        raise Untestable(f"the request was not refused: {shown(answer)}")
    x.unchanged(before, x.state(cart, a, b), answer)
    x.expect(
        record == _record(x, a),
        "the customer's record as it was",
        "another record",
        answer,
        kind=Kind.EFFECT,
        level="interpretation",
    )


def _record(x: CaseContext, customer: Customer) -> tuple[str, ...]:
    data = x.session.send(x.administrator, "getCustomer", customer=customer.id).data
    if not isinstance(data, dict):
        return ()
    return tuple(repr(data.get(name)) for name in ("id", "name", "email", "password"))
