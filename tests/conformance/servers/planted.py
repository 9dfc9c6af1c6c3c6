"""Broken servers, each with one fault of a kind that is easy to overlook.

``PLANTED`` maps a name to the server, the rule that it breaks, and the beginning of the names of
the cases that find it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from tests.conformance.servers.accounts import HEADER as ACCOUNT_HEADER
from tests.conformance.servers.accounts import AccountService
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


# --- Two kinds of owner ---


class AccountTokensServeCustomers(AccountService):
    """An account token is as good as the customer's to associate a customer."""

    def check_token(self, call: Call) -> None:
        if call.headers.get(ACCOUNT_HEADER) is None:
            super().check_token(call)


class CustomersSeeCartsOfAccounts(AccountService):
    """A customer's list has the carts that accounts have."""

    def listed(self, call: Call) -> list[dict[str, Any]]:
        carts = super().listed(call)
        if call.me is None:
            return carts
        return carts + [each for each in self.carts.values() if each["accounts"]]


class LastUnlessAnAccountHasIt(AccountService):
    """The last cart of a customer can be deleted if an account has it too."""

    def deleteACart(self, call: Call) -> Reply:
        cart = self.carts.get(call.cart_id)
        if cart and cart["accounts"]:
            cart["customers"] = []
        return super().deleteACart(call)


# --- What is used, changed or made again ---


class ReadingAssociates(Service):
    """A cart that a customer reads is in the customer's list."""

    def getACart(self, call: Call) -> Reply:
        reply = super().getACart(call)
        customers = self.carts[call.cart_id]["customers"]
        if call.me is not None and call.me not in customers:
            customers.append(call.me)
        return reply


class AssociationsOutliveCarts(Service):
    """A new cart with the id of a deleted one has its customers."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.deleted: dict[str, list[str]] = {}

    def deleteACart(self, call: Call) -> Reply:
        customers = self.carts.get(call.cart_id, {}).get("customers", [])
        reply = super().deleteACart(call)
        self.deleted[call.cart_id] = [*customers]
        return reply

    def make_cart(self, cart_id: str, name: str) -> dict[str, Any]:
        cart = super().make_cart(cart_id, name)
        cart["customers"] += self.deleted.pop(cart_id, [])
        return cart


class OldPasswordsStay(Service):
    """A password is valid after it was changed."""

    def updateCustomer(self, call: Call) -> Reply:
        customer = self.customers.get(call.customer_id, {})
        customer.setdefault("passwords", []).append(customer.get("password"))
        return super().updateCustomer(call)

    def createCustomerToken(self, call: Call) -> Reply:
        data = self.data(call)
        for customer in self.customers.values():
            if data.get("password") in customer.get("passwords", []):
                data["password"] = customer["password"]
        call.body = json.dumps({"data": data}).encode()
        return super().createCustomerToken(call)


class TrimmedIds(Service):
    """Spaces around an id do not matter."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        for entry in entries or []:
            if isinstance(entry, dict) and isinstance(entry.get("id"), str):
                entry["id"] = entry["id"].strip()
        return entries


class IdsInArrays(Service):
    """An id may be in an array."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        for entry in entries or []:
            if isinstance(entry, dict) and isinstance(entry.get("id"), list) and entry["id"]:
                entry["id"] = entry["id"][0]
        return entries


class NormalisedTypes(Service):
    """Letters that look alike are the same in a type."""

    def entries(self, call: Call) -> list[Any] | None:
        entries = super().entries(call)
        for entry in entries or []:
            if isinstance(entry, dict) and isinstance(entry.get("type"), str):
                entry["type"] = unicodedata.normalize("NFKC", entry["type"])
        return entries


class NullRelationships(Service):
    """A cart has null for its relationships."""

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        return super().show(cart) | {"relationships": None}


class CrashesIn(Service):
    """A request with a sign in its path, query or headers crashes."""

    def __init__(self, sign: str) -> None:
        super().__init__()
        self.crashing = sign

    def handle(self, call: Call) -> Reply:
        if self.crashing in f"{call.path} {call.query} {call.headers}":
            return 500, {"errors": [{"status": 500, "title": "Internal error"}]}
        return super().handle(call)


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
    "an account token for a customer": (
        AccountTokensServeCustomers, "customer-token-required",
        "customer-token-required/createCustomerCartAssociation/the token of*",
    ),
    "carts of accounts in a customer's list": (
        CustomersSeeCartsOfAccounts, "others-cannot-see",
        "others-cannot-see/getCarts/a cart of the other kind*",
    ),
    "the last cart, if an account has it too": (
        LastUnlessAnAccountHasIt, "last-cart", "last-cart/deleteACart/with the other kind*",
    ),
    "a cart that was read is listed": (
        ReadingAssociates, "others-cannot-see", "others-cannot-see/getCarts/a cart of A that B*",
    ),
    "the associations of a deleted cart": (
        AssociationsOutliveCarts, "success-answer", "success-answer/deleteACart/and made*",
    ),
    "a password of before": (OldPasswordsStay, "credentials-wrong", f"{_LOGIN}/the password of*"),
    "an id with a space": (
        TrimmedIds, "customer-not-permitted",
        "customer-not-permitted/createCustomerCartAssociation/the own id and a space*",
    ),
    "an id in an array": (
        IdsInArrays, "customer-id-missing",
        "customer-id-missing/createCustomerCartAssociation/an array of the id*",
    ),
    "a fullwidth letter in a type": (
        NormalisedTypes, "type-not-customer",
        "type-not-customer/createCustomerCartAssociation/a fullwidth*",
    ),
    "null for relationships": (NullRelationships, "success-answer", "success-answer/getACart/*"),
    "a path crashes": (
        partial(CrashesIn, "%FF"), "error-envelope",
        "error-envelope/getACart/malformed: in the path, bytes*",
    ),
    "a query crashes": (
        partial(CrashesIn, "9" * 30), "error-envelope",
        "error-envelope/getCarts/malformed: in the query, a huge*",
    ),
    "a media type crashes": (
        partial(CrashesIn, "x-unknown"), "error-envelope",
        "error-envelope/createACart/malformed: Content-Type*",
    ),
    "a token for a day": (LongAccess, "success-answer", "success-answer/createAccessToken/*"),
    "a login for an hour": (ShortLogin, "success-answer", "success-answer/createCustomerToken/*"),
}  # fmt: skip
