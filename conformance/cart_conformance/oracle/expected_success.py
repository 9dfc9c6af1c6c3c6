"""By which rule a request that breaks none must succeed."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cart_spec import Contract
from cart_spec.contract import Level

from cart_conformance.oracle.conventions import SUCCESS
from cart_conformance.oracle.knowledge import SHOPPER
from cart_conformance.oracle.request_view import RequestView, Token


@dataclass(frozen=True, slots=True)
class ExpectedSuccess:
    """The rule, how sure it is, and why in a few words. ``tested`` are all that are tried."""

    rule: str
    level: Level
    why: str
    tested: tuple[str, ...]


_WHY = {
    SUCCESS: "the request breaks no rule",
    "body-bare-array": "the identifiers come as a bare array",
    "empty-customer-token": "an empty customer token counts as none",
    "administrator-unrestricted": "the caller is an administrator",
    "association-visible": "a customer may associate themselves with a cart",
    "association-deleted": "a customer may end an association of theirs",
    "association-repeat": "the association exists already",
    "shared-cart": "the cart already has another customer",
    "delete-missing": "there is no such association",
    "many-carts": "the customer has other carts",
    "any-symbol": "any symbol may be used in name and description",
    "implicit-registration": "customers register and log in with implicit tokens",
}


def must_succeed(reading: RequestView, contract: Contract) -> ExpectedSuccess:
    """The rule for this request: the one that is most particular to it."""
    tested = (*_particular(reading), SUCCESS)
    rule = tested[0]
    return ExpectedSuccess(rule, contract.rule(rule).level, _WHY[rule], tested)


def _particular(reading: RequestView) -> list[str]:
    found = []
    if reading.customer_token is Token.EMPTY:
        found.append("empty-customer-token")
    if reading.operation == "createCustomerCartAssociation":
        found += _association(reading)
    elif reading.operation == "deleteCustomerCartAssociation":
        found += _disassociation(reading)
    elif reading.operation in {"createACart", "updateACart"} and has_symbols(reading):
        found.append("any-symbol")
    elif reading.operation in {"createCustomer", "createCustomerToken"}:
        found += ["implicit-registration"] if reading.grant == SHOPPER else []
    return found


def _association(reading: RequestView) -> list[str]:
    customers = reading.known.customers_of(reading.cart_id) or set()
    found = ["body-bare-array"] if reading.is_bare else []
    if reading.named_customer in customers:
        found.append("association-repeat")
    elif customers or reading.known.customers_of(reading.cart_id) is None:
        found.append("shared-cart")
    if reading.is_administrator:
        found.append("administrator-unrestricted")
    elif reading.named_customer and reading.known.carts_of(reading.named_customer):
        found.append("many-carts")
    return [*found, "association-visible"]


def _disassociation(reading: RequestView) -> list[str]:
    customers = reading.known.customers_of(reading.cart_id)
    found = ["body-bare-array"] if reading.is_bare else []
    if customers is None or reading.named_customer not in customers:
        found.append("delete-missing")
    elif len(customers) > 1:
        found.append("shared-cart")
    if reading.is_administrator:
        found.append("administrator-unrestricted")
    return [*found, "association-deleted"]


def has_symbols(reading: RequestView) -> bool:
    """Whether a name or description has more in it than letters and digits of ASCII."""
    texts = [reading.data.get(name) for name in ("name", "description")]
    return any(
        isinstance(text, str)
        and any(not c.isascii() or unicodedata.category(c)[0] in "PSZ" for c in text)
        for text in texts
    )
