"""Finds the rule that requires a valid request to succeed."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cart_spec import Contract
from cart_spec.contract import Level

from cart_conformance.oracle.conventions import SUCCESS
from cart_conformance.oracle.knowledge import SHOPPER
from cart_conformance.oracle.request_view import ASSOCIATING, DISSOCIATING, RequestView, Token


@dataclass(frozen=True, slots=True)
class ExpectedSuccess:
    """The rule, its level, and the reason in a few words.

    ``tested`` are all the rules that it tests.
    """

    rule: str
    level: Level
    why: str
    tested: tuple[str, ...]


_WHY = {
    SUCCESS: "the request breaks no rule",
    "body-bare-array": "the identifiers come as a bare array",
    "empty-customer-token": "an empty customer token counts as none",
    "empty-account-token": "an empty account token counts as none",
    "administrator-unrestricted": "the caller is an administrator",
    "association-visible": "an owner may associate itself with a cart",
    "association-deleted": "an owner may end its own association",
    "association-repeat": "the association exists already",
    "cart-id-is-access": "the cart's id is the whole access boundary",
    "shared-cart": "the cart already has another owner",
    "delete-missing": "the association does not exist",
    "many-carts": "the owner has other carts",
    "any-symbol": "any symbol may be used in name and description",
    "implicit-registration": "customers register and log in with implicit tokens",
}


def must_succeed(view: RequestView, contract: Contract) -> ExpectedSuccess:
    """Return the most specific rule that requires this request to succeed."""
    tested = (*_particular(view), SUCCESS)
    rule = tested[0]
    return ExpectedSuccess(rule, contract.rule(rule).level, _WHY[rule], tested)


def _particular(view: RequestView) -> list[str]:
    found = []
    for kind, rule in (("customer", "empty-customer-token"), ("account", "empty-account-token")):
        if view.token_of(kind) is Token.EMPTY and view.kind in {kind, None}:
            found.append(rule)
    if view.operation in _BY_CART_ID and _may_be_of_others(view):
        found.append("cart-id-is-access")
    if view.operation in ASSOCIATING:
        found += _association(view)
    elif view.operation in DISSOCIATING:
        found += _disassociation(view)
    elif view.operation in {"createACart", "updateACart"} and has_symbols(view):
        found.append("any-symbol")
    elif view.operation in {"createCustomer", "createCustomerToken"}:
        found += ["implicit-registration"] if view.grant == SHOPPER else []
    return found


_BY_CART_ID = {*ASSOCIATING, "getACart", "updateACart", "deleteACart"}


def _may_be_of_others(view: RequestView) -> bool:
    """Return whether the cart is, or may be, associated only with others than the caller."""
    if view.is_administrator or view.known.cart_exists(view.cart_id) is False:
        return False
    owners = view.known.owners_of(view.cart_id)
    if owners is None:
        return True
    return bool(owners) and view.owner not in owners


def _association(view: RequestView) -> list[str]:
    owners = view.known.owners_of(view.cart_id) or set()
    found = ["body-bare-array"] if view.is_bare else []
    if view.named_owner in owners:
        found.append("association-repeat")
    elif owners or view.known.owners_of(view.cart_id) is None:
        found.append("shared-cart")
    if view.is_administrator:
        found.append("administrator-unrestricted")
    elif view.named_owner and view.known.carts_of(view.named_owner):
        found.append("many-carts")
    return [*found, "association-visible"]


def _disassociation(view: RequestView) -> list[str]:
    owners = view.known.owners_of(view.cart_id)
    found = ["body-bare-array"] if view.is_bare else []
    if owners is None or view.named_owner not in owners:
        found.append("delete-missing")
    elif len(owners) > 1:
        found.append("shared-cart")
    if view.is_administrator:
        found.append("administrator-unrestricted")
    return [*found, "association-deleted"]


def has_symbols(view: RequestView) -> bool:
    """Return whether a name or description contains more than ASCII letters and digits."""
    texts = [view.data.get(name) for name in ("name", "description")]
    return any(
        isinstance(text, str)
        and any(not c.isascii() or unicodedata.category(c)[0] in "PSZ" for c in text)
        for text in texts
    )
