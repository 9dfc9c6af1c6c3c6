"""Broken servers whose one fault shows in the cases of many rules.

``BLAMED`` maps a name to the server, the rule that a run must name first, and the rules that the
run tries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.servers.reference import Call, Refusal, Reply, Service


class PagesForErrors(Service):
    """Errors are pages for people."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        return refusal.status, f"<html><h1>{refusal.status}</h1><p>{refusal.text}</p></html>"


class MessagesForErrors(Service):
    """Entries of errors have a message and a code, no title and no status."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        return refusal.status, {"errors": [{"message": refusal.text, "code": refusal.status}]}


class NoErrorsArray(Service):
    """An error is an object with a message."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        return refusal.status, {"message": refusal.text, "status": refusal.status}


class ErrorsInSuccesses(Service):
    """Each refusal comes with the status 200."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        return 200, super().error(call, refusal)[1]


class OneErrorInSuccess(Service):
    """The refusal of a wrong type comes with the status 200."""

    def error(self, call: Call, refusal: Refusal) -> Reply:
        status, document = super().error(call, refusal)
        return 200 if refusal.rule == "type-not-customer" else status, document


class OnlyForItsMaker(Service):
    """A customer's list has a cart only for the access token that made the association."""

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        cart.setdefault("makers", {})[customer] = call.headers["authorization"]
        return super().associate(call, cart, customer)

    def listed(self, call: Call) -> list[dict[str, Any]]:
        own = call.headers["authorization"]
        carts = super().listed(call)
        if call.me is None:
            return carts
        return [cart for cart in carts if cart.get("makers", {}).get(call.me, own) == own]


class NamedToItsMaker(OnlyForItsMaker):
    """A cart too names a customer only to the access token that made the association."""

    caller = ""

    def handle(self, call: Call) -> Reply:
        with self.lock:
            self.caller = call.headers.get("authorization", "")
            return super().handle(call)

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        makers = cart.get("makers", {})
        seen = [c for c in cart["customers"] if makers.get(c, self.caller) == self.caller]
        return super().show(cart | {"customers": seen})


class NamesTheFirstOwner(Service):
    """A cart names only the customer who came first."""

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        return super().show(cart | {"customers": cart["customers"][:1]})


class ListedToTheFirstOwner(Service):
    """A cart is in the list of only the customer who came first."""

    def listed(self, call: Call) -> list[dict[str, Any]]:
        carts = super().listed(call)
        return [cart for cart in carts if call.me is None or cart["customers"][0] == call.me]


_ERRORS = ("payload-not-array", "type-not-customer", "customer-id-missing", "error-envelope",
           "success-answer")  # fmt: skip
_EFFECTS = ("association-visible", "any-device", "many-carts", "shared-cart", "association-repeat")
BLAMED: dict[str, tuple[Callable[[], Service], str, tuple[str, ...]]] = {
    "pages for errors": (PagesForErrors, "error-envelope", _ERRORS),
    "messages for errors": (MessagesForErrors, "error-envelope", _ERRORS),
    "no array of errors": (NoErrorsArray, "error-envelope", _ERRORS),
    "errors in successes": (ErrorsInSuccesses, "error-envelope", _ERRORS),
    "one error in a success": (OneErrorInSuccess, "type-not-customer", _ERRORS),
    "listed to the token that made it": (OnlyForItsMaker, "any-device", _EFFECTS),
    "named to the token that made it": (NamedToItsMaker, "any-device", _EFFECTS),
    "names the first of two owners": (NamesTheFirstOwner, "shared-cart", _EFFECTS),
    "listed to the first of two owners": (ListedToTheFirstOwner, "shared-cart", _EFFECTS),
}
