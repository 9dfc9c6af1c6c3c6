"""Broken servers, each with one fault of a kind that is easy to overlook.

``PLANTED`` maps a name to the server, the rule that it breaks, and the beginning of the names of
the cases that find it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from tests.conformance.servers.blamed import ListedToTheFirstOwner, OnlyForItsMaker
from tests.conformance.servers.reference import Call, Refusal, Reply, Service

# --- What shows only on a shared cart ---


class ListsFirstOwnerOnly(Service):
    """A cart is in the list of its first customer only, if the token is a later one."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.logins: dict[str, int] = {}

    def listed(self, call: Call) -> list[dict[str, Any]]:
        carts = super().listed(call)
        if call.me is None or self.logins.get(call.me, 0) < 2:
            return carts
        return [cart for cart in carts if cart["customers"][0] == call.me]

    def createCustomerToken(self, call: Call) -> Reply:
        status, document = super().createCustomerToken(call)
        customer = document["data"]["customer_id"]
        self.logins[customer] = self.logins.get(customer, 0) + 1
        return status, document


class RemovesTheLastOwner(Service):
    """DELETE removes the customer who came last, if there are two."""

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        if len(cart["customers"]) > 1 and call.me is not None:
            customer = cart["customers"][-1]
        return super().dissociate(call, cart, customer)


class SecondMayRemoveFirst(Service):
    """The second customer of a cart may remove the first."""

    def refuse(self, call: Call, rule: str, status: int, text: str) -> None:
        customers = self.carts.get(call.cart_id, {}).get("customers", [])
        if rule == "customer-not-permitted" and call.me in customers[1:]:
            return
        super().refuse(call, rule, status, text)


# --- Loose comparisons ---


class IdsByPrefix(Service):
    """A customer may name an id that begins with their own."""

    def refuse(self, call: Call, rule: str, status: int, text: str) -> None:
        named = json.dumps(self.entries(call)) if rule == "customer-not-permitted" else ""
        if call.me and f'"{call.me}0"' in named:
            return
        super().refuse(call, rule, status, text)


class PasswordsByPrefix(Service):
    """Only the first 72 characters of a password count."""

    def createCustomerToken(self, call: Call) -> Reply:
        data = self.data(call)
        password = str(data.get("password"))
        for customer in self.customers.values():
            whole = str(customer["password"])
            if password[:72] == whole[:72] and len(whole) > 72:
                data["password"] = whole
        call.body = json.dumps({"data": data}).encode()
        return super().createCustomerToken(call)


class NoPasswordIsNull(Service):
    """A customer without a password can log in with the word null."""

    def createCustomerToken(self, call: Call) -> Reply:
        data = self.data(call)
        for customer in self.customers.values():
            if customer["email"] == data.get("email") and customer["password"] is None:
                customer["password"] = "null"
        return super().createCustomerToken(call)


class TheDeletedLogIn(Service):
    """A deleted customer can still log in."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.deleted: dict[str, dict[str, Any]] = {}

    def deleteCustomer(self, call: Call) -> Reply:
        if call.customer_id in self.customers:
            self.deleted[call.customer_id] = self.customers[call.customer_id]
        return super().deleteCustomer(call)

    def createCustomerToken(self, call: Call) -> Reply:
        present, self.customers = self.customers, self.customers | self.deleted
        try:
            return super().createCustomerToken(call)
        finally:
            self.customers = present


class SecretsInAnyCase(Service):
    """The letter case of a secret does not matter."""

    def createAccessToken(self, call: Call) -> Reply:
        given = parse_qs(call.body.decode()).get("client_secret", [""])[0]
        for secret in self.secrets.values():
            if given.lower() == secret.lower():
                call.body = call.body.replace(given.encode(), secret.encode())
        return super().createAccessToken(call)


class BytesNotLetters(Service):
    """A name may have 255 letters, or 512 bytes if it has any beyond ASCII."""

    def refuse(self, call: Call, rule: str, status: int, text: str) -> None:
        name = self.data(call).get("name") if rule == "cart-name-missing" else None
        if isinstance(name, str) and name and not name.isascii() and len(name.encode()) <= 512:
            return
        super().refuse(call, rule, status, text)


# --- Lenient readers ---


class Lenient(Service):
    """Commas at the end, comments and NaN are accepted."""

    def entries(self, call: Call) -> list[Any] | None:
        text = call.body.decode("utf-8", "replace")
        text = re.sub(r"/\*.*?\*/|//[^\n\"]*$", "", text)
        text = re.sub(r",\s*([}\]])", r"\1", text)
        call.body = text.replace("NaN", "0").encode()
        return super().entries(call)


class CrashesOnNull(Service):
    """``data`` of null crashes PUT."""

    def updateACart(self, call: Call) -> Reply:
        if b'"data": null' in call.body:
            raise Refusal("crash", 500, "Internal error")
        return super().updateACart(call)


class ChecksTheFirstOfTwoIds(Service):
    """Of an id that comes twice, the first is checked and the last is used."""

    def refuse(self, call: Call, rule: str, status: int, text: str) -> None:
        ids = re.findall(r'"id": "([^"]*)"', call.body.decode("utf-8", "replace"))
        if rule == "customer-not-permitted" and len(ids) == 2 and ids[0] == call.me:
            return
        super().refuse(call, rule, status, text)


# --- A customer token next to client credentials ---


class CartsOfImplicitCallersOnly(Service):
    """A new cart belongs to the customer whose token comes with an implicit access token only."""

    def createACart(self, call: Call) -> Reply:
        if call.grant == "client_credentials":
            call.me = None
        return super().createACart(call)


# --- Successes that say more, less or something else ---


class BodyOfNoContent(Service):
    """A 204 has a body, of which its head says nothing."""

    def deleteACart(self, call: Call) -> Reply:
        super().deleteACart(call)
        return 204, {"data": []}


class EchoesOthers(Service):
    """An association is answered with an identifier of another customer too."""

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        status, document = super().associate(call, cart, customer)
        other = next(iter(self.customers))
        return status, {"data": [*document["data"], {"type": "customer", "id": other}]}


class NullMeta(Service):
    """A cart has null for its times."""

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        return super().show(cart) | {"meta": None}


class LongAccess(Service):
    """An access token is valid for a day."""

    def createAccessToken(self, call: Call) -> Reply:
        status, document = super().createAccessToken(call)
        return status, document | {"expires_in": 86400}


class ShortLogin(Service):
    """A customer token is valid for an hour."""

    def createCustomerToken(self, call: Call) -> Reply:
        status, document = super().createCustomerToken(call)
        document["data"]["expires"] -= 82800
        return status, document


_LOGIN = "credentials-wrong/createCustomerToken"
PLANTED: dict[str, tuple[Callable[[], Service], str, str]] = {
    "a later login of the second owner lists less": (
        ListsFirstOwnerOnly, "any-device", "any-device/getCarts/a later*",
    ),
    "a second owner's list lacks the cart": (
        ListedToTheFirstOwner, "association-visible",
        "association-visible/getCarts/in the list of a second*",
    ),
    "another access token lists less": (
        OnlyForItsMaker, "any-device", "any-device/getCarts/with a new*",
    ),
    "DELETE removes the last owner": (
        RemovesTheLastOwner, "association-deleted", "association-deleted/deleteCustomerCart*",
    ),
    "the second owner may remove the first": (
        SecondMayRemoveFirst, "customer-not-permitted", "customer-not-permitted/deleteCustomer*",
    ),
    "ids by prefix": (
        IdsByPrefix, "customer-not-permitted", "customer-not-permitted/createCustomerCart*",
    ),
    "72 characters of a password": (PasswordsByPrefix, "credentials-wrong", f"{_LOGIN}/a long*"),
    "no password is the word null": (
        NoPasswordIsNull, "credentials-wrong", f"{_LOGIN}/a customer without*",
    ),
    "the deleted log in": (TheDeletedLogIn, "credentials-wrong", f"{_LOGIN}/a deleted*"),
    "secrets in any letter case": (SecretsInAnyCase, "grant-invalid", "grant-invalid/*"),
    "names in bytes": (BytesNotLetters, "cart-name-missing", "cart-name-missing/createACart/256*"),
    "a lenient reader": (
        Lenient, "payload-not-array", "payload-not-array/createCustomerCartAssociation/a comma*",
    ),
    "of two ids the last is used": (
        ChecksTheFirstOfTwoIds, "customer-not-permitted",
        "customer-not-permitted/createCustomerCartAssociation/an id twice, the own first*",
    ),
    "a cart that client credentials with a token make has no owner": (
        CartsOfImplicitCallersOnly, "success-answer",
        "success-answer/createACart/client credentials*",
    ),
    "a 204 with a body": (BodyOfNoContent, "success-answer", "success-answer/deleteACart/*"),
    "null crashes PUT": (CrashesOnNull, "error-envelope", "error-envelope/updateACart/malformed*"),
    "an identifier too many": (
        EchoesOthers, "success-answer", "success-answer/createCustomerCartAssociation/no other*",
    ),
    "null for an object": (NullMeta, "success-answer", "success-answer/getACart/*"),
    "a token for a day": (LongAccess, "success-answer", "success-answer/createAccessToken/*"),
    "a login for an hour": (ShortLogin, "success-answer", "success-answer/createCustomerToken/*"),
}  # fmt: skip
