"""Updates the known state from exchanges: tokens, carts, customers and associations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from cart_conformance.bodies import account_tokens, owners_of, total
from cart_conformance.exchange import OWNER_TOKENS, Answer
from cart_conformance.oracle.knowledge import (
    ADMINISTRATOR,
    CART_SIDE,
    AccessToken,
    KnownCart,
    KnownOwner,
    OwnerRef,
    OwnerToken,
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


def _no_effect(_view: RequestView, _answer: Answer) -> None:
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
    customer = OwnerRef("customer", customer_id)
    view.known.owner_tokens[token] = OwnerToken(customer, _seconds(data.get("expires")))
    known = view.known.owners.setdefault(customer, KnownOwner())
    email, password = view.data.get("email"), view.data.get("password")
    known.login = email if isinstance(email, str) else known.login
    known.password = password if isinstance(password, str) else known.password


def _account_tokens(view: RequestView, answer: Answer) -> None:
    username, password = view.data.get("username"), view.data.get("password")
    for each in account_tokens(answer):
        account = OwnerRef("account", each["account_id"])
        view.known.owner_tokens[each["token"]] = OwnerToken(account)
        known = view.known.owners.setdefault(account, KnownOwner())
        known.login = username if isinstance(username, str) else known.login
        known.password = password if isinstance(password, str) else known.password


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
    shown = shown_owners(data)
    if cart.owners != shown:
        # Adopt the observed state, expected or not, to avoid follow-up findings.
        cart.owners = shown
        cart.changed()
    cart.seen(CART_SIDE)
    if isinstance(contact, dict) or view.operation == "createACart":
        cart.contact = bool(isinstance(contact, dict) and contact.get("email"))
    elif cart.contact and view.operation == "updateACart" and "contact" in view.data:
        # It is not published what removes a contact, or that answers contain it.
        cart.contact = None


def shown_owners(cart: dict[str, Any]) -> set[OwnerRef]:
    """Return the owners in a cart's relationships."""
    return {OwnerRef(kind, each) for kind in OWNER_TOKENS for each in owners_of(cart, kind)}


def _carts(view: RequestView, answer: Answer) -> None:
    """Learn from an owner's list which carts are in the expected state."""
    owner = view.owner
    if owner is None or view.query or not isinstance(answer.data, list):
        return
    listed = {str(cart.get("id")) for cart in answer.data if isinstance(cart, dict)}
    for cart_id, cart in view.known.carts.items():
        if not cart.exists or cart.owners is None:
            continue
        if (owner in cart.owners) == (cart_id in listed):
            cart.seen(list_side(owner))
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
    owner = view.named_owner
    if cart is None:
        return
    if owner is None or view.json.ambiguous:
        cart.forget()  # it should have been refused, so its effect is unknown
        return
    if not cart.exists:
        cart.exists, cart.owners = True, None
    if cart.owners is None:
        cart.changed()
        return
    if present == (owner in cart.owners):
        assert view.operation is not None
        rule = "association-repeat" if present else "delete-missing"
        cart.suspect(Suspect(rule, view.operation))
        return
    cart.changed()
    if present:
        cart.owners.add(owner)
        cart.removed.discard(owner)
    else:
        cart.owners.discard(owner)
        cart.removed.add(owner)


def _customer_made(view: RequestView, answer: Answer) -> None:
    data = answer.data
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        return
    email, password = view.data.get("email"), view.data.get("password")
    customer = view.known.owners.setdefault(OwnerRef("customer", data["id"]), KnownOwner())
    customer.exists = True
    if view.operation == "createCustomer":
        customer.complete = True
    if isinstance(email, str):
        customer.login = email
    if isinstance(password, str):
        customer.password = password


def _account_made(view: RequestView, answer: Answer) -> None:
    data = answer.data
    if isinstance(data, dict) and isinstance(data.get("id"), str):
        account = OwnerRef("account", data["id"])
        view.known.owners.setdefault(account, KnownOwner(complete=True)).exists = True


def _customer_deleted(view: RequestView, _answer: Answer) -> None:
    _owner_deleted(view, OwnerRef("customer", view.customer_id))


def _account_deleted(view: RequestView, _answer: Answer) -> None:
    _owner_deleted(view, OwnerRef("account", view.account_id))


def _owner_deleted(view: RequestView, owner: OwnerRef) -> None:
    known = view.known
    known.owners.setdefault(owner, KnownOwner()).exists = False
    for cart in known.carts.values():
        # That its associations are deleted too is an interpretation (customer-deleted).
        if cart.owners is not None and owner in cart.owners:
            cart.forget()


_EFFECTS: dict[str, Callable[[RequestView, Answer], None]] = {
    "createAccessToken": _access_token,
    "createCustomerToken": _customer_token,
    "createAccountToken": _account_tokens,
    "createACart": _cart,
    "getACart": _cart,
    "getCarts": _carts,
    "updateACart": _cart,
    "deleteACart": _cart_deleted,
    "createCustomerCartAssociation": _associated,
    "deleteCustomerCartAssociation": _disassociated,
    "createAccountCartAssociation": _associated,
    "deleteAccountCartAssociation": _disassociated,
    "createCustomer": _customer_made,
    "updateCustomer": _customer_made,
    "deleteCustomer": _customer_deleted,
    "createAccount": _account_made,
    "deleteAccount": _account_deleted,
}
