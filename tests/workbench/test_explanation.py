"""Explanations: each refusal names its rule and cause, and the suggested commands pass."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from json import loads
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import httpx
import pytest
from cart_mock.rules import PREDICATES
from cart_mock.rules.refusal_context import MOST_OWNERS
from cart_mock.testing import CartMock

from tests.probes import ACCOUNT_CARTS, CARTS, CASTS, CONTRACT, MEMBER, TABLE, Probe
from tests.probes.rendering import content_of, url_of
from tests.probes.row import ACCESS_HEADER
from tests.probes.shop import shop_seed

ASSOCIATION = "/v2/carts/{}/relationships/customers"
CAROL = {"type": "customer", "name": "Carol", "email": "carol@example.com"}


def identifiers(*ids: Any) -> dict[str, Any]:
    return {"data": [{"type": "customer", "id": customer_id} for customer_id in ids]}


class Refused(NamedTuple):
    """A request that is refused: its caller, its content, and the part to blame."""

    caller: str
    method: str
    path: str
    sent: dict[str, Any]
    cause: dict[str, Any]
    scenario: str = "shared-cart"
    prepare: Callable[[CartMock], None] | None = None


def json(body: Any) -> dict[str, Any]:
    return {"json": body}


def raw(content: bytes) -> dict[str, Any]:
    return {"content": content, "headers": {"Content-Type": "application/json"}}


def body(pointer: str, *value: Any) -> dict[str, Any]:
    if not value:
        return {"in": "body", "pointer": pointer, "present": False}
    return {"in": "body", "pointer": pointer, "present": True, "value": value[0]}


def path(name: str, value: str) -> dict[str, Any]:
    return {"in": "path", "name": name, "present": True, "value": value}


def header(name: str, *value: str) -> dict[str, Any]:
    if not value:
        return {"in": "header", "name": name, "present": False}
    return {"in": "header", "name": name, "present": True, "value": value[0]}


HIDDEN = "[redacted]"
ADAS = ASSOCIATION.format("adas")
TOKEN = "X-Moltin-Customer-Token"

CASES: dict[str, Refused] = {
    "payload-not-array, not JSON": Refused(
        "administrator", "DELETE", ADAS, raw(b"{data"), body("/data")
    ),
    "type-not-customer, in a bare array": Refused(
        "ada", "POST", ADAS, json([{"id": "ada"}]), body("/0/type")
    ),
    "cart-not-found, by a shopper": Refused(
        "ada", "DELETE", ASSOCIATION.format("none"), json(identifiers("ada")),
        path("cartID", "none"),
    ),
    "customer-not-found, in an empty store": Refused(
        "administrator", "POST", ASSOCIATION.format("c"), json(identifiers("nobody")),
        body("/data/0/id", "nobody"), "empty-shop",
        lambda mock: made(mock, "POST", "/v2/carts", {"data": {"id": "c", "name": "C"}}),
    ),
    "account-not-found, in an empty store": Refused(
        "administrator", "POST", "/v2/carts/c/relationships/accounts",
        json({"data": [{"type": "account", "id": "none"}]}), body("/data/0/id", "none"),
        "empty-shop",
        lambda mock: made(mock, "POST", "/v2/carts", {"data": {"id": "c", "name": "C"}}),
    ),
    "account-resource-unknown, in an empty store": Refused(
        "administrator", "GET", "/v2/account-members/none", {}, path("accountMemberID", "none"),
        "empty-shop",
    ),
    "account-unknown, in an empty store": Refused(
        "administrator", "DELETE", "/v2/accounts/a/account-memberships/m", {},
        path("accountID", "a"), "empty-shop",
    ),
    "account-credentials-wrong": Refused(
        "anonymous", "POST", "/v2/account-members/tokens",
        json({"data": {"type": "account_management_authentication_token",
                       "authentication_mechanism": "password",
                       "password_profile_id": "username-and-password", "username": "zoe",
                       "password": "guess"}}),
        body("/data/username", "zoe"), "empty-shop",
    ),
    "cart-unknown, to be deleted": Refused(
        "ada", "DELETE", "/v2/carts/none", {}, path("cartID", "none")
    ),
    "cart-name-missing, in a change": Refused(
        "ada", "PUT", "/v2/carts/adas", json({"data": {"name": 7}}), body("/data/name", 7)
    ),
    "cart-id-taken": Refused(
        "ada", "POST", "/v2/carts", json({"data": {"id": "cleos", "name": "N"}}),
        body("/data/id", "cleos"),
    ),
    "contact-on-registered-cart, when made": Refused(
        "ada", "POST", "/v2/carts",
        json({"data": {"name": "N", "contact": {"email": "a@example.com"}}}),
        body("/data/contact/email", "a@example.com"),
    ),
    "last-cart": Refused("cleo", "DELETE", "/v2/carts/cleos", {}, path("cartID", "cleos")),
    "last-cart, of a shared one": Refused(
        "ada", "DELETE", "/v2/carts/household", {}, path("cartID", "household")
    ),
    "customer-record-not-permitted, of a list": Refused(
        "ada", "GET", "/v2/customers", {}, header(TOKEN, HIDDEN)
    ),
    "customer-record-not-permitted, anonymously": Refused(
        "anonymous", "DELETE", "/v2/customers/bob", {}, header(TOKEN)
    ),
    "customer-unknown, in an empty store": Refused(
        "administrator", "PUT", "/v2/customers/none", json({"data": CAROL}),
        path("customerID", "none"), "empty-shop",
    ),
    "email-taken": Refused(
        "anonymous", "POST", "/v2/customers", json({"data": {**CAROL, "email": "ADA@example.com"}}),
        body("/data/email", "ADA@example.com"),
    ),
    "credentials-wrong": Refused(
        "anonymous", "POST", "/v2/customers/tokens",
        json({"data": {"type": "token", "email": "ada@example.com", "password": "guess",
                       "authentication_mechanism": "password"}}),
        body("/data/email", "ada@example.com"),
    ),
    "credentials-wrong, nobody has that email": Refused(
        "anonymous", "POST", "/v2/customers/tokens",
        json({"data": {"type": "token", "email": "zoe@example.com", "password": "guess",
                       "authentication_mechanism": "password"}}),
        body("/data/email", "zoe@example.com"), "empty-shop",
    ),
    "grant-invalid": Refused(
        "nobody", "POST", "/oauth/access_token",
        {"data": {"grant_type": "magic", "client_id": "my-store"}},
        {"in": "form", "name": "grant_type", "present": True, "value": "magic"},
    ),
    "grant-invalid, a wrong secret": Refused(
        "nobody", "POST", "/oauth/access_token",
        {"data": {"grant_type": "client_credentials", "client_id": "STORE",
                  "client_secret": "not-this-one"}},
        {"in": "form", "name": "client_secret", "present": True, "value": HIDDEN},
    ),
    # A cart can be read with any access token, so that one request more is enough to pass.
    "access-token-invalid": Refused(
        "nobody", "GET", "/v2/carts/some", {}, header("Authorization")
    ),
    "access-token-invalid, forged": Refused(
        "impostor", "GET", "/v2/carts/some", {}, header("Authorization", HIDDEN)
    ),
}  # fmt: skip
"""Refusals whose explanation has something of its own."""

EXTRAS = shop_seed("ada")
SHOP: dict[str, Any] = {
    "customers": [
        {"id": name, "name": name, "email": f"{name}@example.com", "password": f"{name}-password"}
        for name in ("ada", "bob")
    ],
    "carts": [{"id": cart, "name": "Groceries"} for cart in (*CARTS, *ACCOUNT_CARTS)]
    + EXTRAS.pop("carts"),
    "associations": [
        *({"cart": cart, "customer": name} for cart, name in CARTS.items() if name),
        *({"cart": cart, "account": name} for cart, name in ACCOUNT_CARTS.items()),
    ],
    "accounts": [{"id": name, "name": name} for name in ACCOUNT_CARTS.values()],
    "members": [
        {"id": MEMBER, "name": "Ann", "email": "ann@example.com", "password": "ada-password"}
    ],
    "memberships": [{"id": MEMBER, "account": "acme", "member": MEMBER}],
    **EXTRAS,
}
"""The shop of the probe table."""
CALLERS = {
    (None, None, None): "nobody",
    ("administrator", None, None): "administrator",
    ("administrator", "ada", "acme"): "administrator with both",
    ("shopper", None, None): "anonymous",
    ("shopper", "ada", None): "ada",
    ("shopper", "junk", None): "forged",
    ("shopper", None, "acme"): "acme",
    ("shopper", None, "junk"): "forged account",
}


def of_probe(probe: Probe) -> Refused:
    """Return the case of a row of the probe table."""
    names = {"ada": "ada", "bob": "bob", "password": "ada-password", "client_id": "my-store"}
    names |= {"acme": "acme", "bolt": "bolt", "ann": MEMBER, "anns-membership": MEMBER}

    def prepare(mock: CartMock) -> None:
        mock.workbench("PUT", f"/stores/{mock.client_id}/state", SHOP)
        for sent in probe.prepare:
            content, _ = content_of(sent, names)
            made(mock, CONTRACT.operations[sent.operation][0], url_of(sent, names), loads(content))

    content, media = content_of(probe.request, names)
    return Refused(
        CALLERS[probe.request.access, probe.request.customer, probe.request.account],
        probe.method,
        url_of(probe.request, names),
        {"content": content, "headers": {"Content-Type": media}} if media else {},
        cause_of(probe, content),
        prepare=prepare,
    )


def cause_of(probe: Probe, content: bytes) -> dict[str, Any]:
    """Return what an explanation has to blame, given what the error names as its source."""
    source, sent = probe.source or "", probe.request
    tokens = {ACCESS_HEADER: sent.access}
    tokens |= {cast.header: getattr(sent, cast.kind) for cast in CASTS}
    if source in tokens:
        given = tokens[source]
        return header(source) if given is None else header(source, HIDDEN)
    if source in ("cartID", "contact.email"):
        return path("cartID", str(sent.cart))
    if source == "accountMembershipID":
        return path(source, str(sent.part))
    if source in ("customerID", "accountID", "accountMemberID", "authenticationRealmID"):
        return path(source, str(sent.record))
    if source.startswith("page[") or source == "filter":
        value = dict(parse_qsl(sent.query))[source]
        return {"in": "query", "name": source, "present": True, "value": value}
    if sent.operation == "createAccessToken":
        return {"in": "form", "name": source, "present": True, "value": sent.body[source]}
    pointer = "/" + source.replace("[", "/").replace("]", "").replace(".", "/")
    value = loads(content)
    for step in pointer.split("/")[1:]:
        if isinstance(value, dict) and step not in value:
            return body(pointer)
        value = value[int(step) if isinstance(value, list) else step]
    return body(pointer, value)


CASES |= {rule: of_probe(rows[0]) for rule, rows in TABLE.items() if rule not in CASES}


def made(mock: CartMock, method: str, target: str, content: Any) -> None:
    mock.client.request(method, target, headers=mock.headers(), json=content).raise_for_status()


def headers_of(mock: CartMock, caller: str) -> dict[str, str]:
    if caller == "nobody":
        return {}
    if caller == "impostor":
        return {"Authorization": "Bearer forged.access.token"}
    if caller == "administrator":
        return mock.headers()
    if caller in ("anonymous", "forged"):
        headers = {"Authorization": f"Bearer {mock.access_token('implicit')}"}
        return headers if caller == "anonymous" else {**headers, TOKEN: "forged.customer.token"}
    if caller == "forged account":
        return {**headers_of(mock, "anonymous"), CASTS[1].header: "forged.account.token"}
    if caller == "acme":
        return mock.account_headers("ann@example.com", "ada-password")
    if caller == "administrator with both":
        both = {**headers_of(mock, "ada"), **headers_of(mock, "acme")}
        return {**both, **mock.headers()}
    return mock.headers(f"{caller}@example.com", f"{caller}-password")


def refused(mock: CartMock, case: Refused) -> httpx.Response:
    mock.seed(case.scenario)
    if case.prepare is not None:
        case.prepare(mock)
    headers = headers_of(mock, case.caller)
    sent = dict(case.sent)
    if "data" in sent:
        mock.access_token()  # so that the key has its secret
        sent["data"] = {k: mock.client_id if v == "STORE" else v for k, v in sent["data"].items()}
    headers |= sent.pop("headers", {})
    return mock.client.request(case.method, case.path, headers=headers, **sent)


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_is_explained(cart_mock: CartMock, name: str) -> None:
    case, rule = CASES[name], CONTRACT.rule(name.partition(",")[0])
    answer = refused(cart_mock, case)
    explained = cart_mock.explain(answer)
    assert explained["rule"]["id"] == rule.id
    assert explained["rule"]["level"] == rule.level
    assert explained["rule"]["sentence"] == rule.source.sentence
    assert {k: explained["cause"][k] for k in case.cause} == case.cause
    assert explained["cause"]["what"]
    assert explained["cause"]["instead"]
    assert f"by {rule.id} ({rule.level})" in explained["summary"]
    assert f"Refused with {answer.status_code} " in explained["summary"]


def test_every_refusal_of_the_contract_is_in_the_table() -> None:
    assert {name.partition(",")[0] for name in CASES} == set(PREDICATES)


UNSERVED: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "path-unknown": ("GET", "/v3/carts", {}, {"in": "path", "value": "/v3/carts"}),
    "method-not-allowed": ("PATCH", "/v2/carts", {}, {"in": "method", "value": "PATCH"}),
    "body-too-large": (
        "POST", "/v2/carts", {"content": b"x" * (1024 * 1024 + 1)}, {"in": "body", "pointer": ""},
    ),
    "media-type-unsupported": (
        "POST", "/oauth/access_token", json({}),
        {"in": "header", "name": "Content-Type", "value": "application/json"},
    ),
    "body-malformed": (
        "POST", "/oauth/access_token",
        {"content": b"\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"in": "body", "pointer": ""},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSERVED)
def test_an_error_that_is_no_rule_is_explained_as_well(cart_mock: CartMock, name: str) -> None:
    method, target, sent, blamed = UNSERVED[name]
    answer = cart_mock.client.request(method, target, **sent)
    assert answer.status_code == CONTRACT.protocol_error(name).status
    explained = cart_mock.explain(answer)
    assert explained["rule"] == {"id": name}
    assert {key: explained["cause"][key] for key in blamed} == blamed
    commands = [Shell(cart_mock, CASES["grant-invalid"]).run(c) for c in explained["passes"]]
    assert all(command.is_success for command in commands)
    assert bool(commands) is (target == "/oauth/access_token")


@pytest.mark.parametrize(
    ("name", "encoding", "content", "commands"),
    [
        ("media-type-unsupported", "zstd", b"x", 1),
        ("body-malformed", "gzip", b"x", 1),
        ("body-too-large", "identity", b"x" * (1024 * 1024 + 1), 0),
    ],
)
def test_request_that_is_refused_unread_is_in_the_store_of_its_token(
    cart_mock: CartMock, name: str, encoding: str, content: bytes, commands: int
) -> None:
    headers = {**cart_mock.headers(), "Content-Encoding": encoding}
    answer = cart_mock.client.post("/v2/carts", headers=headers, content=content)
    assert [each["rule"] for each in cart_mock.requests(status="4xx")] == [name]
    explained = cart_mock.explain(answer)
    assert explained["state"]["caller"]["grant"] == "client_credentials"
    shell = Shell(cart_mock, CASES["cart-name-missing"])
    assert [shell.run(each).status_code for each in explained["passes"]] == [201] * commands


def test_explanation_of_a_cart_with_many_owners_shows_some_of_them(cart_mock: CartMock) -> None:
    headers, ids = cart_mock.headers(), [f"c{number}" for number in range(MOST_OWNERS + 50)]
    state = {
        "customers": [{"id": i, "name": i, "email": f"{i}@example.com"} for i in ids],
        "carts": [{"id": "crowd", "name": "Crowd"}],
        "associations": [{"cart": "crowd", "customer": i} for i in ids],
    }
    path = f"/_mock/stores/{cart_mock.client_id}/state"
    assert cart_mock.client.put(path, json=state).status_code == 200
    body = {"data": [{"type": "customer", "id": "unknown"}]}
    path = "/v2/carts/crowd/relationships/customers"
    answer = cart_mock.client.post(path, headers=headers, json=body)
    explained = cart_mock.explain(answer)
    assert explained["rule"]["id"] == "customer-not-found"
    assert explained["state"]["cart"]["customers"] == ids[:MOST_OWNERS]


def test_a_fault_of_the_mock_itself_is_found_too(
    cart_mock: CartMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = cart_mock.headers()

    def fail(*_: object) -> None:
        raise ValueError("on purpose")

    monkeypatch.setattr("cart_mock.state.store.Store.cart_ids", fail)
    answer = cart_mock.client.get("/v2/carts", headers=headers)
    assert answer.status_code == 500
    assert cart_mock.requests()[-1]["rule"] == "internal-error"
    explained = cart_mock.explain(answer)
    assert explained["rule"] == {"id": "internal-error"}
    assert "on purpose" not in str(explained)


# ---- The commands -----------------------------------------------------------------------------


class Shell:
    """Runs the curl commands of an explanation as a shell would, with its variables set."""

    def __init__(self, mock: CartMock, case: Refused) -> None:
        self._mock = mock
        self._case = case
        self._variables: dict[str, str] = {}
        self.method = ""

    def _variable(self, name: str) -> str:
        if name in self._variables:
            return self._variables[name]
        mock, case = self._mock, self._case
        is_by_administrator = case.caller.startswith("administrator")
        if name == "ADMIN_TOKEN" or (name == "ACCESS_TOKEN" and is_by_administrator):
            return mock.access_token()
        if name == "ACCESS_TOKEN":
            return mock.access_token("implicit")
        if name in ("CUSTOMER_TOKEN", "CUSTOMER_ID"):
            shopper = case.caller if case.caller in ("ada", "bob", "cleo") else "ada"
            if name == "CUSTOMER_ID":
                return shopper
            return mock.headers(f"{shopper}@example.com", f"{shopper}-password")[TOKEN]
        if name == "ACCOUNT_TOKEN":
            return mock.account_headers("ann@example.com", "ada-password")[CASTS[1].header]
        return {
            "ACCOUNT_ID": "acme",
            "PASSWORD": "ada-password",
            "CLIENT_SECRET": mock.client_secret,
        }[name]

    def run(self, command: str) -> httpx.Response:
        """Run one command. What it creates is what ``$CUSTOMER_ID`` stands for from then on."""
        expanded = re.sub(r"\$([A-Z_]+)", lambda found: self._variable(found[1]), command)
        program, *words = shlex.split(expanded)
        assert program == "curl"
        method, url, headers, content = "GET", "", {}, ""
        while words:
            word = words.pop(0)
            if word == "-X":
                method = words.pop(0)
            elif word == "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            elif word == "--data-raw":
                method, content = "POST" if method == "GET" else method, words.pop(0)
            elif word != "--globoff":
                url = word
        self.method = method
        answer = self._mock.client.request(method, url, headers=headers, content=content.encode())
        self._learn(url, answer)
        return answer

    def _learn(self, url: str, answer: httpx.Response) -> None:
        if url.endswith("/v2/customers") and answer.status_code == 201:
            self._variables["CUSTOMER_ID"] = answer.json()["data"]["id"]
        if url.endswith("/v2/accounts") and answer.status_code == 201:
            self._variables["ACCOUNT_ID"] = answer.json()["data"]["id"]
        if url.endswith("/account-memberships") and answer.status_code == 201:
            self._variables["MEMBERSHIP_ID"] = answer.json()["data"]["id"]
        if url.endswith("/account-members/tokens") and answer.status_code == 201:
            self._variables["MEMBER_ID"] = answer.json()["meta"]["account_member_id"]
        if url.endswith("/oauth/access_token") and answer.status_code == 200:
            self._variables["ACCESS_TOKEN"] = answer.json()["access_token"]


@pytest.mark.parametrize("name", CASES)
def test_the_commands_of_an_explanation_pass(cart_mock: CartMock, name: str) -> None:
    case = CASES[name]
    explained = cart_mock.explain(refused(cart_mock, case))
    shell = Shell(cart_mock, case)
    *steps, last = explained["passes"]
    for step in steps:
        answer = shell.run(step)
        assert answer.is_success, (step, answer.text)
    answer = shell.run(last)
    assert answer.is_success, (last, answer.text)
    assert shell.method == case.method
    used = set(re.findall(r"\$([A-Z_]+)", " ".join(explained["passes"])))
    assert set(explained["placeholders"]) == used


# ---- The state --------------------------------------------------------------------------------


def test_the_state_is_that_of_the_judgement_not_that_of_now(cart_mock: CartMock) -> None:
    case = CASES["last-cart"]
    answer = refused(cart_mock, case)
    made(cart_mock, "POST", ASSOCIATION.format("cleos"), identifiers("bob"))
    state = cart_mock.explain(answer)["state"]
    assert state["caller"] == {"grant": "implicit", "customer_id": "cleo"}
    assert (state["cart"]["id"], state["cart"]["customers"]) == ("cleos", ["cleo"])


@pytest.mark.parametrize(
    ("name", "witnessed"),
    [
        ("last-cart", {"carts_of": {"cleo": 1}}),
        ("last-cart, of a shared one", {"carts_of": {"ada": 2, "bob": 1}}),
        ("email-taken", {"customer_with_email": {"id": "ada", "has_password": True}}),
        ("credentials-wrong", {"customer_with_email": {"id": "ada", "has_password": True}}),
        ("credentials-wrong, nobody has that email", {"customer_with_email": None}),
        ("cart-id-taken", {"cart_with_id": {"id": "cleos", "name": "Cleo's own"}}),
    ],
)
def test_what_a_refusal_rests_on_is_witnessed_when_it_happens(
    cart_mock: CartMock, name: str, witnessed: dict[str, Any]
) -> None:
    answer = refused(cart_mock, CASES[name])
    cart_mock.seed("empty-shop")
    state = cart_mock.explain(answer)["state"]
    assert {key: state[key] for key in witnessed} == witnessed


def test_an_answer_that_is_no_refusal_is_explained_in_a_sentence(cart_mock: CartMock) -> None:
    answer = cart_mock.client.get("/v2/carts", headers=cart_mock.headers())
    assert cart_mock.explain(answer) == {"summary": "Answered with 200: no rule was broken."}


def test_an_answer_of_a_fault_says_so(cart_mock: CartMock) -> None:
    headers = cart_mock.headers()
    cart_mock.fault("error", rule="last-cart", times=1)
    answer = cart_mock.client.delete("/v2/carts/any", headers=headers)
    explained = cart_mock.explain(answer)
    assert explained["summary"] == "A fault of the workbench decided over this answer: error."
    assert explained["fault"]["rule"] == "last-cart"
    assert "cause" not in explained


def test_the_commands_go_to_where_the_workbench_was_asked(live_cart_mock: CartMock) -> None:
    answer = live_cart_mock.client.get("/v2/carts")
    passes = live_cart_mock.explain(answer)["passes"]
    assert all(live_cart_mock.url in command for command in passes)
