"""The smallest request that would have passed, near to one that was refused.

Where no request alone can pass, because the store lacks something or has too much, the commands
that change that come first. A request is composed from what its operation needs and from those ids
of the original that are good; the rest of the original is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from cart_mock.formats import EMAIL, MAX_NAME, SAFE_ID, UNSAFE_CHARACTER
from cart_mock.http.bodies import Malformed
from cart_mock.inspection.curl import Command
from cart_mock.rules.context import RequestContext, TokenRequestContext
from cart_mock.state.entities import Cart
from cart_mock.state.store import Store

PLACEHOLDERS = {
    "ACCESS_TOKEN": "An access token of this store, of the grant that was used.",
    "ADMIN_TOKEN": "An access token of this store with the grant client_credentials.",
    "CUSTOMER_TOKEN": "A customer token from POST /v2/customers/tokens.",
    "CUSTOMER_ID": "The id of the customer.",
    "CLIENT_SECRET": "The secret of the store's key.",
    "PASSWORD": "The customer's password.",
}
"""What the variables in the commands stand for."""

_ADMIN, _CUSTOMER = "ADMIN_TOKEN", "CUSTOMER_TOKEN"


def commands(operation_id: str, ctx: Any, store: Store | None) -> list[Command]:
    """Commands of which the last passes, given what the store holds now.

    None where too little of the request was kept to tell.
    """
    if isinstance(ctx, TokenRequestContext):
        return [_access_token(ctx)]
    if not isinstance(ctx, RequestContext) or store is None:
        return []
    return _OPERATIONS[operation_id](_Attempt(ctx, store))


def _access_token(ctx: TokenRequestContext) -> Command:
    form = {
        "grant_type": ctx.grant or "implicit",
        "client_id": ctx.form.get("client_id") or "my-store",
    }
    if form["grant_type"] == "client_credentials":
        form["client_secret"] = "$CLIENT_SECRET"  # noqa: S105  # a variable, not a secret
    return Command("POST", "/oauth/access_token", None, form=form)


class _Attempt:
    """A refused request and the store that it was sent to."""

    def __init__(self, ctx: RequestContext, store: Store) -> None:
        self.ctx = ctx
        self.store = store
        self.sent_customer_token = bool(ctx.request.headers.get(b"x-moltin-customer-token"))
        self.customer_id = ctx.caller.customer_id

    def command(self, method: str, path: str, body: Any = None) -> Command:
        """A command by the same caller."""
        customer = _CUSTOMER if self.sent_customer_token else None
        return Command(method, path, customer=customer, body=body)

    def by_customer(self, method: str, path: str, body: Any = None) -> Command:
        """A command by the same caller, with a customer token."""
        return Command(method, path, customer=_CUSTOMER, body=body)

    def by_administrator(self, method: str, path: str, body: Any = None) -> Command:
        """A command by the store's administrator."""
        return Command(method, path, access=_ADMIN, body=body)

    def field(self, name: str) -> Any:
        """What was sent under that name in ``data``, None if nothing could be read."""
        try:
            return self.ctx.data.get(name)
        except Malformed:
            return None

    def text(self, name: str, default: str) -> str:
        """The same, if it is a text that says something."""
        value = self.field(name)
        return value if isinstance(value, str) and value.strip() else default

    def may_use(self, cart: Cart) -> bool:
        """Whether the caller may use that cart."""
        return not self.sent_customer_token or not cart.customers or (
            self.customer_id in cart.customers
        )  # fmt: skip

    def usable_cart(self) -> tuple[list[Command], str]:
        """The cart of the path if the caller may use it, else another, made first if need be."""
        cart_id = self.ctx.cart_id
        if not SAFE_ID.fullmatch(cart_id):
            cart_id = UNSAFE_CHARACTER.sub("-", cart_id)
        cart = self.store.cart(cart_id)
        if cart is not None and self.may_use(cart):
            return [], cart_id
        if cart is not None:
            if self.customer_id is not None and self.store.cart_count_of(self.customer_id):
                own, _ = self.store.carts_of(self.customer_id, 0, 1)
                return [], own[0].id
            cart_id = self._free_cart_id(cart_id)
        body = {"data": {"id": cart_id, "name": "Cart"}}
        return [self.command("POST", "/v2/carts", body)], cart_id

    def _free_cart_id(self, cart_id: str) -> str:
        names = (f"{cart_id}-{n}" for n in itertools.count(2))
        return next(name for name in names if self.store.cart(name) is None)

    def some_customer(self, wanted: Any) -> tuple[list[Command], str]:
        """The customer wanted if there is one, else another, made first if need be."""
        if isinstance(wanted, str) and self.store.has_customer(wanted):
            return [], wanted
        others, _ = self.store.customers(0, 1)
        if others:
            return [], others[0].id
        return [self._new_customer("New customer")], "$CUSTOMER_ID"

    def _new_customer(self, name: str, **more: str) -> Command:
        data = {"type": "customer", "name": name, "email": self.free_email(), **more}
        return self.command("POST", "/v2/customers", {"data": data})

    def new_customer_with_password(self) -> tuple[Command, str]:
        """A command that makes a customer who can log in, and its email."""
        email = self.free_email()
        return self._new_customer("New customer", password="$PASSWORD"), email  # noqa: S106  # a variable, not a secret

    def free_email(self) -> str:
        """An email that no customer has."""
        emails = (f"shopper-{n}@example.com" for n in itertools.count(1))
        return next(email for email in emails if self.store.customer_with_email(email) is None)


def _identifiers(customer_id: str) -> dict[str, Any]:
    return {"data": [{"type": "customer", "id": customer_id}]}


def _association(attempt: _Attempt, method: str) -> list[Command]:
    ctx = attempt.ctx
    entries = ctx.entries
    first = entries[0] if isinstance(entries, list) and entries else None
    wanted = first.get("id") if isinstance(first, dict) else None
    if ctx.caller.is_anonymous or ctx.caller.customer_fault is not None:
        attempt.sent_customer_token = True
    steps: list[Command] = []
    if attempt.sent_customer_token:
        customer_id = attempt.customer_id or "$CUSTOMER_ID"
    else:
        steps, customer_id = attempt.some_customer(wanted)
    to_cart, cart_id = attempt.usable_cart()
    cart = attempt.store.cart(cart_id)
    if method == "POST" and cart is not None and cart.contact is not None:
        body = {"data": {"contact": None}}
        to_cart = [attempt.command("PUT", f"/v2/carts/{cart_id}", body)]
    path = f"/v2/carts/{cart_id}/relationships/customers"
    return [*steps, *to_cart, attempt.command(method, path, _identifiers(customer_id))]


def _name(attempt: _Attempt) -> str:
    return attempt.text("name", "Cart")[:MAX_NAME]


def _create_cart(attempt: _Attempt) -> list[Command]:
    data = {"name": _name(attempt)}
    cart_id = attempt.field("id")
    is_free = isinstance(cart_id, str) and attempt.store.cart(cart_id) is None
    if is_free and SAFE_ID.fullmatch(cart_id):
        data["id"] = cart_id
    return [attempt.command("POST", "/v2/carts", {"data": data})]


def _get_cart(attempt: _Attempt) -> list[Command]:
    steps, cart_id = attempt.usable_cart()
    existed = attempt.store.cart(cart_id) is not None
    get = attempt.command("GET", f"/v2/carts/{cart_id}")
    return [*steps, get] if existed else [get]


def _update_cart(attempt: _Attempt) -> list[Command]:
    steps, cart_id = attempt.usable_cart()
    body = {"data": {"name": _name(attempt)}}
    return [*steps, attempt.command("PUT", f"/v2/carts/{cart_id}", body)]


def _delete_cart(attempt: _Attempt) -> list[Command]:
    steps, cart_id = attempt.usable_cart()
    cart = attempt.store.cart(cart_id)
    for customer_id in () if cart is None else cart.customers:
        if attempt.store.cart_count_of(customer_id) > 1:
            continue
        if customer_id == attempt.customer_id:
            # Without the association the cart could belong to others only, and be out of reach.
            steps.append(attempt.command("POST", "/v2/carts", {"data": {"name": "Another cart"}}))
        else:
            path = f"/v2/carts/{cart_id}/relationships/customers"
            steps.append(attempt.by_administrator("DELETE", path, _identifiers(customer_id)))
    return [*steps, attempt.command("DELETE", f"/v2/carts/{cart_id}")]


def _get_carts(attempt: _Attempt) -> list[Command]:
    caller = attempt.ctx.caller
    needs_customer = caller.is_anonymous or attempt.sent_customer_token
    send = attempt.by_customer if needs_customer else attempt.command
    return [send("GET", "/v2/carts")]


def _get_customers(attempt: _Attempt) -> list[Command]:
    return [attempt.by_administrator("GET", "/v2/customers")]


def _create_customer(attempt: _Attempt) -> list[Command]:
    email = attempt.text("email", "")
    if not EMAIL.fullmatch(email) or attempt.store.customer_with_email(email) is not None:
        email = attempt.free_email()
    data = {"type": "customer", "name": attempt.text("name", "New customer"), "email": email}
    return [attempt.command("POST", "/v2/customers", {"data": data})]


def _customer(method: str) -> Callable[[_Attempt], list[Command]]:
    def attempted(attempt: _Attempt) -> list[Command]:
        own = attempt.customer_id
        steps: list[Command] = []
        if own is not None:
            send, customer_id = attempt.command, own
        else:
            send = attempt.by_administrator
            steps, customer_id = attempt.some_customer(attempt.ctx.customer_id)
        path = "/v2/customers/" + (customer_id if "$" in customer_id else quote(customer_id, ""))
        body = None
        if method == "PUT":
            name = attempt.text("name", "New name")
            body = {"data": {"type": "customer", "name": name}}
        return [*steps, send(method, path, body)]

    return attempted


def _log_in(attempt: _Attempt) -> list[Command]:
    email, store = attempt.text("email", ""), attempt.store
    steps: list[Command] = []
    customer = store.customer_with_email(email) if email else None
    if customer is None or customer.password_hash is None:
        step, email = attempt.new_customer_with_password()
        steps = [step]
    data = {
        "type": "token",
        "email": email,
        "password": "$PASSWORD",
        "authentication_mechanism": "password",
    }
    # A customer token is not needed here, and one that does not hold would be refused.
    return [
        *(step._replace(customer=None) for step in steps),
        Command("POST", "/v2/customers/tokens", body={"data": data}),
    ]


_OPERATIONS: dict[str, Callable[[_Attempt], list[Command]]] = {
    "createCustomerCartAssociation": lambda attempt: _association(attempt, "POST"),
    "deleteCustomerCartAssociation": lambda attempt: _association(attempt, "DELETE"),
    "getCarts": _get_carts,
    "createACart": _create_cart,
    "getACart": _get_cart,
    "updateACart": _update_cart,
    "deleteACart": _delete_cart,
    "getCustomers": _get_customers,
    "createCustomer": _create_customer,
    "getCustomer": _customer("GET"),
    "updateCustomer": _customer("PUT"),
    "deleteCustomer": _customer("DELETE"),
    "createCustomerToken": _log_in,
}


def without_token(operation_id: str, method: str, target: str, body: Any) -> list[Command]:
    """Commands for a request without a valid access token: get one, and send it as it was.

    ``target`` is its path and query, as they were sent; ``body`` the JSON value that was sent, None
    if there was none.
    """
    token = Command("POST", "/oauth/access_token", None, form=_SHOPPER)
    if operation_id == "createAccessToken":
        return [token]
    return [token, Command(method, target, body=body)]


_SHOPPER = {"grant_type": "implicit", "client_id": "my-store"}
