"""One scene for each rule: requests that show whether the mock follows it, and the observations.

A scene observes only its own rule. So a break changes the scene of its rule, and another scene
only if that rule depends on the broken one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.breaks.world import (
    ACCOUNT_POST,
    ADMINISTRATOR,
    DELETE,
    IMPLICIT,
    NOW,
    POST,
    Seen,
    World,
    credentials,
    entry,
    envelope,
)
from tests.probes import CONTRACT, probes_of
from tests.probes.row import ACCOUNT_LOGIN, TABLE

Scene = Callable[[World], Iterator[Any]]
SCENES: dict[str, Scene] = {}
METHODS = (POST, DELETE)
DAY = 24 * 3600
ANN = {"password": "ada-pw"}


def scene(function: Scene) -> Scene:
    """Register a scene for the rule that the function is named after."""
    SCENES[function.__name__.replace("_", "-")] = function
    return function


def refused(rule: str, answer: Seen) -> Any:
    """Status, and whether the published text is there."""
    known = CONTRACT.rule(rule)
    texts = [known.text, known.detail] if known.documented_text else []
    return answer.status, [answer.says(text) for text in texts if text]


def refusal(answer: Seen) -> int | None:
    """The status of a refusal, None for any success."""
    return answer.status if answer.status >= 400 else None


# ---- Refusals: what the probe table has of each -------------------------------------------------


def _refusals(rule: str) -> Scene:
    def played(w: World) -> Iterator[Any]:
        for probe in probes_of(rule):
            yield refused(rule, w.try_probe(probe))
            if probe.is_boundary:
                yield refusal(w.try_control(probe))

    return played


SCENES |= {rule: _refusals(rule) for rule in TABLE}


@scene
def credentials_wrong(w: World) -> Iterator[Any]:
    for probe in probes_of("credentials-wrong"):
        answer = w.try_probe(probe)
        # Each failure gets the same text, so that a client cannot learn which emails are known.
        yield answer.status, answer.says(CONTRACT.rule("credentials-wrong").text)


@scene
def account_credentials_wrong(w: World) -> Iterator[Any]:
    for probe in probes_of("account-credentials-wrong"):
        answer = w.try_probe(probe)
        yield answer.status, answer.says(CONTRACT.rule("account-credentials-wrong").text)


# ---- Effects ------------------------------------------------------------------------------------


@scene
def association_visible(w: World) -> Iterator[Any]:
    for caller, customer in ((None, "ada"), ("bob", "bob")):
        cart = w.cart()
        w.associate(cart, customer, customer=caller)
        yield cart in w.listed(customer), w.shown(cart)
        w.send("updateACart", cart=cart, body={"data": {"name": "Other"}})
        yield cart in w.listed(customer), w.shown(cart)


@scene
def any_device(w: World) -> Iterator[Any]:
    def all_see_the_same(cart: str, tokens: list[str]) -> bool:
        return len({cart in w.listed(token=token) for token in tokens}) == 1

    first = (w.login("ada").data or {})["token"]
    cart = w.cart("ada")
    second = (w.login("ada").data or {})["token"]
    yield all_see_the_same(cart, [first, second])
    tokens = [w.token("bob", number=1), w.token("bob", number=2)]
    cart = w.cart()
    w.associate(cart, "bob", token=tokens[0])
    yield all_see_the_same(cart, tokens)


@scene
def many_carts(w: World) -> Iterator[Any]:
    carts = [w.cart(), w.cart(), w.cart()]
    for cart in carts:
        status = w.associate(cart, "ada").status
        listed = set(w.listed("ada"))
        yield status < 400, [one in listed for one in carts]


@scene
def shared_cart(w: World) -> Iterator[Any]:
    cart = w.cart()
    for customer in ("ada", "bob", "cyd"):
        yield w.associate(cart, customer).status < 400, sorted(w.shown(cart))
    yield [cart in w.listed(customer) for customer in ("ada", "bob", "cyd")]
    w.associate(cart, "bob", DELETE)
    yield [customer in w.shown(cart) for customer in ("ada", "cyd")]


@scene
def others_cannot_see(w: World) -> Iterator[Any]:
    shared, bobs = w.cart("ada", "bob"), w.cart("bob")
    for grant in (ADMINISTRATOR, IMPLICIT):
        for customer in ("ada", "cyd"):
            listed = w.listed(customer, grant=grant)
            yield bobs in listed, customer == "cyd" and shared in listed


@scene
def association_repeat(w: World) -> Iterator[Any]:
    cart = w.cart("bob", "ada")
    before = w.updated(cart)
    for _ in range(2):
        yield w.associate(cart, "ada").status, sorted(w.shown(cart)), w.updated(cart) == before


@scene
def association_deleted(w: World) -> Iterator[Any]:
    for customers in (("ada",), ("ada", "bob")):
        for caller in (None, "ada"):
            cart = w.cart(*customers)
            status = w.associate(cart, "ada", DELETE, customer=caller).status
            # A cart that bob still has may be wrongly listed for another reason than this rule.
            listed = customers == ("ada",) and cart in w.listed("ada")
            yield status < 400, listed, "ada" in w.shown(cart)


@scene
def delete_missing(w: World) -> Iterator[Any]:
    cart = w.cart("bob")
    before = w.updated(cart)
    answer = w.associate(cart, "ada", DELETE)
    yield refusal(answer), sorted(w.shown(cart)), w.updated(cart) == before


REFUSED_ASSOCIATIONS = tuple(
    rule.id
    for rule in (*CONTRACT.rules_of(POST), *CONTRACT.rules_of(ACCOUNT_POST))
    if rule.is_refusal and rule.id not in ("access-token-invalid", "two-owner-tokens")
)
"""The rules that refuse an association by a known caller."""


@scene
def refusal_changes_nothing(w: World) -> Iterator[Any]:
    w.watching = True
    for rule in dict.fromkeys(REFUSED_ASSOCIATIONS):
        # One row for each caller, method and cart: to compare the state costs most of a play.
        rows = {
            (sent.operation, sent.access, sent.customer, sent.account, sent.cart): probe
            for probe in reversed(probes_of(rule))
            for sent in (probe.request,)
        }
        for probe in rows.values():
            w.try_probe(probe)
        yield rule, w.changed
        w.changed = False


@scene
def administrator_unrestricted(w: World) -> Iterator[Any]:
    w.send("createACart", customer="bob", body={"data": {"id": "bobs", "name": "Basket"}})
    w.own("bobs")
    for cart, customer in ((w.cart(), "ada"), ("bobs", "cyd")):
        yield w.associate(cart, customer).status < 400, w.owners(cart)
    w.own("bobs", "cyd")
    for cart, customer in ((w.cart("ada"), "ada"), ("bobs", "cyd")):
        yield w.associate(cart, customer, DELETE).status < 400, w.owners(cart)


@scene
def updated_at_moves(w: World) -> Iterator[Any]:
    changes = [
        ("updateACart", {"name": "Other"}),
        ("updateACart", {"description": "Other"}),
        ("addCartItems", {"type": "cart_item", "id": "mug", "quantity": 1}),
    ]
    for operation, data in changes:
        cart = w.cart()
        w.send(operation, cart=cart, body={"data": data})
        after = w.store.cart(cart)
        assert after is not None
        yield after.updated_at == NOW


@scene
def association_keeps_clock(w: World) -> Iterator[Any]:
    acts: list[tuple[str, Callable[[str], Seen]]] = [
        (w.cart("bob"), lambda cart: w.associate(cart, "ada")),
        (w.cart("ada"), lambda cart: w.associate(cart, "ada", DELETE)),
        (w.cart("bob"), lambda cart: w.send("getACart", cart=cart)),
    ]
    for cart, act in acts:
        before = w.store.cart(cart)
        act(cart)
        after = w.store.cart(cart)
        yield before and before.updated_at, after and after.updated_at


@scene
def cart_id_is_access(w: World) -> Iterator[Any]:
    w.cart("bob")
    shared = w.cart("bob")
    yield refusal(w.associate(shared, "ada", customer="ada"))
    cart, by_ada = w.cart("bob"), {"customer": "ada"}
    yield refusal(w.send("getACart", cart=cart, **by_ada))
    yield refusal(w.send("updateACart", cart=cart, body={"data": {"name": "N"}}, **by_ada))
    yield refusal(w.send("deleteACart", cart=cart, **by_ada))


# ---- Carts --------------------------------------------------------------------------------------


TEXTS = ("Bob's cart", "two words", 'say "a"', "<&>", "Käse", "カート", "😀", "عربة", "a, b; c!")


@scene
def any_symbol(w: World) -> Iterator[Any]:
    for text in TEXTS:
        body = {"data": {"name": text, "description": text}}
        cart = w.cart()
        for operation in ("createACart", "updateACart"):
            answer = w.send(operation, cart=cart, body=body)
            data = answer.data if isinstance(answer.data, dict) else {}
            if operation == "updateACart":
                yield answer.status < 400, data.get("name") == text, data.get("description") == text
            else:
                yield answer.status < 400, data.get("description") == text


@scene
def cart_expired(w: World) -> Iterator[Any]:
    cart = w.cart("ada")
    w.send("getACart", cart=cart)
    w.tenant.clock.advance(8 * DAY)
    access = f"Bearer {w.access(at=NOW + 8 * DAY)}"
    w.send("getACart", grant=None, authorization=access, cart=cart)
    yield w.owners(cart)


# ---- Customers ----------------------------------------------------------------------------------


@scene
def customer_deleted(w: World) -> Iterator[Any]:
    cart, token = w.cart("ada", "bob"), w.token("ada")
    w.send("deleteCustomer", record="ada")
    yield w.owners(cart), w.send("getCarts", token=token).status < 400


@scene
def account_deleted(w: World) -> Iterator[Any]:
    cart = w.cart("bob")
    w.associate_account(cart, "acme")
    w.send("deleteAccount", record="acme")
    yield w.shown_accounts(cart), w.send("getCarts", account="acme").status < 400


# ---- Conventions --------------------------------------------------------------------------------


def _is_well_formed(answer: Seen) -> bool:
    """Return whether an answer is not an error, or has the form of an error."""
    if answer.status < 400:
        return True
    errors = answer.body.get("errors") if isinstance(answer.body, dict) else None
    if answer.media != "application/json" or not isinstance(errors, list) or not errors:
        return False
    return all("title" in error and error.get("status") == answer.status for error in errors)


@scene
def error_envelope(w: World) -> Iterator[Any]:
    yield _is_well_formed(w.send("getCarts", grant=None))
    yield _is_well_formed(w.send("getCustomer", record="nobody"))
    yield _is_well_formed(w.send("updateACart", cart=w.cart(), body=b"{"))
    yield _is_well_formed(w.send("getCarts", grant=IMPLICIT))


def _success(answer: Seen) -> Any:
    return (answer.status, answer.media, answer.body) if answer.status < 400 else None


@scene
def success_answer(w: World) -> Iterator[Any]:
    w.cart("bob")
    yield _success(w.associate(w.cart(), "ada"))
    yield _success(w.associate(w.cart("ada"), "ada", DELETE))
    yield _success(w.send("createACart", body={"data": {"id": "mine", "name": "Cart"}}))
    yield _success(w.send("getACart", cart="mine"))
    body = {"data": {"description": "plain"}}
    yield w.send("updateACart", cart=w.cart(), body=body).status
    yield _success(w.send("deleteACart", cart="mine"))
    listed = w.send("getCarts", customer="bob")
    page = listed.body.keys() if isinstance(listed.body, dict) else None
    yield listed.status, listed.media, page, type(listed.data)
    customers = w.send("getCustomers")
    yield customers.status, type(customers.data)
    shown = w.send("getCustomer", record="bob").data or {}
    yield shown.get("type")
    data = {"type": "customer", "name": "Dan", "email": "dan@example.com"}
    yield w.send("createCustomer", body={"data": data}).status
    yield _success(w.login("ada"))
    login = credentials("ada")
    del login["data"]["authentication_mechanism"]
    yield w.send("createCustomerToken", body=login).status
    account = {"type": "account", "name": "Dan", "legal_name": "Dan Ltd"}
    yield w.send("createAccount", body={"data": account}).status
    yield _success(w.send("createAccountToken", body={"data": {**ACCOUNT_LOGIN, **ANN}}))
    form = f"grant_type=implicit&client_id={w.tenant.name}".encode()
    yield _success(w.send("createAccessToken", grant=None, body=form))


@scene
def password_never_returned(w: World) -> Iterator[Any]:
    data = {"type": "customer", "name": "Dan", "email": "dan@example.com", "password": "dan-pw"}
    seen = [
        w.send("createCustomer", body={"data": data}),
        w.send("updateCustomer", record="ada", body={"data": {**data, "email": "a@example.com"}}),
        w.send("getCustomer", record="bob"),
    ]
    for answer in seen:
        yield (answer.data or {}).get("password") if answer.status < 400 else None
    customers = w.send("getCustomers").data
    yield any(not isinstance(one.get("password"), bool) for one in customers)


@scene
def empty_customer_token(w: World) -> Iterator[Any]:
    yield refusal(w.associate(w.cart(), "ada", token=""))
    yield refusal(w.send("getCarts", token=""))


@scene
def empty_account_token(w: World) -> Iterator[Any]:
    yield refusal(w.associate_account(w.cart(), "acme", account=""))
    yield refusal(w.send("getCarts", account=""))


@scene
def body_bare_array(w: World) -> Iterator[Any]:
    for method in METHODS:
        cart = w.cart(*(() if method == POST else ("ada",)))
        yield w.send(method, cart=cart, body=[entry("ada")]).status < 400


@scene
def judging_order(w: World) -> Iterator[Any]:
    for method in METHODS:
        answer = w.send(method, cart="nowhere", body=envelope("ada", "bob"))
        yield answer.status == 404


@scene
def contact_removal(w: World) -> Iterator[Any]:
    for contact in (None, {"email": ""}):
        cart = w.cart(email="x@example.com")
        status = w.send("updateACart", cart=cart, body={"data": {"contact": contact}}).status
        kept = w.store.cart(cart)
        yield status < 400, kept and kept.contact


@scene
def new_cart_by_get(w: World) -> Iterator[Any]:
    yield w.send("getACart", cart="fresh", customer="ada").status, w.owners("fresh")


@scene
def implicit_registration(w: World) -> Iterator[Any]:
    data = {"type": "customer", "name": "Dan", "email": "dan@example.com"}
    yield w.send("createCustomer", grant=IMPLICIT, body={"data": data}).status < 400
    yield w.login("ada", grant=IMPLICIT).status < 400
