"""Broken servers: each breaks one rule in a way that no break of the mock has.

They are variants of the reference server, which is independent of the mock. Most are subtle: one
operation, one boundary, one order. ``DEFECTS`` names them as ``rule: how``. The rules that a
defect breaks are stated, not derived, so that the suite can be measured against them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conformance.servers.reference import LAST_TEXT, Call, Free, Refusal, Reply, Service

POST, DELETE = "createCustomerCartAssociation", "deleteCustomerCartAssociation"


@dataclass(frozen=True)
class Defect:
    """A broken server."""

    rule: str
    how: str
    make: Callable[[], Service]

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.how}"


class _DoneWithoutToken(Service):
    """An association without an access token is refused, and carried out."""

    def refuse(self, call: Call, broken: str, status: int, text: str) -> None:
        try:
            super().refuse(call, broken, status, text)
        except Refusal:
            cart = self.carts.get(call.cart_id)
            if cart is not None and broken == "access-token-invalid":
                first = next(iter(self.customers))
                if call.operation == POST and first not in cart["customers"]:
                    cart["customers"].append(first)
                if call.operation == DELETE:
                    cart["customers"].clear()
            raise


class _AnyTypeInBareArray(Service):
    """The type is checked only in the envelope."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        if entries and call.body.lstrip().startswith(b"["):
            return [entry | {"type": "customer"} for entry in entries]
        return entries


class _BadUtf8(Service):
    """Bytes that are not UTF-8 are replaced, so that the id is lost and the type decides."""

    def createCustomerCartAssociation(self, call: Call) -> Reply:
        if b"\xff" in call.body:
            return 200, {"data": []}
        return super().createCustomerCartAssociation(call)


class _AnyKindOfToken(Service):
    """A customer token is accepted as an access token."""

    def claims(self, token: str, kind: str) -> dict[str, str] | None:
        found = super().claims(token, kind)
        if found is None and kind == "access" and super().claims(token, "customer"):
            return {"kind": "access", "grant": "client_credentials"}
        return found


class _NewestCartsOnly(Service):
    """A customer's list ends after ten carts."""

    def listed(self, call: Call) -> list[dict[str, Any]]:
        carts = super().listed(call)
        return carts if call.me is None else carts[-10:]


class _ListsCartsOfNobody(Service):
    """A customer's list has the carts without a customer."""

    def listed(self, call: Call) -> list[dict[str, Any]]:
        free = [cart for cart in self.carts.values() if not cart["customers"]]
        return super().listed(call) + (free if call.me is not None else [])


class _EveryCartLeft(Service):
    """DELETE removes the customer from every cart."""

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        reply = super().dissociate(call, cart, customer)
        for other in self.carts.values():
            if customer in other["customers"]:
                other["customers"].remove(customer)
        return reply


class _OnlyFirstLoginDeletes(Service):
    """A token of a second login cannot delete associations."""

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
    """A login always returns the first customer."""

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


class _WrongStatusInside(Service):
    """The status in the body of list errors is wrong."""

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


class _PasswordInList(Service):
    """The list contains the password in a field with another name."""

    def getCustomers(self, call: Call) -> Reply:
        status, document = super().getCustomers(call)
        for customer in document["data"]:
            customer["credential"] = {"value": self.customers[customer["id"]]["password"]}
        return status, document


class _PasswordInError(Service):
    """A refused registration echoes the password."""

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
    """A shopper's new cart has no customer."""

    def createACart(self, call: Call) -> Reply:
        status, document = super().createACart(call)
        self.carts[document["data"]["id"]]["customers"].clear()
        return status, document


class _NoCartByReading(Service):
    """An id that no cart has is not found, so a client cannot make the ids of its carts."""

    def getACart(self, call: Call) -> Reply:
        if call.cart_id not in self.carts:
            self.refuse(call, "cart-unknown", 404, "Cart not found")
        return super().getACart(call)


class _GuestsOnlyRead(Service):
    """A shopper who is not logged in cannot delete a cart."""

    def deleteACart(self, call: Call) -> Reply:
        if call.grant == "implicit" and call.me is None:
            self.refuse(call, "success-answer", 403, "Log in first")
        return super().deleteACart(call)


class _NestedGrant(Service):
    """An access token comes under ``data``."""

    def createAccessToken(self, call: Call) -> Reply:
        status, document = super().createAccessToken(call)
        return status, {"data": document}


class _ByCreation(Service):
    """Lists are ordered by the creation of carts."""

    def touch(self, cart: dict[str, Any]) -> None:
        made_at = cart.get("tick")
        super().touch(cart)
        cart["tick"] = made_at or cart["tick"]


class _OldestFirst(Service):
    """Lists are in reverse order."""

    def getCarts(self, call: Call) -> Reply:
        for cart in self.carts.values():
            cart["tick"] = -cart["tick"]
        try:
            return super().getCarts(call)
        finally:
            for cart in self.carts.values():
                cart["tick"] = -cart["tick"]


class _OneMore(Service):
    """A page contains one entry more than requested."""

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


class _LimitTo99(_Limit):
    """100 is refused."""

    most = 99


class _LongNames(Service):
    """256 characters are accepted."""

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


class _Composed(Service):
    """Text is converted to normal form C."""

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        import unicodedata

        shown = super().show(cart)
        shown["description"] = unicodedata.normalize("NFC", str(shown["description"]))
        return shown


class _SecretPrefix(Service):
    """A prefix of the secret is accepted."""

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
    """A page of carts contains ten by default."""

    def number(self, call: Call, name: str, default: int, least: int, most: int) -> int:
        few = call.operation == "getCarts" and name == "limit"
        return super().number(call, name, 10 if few else default, least, most)


class _UnsafePaths(Service):
    """Carts are created on first use, with any id."""

    def __init__(self, free: Free | None = None) -> None:
        super().__init__(free or Free(lazy_carts=True))

    def check_cart_id(self, call: Call) -> None:
        """Accept any id."""


class _LastBreak(_UnsafePaths):
    """The pattern for ids ignores a line break at the end."""

    def check_cart_id(self, call: Call) -> None:
        call.cart_id, whole = call.cart_id.removesuffix("\n"), call.cart_id
        super(_UnsafePaths, self).check_cart_id(call)
        call.cart_id = whole


_TABLE: tuple[tuple[str, str, Callable[[], Service]], ...] = (
    ("type-not-customer", "any type in a bare array", _AnyTypeInBareArray),
    ("payload-not-array", "bad UTF-8 is taken", _BadUtf8),
    ("access-token-invalid", "refused, and done", _DoneWithoutToken),
    ("access-token-invalid", "a customer token is taken", _AnyKindOfToken),
    ("many-carts", "the newest are listed", _NewestCartsOnly),
    ("association-deleted", "a later login may not", _OnlyFirstLoginDeletes),
    (
        "association-deleted",
        "it stays, beside client credentials",
        _NotDeletedBesideClientCredentials,
    ),
    ("association-deleted", "gone from every cart", _EveryCartLeft),
    ("administrator-unrestricted", "not on carts of implicit callers", _OnlyOwnCarts),
    ("error-envelope", "another status inside, in lists", _WrongStatusInside),
    ("error-envelope", "no title on DELETE", _NoTitle),
    ("error-envelope", "no entry in a 401", _EmptyErrors),
    ("password-never-returned", "in the list, by another name", _PasswordInList),
    ("password-never-returned", "in an error", _PasswordInError),
    ("password-never-returned", "when the email is taken", _PasswordInRefusal),
    ("success-answer", "PUT changes nothing", _NameLost),
    ("success-answer", "a shopper's new cart is nobody's", _NotRegistered),
    ("success-answer", "reading makes no cart", _NoCartByReading),
    ("success-answer", "guests only read", _GuestsOnlyRead),
    ("success-answer", "carts of nobody are listed", _ListsCartsOfNobody),
    ("success-answer", "an access token under data", _NestedGrant),
    ("success-answer", "a login of the first customer", _EverybodyIsFirst),
    ("success-answer", "by creation", _ByCreation),
    ("success-answer", "the oldest first", _OldestFirst),
    ("success-answer", "ten carts on a page", _TenOnAPage),
    ("success-answer", "one more on a page", _OneMore),
    ("success-answer", "an offset counts pages", _OffsetInPages),
    ("page-out-of-range", "100 is refused", _LimitTo99),
    ("cart-name-missing", "256 characters are taken", _LongNames),
    ("cart-name-missing", "255 characters are refused", _ShortNames),
    ("any-symbol", "normal form C", _Composed),
    ("grant-invalid", "the beginning of a secret", _SecretPrefix),
    ("last-cart", "every cart of a customer", _EveryCartIsLast),
    ("cart-id-unsafe", "a line break at the end", _LastBreak),
)
DEFECTS: dict[str, Defect] = {
    each.name: each for each in (Defect(rule, how, make) for rule, how, make in _TABLE)
}
