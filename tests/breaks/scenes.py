"""One scene for each rule: requests that show whether the rule holds, and what was seen of it.

A scene observes what its rule is about and no more, so that a break shows in the scene of its own
rule, and in another's only where that rule cannot hold without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cart_spec import load_contract
from msgspec.structs import replace

from tests.breaks.world import (
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
    forged,
)

Scene = Callable[[World], Iterator[Any]]
CONTRACT = load_contract()
SCENES: dict[str, Scene] = {}
METHODS = (POST, DELETE)
DAY = 24 * 3600


def scene(function: Scene) -> Scene:
    """Register the scene of the rule that it is named after."""
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


def tries(
    w: World, bodies: list[Any], *, callers: tuple[str | None, ...] = (None, "ada"), **how: Any
) -> Iterator[Seen]:
    """Each body sent with each method by each caller, on carts where it would do something."""
    for method in METHODS:
        for body in bodies:
            for caller in callers:
                cart = w.cart(*(() if method == POST else ("ada", "bob")))
                yield w.send(method, cart=cart, body=body, customer=caller, **how)


# ---- The caller ---------------------------------------------------------------------------------


@scene
def access_token_invalid(w: World) -> Iterator[Any]:
    claims = {"aud": "access", "store": w.store.name, "grant": ADMINISTRATOR, "exp": NOW + 99}
    headers = [
        None,
        "",
        "Bearer",
        f"Basic {w.access()}",
        w.access(),
        "Bearer abc",
        f"Bearer {forged(claims)}",
        f"Bearer {forged(claims, 'none')}",
        f"Bearer {forged({**claims, 'exp': NOW - 99})}",
        f"Bearer {w.access(at=NOW - DAY)}",
    ]
    for method in METHODS:
        for header in headers:
            cart = w.cart("bob")
            answer = w.associate(cart, "ada", method, grant=None, authorization=header)
            yield refused("access-token-invalid", answer)


def _bad_tokens(w: World) -> list[str]:
    claims = {"aud": "customer", "store": w.store.name, "sub": "ada", "exp": NOW + 99}
    return [
        "abc",
        forged(claims),
        forged(claims, "none"),
        forged({**claims, "exp": NOW - 99}),
        w.token("ada", at=NOW - 2 * DAY),
        w.engine.tokens.issue_customer("another store", "ada", NOW, "token")[0],
    ]


@scene
def customer_token_invalid(w: World) -> Iterator[Any]:
    for method in METHODS:
        for grant in (ADMINISTRATOR, IMPLICIT):
            for token in _bad_tokens(w):
                cart = w.cart(*(() if method == POST else ("ada",)))
                answer = w.associate(cart, "ada", method, grant=grant, token=token)
                yield refused("customer-token-invalid", answer)


@scene
def customer_token_required(w: World) -> Iterator[Any]:
    for method in METHODS:
        for customers in ((), ("ada",), ("bob",)):
            answer = w.associate(w.cart(*customers), "ada", method, grant=IMPLICIT)
            yield refused("customer-token-required", answer)


# ---- Refusals of associations -------------------------------------------------------------------

UNSAFE = ("a b", "a.b", "a!b", "a@b", "a%2Fb", "a%b", "a\x00b", "a\nb", "aéb", "a😀b", "a\n")


@scene
def cart_id_unsafe(w: World) -> Iterator[Any]:
    for method in METHODS:
        for cart in UNSAFE:
            yield refused("cart-id-unsafe", w.associate(cart, "ada", method))


@scene
def payload_not_array(w: World) -> Iterator[Any]:
    bodies = [
        {"data": entry("ada")}, entry("ada"), "ada", {"data": "ada"}, 5, {"data": 5}, True,
        b"null", {"data": None}, {}, b"", b'{"data":[', b"data=ada",
        b'{"data":[{"type":"customer","id":"ada\xff"}]}',
    ]  # fmt: skip
    for answer in tries(w, bodies):
        yield refused("payload-not-array", answer)


@scene
def entry_not_object(w: World) -> Iterator[Any]:
    bodies = [{"data": [one]} for one in ("ada", 5, 5.5, True, None, [entry("ada")])]
    for answer in tries(w, bodies):
        yield refused("entry-not-object", answer)


@scene
def customer_missing(w: World) -> Iterator[Any]:
    for answer in tries(w, [{"data": []}]):
        yield refused("customer-missing", answer)


@scene
def more_than_one_customer(w: World) -> Iterator[Any]:
    bodies = [
        envelope("ada", "bob"),
        envelope("ada", "ada"),
        envelope("ada", "bob", "cyd"),
        envelope("ada", "ada", "ada"),
        envelope(*["ada"] * 40),
    ]
    for answer in tries(w, bodies):
        yield refused("more-than-one-customer", answer)
    for method in METHODS:
        # Whom the array names decides what is done where it is taken after all.
        cart = w.cart(*(() if method == POST else ("ada", "bob")))
        answer = w.send(method, cart=cart, body=envelope("ada", "bob"))
        yield answer.status < 400 and w.owners(cart)


@scene
def type_not_customer(w: World) -> Iterator[Any]:
    types: list[Any] = [
        None, 5, 5.5, True, ["customer"], {}, "", "Customer", "CUSTOMER", "customers", " customer",
        "customer ", "customer\n", "cart",
    ]  # fmt: skip
    bodies = [{"data": [{"id": "ada"}]}, *({"data": [{"type": t, "id": "ada"}]} for t in types)]
    for answer in tries(w, bodies):
        yield refused("type-not-customer", answer)


@scene
def customer_id_missing(w: World) -> Iterator[Any]:
    ids: list[Any] = [None, "", 5, True, [], {}]
    for answer in tries(w, [{"data": [{"type": "customer"}]}, *map(envelope, ids)]):
        yield refused("customer-id-missing", answer)


@scene
def customer_not_permitted(w: World) -> Iterator[Any]:
    for method in METHODS:
        for grant in (ADMINISTRATOR, IMPLICIT):
            for customers in ((), ("ada",), ("ada", "bob")):
                cart = w.cart(*customers)
                answer = w.associate(cart, "bob", method, grant=grant, customer="ada")
                yield refused("customer-not-permitted", answer)


@scene
def cart_not_found(w: World) -> Iterator[Any]:
    for method in METHODS:
        yield refused("cart-not-found", w.associate(f"no-{method}", "ada", method))


@scene
def cart_not_permitted(w: World) -> Iterator[Any]:
    for method in METHODS:
        answer = w.associate(w.cart("bob"), "ada", method, customer="ada")
        yield refused("cart-not-permitted", answer)


@scene
def customer_not_found(w: World) -> Iterator[Any]:
    for method in METHODS:
        yield refused("customer-not-found", w.associate(w.cart(), "nobody", method))


@scene
def cart_has_contact_email(w: World) -> Iterator[Any]:
    for caller in (None, "ada"):
        cart = w.cart(email="x@example.com")
        answer = w.associate(cart, "ada", customer=caller)
        yield refused("cart-has-contact-email", answer)
        kept = w.store.cart(cart)
        yield answer.status < 400 and kept is not None and kept.contact


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


_REFUSALS = (
    "customer-token-invalid", "customer-token-required", "cart-id-unsafe", "payload-not-array",
    "entry-not-object", "customer-missing", "more-than-one-customer", "type-not-customer",
    "customer-id-missing", "customer-not-permitted", "cart-not-found", "cart-not-permitted",
    "customer-not-found", "cart-has-contact-email",
)  # fmt: skip


@scene
def refusal_changes_nothing(w: World) -> Iterator[Any]:
    w.watching = True
    for rule in _REFUSALS:
        for _ in SCENES[rule](w):
            pass
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
    def renamed(cart: str) -> Seen:
        return w.send("updateACart", cart=cart, body={"data": {"name": "Other"}})

    acts: list[tuple[str, Callable[[str], Seen]]] = [
        (w.cart(), renamed),
        (w.cart("bob"), lambda cart: w.associate(cart, "ada")),
        (w.cart("ada"), lambda cart: w.associate(cart, "ada", DELETE)),
    ]
    for cart, act in acts:
        before = w.store.cart(cart)
        act(cart)
        after = w.store.cart(cart)
        assert before is not None
        assert after is not None
        # Where nothing was done, nothing had to move.
        nothing_done = replace(after, updated_at=before.updated_at) == before
        yield nothing_done or after.updated_at == NOW


# ---- Carts --------------------------------------------------------------------------------------


@scene
def cart_unknown(w: World) -> Iterator[Any]:
    yield w.send("updateACart", cart="nowhere", body={"data": {"name": "Other"}}).status
    yield w.send("deleteACart", cart="nowhere").status


@scene
def cart_of_others(w: World) -> Iterator[Any]:
    for operation in ("getACart", "updateACart", "deleteACart"):
        w.cart("bob")
        cart = w.cart("bob")
        body = {"data": {"name": "Other"}}
        yield refused("cart-of-others", w.send(operation, cart=cart, customer="ada", body=body))


def _named(w: World, names: list[Any], *, absent: bool = False) -> Iterator[int | None]:
    bodies = [{"data": {"name": name}} for name in names]
    for body in [*([{"data": {}}] if absent else []), *bodies]:
        yield refusal(w.send("createACart", body=body))
    for body in bodies:
        yield refusal(w.send("updateACart", cart=w.cart(), body=body))


@scene
def cart_name_missing(w: World) -> Iterator[Any]:
    names: list[Any] = [None, 5, True, [], {}, "", "a" * 256, "é" * 256, "é" * 255, "a" * 255]
    yield from _named(w, names, absent=True)


@scene
def cart_name_blank(w: World) -> Iterator[Any]:
    yield from _named(w, [" ", "   ", "\t", "\n", "\u2003"])


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
def new_cart_id_unsafe(w: World) -> Iterator[Any]:
    for cart_id in ("a b", "a.b", "a/b", "aéb", "a!b", "a\nb"):
        yield w.send("createACart", body={"data": {"id": cart_id, "name": "Cart"}}).status


@scene
def cart_id_taken(w: World) -> Iterator[Any]:
    cart = w.cart(name="First")
    yield w.send("createACart", body={"data": {"id": cart, "name": "Second"}}).status
    kept = w.store.cart(cart)
    yield kept and kept.name


@scene
def contact_on_registered_cart(w: World) -> Iterator[Any]:
    body = {"data": {"name": "Cart", "contact": {"email": "x@example.com"}}}
    yield w.send("createACart", customer="ada", body=body).status
    yield w.send("updateACart", cart=w.cart("ada"), body=body).status


@scene
def last_cart(w: World) -> Iterator[Any]:
    for customer in (None, "ada"):
        cart = w.cart("ada")
        yield refused("last-cart", w.send("deleteACart", cart=cart, customer=customer))
        w.store.delete_cart(cart)


@scene
def carts_need_an_owner(w: World) -> Iterator[Any]:
    w.cart("ada")
    yield w.send("getCarts", grant=IMPLICIT).status


@scene
def cart_expired(w: World) -> Iterator[Any]:
    cart = w.cart("ada")
    w.send("getACart", cart=cart)
    w.store.clock.advance(8 * DAY)
    access = f"Bearer {w.access(at=NOW + 8 * DAY)}"
    w.send("getACart", grant=None, authorization=access, cart=cart)
    yield w.owners(cart)


# ---- Pages --------------------------------------------------------------------------------------


@scene
def page_not_a_number(w: World) -> Iterator[Any]:
    for operation in ("getCarts", "getCustomers"):
        for field in ("limit", "offset"):
            for value in ("a", "1.5", "", "1e2"):
                yield w.send(operation, query=f"page[{field}]={value}").status


@scene
def page_out_of_range(w: World) -> Iterator[Any]:
    for operation in ("getCarts", "getCustomers"):
        for query in ("limit]=0", "limit]=101", "limit]=1000", "limit]=-1", "offset]=-1",
                      "offset]=10001"):  # fmt: skip
            yield w.send(operation, query=f"page[{query}").status


# ---- Customers ----------------------------------------------------------------------------------


@scene
def customer_record_not_permitted(w: World) -> Iterator[Any]:
    body = {"data": {"type": "customer", "name": "Other"}}
    for operation in ("getCustomers", "getCustomer", "updateCustomer", "deleteCustomer"):
        for caller in (None, "ada"):
            record = None if operation == "getCustomers" else "cyd"
            answer = w.send(operation, grant=IMPLICIT, customer=caller, record=record, body=body)
            yield answer.status


@scene
def customer_unknown(w: World) -> Iterator[Any]:
    body = {"data": {"type": "customer", "name": "Other"}}
    for operation in ("getCustomer", "updateCustomer", "deleteCustomer"):
        yield w.send(operation, record="nobody", body=body).status


@scene
def customer_invalid(w: World) -> Iterator[Any]:
    good = {"type": "customer", "name": "Dan", "email": "dan@example.com"}
    without = [{k: v for k, v in good.items() if k != field} for field in good]
    wrong = [{**good, "type": "cart"}, {**good, "name": ""}, {**good, "email": "dan"}]
    for data in (*without, *wrong):
        yield w.send("createCustomer", body={"data": data}).status


@scene
def email_taken(w: World) -> Iterator[Any]:
    for email in ("ada@example.com", "ADA@example.com"):
        data = {"type": "customer", "name": "Dan", "email": email}
        yield w.send("createCustomer", body={"data": data}).status


@scene
def customer_deleted(w: World) -> Iterator[Any]:
    cart, token = w.cart("ada", "bob"), w.token("ada")
    w.send("deleteCustomer", record="ada")
    yield w.owners(cart), w.send("getCarts", token=token).status < 400


# ---- Tokens -------------------------------------------------------------------------------------


@scene
def credentials_wrong(w: World) -> Iterator[Any]:
    for body in (
        credentials("ada", "wrong"),
        credentials("ada", ""),
        credentials("nobody"),
        credentials("nobody", ""),
    ):
        answer = w.send("createCustomerToken", body=body)
        yield answer.status, answer.says("The email or the password is wrong")


@scene
def grant_invalid(w: World) -> Iterator[Any]:
    key = f"client_id={w.store.name}"
    for form in (
        key,
        f"grant_type=password&{key}",
        "grant_type=implicit",
        f"grant_type=client_credentials&{key}",
        f"grant_type=client_credentials&{key}&client_secret=wrong",
    ):
        yield w.send("createAccessToken", grant=None, body=form.encode()).status


# ---- Conventions --------------------------------------------------------------------------------


def _is_well_formed(answer: Seen) -> bool:
    """Whether an error, if it is one, has the form that errors have, whatever it says."""
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
    form = f"grant_type=implicit&client_id={w.store.name}".encode()
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
