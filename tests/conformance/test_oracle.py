"""The oracle, tested on exchanges that are defined here, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cart_conformance.exchange import Answer, Request
from cart_conformance.oracle import (
    ADMINISTRATOR,
    SHOPPER,
    AccessToken,
    KnownCart,
    KnownOwner,
    Oracle,
    OwnerRef,
    OwnerToken,
    TargetState,
    learn,
)
from cart_conformance.oracle.jsontext import read_json
from cart_conformance.oracle.knowledge import Passwords
from cart_conformance.oracle.rule_conditions import CONDITIONS
from cart_conformance.results import Kind
from cart_spec import load_contract

CONTRACT = load_contract()
ORACLE = Oracle(CONTRACT)
BASE = "https://store.example/prefix"
ADA, BOB, ZED = "id-of-ada", "id-of-bob", "id-of-nobody"

TEXTS = {rule.id: rule.text for rule in CONTRACT.rules}
ASSOCIATIONS = "/v2/carts/{}/relationships/customers"

CALLERS = {
    "administrator": {"Authorization": "Bearer access-administrator"},
    "implicit": {"Authorization": "Bearer access-shopper"},
    "ada": {
        "Authorization": "Bearer access-shopper",
        "X-Moltin-Customer-Token": "customer-token-of-ada",
    },
    "administrator as ada": {
        "authorization": "bearer access-administrator",
        "x-moltin-customer-token": "customer-token-of-ada",
    },
    "nobody": {},
    "forged": {"Authorization": "Bearer nobody-issued-this"},
    "basic": {"Authorization": "Basic YWRhOmFkYQ=="},
    "bad customer": {
        "Authorization": "Bearer access-shopper",
        "X-Moltin-Customer-Token": "nobody-issued-this",
    },
    "bare": {"Authorization": "access-administrator"},
    "empty customer": {
        "Authorization": "Bearer access-administrator",
        "X-Moltin-Customer-Token": "",
    },
}


def of(customer: str) -> OwnerRef:
    """Return the reference of a customer."""
    return OwnerRef("customer", customer)


def known() -> TargetState:
    """Ada has two carts, one of them with Bob. One has no customer; one has a contact email."""
    return TargetState(
        complete=True,
        access_tokens={
            "access-administrator": AccessToken(ADMINISTRATOR),
            "access-shopper": AccessToken(SHOPPER),
        },
        owner_tokens={"customer-token-of-ada": OwnerToken(of(ADA))},
        owners={
            of(ADA): KnownOwner(login="Ada@example.com", password="correct horse", complete=True),
            of(BOB): KnownOwner(login="bob@example.com", complete=True),
            of(ZED): KnownOwner(exists=False),
        },
        carts={
            "of-ada": KnownCart(owners={of(ADA)}, contact=False),
            "shared": KnownCart(owners={of(ADA), of(BOB)}, contact=False),
            "of-bob": KnownCart(owners={of(BOB)}, contact=False),
            "free": KnownCart(owners=set(), contact=False),
            "contact": KnownCart(owners=set(), contact=True),
            "gone": KnownCart(exists=False),
        },
        secrets={"key": "secret"},
    )


def request(
    caller: str, method: str, path: str, body: Any = None, raw: bytes | None = None
) -> Request:
    """One request; ``raw`` is its body as bytes."""
    sent = json.dumps(body).encode() if body is not None else raw
    headers = {"Content-Type": "application/json"} if sent is not None else {}
    return Request(method, BASE + path, headers | CALLERS[caller], sent)


def answer(
    to: Request, status: int, body: Any = None, media_type: str = "application/json"
) -> Answer:
    """An answer to a request; a string is sent as it is."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if body is None:
        content = b""
    return Answer(to, status, {"Content-Type": media_type}, content, 0.01)


def refusal(to: Request, status: int, text: str | None, entry: Any = ()) -> Answer:
    """A refusal in the envelope; ``entry`` replaces members of it."""
    return answer(to, status, {"errors": [{"status": status, "title": text} | dict(entry)]})


def identifiers(*ids: Any) -> Any:
    return {"data": [{"type": "customer", "id": each} for each in ids]}


def cart(cart_id: str, *customers: str, name: str = "A cart") -> Any:
    """A cart as it is returned."""
    return {
        "id": cart_id,
        "type": "cart",
        "name": name,
        "links": {},
        "meta": {
            "timestamps": {
                "created_at": "2026-01-01T00:00:00Z",
                "updated_at": "2026-01-01T00:00:00Z",
            }
        },
        "relationships": {"customers": identifiers(*customers) if customers else {}},
    }


def page(*carts: Any) -> Any:
    return {
        "data": list(carts),
        "links": {},
        "meta": {
            "page": {"limit": 20, "offset": 0, "current": 1, "total": 1},
            "results": {"total": len(carts)},
        },
    }


def verdicts(sent: Request) -> dict[str, bool | None]:
    """Which rules a request breaks (True), and which it may break (None)."""
    allowed = ORACLE.allowed(ORACLE.read(sent, known()))
    surely = {rule.id: True for rule in allowed.broken}
    return {**surely, **{rule.id: None for rule in allowed.maybe}}


def found(to: Answer, what: TargetState | None = None) -> list[tuple[str, Kind]]:
    """The findings about an answer, as (rule, kind)."""
    return [(f.rule, f.kind) for f in ORACLE.judge(to, what or known()).findings]


def test_conditions_cover_every_refusal_of_the_catalogue() -> None:
    refusals = {rule.id for rule in CONTRACT.rules if rule.is_refusal}
    assert refusals - set(CONDITIONS) == set()
    assert set(CONDITIONS) - refusals == set()


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("caller", "cart_id", "body", "expected"),
    [
        ("administrator", "free", identifiers(ADA), {}),
        ("ada", "free", identifiers(ADA), {}),
        ("administrator as ada", "free", identifiers(ADA), {}),
        ("nobody", "free", identifiers(ADA), {"access-token-invalid": True}),
        ("forged", "free", identifiers(ADA), {"access-token-invalid": True}),
        ("basic", "free", identifiers(ADA), {"access-token-invalid": True}),
        (
            "bare",
            "free",
            identifiers("a stranger"),
            {
                "access-token-invalid": None,
                "customer-token-required": None,
                "customer-not-found": None,
            },
        ),
        ("bad customer", "free", identifiers(ADA), {"customer-token-invalid": True}),
        ("implicit", "free", identifiers(ADA), {"customer-token-required": True}),
        ("empty customer", "free", identifiers(ADA), {"customer-token-invalid": None}),
        (
            "administrator",
            "a%20b",
            identifiers(ADA),
            {"cart-id-unsafe": True, "cart-not-found": None, "cart-has-contact-email": None},
        ),
        (
            "administrator",
            "free",
            {"data": {"type": "customer", "id": ADA}},
            {"payload-not-array": True},
        ),
        ("administrator", "free", {"type": "customer", "id": ADA}, {"payload-not-array": True}),
        ("administrator", "free", "text", {"payload-not-array": True}),
        ("administrator", "free", 5, {"payload-not-array": True}),
        ("administrator", "free", identifiers(ADA)["data"], {"payload-not-array": None}),
        ("administrator", "free", {"data": []}, {"customer-missing": True}),
        ("administrator", "free", {"data": ["text"]}, {"entry-not-object": True}),
        ("administrator", "free", identifiers(ADA, ADA), {"more-than-one-customer": True}),
        ("administrator", "free", {"data": [{"id": ADA}]}, {"type-not-customer": True}),
        (
            "administrator",
            "free",
            {"data": [{"type": "Customer", "id": ADA}]},
            {"type-not-customer": True},
        ),
        ("administrator", "free", {"data": [{"type": "customer"}]}, {"customer-id-missing": True}),
        ("administrator", "free", identifiers(""), {"customer-id-missing": True}),
        ("administrator", "free", identifiers(7), {"customer-id-missing": True}),
        ("administrator", "free", identifiers(ZED), {"customer-not-found": True}),
        ("administrator", "free", identifiers("a stranger"), {"customer-not-found": None}),
        ("ada", "free", identifiers(BOB), {"customer-not-permitted": True}),
        ("administrator as ada", "free", identifiers(BOB), {"customer-not-permitted": True}),
        ("ada", "of-bob", identifiers(ADA), {}),
        ("administrator", "gone", identifiers(ADA), {"cart-not-found": True}),
        (
            "administrator",
            "free",
            {"data": [{"type": "other", "id": 1}, 2]},
            {
                "entry-not-object": True,
                "more-than-one-customer": True,
                "type-not-customer": True,
                "customer-id-missing": True,
            },
        ),
    ],
)
def test_an_association_request_breaks_these_rules(
    method: str, caller: str, cart_id: str, body: Any, expected: dict[str, bool | None]
) -> None:
    if method == "DELETE":
        on_post = {"cart-has-contact-email", "customer-not-found"}
        expected = {rule: it for rule, it in expected.items() if rule not in on_post}
    assert verdicts(request(caller, method, ASSOCIATIONS.format(cart_id), body)) == expected


@pytest.mark.parametrize("raw", [b"", b'{"data":[', b'{"data":["\xff"]}', b"{'data': []}"])
def test_a_body_that_is_no_json_is_no_array(raw: bytes) -> None:
    sent = request("administrator", "POST", ASSOCIATIONS.format("free"), raw=raw)
    assert verdicts(sent) == {"payload-not-array": True}


@pytest.mark.parametrize(
    ("caller", "method", "path", "body", "expected"),
    [
        (
            "administrator",
            "POST",
            ASSOCIATIONS.format("contact"),
            identifiers(ADA),
            {"cart-has-contact-email": True},
        ),
        ("administrator", "DELETE", ASSOCIATIONS.format("contact"), identifiers(ADA), {}),
        ("administrator", "DELETE", "/v2/carts/of-ada", None, {}),
        ("ada", "GET", "/v2/carts/of-bob", None, {}),
        ("ada", "GET", "/v2/carts/shared", None, {}),
        ("administrator", "PUT", "/v2/carts/gone", {"data": {}}, {"cart-unknown": True}),
        ("administrator", "POST", "/v2/carts", {"data": {}}, {"cart-name-missing": True}),
        ("administrator", "POST", "/v2/carts", {"data": {"name": ""}}, {"cart-name-missing": True}),
        ("administrator", "POST", "/v2/carts", {"data": {"name": "☕" * 255}}, {}),
        (
            "administrator",
            "POST",
            "/v2/carts",
            {"data": {"name": "☕" * 256}},
            {"cart-name-missing": True},
        ),
        (
            "administrator",
            "POST",
            "/v2/carts",
            {"data": {"name": " \t"}},
            {"cart-name-blank": True},
        ),
        (
            "administrator",
            "POST",
            "/v2/carts",
            {"data": {"name": "\u00a0"}},
            {"cart-name-blank": None},
        ),
        (
            "administrator",
            "POST",
            "/v2/carts",
            {"data": {"name": "n", "id": "a b"}},
            {"new-cart-id-unsafe": True},
        ),
        (
            "administrator",
            "POST",
            "/v2/carts",
            {"data": {"name": "n", "id": "free"}},
            {"cart-id-taken": True},
        ),
        ("administrator", "PUT", "/v2/carts/free", {"data": {}}, {}),
        (
            "administrator",
            "PUT",
            "/v2/carts/of-ada",
            {"data": {"contact": {"email": "a@example.com"}}},
            {"contact-on-registered-cart": True},
        ),
        ("implicit", "GET", "/v2/carts", None, {"carts-need-an-owner": True}),
        ("administrator", "GET", "/v2/carts?page[limit]=100&page[offset]=10000", None, {}),
        ("administrator", "GET", "/v2/carts?page[limit]=101", None, {"page-out-of-range": True}),
        (
            "administrator",
            "GET",
            "/v2/carts?page%5Boffset%5D=-1",
            None,
            {"page-out-of-range": True},
        ),
        (
            "administrator",
            "GET",
            "/v2/carts?page[limit]=ten",
            None,
            {"page-not-a-number": True, "page-out-of-range": None},
        ),
        ("ada", "GET", f"/v2/customers/{ADA}", None, {}),
        ("ada", "GET", f"/v2/customers/{BOB}", None, {"customer-record-not-permitted": True}),
        ("ada", "GET", "/v2/customers", None, {"customer-record-not-permitted": True}),
        ("administrator", "GET", f"/v2/customers/{ZED}", None, {"customer-unknown": True}),
        (
            "administrator",
            "POST",
            "/v2/customers",
            {"data": {"type": "customer", "name": "n", "email": "n"}},
            {"customer-invalid": True, "email-taken": None},
        ),
        (
            "administrator",
            "POST",
            "/v2/customers",
            {"data": {"type": "customer", "name": "n", "email": "aDa@example.com"}},
            {"email-taken": True},
        ),
        (
            "administrator",
            "POST",
            "/v2/customers/tokens",
            {
                "data": {
                    "type": "token",
                    "email": "ada@example.com",
                    "password": "wrong",
                    "authentication_mechanism": "password",
                }
            },
            {"credentials-wrong": True},
        ),
        (
            "administrator",
            "POST",
            "/v2/customers/tokens",
            {
                "data": {
                    "type": "token",
                    "email": "ada@example.com",
                    "password": "correct horse",
                    "authentication_mechanism": "password",
                }
            },
            {},
        ),
    ],
)
def test_another_request_breaks_these_rules(
    caller: str, method: str, path: str, body: Any, expected: dict[str, bool | None]
) -> None:
    sent = request(caller, method, path, body)
    assert verdicts(sent) == expected


def test_a_cart_is_the_last_one_only_if_every_cart_of_its_customer_is_known() -> None:
    sent = request("administrator", "DELETE", "/v2/carts/of-bob")
    what = known()
    assert "last-cart" not in {r.id for r in ORACLE.allowed(ORACLE.read(sent, what)).broken}
    what.carts["shared"].owners = {of(ADA)}
    assert {r.id for r in ORACLE.allowed(ORACLE.read(sent, what)).broken} == {"last-cart"}
    what.owners[of(BOB)].complete = False
    allowed = ORACLE.allowed(ORACLE.read(sent, what))
    assert (allowed.broken, [r.id for r in allowed.maybe]) == ((), ["last-cart"])


TWO = request("administrator", "POST", ASSOCIATIONS.format("free"), identifiers(ADA, BOB))
TWO_TEXT = "Cannot associate more than one customer"


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (refusal(TWO, 403, TWO_TEXT), []),
        (refusal(TWO, 403, "  cannot associate MORE than one   customer. "), []),
        (refusal(TWO, 403, "Forbidden", {"detail": f"{TWO_TEXT}: there are 2"}), []),
        (refusal(TWO, 403, TWO_TEXT, {"status": "403"}), []),
        (refusal(TWO, 400, TWO_TEXT), [("more-than-one-customer", Kind.WRONG_STATUS)]),
        (refusal(TWO, 403, "No"), [("more-than-one-customer", Kind.WRONG_TEXT)]),
        (refusal(TWO, 500, TWO_TEXT), [("more-than-one-customer", Kind.SERVER_ERROR)]),
        (answer(TWO, 200, identifiers(ADA, BOB)), [("more-than-one-customer", Kind.NOT_REFUSED)]),
        (answer(TWO, 204), [("more-than-one-customer", Kind.NOT_REFUSED)]),
        (answer(TWO, 302), [("more-than-one-customer", Kind.NOT_REFUSED)]),
        (refusal(TWO, 403, TWO_TEXT, {"status": 400}), [("error-envelope", Kind.ENVELOPE)]),
        (answer(TWO, 403, f"<p>{TWO_TEXT}</p>", "text/html"), [("error-envelope", Kind.ENVELOPE)]),
        (answer(TWO, 429, "slow down"), []),
        (answer(TWO, 503, "later"), []),
    ],
)
def test_a_refusal_is_held_against_its_rule(came: Answer, expected: list[tuple[str, Kind]]) -> None:
    assert found(came) == expected


@pytest.mark.parametrize(
    ("cart_id", "status", "deviates"),
    [("of-bob", 403, False), ("of-bob", 404, False), ("of-bob", 409, True), ("of-ada", 403, True)],
)
def test_a_lock_on_the_carts_of_others_may_come_before_other_refusals(
    cart_id: str, status: int, deviates: bool
) -> None:
    wrong = {"data": [{"type": "cart", "id": ADA}]}
    sent = request("ada", "POST", ASSOCIATIONS.format(cart_id), wrong)
    assert bool(found(refusal(sent, status, "Not yours"))) is deviates


@pytest.mark.parametrize(
    ("status", "text", "deviates"),
    [
        (403, "Cannot associate more than one customer", False),
        (400, "The type does not exist or is not listed as customer", False),
        (401, "Unable to validate access token", False),
        (404, "Not found", True),
        (403, "The type does not exist or is not listed as customer", True),
    ],
)
def test_of_several_broken_rules_any_may_be_answered(
    status: int, text: str, deviates: bool
) -> None:
    sent = request("forged", "POST", ASSOCIATIONS.format("free"), {"data": [{"id": ADA}, {}]})
    assert bool(found(refusal(sent, status, text))) is deviates


@pytest.mark.parametrize(
    ("caller", "method", "path", "body", "status", "reply", "expected"),
    [
        ("administrator", "POST", "free", identifiers(ADA), 200, identifiers(ADA), []),
        ("administrator", "POST", "free", identifiers(ADA), 204, None, ["success-answer"]),
        (
            "administrator",
            "POST",
            "free",
            identifiers(ADA),
            201,
            identifiers(ADA),
            ["success-answer"],
        ),
        (
            "administrator",
            "POST",
            "free",
            identifiers(ADA),
            200,
            identifiers(BOB),
            ["success-answer"],
        ),
        ("administrator", "POST", "free", identifiers(ADA), 200, {}, ["success-answer"]),
        ("administrator", "POST", "free", identifiers(ADA), 200, "<html>", ["success-answer"]),
        ("administrator", "POST", "of-ada", identifiers(ADA), 204, None, []),
        (
            "administrator",
            "POST",
            "of-ada",
            identifiers(ADA),
            200,
            identifiers(ADA),
            ["association-repeat"],
        ),
        (
            "administrator",
            "POST",
            "free",
            identifiers(ADA),
            403,
            "refusal",
            ["administrator-unrestricted"],
        ),
        ("administrator", "POST", "of-bob", identifiers(ADA), 409, "refusal", ["shared-cart"]),
        ("ada", "POST", "free", identifiers(ADA), 403, "refusal", ["many-carts"]),
        ("administrator", "DELETE", "free", identifiers(ADA), 404, "refusal", ["delete-missing"]),
        ("ada", "DELETE", "of-ada", identifiers(ADA), 204, None, []),
        ("ada", "DELETE", "of-ada", identifiers(ADA), 404, "refusal", ["association-deleted"]),
        (
            "administrator",
            "POST",
            "of-ada",
            identifiers(ADA),
            500,
            "refusal",
            ["association-repeat"],
        ),
        (
            "administrator",
            "POST",
            "free",
            identifiers(ADA)["data"],
            403,
            "Invalid json payload",
            [],
        ),
        (
            "administrator",
            "POST",
            "free",
            identifiers(ADA)["data"],
            400,
            "refusal",
            ["body-bare-array"],
        ),
    ],
)
def test_a_request_that_breaks_no_rule_succeeds_as_documented(
    caller: str, method: str, path: str, body: Any, status: int, reply: Any, expected: list[str]
) -> None:
    sent = request(caller, method, ASSOCIATIONS.format(path), body)
    refused = isinstance(reply, str) and not reply.startswith("<")
    came = refusal(sent, status, reply) if refused else answer(sent, status, reply)
    assert [rule for rule, _ in found(came)] == expected


@pytest.mark.parametrize(
    ("path", "reply", "expected"),
    [
        ("/v2/carts/of-ada", {"data": cart("of-ada", ADA)}, []),
        ("/v2/carts/of-ada", {"data": cart("of-ada")}, ["association-visible"]),
        ("/v2/carts/of-ada", {"data": cart("another", ADA)}, ["success-answer"]),
        ("/v2/carts/shared", {"data": cart("shared", ADA)}, ["shared-cart"]),
        ("/v2/carts/of-ada", {"data": cart("of-ada", ADA, BOB)}, ["association-visible"]),
        ("/v2/carts", page(cart("of-ada", ADA), cart("shared", ADA, BOB)), []),
        ("/v2/carts", page(cart("of-ada", ADA)), ["shared-cart"]),
        (
            "/v2/carts",
            page(cart("of-ada", ADA), cart("shared", ADA, BOB), cart("of-bob", BOB)),
            ["others-cannot-see"],
        ),
    ],
)
def test_what_is_shown_is_held_against_what_is_known(
    path: str, reply: Any, expected: list[str]
) -> None:
    assert [rule for rule, _ in found(answer(request("ada", "GET", path), 200, reply))] == expected


def test_a_page_has_what_was_asked_for_and_twenty_carts_unasked() -> None:
    customer = {"id": ADA, "type": "customer", "name": "A", "email": "a@b.cd", "password": True}
    customers = page(*[customer] * 25)
    for path, reply, expected in (
        ("/v2/customers", customers, []),
        ("/v2/customers?page[limit]=20", customers, ["at most 20 entries"]),
        ("/v2/carts", page(*[cart("any")] * 25), ["at most 20 entries"]),
    ):
        sent = request("administrator", "GET", path)
        findings = ORACLE.judge(answer(sent, 200, reply), known()).findings
        assert [finding.expected for finding in findings] == expected


def test_what_a_refused_request_changed_is_put_down_to_it() -> None:
    what = known()
    look = request("ada", "GET", "/v2/carts/of-ada")
    right = answer(look, 200, {"data": cart("of-ada", ADA)})
    learn(ORACLE.read(look, what), right)
    two = request("administrator", "DELETE", ASSOCIATIONS.format("of-ada"), identifiers(ADA, BOB))
    learn(ORACLE.read(two, what), refusal(two, 403, TWO_TEXT), "more-than-one-customer")
    (finding,) = ORACLE.judge(answer(look, 200, {"data": cart("of-ada")}), what).findings
    assert (finding.rule, finding.about) == ("refusal-changes-nothing", "more-than-one-customer")
    assert finding.operation == "deleteCustomerCartAssociation"


def test_effects_are_learnt_from_accepted_requests() -> None:
    what = known()
    for method, expected in (("POST", {of(ADA)}), ("DELETE", set())):
        sent = request("administrator", method, ASSOCIATIONS.format("free"), identifiers(ADA))
        learn(ORACLE.read(sent, what), answer(sent, 204))
        assert what.owners_of("free") == expected
    sent = request("administrator", "DELETE", "/v2/carts/free")
    learn(ORACLE.read(sent, what), answer(sent, 204))
    assert what.cart_exists("free") is False


def test_after_a_failure_nothing_is_known_of_the_cart() -> None:
    what = known()
    sent = request("administrator", "POST", ASSOCIATIONS.format("free"), identifiers(ADA))
    learn(ORACLE.read(sent, what), answer(sent, 500, {}))
    assert what.owners_of("free") is None


def test_logins_and_creations_are_learnt() -> None:
    what = TargetState(complete=True)
    login = Request(
        "POST",
        BASE + "/oauth/access_token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"grant_type=client_credentials&client_id=key&client_secret=secret",
    )
    learn(ORACLE.read(login, what), answer(login, 200, {"access_token": "access-administrator"}))
    assert what.access_tokens == {"access-administrator": AccessToken(ADMINISTRATOR)}
    made = request("administrator", "POST", "/v2/carts", {"data": {"name": "n"}})
    learn(ORACLE.read(made, what), answer(made, 201, {"data": cart("new")}))
    assert what.owners_of("new") == set()


def test_an_unknown_token_is_invalid_only_where_every_token_is_known() -> None:
    sent = request("forged", "GET", "/v2/carts")
    partial = known()
    partial.complete = False
    allowed = ORACLE.allowed(ORACLE.read(sent, partial))
    assert allowed.broken == ()
    assert "access-token-invalid" in {rule.id for rule in allowed.maybe}
    assert found(refusal(sent, 401, TEXTS["access-token-invalid"]), partial) == []
    assert found(answer(sent, 200, page()), partial) == []


def test_an_expired_token_is_invalid_by_the_time_of_the_request() -> None:
    what = known()
    what.access_tokens["access-administrator"] = AccessToken(ADMINISTRATOR, expires=10_000.0)
    sent = request("administrator", "GET", "/v2/carts")
    broken = [
        ORACLE.allowed(ORACLE.read(sent, what, at)).broken != () for at in (9_000.0, 11_000.0)
    ]
    assert broken == [False, True]


def test_a_password_in_an_answer_is_a_leak() -> None:
    sent = request("administrator", "GET", f"/v2/customers/{ADA}")
    customer = {"type": "customer", "id": ADA, "name": "Ada", "email": "ada@example.com"}
    right = {"data": customer | {"password": True}}
    leaking = {"data": customer | {"password": True, "hint": "correct horse"}}
    assert found(answer(sent, 200, right)) == []
    assert found(answer(sent, 200, leaking)) == [("password-never-returned", Kind.LEAK)]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v2/carts", {"data": {"name": "n", "description": 5}}),
        ("POST", "/v2/carts", {"name": "no envelope"}),
        ("GET", "/v2/carts?unheard=of", None),
        ("GET", "/v2/carts/gone", None),
        ("GET", "/v2/carts/a.b", None),
        ("PUT", "/v2/carts/free", {"data": {"name": "bell \u0007"}}),
    ],
)
def test_a_request_that_is_not_described_may_be_refused_or_accepted(
    method: str, path: str, body: Any
) -> None:
    sent = request("administrator", method, path, body)
    assert found(refusal(sent, 422, "No")) == []
    assert [f for f in found(answer(sent, 200, {})) if f[1] is Kind.REFUSED] == []


def test_paths_and_methods_outside_the_contract_are_not_judged() -> None:
    for method, path in (("PATCH", "/v2/carts"), ("GET", "/v2/products")):
        judgement = ORACLE.judge(answer(request("administrator", method, path), 500), known())
        assert judgement.findings == ()
        assert judgement.operation is None
        assert judgement.cannot_tell


@pytest.mark.parametrize(
    ("body", "malformed", "ambiguous"),
    [
        (b'{"data": [1, 2.5, null, true, "x"]}', False, False),
        (b"", True, False),
        (b"{", True, False),
        (b"\xff\xfe1\x00", True, False),
        (b'{"a": 1, "a": 2}', False, True),
        (b"NaN", False, True),
        (b"\xef\xbb\xbf{}", False, True),
        (b'"\\ud800"', False, True),
        (b"1" * 400, False, True),
        (b"1e999", False, True),
        (b"[" * 100_000, False, True),
    ],
)
def test_json_is_read_strictly_and_says_where_readers_differ(
    body: bytes, malformed: bool, ambiguous: bool
) -> None:
    read = read_json(body)
    assert (read.malformed, read.ambiguous) == (malformed, ambiguous)


# ---- Accounts -----------------------------------------------------------------------------------


WORKSHOP, GARAGE = "id-of-workshop", "id-of-garage"
OF_ACCOUNTS = "/v2/carts/{}/relationships/accounts"


def account(account_id: str) -> OwnerRef:
    return OwnerRef("account", account_id)


def known_accounts() -> TargetState:
    """The workshop has one of its two carts together with Ada."""
    what = known()
    what.owner_tokens["account-token-of-workshop"] = OwnerToken(account(WORKSHOP))
    what.owners[account(WORKSHOP)] = KnownOwner(complete=True)
    what.add_login(account(WORKSHOP), "eve", "correct")
    what.owners[account(GARAGE)] = KnownOwner(complete=True)
    what.carts["of-workshop"] = KnownCart(contact=False)
    what.add_owner("of-ada", account(WORKSHOP))
    what.add_owner("of-workshop", account(WORKSHOP))
    return what


def account_request(method: str, path: str, body: Any = None, **headers: str) -> Request:
    sent = {"Authorization": "Bearer access-shopper"} | headers
    raw = None if body is None else json.dumps(body).encode()
    return Request(method, BASE + path, sent, raw)


WORKSHOP_TOKEN = {"EP-Account-Management-Authentication-Token": "account-token-of-workshop"}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "violated"),
    [
        ("POST", OF_ACCOUNTS.format("free"), [("account", WORKSHOP)], WORKSHOP_TOKEN, set()),
        (
            "POST",
            OF_ACCOUNTS.format("free"),
            [("customer", WORKSHOP)],
            WORKSHOP_TOKEN,
            {"type-not-account"},
        ),
        (
            "POST",
            OF_ACCOUNTS.format("free"),
            [("account", GARAGE)],
            WORKSHOP_TOKEN,
            {"account-not-permitted"},
        ),
        (
            "POST",
            OF_ACCOUNTS.format("free"),
            [("account", WORKSHOP)] * 2,
            WORKSHOP_TOKEN,
            {"more-than-one-account"},
        ),
        ("POST", OF_ACCOUNTS.format("free"), [], WORKSHOP_TOKEN, {"account-missing"}),
        # The token of a customer counts as none on the path of accounts.
        (
            "DELETE",
            OF_ACCOUNTS.format("free"),
            [("account", WORKSHOP)],
            {"X-Moltin-Customer-Token": "customer-token-of-ada"},
            {"account-token-required"},
        ),
        (
            "POST",
            OF_ACCOUNTS.format("free"),
            [("account", WORKSHOP)],
            WORKSHOP_TOKEN | {"X-Moltin-Customer-Token": "customer-token-of-ada"},
            {"two-owner-tokens"},
        ),
        (
            "POST",
            OF_ACCOUNTS.format("contact"),
            [("account", WORKSHOP)],
            WORKSHOP_TOKEN,
            {"cart-has-contact-email-account"},
        ),
        ("GET", f"/v2/accounts/{WORKSHOP}", None, WORKSHOP_TOKEN, set()),
        ("GET", f"/v2/accounts/{GARAGE}", None, WORKSHOP_TOKEN, {"account-unknown"}),
        ("GET", "/v2/accounts", None, {}, {"account-record-not-permitted"}),
        ("DELETE", "/v2/carts/of-workshop", None, WORKSHOP_TOKEN, set()),
    ],
)
def test_rules_of_accounts(
    method: str,
    path: str,
    body: list[tuple[str, str]] | None,
    headers: dict[str, str],
    violated: set[str],
) -> None:
    sent_body = None
    if body is not None:
        sent_body = {"data": [{"type": kind, "id": owner} for kind, owner in body]}
    view = ORACLE.read(account_request(method, path, sent_body, **headers), known_accounts())
    allowed = ORACLE.allowed(view)
    assert {rule.id for rule in allowed.broken} == violated


@pytest.mark.parametrize(
    ("refusals", "rule", "about"),
    [
        (0, "others-cannot-see", None),
        (1, "refusal-changes-nothing", "customer-not-permitted"),
        (2, "refusal-changes-nothing", None),
    ],
)
def test_cart_that_a_list_lacked_and_then_has_is_blamed_on_the_refusal_in_between(
    refusals: int, rule: str, about: str | None
) -> None:
    what = known()
    mine = request("ada", "GET", "/v2/carts")
    before = page(cart("of-ada", ADA), cart("shared", ADA, BOB))
    learn(ORACLE.read(mine, what), answer(mine, 200, before))
    sent = request("ada", "POST", ASSOCIATIONS.format("of-bob"), {"data": []})
    for _ in range(refusals):
        learn(ORACLE.read(sent, what), refusal(sent, 403, TWO_TEXT), "customer-not-permitted")
    after = page(cart("of-ada", ADA), cart("shared", ADA, BOB), cart("of-bob", BOB))
    (finding,) = ORACLE.judge(answer(mine, 200, after), what).findings
    assert (finding.rule, finding.about) == (rule, about)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"name": "Ada", "hint": "correct horse battery"}', True),
        ('{"hint": "!!!!!!!!"}', True),
        ('{"hint": "correct battery"}', False),
        ("short", False),
    ],
)
def test_passwords_are_found_among_many(text: str, found: bool) -> None:
    passwords = Passwords()
    for each in ("correct horse", "!!!!!!!!", "short", *(f"correct horse {n}" for n in range(99))):
        passwords.add(each)
    assert passwords.any_in(text) is found


def test_password_that_a_recording_withholds_is_not_known() -> None:
    what = TargetState(is_withheld=lambda value: value.startswith("withheld"))
    what.add_login(of(ADA), "ada@example.com", "correct horse")
    what.add_login(of(ADA), "ada@example.com", "withheld-1-1")
    assert what.owners[of(ADA)].password is None
    assert not what.passwords.any_in("withheld-1-1")


def test_an_account_is_missed_in_the_cart_and_in_the_list() -> None:
    what = known_accounts()
    look = request("administrator", "GET", "/v2/carts/of-workshop")
    (finding,) = ORACLE.judge(answer(look, 200, {"data": cart("of-workshop")}), what).findings
    assert finding.rule == "association-visible"
    assert f"account {WORKSHOP}" in finding.expected
    mine = account_request("GET", "/v2/carts", **WORKSHOP_TOKEN)
    listed = page(cart("of-ada", ADA), cart("of-bob", BOB))
    rules = [each.rule for each in ORACLE.judge(answer(mine, 200, listed), what).findings]
    assert sorted(rules) == ["association-visible", "others-cannot-see"]
