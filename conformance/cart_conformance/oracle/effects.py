"""Updates the known state from exchanges: tokens, carts, customers and associations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from cart_conformance.bodies import customers_of, total
from cart_conformance.exchange import Answer
from cart_conformance.oracle.knowledge import (
    ADMINISTRATOR,
    CART_SIDE,
    AccessToken,
    CustomerToken,
    KnownCart,
    KnownCustomer,
    Suspect,
    list_side,
)
from cart_conformance.oracle.request_view import RequestView


def learn(view: RequestView, answer: Answer, rule: str | None = None, *, odd: bool = False) -> None:
    """Add the effects of an exchange to ``view.known``.

    ``rule`` names the refusal, if it is known. ``odd`` says that the contract does not describe
    such a request. After a failure of the server, the state of the cart is unknown, because the
    change may have taken effect.
    """
    if view.operation is None or answer.status == 429:
        return
    if answer.refused:
        _refused(view, rule)
    elif not answer.ok:
        _unforeseen(view)
    else:
        if odd and isinstance(answer.data, dict):
            view.known.odd.add(str(answer.data.get("id")))
        _EFFECTS.get(view.operation, _no_effect)(view, answer)


def lost(view: RequestView) -> None:
    """Forget the state of a request's cart after no answer, because it may have taken effect."""
    _unforeseen(view)


def _unforeseen(view: RequestView) -> None:
    changing = view.sent.method.upper() not in {"GET", "HEAD"}
    cart = view.known.carts.get(view.cart_id)
    if changing and cart is not None:
        cart.forget()


def _refused(view: RequestView, rule: str | None) -> None:
    cart = view.known.carts.get(view.cart_id)
    if cart is None or view.operation is None:
        return
    cart.suspect(Suspect("refusal-changes-nothing", view.operation, rule))


def _no_effect(_reading: RequestView, _answer: Answer) -> None:
    """Learn nothing, because some operations, such as reading customers, reveal nothing useful."""


def _access_token(view: RequestView, answer: Answer) -> None:
    document = answer.document if isinstance(answer.document, dict) else {}
    token, expires = document.get("access_token"), document.get("expires")
    form = parse_qs(view.body.decode("utf-8", errors="replace"))
    grant = form.get("grant_type", [""])[0]
    if not isinstance(token, str) or not token:
        return
    view.known.access_tokens[token] = AccessToken(grant, _seconds(expires))
    if grant == ADMINISTRATOR and "client_id" in form and "client_secret" in form:
        view.known.secrets[form["client_id"][0]] = form["client_secret"][0]


def _customer_token(view: RequestView, answer: Answer) -> None:
    data = answer.data if isinstance(answer.data, dict) else {}
    token, customer_id = data.get("token"), data.get("customer_id")
    if not isinstance(token, str) or not isinstance(customer_id, str):
        return
    expires = _seconds(data.get("expires"))
    view.known.customer_tokens[token] = CustomerToken(customer_id, expires)
    customer = view.known.customers.setdefault(customer_id, KnownCustomer())
    email, password = view.data.get("email"), view.data.get("password")
    customer.email = email if isinstance(email, str) else customer.email
    customer.password = password if isinstance(password, str) else customer.password


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _cart(view: RequestView, answer: Answer) -> None:
    """Learn from a cart in an answer to GET, POST or PUT."""
    data = answer.data
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        return
    if view.operation == "getACart" and data["id"] != view.cart_id:
        return  # the answer is about another cart than the requested one
    cart = view.known.carts.setdefault(data["id"], KnownCart())
    contact = data.get("contact")
    if not cart.exists:
        cart.exists = True
        cart.forget()
    shown = set(customers_of(data))
    if cart.customers != shown:
        # Adopt the observed state, expected or not, to avoid follow-up findings.
        cart.customers = shown
        cart.changed()
    cart.seen(CART_SIDE)
    if isinstance(contact, dict) or view.operation == "createACart":
        cart.contact = bool(isinstance(contact, dict) and contact.get("email"))
    elif cart.contact and view.operation == "updateACart" and "contact" in view.data:
        # It is not published what removes a contact, or that answers contain it.
        cart.contact = None


def _carts(view: RequestView, answer: Answer) -> None:
    """Learn from a customer's list which carts are in the expected state."""
    customer = view.customer
    if customer is None or view.query or not isinstance(answer.data, list):
        return
    listed = {str(cart.get("id")) for cart in answer.data if isinstance(cart, dict)}
    for cart_id, cart in view.known.carts.items():
        if not cart.exists or cart.customers is None:
            continue
        if (customer in cart.customers) == (cart_id in listed):
            cart.seen(list_side(customer))
        elif cart_id in listed or total(answer, 0) <= len(answer.data):
            cart.forget()  # the two sides contradict each other


def _cart_deleted(view: RequestView, _answer: Answer) -> None:
    cart = view.known.carts.setdefault(view.cart_id, KnownCart())
    cart.forget()
    cart.exists = False


def _associated(view: RequestView, _answer: Answer) -> None:
    _change(view, present=True)


def _disassociated(view: RequestView, _answer: Answer) -> None:
    _change(view, present=False)


def _change(view: RequestView, *, present: bool) -> None:
    cart = view.known.carts.get(view.cart_id)
    customer = view.named_customer
    if cart is None:
        return
    if customer is None or view.json.ambiguous:
        cart.forget()  # it should have been refused, so its effect is unknown
        return
    if not cart.exists:
        cart.exists, cart.customers = True, None
    if cart.customers is None:
        cart.changed()
        return
    if present == (customer in cart.customers):
        assert view.operation is not None
        rule = "association-repeat" if present else "delete-missing"
        cart.suspect(Suspect(rule, view.operation))
        return
    cart.changed()
    if present:
        cart.customers.add(customer)
        cart.removed.discard(customer)
    else:
        cart.customers.discard(customer)
        cart.removed.add(customer)


def _customer_made(view: RequestView, answer: Answer) -> None:
    data = answer.data
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        return
    email, password = view.data.get("email"), view.data.get("password")
    customer = view.known.customers.setdefault(data["id"], KnownCustomer())
    customer.exists = True
    if view.operation == "createCustomer":
        customer.complete = True
    if isinstance(email, str):
        customer.email = email
    if isinstance(password, str):
        customer.password = password


def _customer_deleted(view: RequestView, _answer: Answer) -> None:
    known = view.known
    customer = known.customers.setdefault(view.customer_id, KnownCustomer())
    customer.exists = False
    for cart in known.carts.values():
        # That its associations are deleted too is an interpretation (customer-deleted).
        if cart.customers is not None and view.customer_id in cart.customers:
            cart.forget()


_EFFECTS: dict[str, Callable[[RequestView, Answer], None]] = {
    "createAccessToken": _access_token,
    "createCustomerToken": _customer_token,
    "createACart": _cart,
    "getACart": _cart,
    "getCarts": _carts,
    "updateACart": _cart,
    "deleteACart": _cart_deleted,
    "createCustomerCartAssociation": _associated,
    "deleteCustomerCartAssociation": _disassociated,
    "createCustomer": _customer_made,
    "updateCustomer": _customer_made,
    "deleteCustomer": _customer_deleted,
}
