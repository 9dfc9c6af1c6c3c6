"""What an exchange teaches: who has which token, which carts and customers there are, and whose."""

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


def learn(
    reading: RequestView, answer: Answer, rule: str | None = None, *, odd: bool = False
) -> None:
    """Take the effects of an exchange into ``reading.known``.

    ``rule`` names the refusal, where it is known to be one; ``odd`` says that the contract does not
    describe such a request. After a failure of the server nothing is known any more of the cart it
    was about: the change may have been made, or not.
    """
    if reading.operation is None or answer.status == 429:
        return
    if answer.refused:
        _refused(reading, rule)
    elif not answer.ok:
        _unforeseen(reading)
    else:
        if odd and isinstance(answer.data, dict):
            reading.known.odd.add(str(answer.data.get("id")))
        _EFFECTS.get(reading.operation, _no_effect)(reading, answer)


def lost(reading: RequestView) -> None:
    """A request whose answer never came: it may have been carried out, or not."""
    _unforeseen(reading)


def _unforeseen(reading: RequestView) -> None:
    changing = reading.sent.method.upper() not in {"GET", "HEAD"}
    cart = reading.known.carts.get(reading.cart_id)
    if changing and cart is not None:
        cart.forget()


def _refused(reading: RequestView, rule: str | None) -> None:
    cart = reading.known.carts.get(reading.cart_id)
    if cart is None or reading.operation is None:
        return
    cart.suspect(Suspect("refusal-changes-nothing", reading.operation, rule))


def _no_effect(_reading: RequestView, _answer: Answer) -> None:
    """Reading customers, say, teaches nothing that is needed here."""


def _access_token(reading: RequestView, answer: Answer) -> None:
    document = answer.document if isinstance(answer.document, dict) else {}
    token, expires = document.get("access_token"), document.get("expires")
    form = parse_qs(reading.body.decode("utf-8", errors="replace"))
    grant = form.get("grant_type", [""])[0]
    if not isinstance(token, str) or not token:
        return
    reading.known.access_tokens[token] = AccessToken(grant, _seconds(expires))
    if grant == ADMINISTRATOR and "client_id" in form and "client_secret" in form:
        reading.known.secrets[form["client_id"][0]] = form["client_secret"][0]


def _customer_token(reading: RequestView, answer: Answer) -> None:
    data = answer.data if isinstance(answer.data, dict) else {}
    token, customer_id = data.get("token"), data.get("customer_id")
    if not isinstance(token, str) or not isinstance(customer_id, str):
        return
    expires = _seconds(data.get("expires"))
    reading.known.customer_tokens[token] = CustomerToken(customer_id, expires)
    customer = reading.known.customers.setdefault(customer_id, KnownCustomer())
    email, password = reading.data.get("email"), reading.data.get("password")
    customer.email = email if isinstance(email, str) else customer.email
    customer.password = password if isinstance(password, str) else customer.password


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _cart(reading: RequestView, answer: Answer) -> None:
    """A cart was shown: by GET, POST or PUT."""
    data = answer.data
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        return
    if reading.operation == "getACart" and data["id"] != reading.cart_id:
        return  # the answer is about another cart than the one asked for
    cart = reading.known.carts.setdefault(data["id"], KnownCart())
    contact = data.get("contact")
    if not cart.exists:
        cart.exists = True
        cart.forget()
    shown = set(customers_of(data))
    if cart.customers != shown:
        # Other than expected or not: from here on, that is how it is.
        cart.customers = shown
        cart.changed()
    cart.seen(CART_SIDE)
    if isinstance(contact, dict) or reading.operation == "createACart":
        cart.contact = bool(isinstance(contact, dict) and contact.get("email"))
    elif cart.contact and reading.operation == "updateACart" and "contact" in reading.data:
        # What takes a contact away is not published, nor that one is shown.
        cart.contact = None


def _carts(reading: RequestView, answer: Answer) -> None:
    """A customer's list was shown: what is in it, or missing, is as expected or is not."""
    customer = reading.customer
    if customer is None or reading.query or not isinstance(answer.data, list):
        return
    listed = {str(cart.get("id")) for cart in answer.data if isinstance(cart, dict)}
    for cart_id, cart in reading.known.carts.items():
        if not cart.exists or cart.customers is None:
            continue
        if (customer in cart.customers) == (cart_id in listed):
            cart.seen(list_side(customer))
        elif cart_id in listed or total(answer, 0) <= len(answer.data):
            cart.forget()  # one side says this and the other that


def _cart_deleted(reading: RequestView, _answer: Answer) -> None:
    cart = reading.known.carts.setdefault(reading.cart_id, KnownCart())
    cart.forget()
    cart.exists = False


def _associated(reading: RequestView, _answer: Answer) -> None:
    _change(reading, present=True)


def _disassociated(reading: RequestView, _answer: Answer) -> None:
    _change(reading, present=False)


def _change(reading: RequestView, *, present: bool) -> None:
    cart = reading.known.carts.get(reading.cart_id)
    customer = reading.named_customer
    if cart is None:
        return
    if customer is None or reading.json.ambiguous:
        cart.forget()  # it should have been refused: what it did is anyone's guess
        return
    if not cart.exists:
        cart.exists, cart.customers = True, None
    if cart.customers is None:
        cart.changed()
        return
    if present == (customer in cart.customers):
        assert reading.operation is not None
        rule = "association-repeat" if present else "delete-missing"
        cart.suspect(Suspect(rule, reading.operation))
        return
    cart.changed()
    if present:
        cart.customers.add(customer)
        cart.removed.discard(customer)
    else:
        cart.customers.discard(customer)
        cart.removed.add(customer)


def _customer_made(reading: RequestView, answer: Answer) -> None:
    data = answer.data
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        return
    email, password = reading.data.get("email"), reading.data.get("password")
    customer = reading.known.customers.setdefault(data["id"], KnownCustomer())
    customer.exists = True
    if reading.operation == "createCustomer":
        customer.complete = True
    if isinstance(email, str):
        customer.email = email
    if isinstance(password, str):
        customer.password = password


def _customer_deleted(reading: RequestView, _answer: Answer) -> None:
    known = reading.known
    customer = known.customers.setdefault(reading.customer_id, KnownCustomer())
    customer.exists = False
    for cart in known.carts.values():
        # That its associations go with it is this project's reading (customer-deleted).
        if cart.customers is not None and reading.customer_id in cart.customers:
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
