"""The effects of an association: to which callers it is visible, and what must not change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from cart_conformance.bodies import instant, owners_of, page_of
from cart_conformance.cases.context import NEXT_SECOND, NOTHING_CHANGES, CaseContext
from cart_conformance.cases.fixtures import ADMINISTRATOR, CALLERS, NARROWED, SHOPPER, caller_of
from cart_conformance.cases.registry import Case, case, cases
from cart_conformance.errors import Skipped, Untestable
from cart_conformance.exchange import Answer
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.results import Kind
from cart_conformance.target.actors import granted
from cart_conformance.target.credentials import CartOwner
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE
from cart_conformance.target.state import State, list_carts, list_ids

NEW = "association-visible"
GONE = "association-deleted"


def free_cart(ctx: CaseContext, *owners: CartOwner, by: str = ADMINISTRATOR) -> str:
    """Return a new cart without these customers.

    Raises Untestable if it already has one of them.
    """
    cart = ctx.new_cart(ctx.implicit if by == SHOPPER else None)
    state = ctx.state(cart, *owners)
    if any(state.names(owner) for owner in owners):
        raise Untestable("a new cart has an owner already")
    if any(times != 0 for _, times in state.listed):
        raise Untestable("a new cart is in an owner's list already, or the list cannot be read")
    return cart


def visible(state: State, owner: CartOwner) -> bool:
    """Return whether the association is visible from both sides, once on each."""
    return state.names(owner) == 1 and state.count(owner.label) == 1


def sides(state: State, owner: CartOwner) -> str:
    """Describe on which sides the association is visible."""
    in_cart = state.names(owner)
    in_list = state.count(owner.label)
    listed = "cannot be read" if in_list < 0 else f"has the cart {in_list} times"
    return f"the cart names the {owner.kind} {in_cart} times, the {owner.kind}'s list {listed}"


def need_visible(ctx: CaseContext, cart: str, *owners: CartOwner) -> State:
    """Return the state with these associations. Raises Untestable if one is not visible."""
    state = ctx.state(cart, *owners)
    for owner in owners:
        if not visible(state, owner):
            raise Untestable(f"the association does not show: {sides(state, owner)}")
    return state


@cases
def association_visible() -> Iterator[Case]:
    """Check the association from both sides, for each caller and each creator of the cart."""
    for caller in CALLERS:
        yield Case(NEW, ASSOCIATE, f"from both sides, {caller}", partial(_visible, by=caller), 6)
        yield Case(NEW, "getCarts", f"in the list, {caller}", partial(_listed, by=caller), 6)
        yield Case(NEW, "getACart", f"in the cart, {caller}", partial(_named, by=caller), 6)
    yield Case(NEW, ASSOCIATE, f"from both sides, {NARROWED}", partial(_visible, by=NARROWED), 6)
    yield Case(NEW, "getCarts", "in the list beside client credentials", _listed_narrowed, 6)
    yield Case(NEW, "getCarts", "in the list of a second customer", _listed_second, 8, True)
    yield Case(NEW, "getACart", "read by the customer", _named_to_owner, 6)
    yield Case(NEW, "getACart", "after the cart was changed", _still_after_change, 8)
    yield Case(NEW, "getCarts", "among the registered carts", _listed_to_administrator, 5)


def _associated(ctx: CaseContext, by: str) -> tuple[str, CartOwner, Answer]:
    a = ctx.owner("A")
    cart = free_cart(ctx, a, by=by)
    answer = ctx.send(caller_of(ctx, by), ASSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    return cart, a, answer


def _associated_by_shopper(ctx: CaseContext) -> tuple[str, CartOwner, Answer]:
    return _associated(ctx, SHOPPER)


def _visible(ctx: CaseContext, by: str) -> None:
    cart, a, answer = _associated(ctx, by)
    if not ctx.status(answer, 200) and not answer.ok:
        return
    state = ctx.state(cart, a)
    good = visible(state, a)
    rule = None if good else _rule_of_hidden(ctx, cart, a, by)
    ctx.expect(good, "the association from both sides", sides(state, a), answer, rule=rule)


def _rule_of_hidden(ctx: CaseContext, cart: str, owner: CartOwner, by: str) -> str | None:
    """Return ``any-device`` if an association shows to the access token that made it alone.

    Then it was made, and the rule that other tokens show it is broken. Otherwise return None.
    """
    if ctx.operation_id not in ctx.session.contract.rule("any-device").operations:
        return None
    maker = replace(ctx.shopper(owner), access_token=caller_of(ctx, by).access_token)
    read = ctx.send(maker, "getACart", cart=cart)
    shows = read.ok and owner.id in owners_of(read.data, owner.kind)
    return "any-device" if shows and cart in list_ids(ctx.session, maker) else None


def _listed(ctx: CaseContext, by: str) -> None:
    cart, a, answer = _associated(ctx, by)
    ctx.need(answer, "the {owner} could not be associated")
    state = ctx.state(cart, a)
    good = state.count("A") == 1
    rule = None if good else _rule_of_hidden(ctx, cart, a, by)
    ctx.expect(good, "the cart once in the {owner}'s list", sides(state, a), answer, rule=rule)


def _named(ctx: CaseContext, by: str) -> None:
    cart, a, answer = _associated(ctx, by)
    ctx.need(answer, "the {owner} could not be associated")
    state = ctx.state(cart, a)
    good = state.names(a) == 1
    ctx.expect(good, "the {owner} once in the cart's relationships", sides(state, a), answer)


def _listed_second(ctx: CaseContext) -> None:
    """Check that an association is listed although the cart has an owner already.

    A deployment that refuses or drops a second owner breaks ``shared-cart`` alone. One whose cart
    names the owner must list it too.
    """
    a, b = ctx.owner("A"), ctx.owner("B")
    own, cart = ctx.new_cart(), ctx.new_cart()
    ctx.associate(own, b)
    ctx.associate(cart, a)
    answer = ctx.associate(cart, b)
    listed = list_ids(ctx.session, ctx.shopper(b))
    if own not in listed:
        raise Untestable("B's list does not have B's own cart")
    times = listed.count(cart)
    if not times and not ctx.state(cart).names(b):
        raise Untestable("the cart does not have both owners")
    ctx.expect(times == 1, "the cart once in the second {owner}'s list", f"{times} times", answer)


def _listed_narrowed(ctx: CaseContext) -> None:
    cart, a, answer = _associated(ctx, ADMINISTRATOR)
    ctx.need(answer, "the {owner} could not be associated")
    times = list_ids(ctx.session, ctx.narrowed(a)).count(cart)
    ctx.expect(times == 1, "the cart once in the {owner}'s list", f"{times} times", answer)


def _named_to_owner(ctx: CaseContext) -> None:
    cart, a, answer = _associated(ctx, SHOPPER)
    ctx.need(answer, "the {owner} could not be associated")
    read = ctx.send(ctx.shopper("A"), "getACart", cart=cart)
    related = str(read.data.get("relationships")) if isinstance(read.data, dict) else shown(read)
    ctx.expect(
        read.ok and a.id in related, "the {owner} in the cart's relationships", related, read
    )


def _still_after_change(ctx: CaseContext) -> None:
    cart, a, answer = _associated(ctx, SHOPPER)
    ctx.need(answer, "the {owner} could not be associated")
    need_visible(ctx, cart, a)
    change = ctx.send(ctx.administrator, "updateACart", cart=cart, body=_renamed())
    ctx.need(change, "the cart could not be changed")
    state = ctx.state(cart, a)
    ctx.expect(visible(state, a), "the association from both sides", sides(state, a), change)


def _listed_to_administrator(ctx: CaseContext) -> None:
    cart, _, answer = _associated(ctx, ADMINISTRATOR)
    ctx.need(answer, "the {owner} could not be associated")
    # The newest carts come first. On a busy store, reading further pages would cost too many
    # requests.
    carts = list_carts(ctx.session, ctx.administrator, pages=4)
    seen = [str(each.get("id")) for each in carts]
    if cart not in seen and len(seen) >= 150:
        raise Untestable("the store has too many carts to look through")
    ctx.expect(cart in seen, "the cart among the registered carts", "it is not listed", answer)


@case("any-device", ASSOCIATE, "a later login", requests=8)
def later_login(ctx: CaseContext) -> None:
    """List the cart with a token that was issued after the association."""
    _second_login(ctx, before=False)


@case("any-device", "getCarts", "an earlier login", requests=8)
def earlier_login(ctx: CaseContext) -> None:
    """List the cart with an older token than the one that made the association."""
    _second_login(ctx, before=True)


@case("any-device", "getCarts", "the first token, after another login", requests=9)
def first_token(ctx: CaseContext) -> None:
    """Check that a token still lists the carts after another login of the same customer."""
    a = _someone(ctx)
    cart = free_cart(ctx, a)
    ctx.associate(cart, a, ctx.shopper(a))
    need_visible(ctx, cart, a)
    ctx.log_in(a)
    answer = ctx.send(ctx.shopper(a), "getCarts")
    ids = [each.get("id") for each in answer.data or ()] if answer.ok else []
    ctx.expect(cart in ids, "the cart in the list with the first token", shown(answer), answer)


@cases
def other_access_tokens() -> Iterator[Case]:
    """List the cart with another access token than the one that made the association."""
    for what in ("a new implicit token", "client credentials"):
        run = partial(_other_access, what=what)
        yield Case("any-device", "getCarts", f"with {what}", run, 5, optional=True)


def _other_access(ctx: CaseContext, what: str) -> None:
    a, cart = ctx.owner("A"), ctx.new_cart()
    maker = ctx.shopper(a)
    answer = ctx.associate(cart, a, maker)
    if cart not in list_ids(ctx.session, maker):
        raise Untestable("the association does not show to the token that made it")
    other = ctx.narrowed(a)
    if what == "a new implicit token":
        token = granted(ctx.need(ctx.token("implicit"), "no access token")).get("access_token")
        if token == maker.access_token:
            raise Untestable("the deployment gives the same access token again")
        other = replace(maker, access_token=token)
    times = list_ids(ctx.session, other).count(cart)
    ctx.expect(times == 1, f"the cart in the list with {what}", f"{times} times", answer)


def _someone(ctx: CaseContext) -> CartOwner:
    """Return a customer that has logged in once: a new one if the run can make customers.

    Other cases may already have requested tokens for owner A.
    """
    if not ctx.owners_are_given:
        return ctx.new_owner("A")
    a = ctx.owner("A")
    if a.login is None or a.password is None:
        raise Skipped("the fixtures give no email and password of the customer")
    return a


def _second_login(ctx: CaseContext, *, before: bool) -> None:
    a = _someone(ctx)
    cart = free_cart(ctx, a)
    second = ctx.log_in(a) if before else None
    answer = ctx.associate(cart, a, ctx.shopper(a))
    need_visible(ctx, cart, a)
    second = second or ctx.log_in(a)
    other = replace(a, token=second)
    times = list_ids(ctx.session, ctx.shopper(other)).count(cart)
    ctx.expect(times == 1, "the cart in the list with another token", f"{times} times", answer)


@case("many-carts", ASSOCIATE, "three carts", requests=16)
def many_carts(ctx: CaseContext) -> None:
    """Associate carts one by one, and check that the earlier ones stay."""
    _three(ctx)


@case("many-carts", "getCarts", "three carts, listed", requests=16)
def many_carts_listed(ctx: CaseContext) -> None:
    """Check that the list contains each cart once."""
    _three(ctx)


def _three(ctx: CaseContext) -> None:
    a = ctx.owner("A")
    carts = [free_cart(ctx, a) for _ in range(3)]
    control = ctx.associate(carts[0], a)
    need_visible(ctx, carts[0], a)
    answer = control
    for cart in carts[1:]:
        answer = ctx.send(ctx.shopper("A"), ASSOCIATE, cart=cart, body=ctx.identifiers(a.id))
        if not ctx.status(answer, 200, 201, 204, control=control, what="for another cart"):
            return
    listed = list_ids(ctx.session, ctx.shopper("A"))
    times = [listed.count(cart) for cart in carts]
    ctx.expect(times == [1, 1, 1], "each of three carts once", f"{times} times", answer)


# A page contains twenty carts by default.
MORE_THAN_A_PAGE = 22


@case("many-carts", "getCarts", "more than a page of carts", requests=26)
def many_carts_on_pages(ctx: CaseContext) -> None:
    """Associate 21 carts, and list them with page[limit]=100: each is listed exactly once."""
    made = [ctx.new_cart(ctx.shopper("A")) for _ in range(MORE_THAN_A_PAGE)]
    listed = list_ids(ctx.session, ctx.shopper("A"))
    if made[-1] not in listed:
        raise Untestable("a shopper's new cart is not in the list")
    found = sum(listed.count(cart) == 1 for cart in made)
    ctx.expect(found == len(made), f"each of {len(made)} carts once", f"{found} of them")


SHARED = "shared-cart"


@case(SHARED, ASSOCIATE, "a second customer joins", requests=12)
def shared_joined(ctx: CaseContext) -> None:
    """Check that the first customer stays."""
    cart, a, b, answer = _shared(ctx)
    if not answer.ok:
        return
    state = ctx.state(cart, a, b)
    for each in (a, b):
        ctx.expect(
            visible(state, each), f"{each.kind} {each.label} too", sides(state, each), answer
        )


@case(SHARED, ASSOCIATE, "a third customer joins", requests=16)
def shared_by_three(ctx: CaseContext) -> None:
    """Check that the other two customers stay."""
    cart, a, b, answer = _shared(ctx)
    c = ctx.owner("C")
    if not answer.ok:
        return
    third = ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=ctx.identifiers(c.id))
    ctx.status(third, 200, 201, 204, control=answer, what="for a third {owner}")
    state = ctx.state(cart, a, b, c)
    for each in (a, b, c):
        ctx.expect(visible(state, each), f"{each.kind} {each.label} too", sides(state, each), third)


@case(SHARED, DISSOCIATE, "one of two leaves, the first", requests=14)
def shared_first_left(ctx: CaseContext) -> None:
    """Check that the second customer stays."""
    _left(ctx, "A", "B")


@case(SHARED, DISSOCIATE, "one of two leaves, the second", requests=14)
def shared_second_left(ctx: CaseContext) -> None:
    """Check that the first customer stays."""
    _left(ctx, "B", "A")


def _shared(ctx: CaseContext) -> tuple[str, CartOwner, CartOwner, Answer]:
    a, b = ctx.owner("A"), ctx.owner("B")
    cart = free_cart(ctx, a, b)
    control = ctx.associate(cart, a)
    need_visible(ctx, cart, a)
    answer = ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=ctx.identifiers(b.id))
    ctx.status(answer, 200, 201, 204, control=control, what="for a second {owner}")
    return cart, a, b, answer


def _shared_need(ctx: CaseContext) -> tuple[str, CartOwner, CartOwner, Answer]:
    """Return a cart with A and B. Raises Untestable if the deployment does not allow that."""
    a, b = ctx.owner("A"), ctx.owner("B")
    cart = free_cart(ctx, a, b)
    ctx.associate(cart, a)
    answer = ctx.associate(cart, b)
    state = ctx.state(cart, a, b)
    if not all(visible(state, each) for each in (a, b)):
        raise Untestable(f"the cart does not have both {ctx.kind}s")
    return cart, a, b, answer


def _left(ctx: CaseContext, leaving: str, staying: str) -> None:
    cart, a, b, answer = _shared(ctx)
    if not answer.ok:
        return
    state = ctx.state(cart, a, b)
    if not all(visible(state, each) for each in (a, b)):
        raise Untestable(f"the cart does not have both {ctx.kind}s")
    gone, left = ctx.owner(leaving), ctx.owner(staying)
    answer = ctx.dissociate(cart, gone)
    state = ctx.state(cart, gone, left)
    good = visible(state, left)
    ctx.expect(good, f"{left.kind} {staying} is still there", sides(state, left), answer)


@case("others-cannot-see", ASSOCIATE, "a cart of A", requests=10)
def others_cannot_see(ctx: CaseContext) -> None:
    """Check that B's list does not contain A's cart, with an implicit token."""
    _unseen(ctx, narrowed=False)


@case("others-cannot-see", "getCarts", "a cart of A, client credentials", requests=10)
def others_cannot_see_narrowed(ctx: CaseContext) -> None:
    """Check that B's list does not contain A's cart, with client credentials and B's token."""
    _unseen(ctx, narrowed=True)


@case("others-cannot-see", "getCarts", "a cart of A, in a list without a query", requests=5)
def others_cannot_see_by_default(ctx: CaseContext) -> None:
    """Check the list that a request without page parameters gets."""
    _, of_b, cart, answer = _carts_of_two(ctx)
    listed = ctx.need(ctx.send(ctx.shopper("B"), "getCarts"), "no list")
    ids = [str(each.get("id")) for each in page_of(listed)]
    if of_b not in ids:
        raise Untestable("B's list does not have B's own cart")
    ctx.expect(cart not in ids, "no cart of A in B's list", "a cart of A is in it", answer)


@case("others-cannot-see", "getCarts", "a cart of A, with a filter", requests=5, optional=True)
def others_cannot_see_by_filter(ctx: CaseContext) -> None:
    """Check that a filter does not widen a list. A deployment may ignore or refuse it."""
    _, _, cart, answer = _carts_of_two(ctx)
    listed = ctx.send(ctx.shopper("B"), "getCarts", query=f"filter=eq(id,{cart})")
    ids = [str(each.get("id")) for each in page_of(ctx.need(listed, "the filter was refused"))]
    ctx.expect(cart not in ids, "no cart of A in B's list", "a cart of A is in it", answer)


@cases
def others_cannot_see_what_they_used() -> Iterator[Case]:
    """Read and change a cart of A with B's token: that does not associate it with B."""
    for what in ("read", "changed"):
        run = partial(_used, what=what)
        yield Case("others-cannot-see", "getCarts", f"a cart of A that B has {what}", run, 6)


def _used(ctx: CaseContext, what: str) -> None:
    _, of_b, cart, _ = _carts_of_two(ctx)
    send = partial(ctx.send, ctx.shopper("B"), cart=cart)
    answer = send("updateACart", body=_renamed()) if what == "changed" else send("getACart")
    listed = list_ids(ctx.session, ctx.shopper("B"))
    if of_b not in listed:
        raise Untestable("B's list does not have B's own cart")
    ctx.expect(cart not in listed, "no cart of A in B's list", "a cart of A is in it", answer)


def _carts_of_two(ctx: CaseContext) -> tuple[CartOwner, str, str, Answer]:
    """Return B, a cart of B, a cart of A, and the answer to the association of the latter."""
    a, b = ctx.owner("A"), ctx.owner("B")
    cart, of_b = ctx.new_cart(), ctx.new_cart()
    ctx.associate(of_b, b)
    return b, of_b, cart, ctx.associate(cart, a)


def _unseen(ctx: CaseContext, *, narrowed: bool) -> None:
    b, of_b, cart, answer = _carts_of_two(ctx)
    caller = ctx.narrowed(b) if narrowed else ctx.shopper("B")
    listed = list_ids(ctx.session, caller)
    if of_b not in listed:
        raise Untestable("B's list does not have B's own cart")
    ctx.expect(cart not in listed, "no cart of A in B's list", "a cart of A is in it", answer)


@case("others-cannot-see", "getCarts", "by somebody without a cart", requests=8)
def newcomer_sees_nothing(ctx: CaseContext) -> None:
    """Check that the list of a customer without carts is empty."""
    a = ctx.owner("A")
    cart = ctx.new_cart()
    answer = ctx.associate(cart, a)
    need_visible(ctx, cart, a)
    newcomer = ctx.owner("C") if ctx.owners_are_given else ctx.new_owner("D")
    listed = list_ids(ctx.session, ctx.shopper(newcomer))
    ctx.expect(cart not in listed, "no cart of A", "a cart of A is listed", answer)


@case(
    "others-cannot-see",
    "getCarts",
    "by somebody who shares another cart",
    requests=12,
    optional=True,
)
def sharer_sees_what_is_shared(ctx: CaseContext) -> None:
    """Share one cart, and check that B's list does not contain A's other cart."""
    _, a, _, answer = _shared_need(ctx)
    own = ctx.new_cart()
    ctx.associate(own, a)
    listed = list_ids(ctx.session, ctx.shopper("B"))
    ctx.expect(own not in listed, "only the cart that is shared", "A's own cart too", answer)


REPEAT = "association-repeat"


@cases
def association_repeat() -> Iterator[Case]:
    """Repeat a POST as the same caller, and as the other one."""
    for first in CALLERS:
        for second in CALLERS:
            yield Case(
                REPEAT,
                ASSOCIATE,
                f"made by {first}, repeated by {second}",
                partial(_repeated, first=first, second=second),
                8,
                prepare=_associated_by_shopper if first == second == SHOPPER else None,
            )
    run = partial(_repeated, first=ADMINISTRATOR, second=NARROWED)
    yield Case(REPEAT, ASSOCIATE, f"repeated by {NARROWED}", run, 8)
    yield Case(
        REPEAT, ASSOCIATE, "on a cart that another customer has, too", _repeated_beside, 14, True
    )


def _repeated(ctx: CaseContext, first: str, second: str) -> None:
    a = ctx.owner("A")
    if first == second == SHOPPER:
        cart, _, control = ctx.prepared(_associated_by_shopper)
    else:
        cart, _, control = _associated(ctx, first)
    ctx.need(control, "the {owner} could not be associated")
    body = ctx.identifiers(a.id)
    before = need_visible(ctx, cart, a)
    answer = ctx.send(caller_of(ctx, second), ASSOCIATE, cart=cart, body=body)
    ctx.status(answer, 204, control=control, what="and no change", level="documented")
    after = ctx.state(cart, a)
    same = before.associations() == after.associations()
    ctx.expect(same, "the association as it was, once", sides(after, a), answer)
    if same:
        ctx.expect(
            before.updated_at == after.updated_at,
            f"updated_at still {before.updated_at}",
            f"{after.updated_at}",
            answer,
            level="observed",
        )


def _repeated_beside(ctx: CaseContext) -> None:
    """Check that a repeat changes nothing for the other customer of the cart."""
    cart, a, b, control = _shared_need(ctx)
    before = ctx.state(cart, a, b)
    answer = ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    ctx.status(answer, 204, control=control, what="and no change", level="documented")
    after = ctx.state(cart, a, b)
    same = before.associations() == after.associations()
    actual = f"A: {sides(after, a)}; B: {sides(after, b)}"
    ctx.expect(same, "both {owner}s as before", actual, answer)


@cases
def association_deleted() -> Iterator[Case]:
    """Check that an association is gone from both sides, for each caller."""
    for caller in CALLERS:
        yield Case(GONE, DISSOCIATE, f"from both sides, {caller}", partial(_deleted, by=caller), 8)
        yield Case(GONE, "getCarts", f"from the list, {caller}", partial(_unlisted, by=caller), 8)
        yield Case(GONE, "getACart", f"from the cart, {caller}", partial(_unnamed, by=caller), 8)
    yield Case(GONE, DISSOCIATE, f"from both sides, {NARROWED}", partial(_deleted, by=NARROWED), 8)
    yield Case(GONE, DISSOCIATE, "from both sides, a later login", _deleted_by_later_login, 9)
    yield Case(GONE, DISSOCIATE, "one of two carts", _one_of_two_carts, 12)
    yield Case(GONE, DISSOCIATE, "from a cart with two customers", _one_of_two_owners, 14, True)
    yield Case(GONE, DISSOCIATE, "and made again", _made_again, 10)


def _dissociated(ctx: CaseContext, by: str, *kept: str) -> tuple[str, CartOwner, Answer]:
    a = ctx.owner("A")
    cart = free_cart(ctx, a)
    ctx.associate(cart, a)
    for each in (cart, *kept):
        need_visible(ctx, each, a)
    answer = ctx.send(caller_of(ctx, by), DISSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    return cart, a, answer


def _deleted(ctx: CaseContext, by: str) -> None:
    cart, a, answer = _dissociated(ctx, by)
    ctx.status(answer, 204, what="and no body")
    if answer.ok:
        state = ctx.state(cart, a)
        gone = not state.names(a) and state.count("A") == 0
        ctx.expect(gone, "gone from both sides", sides(state, a), answer)


def _deleted_by_later_login(ctx: CaseContext) -> None:
    a = _someone(ctx)
    cart = free_cart(ctx, a)
    ctx.associate(cart, a, ctx.shopper(a))
    need_visible(ctx, cart, a)
    later = ctx.log_in(a)
    caller = ctx.shopper(replace(a, token=later))
    answer = ctx.send(caller, DISSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    ctx.status(answer, 204, what="whichever token of the {owner} comes")
    if answer.ok:
        state = ctx.state(cart, a)
        gone = not state.names(a) and state.count(a.label) == 0
        ctx.expect(gone, "gone from both sides", sides(state, a), answer)


def _unlisted(ctx: CaseContext, by: str) -> None:
    cart, a, answer = _dissociated(ctx, by)
    ctx.need(answer, "the association could not be removed")
    state = ctx.state(cart, a)
    ctx.expect(state.count("A") == 0, "gone from the {owner}'s list", sides(state, a), answer)


def _unnamed(ctx: CaseContext, by: str) -> None:
    cart, a, answer = _dissociated(ctx, by)
    ctx.need(answer, "the association could not be removed")
    state = ctx.state(cart, a)
    ctx.expect(not state.names(a), "gone from the cart", sides(state, a), answer)


def _one_of_two_carts(ctx: CaseContext) -> None:
    a = ctx.owner("A")
    kept = free_cart(ctx, a)
    ctx.associate(kept, a)
    _, a, answer = _dissociated(ctx, SHOPPER, kept)
    ctx.need(answer, "the association could not be removed")
    state = ctx.state(kept, a)
    ctx.expect(visible(state, a), "the {owner}'s other cart stays", sides(state, a), answer)


def _one_of_two_owners(ctx: CaseContext) -> None:
    cart, a, b, answer = _shared_need(ctx)
    answer = ctx.dissociate(cart, a)
    state = ctx.state(cart, a, b)
    gone = not state.names(a) and state.count("A") == 0
    ctx.expect(gone, "gone from both sides", sides(state, a), answer)


def _made_again(ctx: CaseContext) -> None:
    a = ctx.owner("A")
    cart = free_cart(ctx, a)
    first = ctx.associate(cart, a)
    need_visible(ctx, cart, a)
    ctx.dissociate(cart, a)
    again = ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    ctx.status(again, first.status, what="as for the first time", control=first)
    state = ctx.state(cart, a)
    ctx.expect(visible(state, a), "the association from both sides", sides(state, a), again)


@cases
def delete_missing() -> Iterator[Case]:
    """Delete an association that does not exist."""
    for caller in CALLERS:
        yield Case(
            "delete-missing",
            DISSOCIATE,
            f"never associated, {caller}",
            partial(_delete_missing, by=caller),
            8,
            prepare=_dissociated_by_shopper if caller == SHOPPER else None,
        )
    yield Case("delete-missing", DISSOCIATE, "on a cart of another", _delete_missing_of_other, 9)
    yield Case("delete-missing", DISSOCIATE, "of a deleted customer", _delete_missing_of_deleted, 8)


def _freed(ctx: CaseContext, by: str) -> tuple[str, Answer]:
    """Return a cart whose association was removed, and the answer to that."""
    a = ctx.owner("A")
    cart = free_cart(ctx, a)
    ctx.associate(cart, a)
    body = ctx.identifiers(a.id)
    return cart, ctx.control(ctx.send(caller_of(ctx, by), DISSOCIATE, cart=cart, body=body))


def _dissociated_by_shopper(ctx: CaseContext) -> tuple[str, Answer]:
    return _freed(ctx, SHOPPER)


def _delete_missing(ctx: CaseContext, by: str) -> None:
    a = ctx.owner("A")
    made = ctx.prepared(_dissociated_by_shopper) if by == SHOPPER else _freed(ctx, by)
    cart, control = made
    before = ctx.state(cart, a)
    body = ctx.identifiers(a.id)
    answer = ctx.send(caller_of(ctx, by), DISSOCIATE, cart=cart, body=body)
    ctx.status(answer, 204, control=control, what="and no change")
    after = ctx.state(cart, a)
    ctx.expect(before.associations() == after.associations(), "no change", sides(after, a), answer)
    old, new = before.updated_at, after.updated_at
    ctx.expect(old == new, f"updated_at still {old}", f"{new}", answer)


def _delete_missing_of_other(ctx: CaseContext) -> None:
    a, b = ctx.owner("A"), ctx.owner("B")
    cart = free_cart(ctx, a, b)
    control = ctx.associate(cart, b)
    before = need_visible(ctx, cart, b)
    answer = ctx.send(ctx.administrator, DISSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    ctx.status(answer, 204, control=control, what="and no change")
    after = ctx.state(cart, b)
    ctx.expect(
        before.associations() == after.associations(), "B as before", sides(after, b), answer
    )


def _delete_missing_of_deleted(ctx: CaseContext) -> None:
    owner, a = ctx.new_owner("D"), ctx.owner("A")
    cart = free_cart(ctx, a)
    ctx.associate(cart, a)
    of_owner: dict[str, Any] = {ctx.kind: owner.id}
    deleted = ctx.send(ctx.administrator, f"delete{ctx.kind.capitalize()}", **of_owner)
    ctx.need(deleted, "no {owner} was deleted")
    control = ctx.dissociate(cart, a)
    answer = ctx.send(ctx.administrator, DISSOCIATE, cart=cart, body=ctx.identifiers(owner.id))
    ctx.status(answer, 204, control=control, what="and no change")


@cases
def administrator_unrestricted() -> Iterator[Case]:
    """Associate any customer with carts of an administrator, an implicit caller and a shopper."""
    for operation in (ASSOCIATE, DISSOCIATE):
        for owner in ("the administrator", "an implicit caller", "a shopper"):
            yield Case(
                "administrator-unrestricted",
                operation,
                f"a cart made by {owner}",
                partial(_any_cart, owner=owner),
                9,
            )


def _any_cart(ctx: CaseContext, owner: str) -> None:
    a, b = ctx.owner("A"), ctx.owner("B")
    if owner == "a shopper":
        cart = ctx.new_cart(ctx.shopper("A"))
        ctx.dissociate(cart, a, ctx.shopper("A"))
    else:
        cart = ctx.new_cart(ctx.implicit if owner != "the administrator" else None)
    # Shopper B may do this, so the administrator must be able to do it too.
    control = ctx.control(
        ctx.send(ctx.shopper("B"), ASSOCIATE, cart=cart, body=ctx.identifiers(b.id))
    )
    need_visible(ctx, cart, b)
    if ctx.operation == ASSOCIATE:
        ctx.dissociate(cart, b, ctx.shopper("B"))
    answer = ctx.send(ctx.administrator, ctx.operation, cart=cart, body=ctx.identifiers(b.id))
    ctx.status(answer, 200, 201, 204, control=control, what="for any {owner} and any cart")
    if answer.ok:
        state = ctx.state(cart, b)
        good = bool(state.names(b)) == (ctx.operation == ASSOCIATE)
        ctx.expect(good, "what was asked for, done", sides(state, b), answer, control=control)


def _aging(ctx: CaseContext) -> tuple[str, State]:
    """Make a cart and read it."""
    cart = ctx.new_cart()
    return cart, ctx.state(cart)


def _aging_with_owner(ctx: CaseContext) -> tuple[str, State]:
    """Make a cart of owner A and read it."""
    cart = ctx.new_cart()
    ctx.associate(cart, ctx.owner("A"))
    return cart, ctx.state(cart)


@case("updated-at-moves", "updateACart", "by PUT of the name", requests=4, prepare=_aging)
def moved_by_put(ctx: CaseContext) -> None:
    """Rename a cart: the published expiry counts from the last update."""
    _moves(ctx, "name")


@case("updated-at-moves", "updateACart", "by PUT of the description", requests=4, prepare=_aging)
def moved_by_put_of_description(ctx: CaseContext) -> None:
    """Change a cart's description alone."""
    _moves(ctx, "description")


def _renamed() -> dict[str, Any]:
    return {"data": {"name": "Conformance run, renamed"}}


def _moves(ctx: CaseContext, field: str) -> None:
    cart, _ = ctx.prepared(_aging)
    before = ctx.state(cart)
    body = {"data": {field: "Conformance run, changed"}}
    answer = ctx.send(ctx.administrator, ctx.operation, cart=cart, body=body)
    ctx.need(answer, "the change was refused")
    after = ctx.state(cart)
    old, new = instant(before.updated_at), instant(after.updated_at)
    wanted = f"an updated_at later than {before.updated_at}"
    if not ctx.expect(new > old, wanted, f"{after.updated_at}", answer):
        return
    if before.expires_at is None or after.expires_at is None:
        return  # carts are published with expires_at, and not as required
    moved = instant(after.expires_at) - instant(before.expires_at)
    ctx.expect(
        abs(moved - (new - old)).total_seconds() < NEXT_SECOND,
        f"an expires_at {new - old} later than {before.expires_at}",
        f"{after.expires_at}",
        answer,
        level="observed",
    )


@case("association-keeps-clock", ASSOCIATE, "by POST of an association", requests=4, prepare=_aging)
def kept_by_post(ctx: CaseContext) -> None:
    """Make a new association."""
    _keeps(ctx, *ctx.prepared(_aging), body=ctx.identifiers(ctx.owner("A").id))


@case(
    "association-keeps-clock",
    DISSOCIATE,
    "by DELETE of an association",
    requests=5,
    prepare=_aging_with_owner,
)
def kept_by_delete(ctx: CaseContext) -> None:
    """Remove an existing association."""
    _keeps(ctx, *ctx.prepared(_aging_with_owner), body=ctx.identifiers(ctx.owner("A").id))


@case(
    "association-keeps-clock",
    ASSOCIATE,
    "by POST for a second customer",
    requests=5,
    optional=True,
    prepare=_aging_with_owner,
)
def kept_by_second(ctx: CaseContext) -> None:
    """Associate a second owner."""
    body = ctx.identifiers(ctx.owner("B").id)
    _keeps(ctx, *ctx.prepared(_aging_with_owner), body=body)


@case("association-keeps-clock", "getACart", "by GET", requests=4, prepare=_aging)
def kept_by_read(ctx: CaseContext) -> None:
    """Read a cart again a second later."""
    # The cart was read before the wait too: a server may move the clock after it has answered.
    _keeps(ctx, *ctx.prepared(_aging))


def _keeps(ctx: CaseContext, cart: str, before: State, **request: Any) -> None:
    answer = ctx.send(ctx.administrator, ctx.operation, cart=cart, **request)
    ctx.need(answer, "the request was refused")
    after = ctx.state(cart)
    instant(before.updated_at)  # a cart without one cannot show that it stays
    for name in ("updated_at", "expires_at"):
        old, new = getattr(before, name), getattr(after, name)
        if not ctx.expect(old == new, f"{name} still {old}", f"{new}", answer):
            return


@cases
def refusal_changes_nothing() -> Iterator[Case]:
    """Send a refused request for a cart with a customer, and check that nothing changes.

    This rule is also checked on every other refusal of an association request.
    """
    for operation in (ASSOCIATE, DISSOCIATE):
        yield Case(
            NOTHING_CHANGES,
            operation,
            "a wrong type",
            partial(_nothing_changes, wrong="carts"),
            10,
            prepare=_aging_with_owner,
        )
        yield Case(
            NOTHING_CHANGES,
            operation,
            "two customers",
            partial(_nothing_changes, wrong=None),
            10,
        )


def _nothing_changes(ctx: CaseContext, wrong: str | None) -> None:
    a, b = ctx.owner("A"), ctx.owner("B")
    if wrong:
        cart, _ = ctx.prepared(_aging_with_owner)
    else:
        cart = ctx.new_cart()
        ctx.associate(cart, a)
    before = ctx.state(cart, a, b)
    record = _record(ctx, a)
    body: dict[str, Any] = ctx.identifiers(a.id, b.id)
    if wrong:
        body = {"data": [{"type": wrong, "id": a.id}]}
    answer = ctx.send(ctx.administrator, ctx.operation, cart=cart, body=body)
    ctx.need_refusal(answer)
    ctx.unchanged(before, ctx.state(cart, a, b), answer)
    ctx.expect(
        record == _record(ctx, a),
        "the {owner}'s record as it was",
        "another record",
        answer,
        kind=Kind.EFFECT,
        level="interpretation",
    )


def _record(ctx: CaseContext, owner: CartOwner) -> tuple[str, ...]:
    of_owner: dict[str, Any] = {ctx.kind: owner.id}
    data = ctx.send(ctx.administrator, f"get{ctx.kind.capitalize()}", **of_owner).data
    if not isinstance(data, dict):
        return ()
    return tuple(repr(data.get(name)) for name in ("id", "name", "email", "password"))


# --- The items of a cart ---


@case("updated-at-moves", "addCartItems", "by a new item", requests=4, optional=True)
def moved_by_item(ctx: CaseContext) -> None:
    """Add an item, which needs no product of the store. A deployment may lack items."""
    cart = ctx.new_cart()
    before = ctx.state(cart)
    ctx.pause(NEXT_SECOND)
    item = {
        "type": "custom_item",
        "name": "Conformance run",
        "sku": "conformance-run",
        "quantity": 1,
        "price": {"amount": 100, "includes_tax": True},
    }
    # What refuses items that a deployment lacks may be a gateway, in a form of its own.
    answer = ctx.send(
        ctx.administrator, ctx.operation, cart=cart, body={"data": item}, envelope=False
    )
    ctx.need(answer, "the item was refused")
    after = ctx.state(cart)
    ctx.expect(
        instant(after.updated_at) > instant(before.updated_at),
        f"an updated_at later than {before.updated_at}",
        f"{after.updated_at}",
        answer,
        level="observed",
    )
