"""Records the rule book's example exchanges from the real mock.

``python -m tests.openapi.recorder`` writes them into the package; a test records them again and
compares. Time and ids are given to the mock, and tokens are named, so that every recording of the
same mock is the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import httpx
from cart_mock.app import create_app
from cart_mock.state.clock import Clock
from cart_mock.tenants.registry import TenantRegistry
from cart_spec.book.recording import RECORDING_PATH

from tests.hashes import cheap_hashes
from tests.probes import CONTRACT, TABLE, Sent, probes_of
from tests.probes.rendering import FORM, content_of, url_of
from tests.probes.row import ACCOUNT_HEADER, CUSTOMER_HEADER, SIGNUP

NOW = 1_700_000_000.0
DAY = 24 * 3600
RELATIONSHIPS = "/v2/carts/{}/relationships/customers"
ACCOUNT_TOKEN = "account_management_authentication_token"

Scene = Callable[["Stage"], Awaitable[None]]
SCENES: dict[str, Scene] = {}


def scene(rule_id: str) -> Callable[[Scene], Scene]:
    """Register the scene that shows a rule."""

    def register(function: Scene) -> Scene:
        SCENES[rule_id] = function
        return function

    return register


@dataclass
class Stage:
    """A fresh mock with Ada and Bob in it. ``recorded`` is what ``show`` has sent and got."""

    client: httpx.AsyncClient
    clock: Clock
    store: str
    recorded: list[dict[str, Any]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)

    async def show(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        caller: str | None = "ADMINISTRATOR",
        customer: str | None = None,
        account: str | None = None,
        text: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send a request, record it with its answer, and return the answer's body."""
        owners = {CUSTOMER_HEADER: customer, ACCOUNT_HEADER: account}
        request, answer = await self._send(method, path, body, caller, owners, text, headers)
        shown = {"method": method, "path": path, "headers": self._named(dict(request))}
        if text is not None or body is not None:
            shown["body"] = text if text is not None else self._named(body)
        content = answer.json() if answer.content else None
        self.recorded.append(
            {
                "request": shown,
                "answer": {"status": answer.status_code, "body": self._named(content)},
            }
        )
        return content

    async def do(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request that sets the stage: it has to succeed, and is not recorded."""
        _, answer = await self._send(
            method,
            path,
            body,
            options.get("caller", "ADMINISTRATOR"),
            {CUSTOMER_HEADER: options.get("customer"), ACCOUNT_HEADER: options.get("account")},
            None,
            None,
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def _send(
        self,
        method: str,
        path: str,
        body: Any,
        caller: str | None,
        owners: dict[str, str | None],
        text: str | None,
        headers: dict[str, str] | None,
    ) -> tuple[dict[str, str], httpx.Response]:
        tokens = {name: token for token, name in self.names.items()}
        sent: dict[str, str] = {}
        if caller is not None:
            token = tokens.get(f"{caller}_TOKEN", caller)
            sent["Authorization"] = f"Bearer {token}"
        for header, owner in owners.items():
            if owner is not None:
                sent[header] = tokens.get(f"{owner}_TOKEN", owner)
        content = None
        if path == "/oauth/access_token":
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            content = "&".join(f"{key}={value}" for key, value in body.items())
        elif text is not None or body is not None:
            sent["Content-Type"] = "application/json"
            content = text if text is not None else json.dumps(body)
        sent |= {name: tokens.get(value, value) for name, value in (headers or {}).items()}
        answer = await self.client.request(method, path, headers=sent, content=content)
        return sent, answer

    def _named(self, value: Any) -> Any:
        """``value`` with each token in it replaced by its name."""
        text = json.dumps(value, ensure_ascii=False)
        for token, name in self.names.items():
            text = text.replace(token, name)
        return json.loads(text.replace(self.store, "my-store"))

    async def set_up(self) -> None:
        """Register Ada and Bob; make a cart for each and one without a customer."""
        await self.log_in_stores()
        for name in ("Ada", "Bob"):
            person = {
                "type": "customer",
                "name": name,
                "email": f"{name.lower()}@example.com",
                "password": "correct horse",
            }
            created = await self.do("POST", "/v2/customers", {"data": person})
            self.customers[name] = created["data"]["id"]
            await self.log_in(name, f"{name.upper()}_TOKEN")
        for cart_id, owner in (("weekend-list", None), ("adas-list", "Ada"), ("bobs-list", "Bob")):
            await self.do("POST", "/v2/carts", {"data": {"id": cart_id, "name": "Groceries"}})
            if owner:
                await self.do("POST", RELATIONSHIPS.format(cart_id), self.identifier(owner))

    async def set_up_accounts(self) -> None:
        """Register Acme and Bolt with a cart each, and Ann, who belongs to Acme."""
        for name in ("Acme", "Bolt"):
            account = {"type": "account", "name": name, "legal_name": f"{name} Ltd"}
            created = await self.do("POST", "/v2/accounts", {"data": account})
            self.accounts[name] = created["data"]["id"]
            cart_id = f"{name.lower()}s-list"
            await self.do("POST", "/v2/carts", {"data": {"id": cart_id, "name": "Groceries"}})
            body = {"data": [{"type": "account", "id": created["data"]["id"]}]}
            await self.do("POST", f"/v2/carts/{cart_id}/relationships/accounts", body)
        login = {**SIGNUP, "username": "ann@example.com", "name": "Ann", "email": "ann@example.com"}
        login["password"] = "correct horse"  # a password of the example
        signed_up = await self.do(
            "POST", "/v2/account-members/tokens", {"data": login}, caller="SHOPPER"
        )
        self.accounts["Ann"] = member = signed_up["meta"]["account_member_id"]
        membership = await self.do(
            "POST",
            f"/v2/accounts/{self.accounts['Acme']}/account-memberships",
            {"data": {"type": "account_membership", "account_member_id": member}},
        )
        self.accounts["Ann's membership"] = membership["data"]["id"]
        self.names[signed_up["data"][0]["token"]] = "ANN_TOKEN"
        again = {"type": ACCOUNT_TOKEN, "authentication_mechanism": ACCOUNT_TOKEN}
        tokens = await self.do(
            "POST", "/v2/account-members/tokens", {"data": again}, caller="SHOPPER", account="ANN"
        )
        for one in tokens["data"]:
            if one["account_id"] == self.accounts["Acme"]:
                self.names[one["token"]] = "ACME_TOKEN"

    def account_identifier(self, name: str) -> dict[str, Any]:
        """The body that names one account."""
        return {"data": [{"type": "account", "id": self.accounts[name]}]}

    async def log_in_everyone(self) -> None:
        """Fetch new tokens for all, under the old names."""
        self.names.clear()
        await self.log_in_stores()
        for name in self.customers:
            await self.log_in(name, f"{name.upper()}_TOKEN")

    async def log_in_stores(self) -> None:
        """Fetch the access tokens of an administrator and of a shopper."""
        for name, form in (
            ("ADMINISTRATOR", {"grant_type": "client_credentials", "client_secret": "my-secret"}),
            ("SHOPPER", {"grant_type": "implicit"}),
        ):
            token = await self.do(
                "POST", "/oauth/access_token", {"client_id": self.store, **form}, caller=None
            )
            self.names[token["access_token"]] = f"{name}_TOKEN"

    async def log_in(self, name: str, token_name: str) -> None:
        """Log a customer in; the token is called ``token_name`` from then on."""
        token = await self.do("POST", "/v2/customers/tokens", login(name), caller="SHOPPER")
        self.names[token["data"]["token"]] = token_name

    def identifier(self, name: str) -> dict[str, Any]:
        """The body that names one customer."""
        return {"data": [{"type": "customer", "id": self.customers[name]}]}

    async def associate(self, name: str, cart_id: str = "weekend-list", **options: Any) -> Any:
        """Show a POST that associates a customer with a cart."""
        body = self.identifier(name)
        return await self.show("POST", RELATIONSHIPS.format(cart_id), body, **options)


def login(name: str, password: str = "correct horse") -> dict[str, Any]:
    """The body that logs a customer in."""
    return {
        "data": {
            "type": "token",
            "email": f"{name.lower()}@example.com",
            "password": password,
            "authentication_mechanism": "password",
        }
    }


# ---- Refusals: the plainest row that the probe table has of each ---------------------------------

ROLES = {
    None: None,
    "administrator": "ADMINISTRATOR",
    "shopper": "SHOPPER",
    "ada": "ADA",
    "bob": "BOB",
    "acme": "ACME",
    "junk": "not-a-token",
}
"""What the recording calls the tokens of the probe table."""


def refusal(rule_id: str) -> Scene:
    """Return the scene of a refusal."""

    async def played(stage: Stage) -> None:
        row = probes_of(rule_id)[0]
        names = {
            "ada": stage.customers["Ada"],
            "bob": stage.customers["Bob"],
            "password": "correct horse",
            "client_id": "my-store",
            "client_secret": "my-secret",
        }
        if "ccount" in row.operation or row.request.account is not None:
            await stage.set_up_accounts()
            names |= {
                "acme": stage.accounts["Acme"],
                "bolt": stage.accounts["Bolt"],
                "ann": stage.accounts["Ann"],
                "anns-membership": stage.accounts["Ann's membership"],
            }
        for sent in row.prepare:
            await stage.do(**sent_as(sent, names))
        await stage.show(**sent_as(row.request, names))

    return played


def sent_as(sent: Sent, names: dict[str, str]) -> dict[str, Any]:
    """Return the arguments for ``Stage.show`` that send a request of the probe table."""
    content, media = content_of(sent, names)
    body: Any = None
    if media == FORM:
        body = dict(parse_qsl(content.decode()))
    elif media is not None:
        body = json.loads(content)
    return {
        "method": CONTRACT.operations[sent.operation][0],
        "path": url_of(sent, names),
        "body": body,
        "caller": ROLES[sent.access],
        "customer": ROLES[sent.customer],
        "account": ROLES[sent.account],
    }


SCENES |= {rule_id: refusal(rule_id) for rule_id in TABLE}


# ---- What an association does --------------------------------------------------------------------


@scene("association-visible")
async def association_visible(stage: Stage) -> None:
    await stage.associate("Ada", caller="SHOPPER", customer="ADA")
    await stage.show("GET", "/v2/carts?page[limit]=1", caller="SHOPPER", customer="ADA")


@scene("any-device")
async def any_device(stage: Stage) -> None:
    await stage.log_in("Ada", "ADA_OTHER_DEVICE_TOKEN")
    other = "ADA_OTHER_DEVICE"
    await stage.show("GET", "/v2/carts", caller="SHOPPER", customer=other)


@scene("many-carts")
async def many_carts(stage: Stage) -> None:
    await stage.associate("Ada")
    await stage.show("GET", "/v2/carts", caller="SHOPPER", customer="ADA")


@scene("shared-cart")
async def shared_cart(stage: Stage) -> None:
    await stage.associate("Ada", "bobs-list")
    await stage.set_up_accounts()
    await stage.show(
        "POST", "/v2/carts/bobs-list/relationships/accounts", stage.account_identifier("Acme")
    )
    await stage.show("GET", "/v2/carts/bobs-list")


@scene("others-cannot-see")
async def others_cannot_see(stage: Stage) -> None:
    await stage.show("GET", "/v2/carts", caller="SHOPPER", customer="ADA")


@scene("association-repeat")
async def association_repeat(stage: Stage) -> None:
    await stage.associate("Ada", "adas-list")


@scene("association-deleted")
async def association_deleted(stage: Stage) -> None:
    await stage.show("DELETE", RELATIONSHIPS.format("adas-list"), stage.identifier("Ada"))
    await stage.show("GET", "/v2/carts", caller="SHOPPER", customer="ADA")


@scene("delete-missing")
async def delete_missing(stage: Stage) -> None:
    await stage.show("DELETE", RELATIONSHIPS.format("weekend-list"), stage.identifier("Ada"))


@scene("refusal-changes-nothing")
async def refusal_changes_nothing(stage: Stage) -> None:
    await stage.associate("Bob", caller="SHOPPER", customer="ADA")
    await stage.show("GET", "/v2/carts/weekend-list")


@scene("administrator-unrestricted")
async def administrator_unrestricted(stage: Stage) -> None:
    await stage.associate("Ada", "bobs-list")


@scene("updated-at-moves")
async def updated_at_moves(stage: Stage) -> None:
    stage.clock.advance(60)
    body = {"data": {"name": "Holiday list"}}
    await stage.show("PUT", "/v2/carts/weekend-list", body)


@scene("association-keeps-clock")
async def association_keeps_clock(stage: Stage) -> None:
    stage.clock.advance(60)
    await stage.associate("Ada")
    await stage.show("GET", "/v2/carts/weekend-list")


@scene("cart-id-is-access")
async def cart_id_is_access(stage: Stage) -> None:
    await stage.show("GET", "/v2/carts/bobs-list", caller="SHOPPER", customer="ADA")
    await stage.associate("Ada", "bobs-list", caller="SHOPPER", customer="ADA")


# ---- The carts around them -----------------------------------------------------------------------


@scene("any-symbol")
async def any_symbol(stage: Stage) -> None:
    cart = {"id": "party-list", "name": 'Bob\'s 50% "party" ☕', "description": "パーティー"}
    await stage.show("POST", "/v2/carts", {"data": cart})


@scene("cart-expired")
async def cart_expired(stage: Stage) -> None:
    stage.clock.advance(7 * DAY)
    await stage.log_in_everyone()
    await stage.show("GET", "/v2/carts", caller="SHOPPER", customer="ADA")


# ---- The customers around them -------------------------------------------------------------------


@scene("customer-deleted")
async def customer_deleted(stage: Stage) -> None:
    await stage.show("DELETE", f"/v2/customers/{stage.customers['Ada']}")
    await stage.show("GET", "/v2/carts", caller="SHOPPER", customer="ADA")


@scene("account-deleted")
async def account_deleted(stage: Stage) -> None:
    await stage.set_up_accounts()
    await stage.show("DELETE", f"/v2/accounts/{stage.accounts['Acme']}")
    await stage.show("GET", "/v2/carts", caller="SHOPPER", account="ACME")


# ---- Conventions ---------------------------------------------------------------------------------


@scene("error-envelope")
async def error_envelope(stage: Stage) -> None:
    await stage.show("GET", "/v2/no-such-path")


@scene("success-answer")
async def success_answer(stage: Stage) -> None:
    await stage.show("GET", "/v2/carts/weekend-list")


@scene("password-never-returned")
async def password_never_returned(stage: Stage) -> None:
    await stage.show("GET", f"/v2/customers/{stage.customers['Ada']}")


@scene("header-names")
async def header_names(stage: Stage) -> None:
    headers = {"X-MOLTIN-CUSTOMER-TOKEN": "ADA_TOKEN"}
    await stage.show("GET", "/v2/carts/adas-list", caller="SHOPPER", headers=headers)


@scene("empty-customer-token")
async def empty_customer_token(stage: Stage) -> None:
    await stage.show("GET", "/v2/carts/adas-list", customer="")


@scene("empty-account-token")
async def empty_account_token(stage: Stage) -> None:
    await stage.show("GET", "/v2/carts/adas-list", account="")


@scene("body-bare-array")
async def body_bare_array(stage: Stage) -> None:
    bare = stage.identifier("Ada")["data"]
    await stage.show("POST", RELATIONSHIPS.format("weekend-list"), bare)


@scene("judging-order")
async def judging_order(stage: Stage) -> None:
    two = [{"type": "customers", "id": "1"}, {"type": "customers", "id": "2"}]
    await stage.show("POST", RELATIONSHIPS.format("no-such-cart"), {"data": two})


@scene("contact-removal")
async def contact_removal(stage: Stage) -> None:
    contact = {"data": {"contact": {"email": "guest@example.com"}}}
    await stage.do("PUT", "/v2/carts/weekend-list", contact)
    await stage.show("PUT", "/v2/carts/weekend-list", {"data": {"contact": None}})


@scene("new-cart-by-get")
async def new_cart_by_get(stage: Stage) -> None:
    await stage.show("GET", "/v2/carts/new-list", caller="SHOPPER", customer="ADA")


@scene("implicit-registration")
async def implicit_registration(stage: Stage) -> None:
    eve = {"type": "customer", "name": "Eve", "email": "eve@example.com", "password": "a secret"}
    await stage.show("POST", "/v2/customers", {"data": eve}, caller="SHOPPER")


# ---- Who may do what -----------------------------------------------------------------------------

CALLERS: dict[str, dict[str, Any]] = {
    "administrator": {"caller": "ADMINISTRATOR"},
    "shopper with a customer token": {"caller": "SHOPPER", "customer": "ADA"},
    "shopper without one": {"caller": "SHOPPER"},
    "no access token": {"caller": None},
}
"""Who calls, and with which tokens; the customer token is Ada's."""

NEW_CUSTOMER = {"type": "customer", "name": "Eve", "email": "eve@example.com"}
NEW_NAME = {"data": {"type": "customer", "name": "Someone"}}
NEW_CART_NAME = {"data": {"name": "Holiday list"}}

# Reads come first and deletions last, so that one store serves a caller for all of them. Customers
# in paths and bodies stand as {Ada} and {Bob}.
ATTEMPTS: list[tuple[str, str, str, str, Any]] = [
    ("getCarts", "list carts", "GET", "/v2/carts", None),
    ("getACart", "read a cart of nobody", "GET", "/v2/carts/weekend-list", None),
    ("getACart", "read one's own cart", "GET", "/v2/carts/adas-list", None),
    ("getACart", "read a cart of others", "GET", "/v2/carts/bobs-list", None),
    ("createACart", "create a cart", "POST", "/v2/carts", {"data": {"name": "New"}}),
    ("updateACart", "change a cart of nobody", "PUT", "/v2/carts/weekend-list", NEW_CART_NAME),
    ("updateACart", "change one's own cart", "PUT", "/v2/carts/adas-list", NEW_CART_NAME),
    ("updateACart", "change a cart of others", "PUT", "/v2/carts/bobs-list", NEW_CART_NAME),
    ("createCustomerCartAssociation", "associate oneself with a cart of nobody", "POST",
     RELATIONSHIPS.format("weekend-list"), "Ada"),
    ("createCustomerCartAssociation", "associate oneself with a cart of others", "POST",
     RELATIONSHIPS.format("bobs-list"), "Ada"),
    ("createCustomerCartAssociation", "associate another customer", "POST",
     RELATIONSHIPS.format("weekend-list"), "Bob"),
    ("deleteCustomerCartAssociation", "disassociate oneself", "DELETE",
     RELATIONSHIPS.format("adas-list"), "Ada"),
    ("deleteCustomerCartAssociation", "disassociate another customer", "DELETE",
     RELATIONSHIPS.format("bobs-list"), "Bob"),
    ("deleteACart", "delete a cart of nobody", "DELETE", "/v2/carts/nobodys-list", None),
    ("deleteACart", "delete one's own cart", "DELETE", "/v2/carts/adas-other-list", None),
    ("deleteACart", "delete a cart of others", "DELETE", "/v2/carts/bobs-other-list", None),
    ("createCustomerToken", "log in", "POST", "/v2/customers/tokens", login("Ada")),
    ("createCustomer", "register a customer", "POST", "/v2/customers", {"data": NEW_CUSTOMER}),
    ("getCustomers", "list customers", "GET", "/v2/customers", None),
    ("getCustomer", "read one's own record", "GET", "/v2/customers/{Ada}", None),
    ("getCustomer", "read the record of another", "GET", "/v2/customers/{Bob}", None),
    ("updateCustomer", "change one's own record", "PUT", "/v2/customers/{Ada}", NEW_NAME),
    ("updateCustomer", "change the record of another", "PUT", "/v2/customers/{Bob}", NEW_NAME),
    ("deleteCustomer", "delete the record of another", "DELETE", "/v2/customers/{Bob}", None),
    ("deleteCustomer", "delete one's own record", "DELETE", "/v2/customers/{Ada}", None),
]  # fmt: skip


async def _permissions(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Each attempt with the status that each caller got."""
    rows: list[dict[str, Any]] = [
        {"operation": operation, "what": what, "statuses": {}} for operation, what, *_ in ATTEMPTS
    ]
    for number, (caller, tokens) in enumerate(CALLERS.items()):
        stage = Stage(client, Clock(), f"store-of-caller-{number}")
        await stage.set_up()
        for cart_id in ("nobodys-list", "adas-other-list", "bobs-other-list"):
            await stage.do("POST", "/v2/carts", {"data": {"id": cart_id, "name": "Spare"}})
        await stage.do("POST", RELATIONSHIPS.format("adas-other-list"), stage.identifier("Ada"))
        await stage.do("POST", RELATIONSHIPS.format("bobs-other-list"), stage.identifier("Bob"))
        for row, (_, _, method, path, body) in zip(rows, ATTEMPTS, strict=True):
            sent = stage.identifier(body) if isinstance(body, str) else body
            await stage.show(method, path.format_map(stage.customers), sent, **tokens)
            row["statuses"][caller] = stage.recorded[-1]["answer"]["status"]
    return rows


Hook = Callable[[httpx.Response], Awaitable[None]]


async def play(rule_ids: Iterable[str], *hooks: Hook) -> dict[str, Any]:
    """Play the scenes of these rules, and everybody's attempts, on one mock.

    Each scene has a store of its own, with its own clock and its own first id. ``hooks`` get every
    answer, those that set the stage too.
    """
    ids, clocks = count(1), [Clock()]
    tenants = TenantRegistry(
        new_id=lambda: f"00000000-0000-4000-8000-{next(ids):012}", new_clock=lambda: clocks[-1]
    )
    exchanges = {}
    mock = httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(tenants=tenants)),
        base_url="http://mock",
        event_hooks={"response": list(hooks)},
    )
    with cheap_hashes():  # each scene registers two customers, who log in
        async with mock as client:
            for rule_id in rule_ids:
                ids = count(1)
                clocks.append(Clock(lambda: NOW))
                stage = Stage(client, clocks[-1], f"store-of-{rule_id}")
                await stage.set_up()
                await SCENES[rule_id](stage)
                exchanges[rule_id] = stage.recorded
            return {"exchanges": exchanges, "permissions": await _permissions(client)}


def record() -> dict[str, Any]:
    """The exchanges of every rule that has a scene, in order, and who may do what."""
    return asyncio.run(play(rule.id for rule in CONTRACT.rules if rule.id in SCENES))


def dumped(recording: dict[str, Any]) -> str:
    """A recording as the file in the package has it."""
    return json.dumps(recording, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    RECORDING_PATH.write_text(dumped(record()), encoding="utf-8")
    print(f"{RECORDING_PATH}: written")  # noqa: T201 - what it prints is for who runs it
