"""Broken servers: each breaks one rule in one way, crude or subtle.

``DEFECTS`` names them as ``rule: how``. What a defect breaks is stated, not derived, so that the
suite can be measured against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.conformance.servers.reference import LAST_TEXT, Call, Free, Refusal, Reply, Service

POST, DELETE = "createCustomerCartAssociation", "deleteCustomerCartAssociation"


@dataclass(frozen=True)
class Defect:
    """A broken server. ``advice`` where what it breaks is no documented expectation."""

    rule: str
    how: str
    make: Callable[[], Service]
    advice: bool = False

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.how}"


def _when(
    rule: str, act: Callable[[Service, Call, Refusal], None], only: str = ""
) -> Callable[[], Service]:
    """A server that does ``act`` instead of refusing by ``rule``, for one operation if ``only``."""

    class Broken(Service):
        def refuse(self, call: Call, broken: str, status: int, text: str) -> None:
            try:
                super().refuse(call, broken, status, text)
            except Refusal as refusal:
                if broken != rule or (only and call.operation != only):
                    raise
                act(self, call, refusal)

    return Broken


def _accept(_service: Service, _call: Call, _refusal: Refusal) -> None:
    """Go on as if the rule did not exist."""


def _do_nothing(_service: Service, _call: Call, refusal: Refusal) -> None:
    """Answer 204 and do nothing, where going on would meet the next rule."""
    raise Refusal(refusal.rule, 204, "")


def _taken(rule: str) -> Callable[[Service, Call, Refusal], None]:
    return _do_nothing if rule in ("customer-id-missing", "customer-missing") else _accept


def _status(status: int) -> Callable[[Service, Call, Refusal], None]:
    def act(_service: Service, _call: Call, refusal: Refusal) -> None:
        raise Refusal(refusal.rule, status, refusal.text)

    return act


def _text(text: str) -> Callable[[Service, Call, Refusal], None]:
    def act(_service: Service, _call: Call, refusal: Refusal) -> None:
        raise Refusal(refusal.rule, refusal.status, text)

    return act


def _change(service: Service, call: Call, refusal: Refusal) -> None:
    """Do what was asked for, and refuse it all the same."""
    cart = service.carts.get(call.cart_id)
    if cart is not None:
        a = next(iter(service.customers))
        if call.operation == POST and a not in cart["customers"]:
            cart["customers"].append(a)
        if call.operation == DELETE:
            cart["customers"].clear()
    raise refusal


SURE = (
    "payload-not-array",
    "more-than-one-customer",
    "type-not-customer",
    "customer-not-permitted",
    "access-token-invalid",
)
REFUSED = ("customer-token-invalid", "customer-token-required", "customer-id-missing")
INTERPRETED = ("entry-not-object", "customer-missing", "cart-not-found", "cart-not-permitted")


def _refusals() -> Iterator[Defect]:
    for rule in SURE + REFUSED:
        yield Defect(rule, "accepted", _when(rule, _taken(rule)))
        yield Defect(rule, "accepted on DELETE", _when(rule, _taken(rule), DELETE))
        yield Defect(rule, "accepted on POST", _when(rule, _taken(rule), POST))
        yield Defect(rule, "a server error", _when(rule, _status(500)))
        yield Defect(rule, "refused, and done on DELETE", _when(rule, _change, DELETE))
        yield Defect(rule, "refused, and done on POST", _when(rule, _change, POST))
    for rule in SURE:
        yield Defect(rule, "another status", _when(rule, _status(422)))
        yield Defect(rule, "another status on DELETE", _when(rule, _status(404), DELETE))
        yield Defect(rule, "another text", _when(rule, _text("Bad request")))
        yield Defect(rule, "another text on DELETE", _when(rule, _text("Forbidden"), DELETE))
    yield Defect("cart-has-contact-email", "accepted", _when("cart-has-contact-email", _accept))
    yield Defect(
        "cart-has-contact-email", "another status", _when("cart-has-contact-email", _status(400))
    )
    yield Defect(
        "cart-has-contact-email", "another text", _when("cart-has-contact-email", _text("No"))
    )
    for rule in INTERPRETED:
        yield Defect(rule, "accepted", _when(rule, _taken(rule)), advice=True)
        yield Defect(rule, "another status", _when(rule, _status(409)), advice=True)
    for rule in (
        "cart-name-missing",
        "cart-name-blank",
        "contact-on-registered-cart",
        "last-cart",
        "carts-need-an-owner",
        "page-out-of-range",
        "customer-record-not-permitted",
        "customer-unknown",
        "customer-invalid",
        "credentials-wrong",
        "grant-invalid",
        "new-cart-id-unsafe",
    ):
        yield Defect(rule, "accepted", _when(rule, _accept))
    yield Defect("cart-name-missing", "another status", _when("cart-name-missing", _status(422)))
    yield Defect("last-cart", "another text", _when("last-cart", _text("Cannot be deleted")))
    for rule in ("cart-id-taken", "email-taken", "customer-not-found", "page-not-a-number"):
        yield Defect(rule, "accepted", _when(rule, _accept), advice=True)


class _LooseTypes(Service):
    """``type`` is compared without letter case and white space."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        for entry in entries or []:
            if isinstance(entry, dict) and isinstance(entry.get("type"), str):
                entry["type"] = entry["type"].strip().lower()
        return entries


class _PluralType(Service):
    """``customers`` will do."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        for entry in entries or []:
            if isinstance(entry, dict) and entry.get("type") == "customers":
                entry["type"] = "customer"
        return entries


class _TypeOptional(Service):
    """An absent ``type`` is taken for ``customer``, on DELETE."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        for entry in entries or []:
            if isinstance(entry, dict) and call.operation == DELETE:
                entry.setdefault("type", "customer")
        return entries


class _AnyTypeInBareArray(Service):
    """The type is looked at in the envelope only."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        if entries and call.body.lstrip().startswith(b"["):
            return [entry | {"type": "customer"} for entry in entries]
        return entries


class _IdenticalAreOne(Service):
    """Identical entries are folded into one."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        if entries and all(entry == entries[0] for entry in entries):
            return entries[:1]
        return entries


class _FirstOfThree(Service):
    """Two are refused; of three or more, the first is taken."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        return entries[:1] if entries and len(entries) > 2 else entries


class _ObjectIsArrayOfOne(Service):
    """``{"data": {…}}`` is taken for an array of one."""

    def entries(self, call: Call) -> list[Any] | None:
        try:
            payload = call.json()
        except ValueError:
            return None
        data = payload.get("data") if isinstance(payload, dict) else payload
        return [data] if isinstance(data, dict) else super().entries(call)


class _EmptyBodyIsFine(Service):
    """An empty body on DELETE removes everybody."""

    def deleteCustomerCartAssociation(self, call: Call) -> Reply:
        if not call.body.strip():
            self.cart_of(call)["customers"].clear()
            return 204, None
        return super().deleteCustomerCartAssociation(call)


class _BadUtf8(Service):
    """Bytes that are no UTF-8 are replaced, so that the id is lost and the type decides."""

    def createCustomerCartAssociation(self, call: Call) -> Reply:
        if b"\xff" in call.body:
            return 200, {"data": []}
        return super().createCustomerCartAssociation(call)


class _UnsignedTokens(Service):
    """Signatures are not checked."""

    def claims(self, token: str, kind: str) -> dict[str, str] | None:
        parts = token.split(".")
        if len(parts) == 3:
            token = _resigned(self, parts)
        return super().claims(token, kind)


def _resigned(service: Service, parts: list[str]) -> str:
    import base64
    import hashlib
    import hmac

    mac = hmac.new(service.key, f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    return f"{parts[0]}.{parts[1]}.{signature}"


class _UnsignedCustomerTokens(_UnsignedTokens):
    """Signatures of customer tokens are not checked."""

    def claims(self, token: str, kind: str) -> dict[str, str] | None:
        if kind == "access":
            return Service.claims(self, token, kind)
        return super().claims(token, kind)


class _AnyKindOfToken(Service):
    """A customer token will do as an access token."""

    def claims(self, token: str, kind: str) -> dict[str, str] | None:
        found = super().claims(token, kind)
        if found is None and kind == "access" and super().claims(token, "customer"):
            return {"kind": "access", "grant": "client_credentials"}
        return found


class _AdministratorsAreNotNarrowed(Service):
    """A customer token beside client credentials narrows nothing."""

    def check_entry(self, call: Call) -> None:
        me, call.me = call.me, None if call.grant == "client_credentials" else call.me
        super().check_entry(call)
        call.me = me


class _OnlyOnFreeCarts(Service):
    """Somebody else is refused, but not on a cart that the caller has."""

    def check_entry(self, call: Call) -> None:
        cart = self.carts.get(call.cart_id)
        me = call.me
        if me is not None and cart and me in cart["customers"]:
            call.me = None
        super().check_entry(call)
        call.me = me


class _NothingStored(Service):
    """200, and nothing happens."""

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        return 200, {"data": [{"type": "customer", "id": customer}]}


class _Created(Service):
    """201 instead of 200."""

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        return 201, super().associate(call, cart, customer)[1]


class _NotListed(Service):
    """The cart names the customer, the customer's list does not have the cart."""

    def listed(self, call: Call) -> list[dict[str, Any]]:
        return [cart for cart in super().listed(call) if call.me is None]


class _NotNamed(Service):
    """The list has the cart, the cart does not name the customer."""

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        return super().show(cart | {"customers": []})


class _ThisTokenOnly(Service):
    """Only the token that was used for it, or one older, sees an association."""

    def __init__(self, free: Free | None = None) -> None:
        super().__init__(free)
        self.seen: dict[str, set[str]] = {}

    def identify(self, call: Call) -> None:
        super().identify(call)
        if call.me and call.operation == POST:
            self.seen.setdefault(call.me, set()).add(call.headers["x-moltin-customer-token"])

    def listed(self, call: Call) -> list[dict[str, Any]]:
        known = self.seen.get(call.me or "", set())
        if known and call.headers.get("x-moltin-customer-token") not in known:
            return []
        return super().listed(call)


class _OneCart(Service):
    """A customer's second cart takes the place of the first."""

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        for other in self.carts.values():
            if customer in other["customers"]:
                other["customers"].remove(customer)
        return super().associate(call, cart, customer)


class _NewestCartsOnly(Service):
    """A customer's list ends after ten carts."""

    def listed(self, call: Call) -> list[dict[str, Any]]:
        carts = super().listed(call)
        return carts if call.me is None else carts[-10:]


class _ListsCartsOfNobody(Service):
    """A customer's list has the carts that nobody has."""

    def listed(self, call: Call) -> list[dict[str, Any]]:
        free = [cart for cart in self.carts.values() if not cart["customers"]]
        return super().listed(call) + (free if call.me is not None else [])


class _OneCustomer(Service):
    """A cart's second customer takes the place of the first."""

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        cart["customers"].clear()
        return super().associate(call, cart, customer)


class _EverybodyLeaves(Service):
    """DELETE removes all the customers of the cart."""

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        reply = super().dissociate(call, cart, customer)
        cart["customers"].clear()
        return reply


class _EveryCartLeft(Service):
    """DELETE removes the customer from every cart."""

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        reply = super().dissociate(call, cart, customer)
        for other in self.carts.values():
            if customer in other["customers"]:
                other["customers"].remove(customer)
        return reply


class _ListsEverything(Service):
    """A customer's list has the registered carts of everybody."""

    def listed(self, call: Call) -> list[dict[str, Any]]:
        return [cart for cart in self.carts.values() if cart["customers"]]


class _Repeat200(Service):
    """A repeat is answered as the first time."""

    def repeated(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        return 200, {"data": [{"type": "customer", "id": customer}]}


class _RepeatTwice(Service):
    """A repeat is 204, and the customer is there twice."""

    def repeated(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        cart["customers"].append(customer)
        return 204, None


class _RepeatToggles(Service):
    """A repeat is 204, and the association is gone."""

    def repeated(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        cart["customers"].remove(customer)
        return 204, None


class _NotDeleted(Service):
    """204, and the association stays."""

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        return 204, None


class _OnlyFirstLoginDeletes(Service):
    """Who logged in again may end no association with the new token."""

    def __init__(self, free: Free | None = None) -> None:
        super().__init__(free)
        self.first: dict[str, str] = {}

    def createCustomerToken(self, call: Call) -> Reply:
        status, document = super().createCustomerToken(call)
        self.first.setdefault(document["data"]["customer_id"], document["data"]["token"])
        return status, document

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        if call.me is not None and self.customer_header(call) != self.first.get(call.me):
            self.refuse(call, "association-deleted", 403, "Log in again")
        return super().dissociate(call, cart, customer)


class _EverybodyIsFirst(Service):
    """A login tells the first customer's id, whoever logs in."""

    def createCustomerToken(self, call: Call) -> Reply:
        status, document = super().createCustomerToken(call)
        document["data"]["customer_id"] = next(iter(self.customers))
        return status, document


class _PasswordInRefusal(Service):
    """A registration with an email that is taken is echoed."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        status, document = super().error(call, refusal)
        if refusal.rule == "email-taken":
            document["errors"][0]["detail"] = call.body.decode("utf-8", "replace")
        return status, document


class _NotDeletedBesideClientCredentials(Service):
    """204, and the association stays, where client credentials come with the customer token."""

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        if call.me is not None and call.grant == "client_credentials":
            return 204, None
        return super().dissociate(call, cart, customer)


class _DeleteAnswers200(Service):
    """200 with a body instead of 204."""

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        super().dissociate(call, cart, customer)
        return 200, {"data": []}


class _StaysListed(Service):
    """DELETE takes the customer off the cart, and the cart stays in the customer's list."""

    def __init__(self, free: Free | None = None) -> None:
        super().__init__(free)
        self.left: set[tuple[str, str]] = set()

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        self.left.discard((cart["id"], customer))
        return super().associate(call, cart, customer)

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        self.left.add((cart["id"], customer))
        return super().dissociate(call, cart, customer)

    def listed(self, call: Call) -> list[dict[str, Any]]:
        found = super().listed(call)
        mine = [cart for cart, who in self.left if who == call.me]
        gone = [self.carts[cart] for cart in mine if cart in self.carts]
        return found + [cart for cart in gone if cart not in found]


class _OnlyOwnCarts(Service):
    """The administrator may not touch a cart that an implicit caller made."""

    def createACart(self, call: Call) -> Reply:
        status, document = super().createACart(call)
        self.carts[document["data"]["id"]]["implicit"] = call.grant == "implicit"
        return status, document

    def check_cart(self, call: Call) -> None:
        super().check_cart(call)
        cart = self.carts.get(call.cart_id) or {}
        if cart.get("implicit") and call.grant == "client_credentials" and call.me is None:
            raise Refusal("administrator-unrestricted", 403, "Not your cart")


class _NeverUpdated(Service):
    """PUT leaves ``updated_at``."""

    def updateACart(self, call: Call) -> Reply:
        before = self.carts.get(call.cart_id, {}).get("updated")
        status, document = super().updateACart(call)
        if before:
            self.carts[call.cart_id]["updated"] = before
        return status, document


class _RefusalTouches(Service):
    """Every refused DELETE of an association removes the cart's customers."""

    def after_refusal(self, call: Call, refusal: Refusal) -> None:
        if call.operation == DELETE and call.cart_id in self.carts:
            self.carts[call.cart_id]["customers"].clear()


class _HtmlErrors(Service):
    """Errors are pages."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        return refusal.status, f"<html><h1>{refusal.text}</h1></html>"


class _ErrorObject(Service):
    """``errors`` is an object."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        status, document = super().error(call, refusal)
        return status, {"errors": document["errors"][0]}


class _WrongStatusInside(Service):
    """The status inside is another, for lists."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        status, document = super().error(call, refusal)
        if call.operation == "getCarts":
            document["errors"][0]["status"] = 500
        return status, document


class _NoTitle(Service):
    """Errors without a title, on DELETE of an association."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        status, document = super().error(call, refusal)
        if call.operation == DELETE:
            del document["errors"][0]["title"]
        return status, document


class _EmptyErrors(Service):
    """401 with no entry."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        return refusal.status, {"errors": []} if refusal.status == 401 else super().error(
            call, refusal
        )[1]


class _PasswordReturned(Service):
    """A new customer's answer carries the password."""

    def createCustomer(self, call: Call) -> Reply:
        status, document = super().createCustomer(call)
        document["data"]["password"] = call.json()["data"].get("password")
        return status, document


class _PasswordInList(Service):
    """The list carries it in a field of another name."""

    def getCustomers(self, call: Call) -> Reply:
        status, document = super().getCustomers(call)
        for customer in document["data"]:
            customer["credential"] = {"value": self.customers[customer["id"]]["password"]}
        return status, document


class _PasswordInError(Service):
    """A refused registration echoes it."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        status, document = super().error(call, refusal)
        if call.operation == "createCustomer":
            document["errors"][0]["detail"] = call.body.decode("utf-8", "replace")
        return status, document


class _NameLost(Service):
    """PUT answers 200 and changes nothing."""

    def updateACart(self, call: Call) -> Reply:
        old = dict(self.carts.get(call.cart_id, {}))
        status, document = super().updateACart(call)
        if old:
            self.carts[call.cart_id]["name"] = old["name"]
            document = {"data": self.show(self.carts[call.cart_id])}
        return status, document


class _NotRegistered(Service):
    """A shopper's new cart is nobody's."""

    def createACart(self, call: Call) -> Reply:
        status, document = super().createACart(call)
        self.carts[document["data"]["id"]]["customers"].clear()
        return status, document


class _NestedGrant(Service):
    """An access token comes under ``data``."""

    def createAccessToken(self, call: Call) -> Reply:
        status, document = super().createAccessToken(call)
        return status, {"data": document}


class _CreatedWith200(Service):
    """200 for a new cart."""

    def createACart(self, call: Call) -> Reply:
        return 200, super().createACart(call)[1]


class _ByCreation(Service):
    """Lists go by when a cart was made."""

    def touch(self, cart: dict[str, Any]) -> None:
        made_at = cart.get("tick")
        super().touch(cart)
        cart["tick"] = made_at or cart["tick"]


class _OldestFirst(Service):
    """Lists come the wrong way round."""

    def getCarts(self, call: Call) -> Reply:
        for cart in self.carts.values():
            cart["tick"] = -cart["tick"]
        try:
            return super().getCarts(call)
        finally:
            for cart in self.carts.values():
                cart["tick"] = -cart["tick"]


class _OneMore(Service):
    """A page has one entry more than asked for."""

    def page(self, call: Call, entries: list[Any]) -> Reply:
        status, document = super().page(call, entries)
        limit = document["meta"]["page"]["limit"]
        offset = document["meta"]["page"]["offset"]
        document["data"] = entries[offset : offset + limit + 1]
        return status, document


class _OffsetInPages(Service):
    """An offset counts pages, not entries."""

    def page(self, call: Call, entries: list[Any]) -> Reply:
        status, document = super().page(call, entries)
        limit = document["meta"]["page"]["limit"]
        offset = document["meta"]["page"]["offset"] * limit
        document["data"] = entries[offset : offset + limit]
        return status, document


class _Limit(Service):
    """Bounds of ``page[limit]`` that are off by one."""

    least, most = 1, 100

    def number(self, call: Call, name: str, default: int, least: int, most: int) -> int:
        if name == "limit":
            least, most = self.least, self.most
        return super().number(call, name, default, least, most)


class _LimitTo101(_Limit):
    """101 is taken."""

    most = 101


class _LimitTo99(_Limit):
    """100 is refused."""

    most = 99


class _LimitFrom0(_Limit):
    """0 is taken."""

    least = 0


class _LongNames(Service):
    """256 characters are taken."""

    def check_name(self, call: Call, data: dict[str, Any]) -> None:
        name = data.get("name")
        if isinstance(name, str) and len(name) == 256:
            return
        super().check_name(call, data)


class _ShortNames(Service):
    """255 characters are refused."""

    def check_name(self, call: Call, data: dict[str, Any]) -> None:
        super().check_name(call, data)
        if len(str(data.get("name"))) > 254:
            raise Refusal("cart-name-missing", 400, "Too long")


class _AsciiOnly(Service):
    """Other characters come back as question marks."""

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        shown = super().show(cart)
        shown["name"] = str(shown["name"]).encode("ascii", "replace").decode()
        return shown


class _Escaped(Service):
    """Mark-up is escaped when it is stored."""

    def createACart(self, call: Call) -> Reply:
        call.body = call.body.replace(b"&", b"&amp;")
        return super().createACart(call)


class _Composed(Service):
    """Text is brought into normal form C."""

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        import unicodedata

        shown = super().show(cart)
        shown["description"] = unicodedata.normalize("NFC", str(shown["description"]))
        return shown


class _CaseMatters(Service):
    """The customer-token header is read in one letter case only."""

    def customer_header(self, call: Call) -> str | None:
        return dict(call.raw_headers).get("X-Moltin-Customer-Token")


class _AnyCustomerRecord(Service):
    """Any customer may read any record."""

    def permit_record(self, call: Call) -> dict[str, Any]:
        if call.method == "GET" and call.me:
            call.customer_id, call.me = call.customer_id, call.customer_id
        return super().permit_record(call)


class _AnySecret(Service):
    """Any secret will do, as long as there is one."""

    def createAccessToken(self, call: Call) -> Reply:
        self.secrets.clear()
        return super().createAccessToken(call)


class _SecretPrefix(Service):
    """The beginning of a secret will do."""

    def createAccessToken(self, call: Call) -> Reply:
        from urllib.parse import parse_qs

        given = parse_qs(call.body.decode()).get("client_secret", [""])[0]
        for client, secret in self.secrets.items():
            if given and secret.startswith(given):
                call.body = call.body.replace(given.encode(), secret.encode())
                assert client
        return super().createAccessToken(call)


class _EveryCartIsLast(Service):
    """No cart of a customer can be deleted."""

    def deleteACart(self, call: Call) -> Reply:
        if self.cart_of(call)["customers"]:
            self.refuse(call, "last-cart", 400, LAST_TEXT)
        return super().deleteACart(call)


class _TenOnAPage(Service):
    """A page of carts has ten unless more are asked for."""

    def number(self, call: Call, name: str, default: int, least: int, most: int) -> int:
        few = call.operation == "getCarts" and name == "limit"
        return super().number(call, name, 10 if few else default, least, most)


class _LastCartForAdministrators(Service):
    """The last cart is protected from shoppers alone."""

    def deleteACart(self, call: Call) -> Reply:
        if call.grant == "client_credentials" and call.cart_id in self.carts:
            del self.carts[call.cart_id]
            return 204, None
        return super().deleteACart(call)


class _TokensLive(Service):
    """A deleted customer's token goes on working."""

    def still_there(self, customer: str) -> bool:
        return True


class _AssociationsStay(Service):
    """A deleted customer stays on its carts."""

    def forget(self, customer: str) -> None:
        """Nothing is forgotten."""


class _UnsafePaths(Service):
    """Carts are made lazily, under any id."""

    def __init__(self, free: Free | None = None) -> None:
        super().__init__(free or Free(lazy_carts=True))

    def check_cart_id(self, call: Call) -> None:
        """Any id will do."""


class _LastBreak(_UnsafePaths):
    """A line break at the end is no part of the id, to the pattern that looks at it."""

    def check_cart_id(self, call: Call) -> None:
        call.cart_id, whole = call.cart_id.removesuffix("\n"), call.cart_id
        super(_UnsafePaths, self).check_cart_id(call)
        call.cart_id = whole


def _subtle() -> Iterator[Defect]:
    table: tuple[tuple[str, str, Callable[[], Service]], ...] = (
        ("type-not-customer", "letter case and white space aside", _LooseTypes),
        ("type-not-customer", "the plural is taken", _PluralType),
        ("type-not-customer", "absent is taken on DELETE", _TypeOptional),
        ("type-not-customer", "any type in a bare array", _AnyTypeInBareArray),
        ("more-than-one-customer", "identical entries are one", _IdenticalAreOne),
        ("more-than-one-customer", "the first of three is taken", _FirstOfThree),
        ("payload-not-array", "an object is an array of one", _ObjectIsArrayOfOne),
        ("payload-not-array", "an empty body on DELETE removes everybody", _EmptyBodyIsFine),
        ("payload-not-array", "bad UTF-8 is taken", _BadUtf8),
        ("access-token-invalid", "a customer token is taken", _AnyKindOfToken),
        ("customer-token-invalid", "signatures are not checked", _UnsignedCustomerTokens),
        ("customer-not-permitted", "not beside client credentials", _AdministratorsAreNotNarrowed),
        ("customer-not-permitted", "not on the caller's own cart", _OnlyOnFreeCarts),
        ("association-visible", "nothing is stored", _NothingStored),
        ("association-visible", "201", _Created),
        ("association-visible", "not in the list", _NotListed),
        ("association-visible", "not in the cart", _NotNamed),
        ("any-device", "one token only", _ThisTokenOnly),
        ("many-carts", "one cart only", _OneCart),
        ("many-carts", "the newest are listed", _NewestCartsOnly),
        ("others-cannot-see", "everybody's carts are listed", _ListsEverything),
        ("association-repeat", "200", _Repeat200),
        ("association-repeat", "twice", _RepeatTwice),
        ("association-repeat", "removed again", _RepeatToggles),
        ("association-deleted", "it stays", _NotDeleted),
        ("association-deleted", "a later login may not", _OnlyFirstLoginDeletes),
        (
            "association-deleted",
            "it stays, beside client credentials",
            _NotDeletedBesideClientCredentials,
        ),
        ("association-deleted", "200", _DeleteAnswers200),
        ("association-deleted", "it stays in the list", _StaysListed),
        ("association-deleted", "gone from every cart", _EveryCartLeft),
        ("administrator-unrestricted", "not on carts of implicit callers", _OnlyOwnCarts),
        ("updated-at-moves", "not by PUT", _NeverUpdated),
        ("refusal-changes-nothing", "refused DELETE removes everybody", _RefusalTouches),
        ("error-envelope", "HTML", _HtmlErrors),
        ("error-envelope", "an object", _ErrorObject),
        ("error-envelope", "another status inside, in lists", _WrongStatusInside),
        ("error-envelope", "no title on DELETE", _NoTitle),
        ("error-envelope", "no entry in a 401", _EmptyErrors),
        ("password-never-returned", "in the answer", _PasswordReturned),
        ("password-never-returned", "in the list, by another name", _PasswordInList),
        ("password-never-returned", "in an error", _PasswordInError),
        ("password-never-returned", "when the email is taken", _PasswordInRefusal),
        ("success-answer", "PUT changes nothing", _NameLost),
        ("success-answer", "a shopper's new cart is nobody's", _NotRegistered),
        ("success-answer", "carts of nobody are listed", _ListsCartsOfNobody),
        ("success-answer", "an access token under data", _NestedGrant),
        ("success-answer", "200 for a new cart", _CreatedWith200),
        ("success-answer", "a login of the first customer", _EverybodyIsFirst),
        ("success-answer", "by creation", _ByCreation),
        ("success-answer", "the oldest first", _OldestFirst),
        ("success-answer", "ten carts on a page", _TenOnAPage),
        ("success-answer", "one more on a page", _OneMore),
        ("success-answer", "an offset counts pages", _OffsetInPages),
        ("page-out-of-range", "101 is taken", _LimitTo101),
        ("page-out-of-range", "100 is refused", _LimitTo99),
        ("page-out-of-range", "0 is taken", _LimitFrom0),
        ("cart-name-missing", "256 characters are taken", _LongNames),
        ("cart-name-missing", "255 characters are refused", _ShortNames),
        ("any-symbol", "question marks", _AsciiOnly),
        ("any-symbol", "escaped", _Escaped),
        ("any-symbol", "normal form C", _Composed),
        ("customer-record-not-permitted", "any customer may read", _AnyCustomerRecord),
        ("grant-invalid", "any secret", _AnySecret),
        ("grant-invalid", "the beginning of a secret", _SecretPrefix),
        ("last-cart", "every cart of a customer", _EveryCartIsLast),
        ("last-cart", "not for administrators", _LastCartForAdministrators),
        ("cart-id-unsafe", "any id", _UnsafePaths),
        ("cart-id-unsafe", "a line break at the end", _LastBreak),
        ("header-names", "one letter case", _CaseMatters),
    )
    for rule, how, make in table:
        yield Defect(rule, how, make)
    advised: tuple[tuple[str, str, Callable[[], Service]], ...] = (
        ("shared-cart", "the second takes the place of the first", _OneCustomer),
        ("shared-cart", "everybody leaves", _EverybodyLeaves),
        ("customer-deleted", "tokens live on", _TokensLive),
        ("customer-deleted", "associations stay", _AssociationsStay),
    )
    for rule, how, make in advised:
        yield Defect(rule, how, make, advice=True)


DEFECTS: dict[str, Defect] = {each.name: each for each in (*_refusals(), *_subtle())}
