"""The form of a row of the probe table, and the valid requests from which rows differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from cart_spec import load_contract

CONTRACT = load_contract()
ASSOCIATE, DISSOCIATE = "createCustomerCartAssociation", "deleteCustomerCartAssociation"
ASSOCIATIONS = (ASSOCIATE, DISSOCIATE)
ACCESS_HEADER, CUSTOMER_HEADER = "Authorization", "X-Moltin-Customer-Token"
ACCOUNT_HEADER = "EP-Account-Management-Authentication-Token"


@dataclass(frozen=True)
class Cast:
    """The owners of one kind in the shop, who play the rows of the rules stated for each kind.

    ``first`` and ``second`` are placeholders for ids and roles of tokens at the same time, each
    with a cart of its own.
    """

    kind: Literal["customer", "account"]
    first: str
    second: str
    first_cart: str
    second_cart: str

    @property
    def operations(self) -> tuple[str, str]:
        """The operations that associate and disassociate this kind of owner."""
        title = self.kind.capitalize()
        return f"create{title}CartAssociation", f"delete{title}CartAssociation"

    @property
    def header(self) -> str:
        """The header of the owner's token."""
        return CONTRACT.owners[self.kind].header

    @property
    def logged_in(self) -> dict[str, Any]:
        """The tokens of the first owner's own requests."""
        return {"access": "shopper", self.kind: self.first}

    @property
    def carts(self) -> tuple[str, ...]:
        """A cart without an owner, and the carts of the two."""
        return ("weekend-list", self.first_cart, self.second_cart)

    def entry(self, owner_id: Any = None, **fields: Any) -> dict[str, Any]:
        """Return a resource identifier, by default of the first owner."""
        owner_id = f"{{{self.first}}}" if owner_id is None else owner_id
        return {"type": self.kind, "id": owner_id, **fields}

    @property
    def other(self) -> dict[str, Any]:
        """The resource identifier of the second owner."""
        return self.entry(f"{{{self.second}}}")


CASTS = (
    Cast("customer", "ada", "bob", "adas-list", "bobs-list"),
    Cast("account", "acme", "bolt", "acmes-list", "bolts-list"),
)
CARTS: dict[str, str | None] = {"weekend-list": None, "adas-list": "ada", "bobs-list": "bob"}
"""The carts of the shop that have a customer or no owner, with the customer of each."""
ACCOUNT_CARTS = {"acmes-list": "acme", "bolts-list": "bolt"}
"""The carts of the shop that have an account, with the account of each."""
MEMBER = "ann"
"""The member who belongs to the account ``acme``, by her username, id and membership."""
BAD_ACCESS = (
    "basic", "scheme only", "empty", "junk", "forged", "unsigned", "customer token",
    "expired",
)  # fmt: skip
BAD_OWNER = ("junk", "forged", "unsigned", "foreign", "expired")
ADA: dict[str, Any] = {"access": "shopper", "customer": "ada"}
"""The tokens of Ada's own requests."""
ACME: dict[str, Any] = {"access": "shopper", "account": "acme"}
"""The tokens of requests for the account Acme."""


@dataclass(frozen=True)
class Sent:
    """A request, with the roles of its tokens instead of the tokens.

    ``access`` is "administrator", "shopper", None for no header, or one of BAD_ACCESS. ``customer``
    is None for no header, "ada", "bob", or one of BAD_OWNER; ``account`` likewise, with "acme" and
    "bolt". ``record`` is the id in a path that names no cart, ``part`` a second one. ``body`` is
    bytes, a form for ``createAccessToken``, or a value to send as JSON.
    """

    operation: str
    access: str | None = "administrator"
    customer: str | None = None
    cart: str | None = None
    record: str | None = None
    query: str = ""
    body: Any = None
    account: str | None = None
    part: str | None = None


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
NEW_ACCOUNT = {"type": "account", "name": "Eve", "legal_name": "Eve Ltd"}
ACCOUNT_LOGIN = {
    "type": "account_management_authentication_token",
    "authentication_mechanism": "password",
    "password_profile_id": "username-and-password",
    "username": "ann@example.com",
    "password": "{password}",
}
SIGNUP = {
    **ACCOUNT_LOGIN,
    "authentication_mechanism": "self_signup",
    "username": "eve@example.com",
    "name": "Eve",
    "email": "eve@example.com",
}
MEMBERSHIP = {"type": "account_membership", "account_member_id": "{ann}"}
_ACCOUNT = CASTS[1]
FULL_LIST, ITEM, ORDER, ADDRESS = "full-list", "item-1", "order-1", "address-1"
"""A cart with an item, an order of that item, and an address of Ada."""
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
        Sent(_ACCOUNT.operations[0], cart="weekend-list", body=envelope(_ACCOUNT.entry())),
        Sent(_ACCOUNT.operations[1], cart="acmes-list", body=envelope(_ACCOUNT.entry())),
        Sent("getAccounts"),
        Sent("createAccount", body={"data": NEW_ACCOUNT}),
        Sent("getAccount", record="{acme}"),
        Sent("updateAccount", record="{acme}", body={"data": NEW_ACCOUNT}),
        Sent("deleteAccount", record="{acme}"),
        Sent("getAccountMembers"),
        Sent("getAccountMember", record="{ann}"),
        Sent("getAccountMemberships", record="{acme}"),
        Sent("createAccountMembership", record="{bolt}", body={"data": MEMBERSHIP}),
        Sent("deleteAccountMembership", record="{acme}", part="{anns-membership}"),
        Sent("createAccountToken", access="shopper", body={"data": ACCOUNT_LOGIN}),
        Sent("getAccountAuthenticationSettings", access="shopper"),
        Sent("getPasswordProfiles", access="shopper", record="account-members"),
        Sent("getCartItems", cart=FULL_LIST),
        Sent("addCartItems", cart=FULL_LIST, body={"data": ADDED}),
        Sent("updateCartItems", cart=FULL_LIST, body={"data": [{"id": ITEM, "quantity": 2}]}),
        Sent("deleteCartItems", cart=FULL_LIST),
        Sent("updateCartItem", cart=FULL_LIST, record=ITEM, body={"data": {"quantity": 2}}),
        Sent("deleteCartItem", cart=FULL_LIST, record=ITEM),
        Sent("checkoutCart", cart=FULL_LIST, body={"data": {"customer": BUYER}}),
        Sent("getOrders"),
        Sent("getOrder", record=ORDER),
        Sent("getOrderItems", record=ORDER),
        Sent("createOrderPayment", record=ORDER, body={"data": PAYMENT}),
        Sent("getCartSettings"),
        Sent("updateCartSettings", body={"data": {"type": "settings", "show_all_carts": True}}),
        Sent("getCustomerAddresses", record="{ada}"),
        Sent("createCustomerAddress", record="{ada}", body={"data": ADDRESS_FIELDS}),
        Sent("getCustomerAddress", record="{ada}", part=ADDRESS),
        Sent("updateCustomerAddress", record="{ada}", part=ADDRESS, body={"data": {"city": "X"}}),
        Sent("deleteCustomerAddress", record="{ada}", part=ADDRESS),
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


def owner_probes(function: Callable[[Cast], Iterator[Probe]]) -> Callable[[Cast], Iterator[Probe]]:
    """Register the rows of the rules that the function is named after, one for each kind of owner.

    The word ``owner`` in its name stands for the kind. Without that word, the name is that of the
    rule for customers, and the rule for accounts has ``-account`` at its end.
    """
    name = function.__name__.replace("_", "-")
    for cast in CASTS:
        rule = re.sub(r"\bowner\b", cast.kind, name)
        if rule == name and cast.kind == "account":
            rule = f"{name}-account"
        CONTRACT.rule(rule)  # raises KeyError for a function named after no rule
        TABLE[rule] = tuple(replace(each, rule=rule) for each in function(cast))
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
