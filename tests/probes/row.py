"""The form of a row of the probe table, and the valid requests from which rows differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cart_spec import load_contract

CONTRACT = load_contract()
ASSOCIATE, DISSOCIATE = "createCustomerCartAssociation", "deleteCustomerCartAssociation"
ASSOCIATIONS = (ASSOCIATE, DISSOCIATE)
ACCESS_HEADER, CUSTOMER_HEADER = "Authorization", "X-Moltin-Customer-Token"
CARTS: dict[str, str | None] = {"weekend-list": None, "adas-list": "ada", "bobs-list": "bob"}
"""The carts of the shop, with the customer of each."""
BAD_ACCESS = (
    "basic", "scheme only", "empty", "junk", "forged", "unsigned", "customer token",
    "expired",
)  # fmt: skip
BAD_CUSTOMER = ("junk", "forged", "unsigned", "foreign", "expired")
ADA: dict[str, Any] = {"access": "shopper", "customer": "ada"}
"""The tokens of Ada's own requests."""


@dataclass(frozen=True)
class Sent:
    """A request, with the roles of its tokens instead of the tokens.

    ``access`` is "administrator", "shopper", None for no header, or one of BAD_ACCESS. ``customer``
    is None for no header, "ada", "bob", or one of BAD_CUSTOMER. ``body`` is bytes, a form for
    ``createAccessToken``, or a value to send as JSON. ``more`` are further path parameters.
    """

    operation: str
    access: str | None = "administrator"
    customer: str | None = None
    cart: str | None = None
    record: str | None = None
    query: str = ""
    body: Any = None
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Probe:
    """A request that violates exactly one rule, next to its control, which violates none.

    ``prepare`` are requests that bring the shop into the state in which ``request`` violates the
    rule; the control is for the shop without them. ``source`` is the part of the request that the
    mock blames, as its error names it. ``is_boundary`` says that the control is the last value that
    just passes, and so worth a look of its own. ``probes`` sets ``rule``.
    """

    request: Sent
    control: Sent
    source: str | None = None
    prepare: tuple[Sent, ...] = ()
    is_boundary: bool = False
    rule: str = ""

    @property
    def operation(self) -> str:
        """The operation that the request is for."""
        return self.request.operation

    @property
    def method(self) -> str:
        """The HTTP method of the operation."""
        return CONTRACT.operations[self.operation][0]


def entry(customer_id: Any = "{ada}", **fields: Any) -> dict[str, Any]:
    """Return a resource identifier."""
    return {"type": "customer", "id": customer_id, **fields}


def envelope(*entries: Any) -> dict[str, Any]:
    """Return the body of an association request."""
    return {"data": list(entries)}


def without(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the fields without one of them."""
    return {key: value for key, value in fields.items() if key != name}


NEW_CUSTOMER = {"type": "customer", "name": "Eve", "email": "eve@example.com"}
LOGIN = {
    "type": "token",
    "email": "ada@example.com",
    "password": "{password}",
    "authentication_mechanism": "password",
}
GRANT = {
    "grant_type": "client_credentials",
    "client_id": "{client_id}",
    "client_secret": "{client_secret}",
}
FULL_LIST, ITEM, ORDER, ADDRESS = "full-list", "item-1", "order-1", "address-1"
"""A cart with an item, an order of that item, and an address of Ada."""
_ITEM, _ORDER, _ADDRESS = (("itemID", ITEM),), (("orderID", ORDER),), (("addressID", ADDRESS),)
ADDED = {"type": "cart_item", "id": "mug", "quantity": 1}
BUYER = {"name": "Ada", "email": "ada@example.com"}
PAYMENT = {"gateway": "manual", "method": "purchase"}
ADDRESS_FIELDS = {
    "type": "address", "first_name": "Ada", "last_name": "Lovelace", "line_1": "12 Square",
    "region": "London", "postcode": "SW1Y 4JH", "country": "GB",
}  # fmt: skip
GOOD: dict[str, Sent] = {
    sent.operation: sent
    for sent in (
        Sent(ASSOCIATE, cart="weekend-list", body=envelope(entry())),
        Sent(DISSOCIATE, cart="adas-list", body=envelope(entry())),
        Sent("getCarts"),
        Sent("createACart", body={"data": {"name": "Party"}}),
        Sent("getACart", cart="weekend-list"),
        Sent("updateACart", cart="weekend-list", body={"data": {"name": "Holiday list"}}),
        Sent("deleteACart", cart="weekend-list"),
        Sent("createCustomer", access="shopper", body={"data": NEW_CUSTOMER}),
        Sent("getCustomers"),
        Sent("getCustomer", record="{ada}"),
        Sent("updateCustomer", record="{ada}", body={"data": NEW_CUSTOMER}),
        Sent("deleteCustomer", record="{ada}"),
        Sent("createCustomerToken", access="shopper", body={"data": LOGIN}),
        Sent("createAccessToken", access=None, body=GRANT),
        Sent("getCartItems", cart=FULL_LIST),
        Sent("addCartItems", cart=FULL_LIST, body={"data": ADDED}),
        Sent("updateCartItems", cart=FULL_LIST, body={"data": [{"id": ITEM, "quantity": 2}]}),
        Sent("deleteCartItems", cart=FULL_LIST),
        Sent("updateCartItem", cart=FULL_LIST, more=_ITEM, body={"data": {"quantity": 2}}),
        Sent("deleteCartItem", cart=FULL_LIST, more=_ITEM),
        Sent("checkoutCart", cart=FULL_LIST, body={"data": {"customer": BUYER}}),
        Sent("getOrders"),
        Sent("getOrder", more=_ORDER),
        Sent("getOrderItems", more=_ORDER),
        Sent("createOrderPayment", more=_ORDER, body={"data": PAYMENT}),
        Sent("getCartSettings"),
        Sent("updateCartSettings", body={"data": {"type": "settings", "show_all_carts": True}}),
        Sent("getCustomerAddresses", record="{ada}"),
        Sent("createCustomerAddress", record="{ada}", body={"data": ADDRESS_FIELDS}),
        Sent("getCustomerAddress", record="{ada}", more=_ADDRESS),
        Sent("updateCustomerAddress", record="{ada}", more=_ADDRESS, body={"data": {"city": "X"}}),
        Sent("deleteCustomerAddress", record="{ada}", more=_ADDRESS),
    )
}
"""For each operation a request that passes in the shop: the control of most rows."""


Rows = Callable[[], Iterator[Probe]]
TABLE: dict[str, tuple[Probe, ...]] = {}
"""The rows of each rule, in the order in which their modules are read."""


def probes(function: Rows) -> Rows:
    """Register the rows of the rule that the function is named after. The first is the plainest."""
    rule = function.__name__.replace("_", "-")
    CONTRACT.rule(rule)  # raises KeyError for a function named after no rule
    TABLE[rule] = tuple(replace(each, rule=rule) for each in function())
    return function


def probe(
    operation: str,
    *,
    source: str | None = None,
    given: Mapping[str, Any] | None = None,
    passes: Mapping[str, Any] | None = None,
    prepare: tuple[Sent, ...] = (),
    **wrong: Any,
) -> Probe:
    """Return a row: the good request of the operation, as ``given``, with what is ``wrong`` in it.

    The control is the good request as ``given``; or, to show a boundary, with what just ``passes``.
    """
    control = replace(GOOD[operation], **(given or {}))
    request = replace(control, **wrong)
    if passes is not None:
        return Probe(request, replace(control, **passes), source, prepare, is_boundary=True)
    return Probe(request, control, source, prepare)
