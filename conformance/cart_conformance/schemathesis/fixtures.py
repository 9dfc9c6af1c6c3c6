"""The customers and carts that generated requests use, and how their state is restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from cart_conformance.errors import Untestable
from cart_conformance.exchange import ACCOUNT_TOKEN, CUSTOMER_TOKEN, Answer, Request
from cart_conformance.oracle import CART_SIDE, Judgement, KnownOwner, OwnerRef
from cart_conformance.oracle.jsontext import read_json
from cart_conformance.oracle.request_view import ASSOCIATION_OPERATIONS, RequestView, is_safe_id
from cart_conformance.schemathesis.schema_binding import Callers, bound_document
from cart_conformance.target.credentials import CartOwner, Credentials, Customer, altered
from cart_conformance.target.judging_client import JudgingClient
from cart_conformance.target.requests import (
    ACCOUNTS_ASSOCIATE,
    ACCOUNTS_DISSOCIATE,
    ASSOCIATE,
    CUSTOMERS_ASSOCIATE,
    CUSTOMERS_DISSOCIATE,
    DISSOCIATE,
    identifiers,
    operation_for,
)
from cart_conformance.target.session import Session

# Token requests are left out, because a series of wrong secrets may lock a real key. So is the
# deletion of customers, which has directed cases.
OPERATIONS = (
    "createCustomerCartAssociation",
    "deleteCustomerCartAssociation",
    "getCarts",
    "createACart",
    "getACart",
    "updateACart",
    "deleteACart",
    "getCustomers",
    "getCustomer",
    # Of the operations that a storefront calls around an association, those that neither change the
    # store's settings nor make an order, which no request removes.
    "getCartItems",
    "addCartItems",
    "updateCartItems",
    "updateCartItem",
    "deleteCartItem",
    "deleteCartItems",
    "getCartSettings",
)
ACCOUNT_OPERATIONS = (ACCOUNTS_ASSOCIATE, ACCOUNTS_DISSOCIATE)
"""These operations need a deployment with accounts."""
# These operations change a customer, so they need one that the run made for this purpose.
CUSTOMER_OPERATIONS = ("createCustomer", "updateCustomer", "createCustomerToken")

UNSAFE_ID = "not a safe id"

# Placeholders for tokens in generated requests. So renewing a token does not change the requests,
# and reports of tools that only see the placeholders contain no secrets.
ADMINISTRATOR, IMPLICIT = "Bearer administrator", "Bearer implicit"
ALTERED = "Bearer administrator, altered"
CUSTOMER_A, CUSTOMER_B = "customer A", "customer B"
ACCOUNT_A, ACCOUNT_B = "account A", "account B"
LATER_LOGIN, ALTERED_A = "customer A, logged in again", "customer A, altered"


@dataclass
class _Carts:
    """The carts by purpose. ``kept`` says which owners each cart should have."""

    free: str
    of_a: str
    of_b: str
    renamed: str
    absent: str
    contact: str | None
    spare: list[str]
    kept: dict[str, set[OwnerRef]] = field(default_factory=dict)


class Fixtures:
    """Customers A and B, and carts: free, of A, of B, with a contact email, absent, to delete.

    After each association request the carts are read and restored. So each request meets the same
    state, and an effect of a refused request is detected.
    """

    def __init__(self, session: Session) -> None:
        """Make the fixtures. Raises Untestable, or an Interruption."""
        self.session = session
        self.client = JudgingClient(session)
        customers = list(session.actors.customers.values())
        if not customers:
            raise Untestable("no customer: " + "; ".join(session.actors.problems))
        # The coverage phase builds a request from the smallest values, and then varies one of them
        # at a
        # time. That first request must be valid, so customer A's token must go with A's id.
        self.customers = sorted(customers[:2], key=lambda each: (len(each.id), each.id))
        self.accounts = list(session.actors.accounts.values())[:2]
        self.own: Customer | None = None
        if session.settings.customers is None:
            self.own = session.new_customer()
            self.client.introduce(self.own, has_no_carts=True)
        # Longer than usual ids, so that it is not the smallest value.
        self.absent_customer = f"{session.fresh_id('unknown')}-{'0' * 36}"
        absent = OwnerRef("customer", self.absent_customer)
        self.client.known.owners[absent] = KnownOwner(exists=False)
        self._later: Customer | None = None
        self.carts = self._make_carts()
        # Requested after the associations, which must be visible to every later token.
        self._later = self._logged_in_again(self.customers[0])

    def _make_carts(self) -> _Carts:
        carts = _Carts(
            free=self._new_cart(),
            of_a=self._new_cart(),
            of_b=self._new_cart(),
            renamed=self._new_cart(),
            absent=self.session.unknown_cart_id(),
            contact=None,
            spare=[self._new_cart(), self._new_cart()],
        )
        with suppress(Untestable):
            carts.contact = self._new_cart(contact={"name": "C", "email": "contact@example.com"})
        first, last = self.customers[0], self.customers[-1]
        of_a, of_b = {_reference(first)}, {_reference(last)}
        if self.accounts:
            of_a.add(_reference(self.accounts[0]))
            of_b.add(_reference(self.accounts[-1]))
        carts.kept = {carts.free: set(), carts.of_a: of_a, carts.of_b: of_b}
        for cart, owners in carts.kept.items():
            for owner in sorted(owners):
                self._associate(cart, owner)
        return carts

    def _logged_in_again(self, customer: Customer) -> Customer | None:
        if customer.email is None or customer.password is None:
            return None
        token = self.session.factory.customer_token(customer.email, customer.password)
        again = replace(customer, token=token)
        complete = self.client.known.owners[OwnerRef("customer", customer.id)].complete
        self.client.introduce(again, has_no_carts=complete)
        return again

    def _new_cart(self, **fields: Any) -> str:
        data = {"id": self.session.fresh_id(), "name": "Conformance run", **fields}
        answer, _ = self._administer("createACart", body={"data": data})
        made = answer.data.get("id") if isinstance(answer.data, dict) else None
        if not answer.ok or not isinstance(made, str):
            raise Untestable(f"no cart could be made: {answer.status}")
        return made

    def _administer(self, operation: str, **request: Any) -> tuple[Answer, Judgement]:
        administrator, _ = self.client.callers()
        return self.client.send(administrator, operation, **request)

    def _associate(self, cart: str, owner: OwnerRef, template: str = ASSOCIATE) -> None:
        body = identifiers(owner.id, kind=owner.kind)
        self._administer(operation_for(owner.kind, template), cart=cart, body=body)

    # --- Ids and tokens for generators ---

    def document(self) -> dict[str, Any]:
        """Return the contract document bound to these fixtures."""
        carts = self.carts
        operations = (
            *OPERATIONS,
            *(CUSTOMER_OPERATIONS if self.own else ()),
            *(ACCOUNT_OPERATIONS if self.accounts else ()),
        )
        contact = [carts.contact] if carts.contact else []
        bound = {each: [carts.of_a, carts.free, carts.of_b, carts.absent] for each in operations}
        associated = [carts.free, carts.of_a, carts.of_b, *contact, carts.absent, UNSAFE_ID]
        dissociated = [carts.of_a, carts.of_b, carts.free, carts.absent, UNSAFE_ID]
        bound |= {each: [carts.renamed] for each in operations if "CartItem" in each}
        bound |= {
            CUSTOMERS_ASSOCIATE: associated,
            ACCOUNTS_ASSOCIATE: associated,
            CUSTOMERS_DISSOCIATE: dissociated,
            ACCOUNTS_DISSOCIATE: dissociated,
            # A request for an unknown id creates the cart, so the id must not be that of the absent
            # cart.
            "getACart": [carts.of_a, carts.free, carts.of_b, self.session.unknown_cart_id()],
            "updateACart": [carts.renamed, carts.of_a, carts.absent],
            "deleteACart": carts.spare,
        }
        customers = [each.id for each in self.customers]
        own = self.own
        return bound_document(
            self.session.contract,
            operations,
            carts=bound,
            customers=[*([own.id] if own else []), *customers],
            named=[*customers, self.absent_customer],
            logins=[own.email] if own and own.email else [],
            accounts=[each.id for each in self.accounts],
            callers=Callers(
                list(self._access_tokens()),
                list(self._customer_tokens()),
                list(self._account_tokens()),
            ),
        )

    def _access_tokens(self) -> dict[str, str]:
        """Return the values of ``Authorization``, by placeholder. Raises Untestable."""
        administrator, implicit = (str(each.access_token) for each in self.client.callers())
        tokens = {ADMINISTRATOR: administrator, IMPLICIT: implicit, ALTERED: altered(administrator)}
        return {name: f"Bearer {token}" for name, token in tokens.items()}

    def _customer_tokens(self) -> dict[str, str]:
        """Return the customer tokens, by placeholder."""
        first, later = self.customers[0].token, self._later
        tokens = {
            CUSTOMER_A: first,
            CUSTOMER_B: self.customers[-1].token,
            LATER_LOGIN: later.token if later else None,
            ALTERED_A: altered(first) if first else None,
        }
        return {name: token for name, token in tokens.items() if token}

    def _account_tokens(self) -> dict[str, str]:
        """Return the account tokens, by placeholder."""
        names = (ACCOUNT_A, ACCOUNT_B)
        accounts = zip(names, self.accounts, strict=False)
        return {name: account.token for name, account in accounts if account.token}

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        """Return ``headers`` with tokens instead of placeholders. Raises Untestable."""
        found = dict(headers)
        for name, value in headers.items():
            if name.lower() == "authorization":
                found[name] = self._access_tokens().get(value, value)
            elif name.lower() == CUSTOMER_TOKEN.lower():
                found[name] = self._customer_tokens().get(value, value)
            elif name.lower() == ACCOUNT_TOKEN.lower():
                found[name] = self._account_tokens().get(value, value)
        return found

    def names_only_ours(self, view: RequestView) -> bool:
        """Return whether a path names only things of this run, or things that cannot exist.

        A cart with an unsafe id cannot exist.
        """
        carts, session = self.carts, self.session
        if "cartID" in view.parameters:
            ours = {carts.absent, *session.ledger.carts}
            return view.cart_id in ours or not is_safe_id(view.cart_id)
        if "customerID" in view.parameters:
            made = [self.own.id] if self.own else []
            may_be_any = view.sent.method == "GET"
            return view.customer_id in [
                *made,
                *([each.id for each in self.customers] if may_be_any else []),
            ]
        return True

    def own_body(self, operation: str, sent: bytes) -> dict[str, Any]:
        """Return a body to send, with ids, emails and passwords of this run."""
        text = read_json(sent)
        data = text.value.get("data") if isinstance(text.value, dict) else None
        if text.malformed or text.ambiguous or not isinstance(data, dict):
            return {"raw": sent}
        if operation == "createACart" and is_safe_id(str(data.get("id") or "x")):
            data["id"] = self.session.fresh_id()
        elif operation in {"createCustomer", "updateCustomer"}:
            if "@" in str(data.get("email")):
                data["email"] = self.session.factory.email()
            if isinstance(data.get("password"), str) and data["password"]:
                # Long enough that it cannot occur in an answer by chance.
                data["password"] = f"Aa1-{self.session.rng.getrandbits(64):016x}"
        else:
            return {"raw": sent}
        return {"body": text.value}

    def view(self, method: str, url: str) -> RequestView:
        """Return the oracle's view of a request's operation and parameters."""
        oracle = self.client.oracle
        return oracle.read(Request(method, url, {}), self.client.known)

    # --- After each request ---

    def settle(self, answer: Answer) -> Iterator[Judgement]:
        """Read what a request may have changed, and restore it."""
        view = self.client.oracle.read(answer.request, self.client.known)
        if view.operation in ASSOCIATION_OPERATIONS:
            yield from self._look(view.cart_id, at_lists=answer.ok)
            yield from self._restore(view.cart_id)
        elif view.operation == "deleteACart" and answer.ok and view.cart_id in self.carts.spare:
            data = {"id": view.cart_id, "name": "Conformance run"}
            self._administer("createACart", body={"data": data})

    def _look(self, cart: str, *, at_lists: bool) -> Iterator[Judgement]:
        """Read a cart, and the lists of its owners."""
        known = self.client.known.carts.get(cart)
        if known is None or not known.exists:
            return
        if CART_SIDE not in known.verified:
            yield self._administer("getACart", cart=cart)[1]
        owners: list[CartOwner] = [*self.customers, *self.accounts]
        for owner in owners if at_lists else ():
            if not self.client.known.is_verified(cart, _reference(owner)):
                yield self._list_of(owner)
        if at_lists and self._later is not None:
            later = self._list_of(self._later)
            level = self.session.contract.rule("any-device").level
            found = tuple(replace(f, rule="any-device", level=level) for f in later.findings)
            yield replace(later, findings=found, rules=(*later.rules, "any-device"))

    def _list_of(self, owner: CartOwner) -> Judgement:
        caller: Credentials = self.session.shopper(owner)
        return self.client.send(caller, "getCarts")[1]

    def _restore(self, cart: str) -> Iterator[Judgement]:
        """Restore the owners that the cart should have."""
        wanted, are = self.carts.kept.get(cart), self.client.known.owners_of(cart)
        if wanted is None or are is None or are == wanted:
            return
        for owner in sorted(are - wanted):
            self._associate(cart, owner, DISSOCIATE)
        for owner in sorted(wanted - are):
            self._associate(cart, owner)
        yield from self._look(cart, at_lists=False)


def _reference(owner: CartOwner) -> OwnerRef:
    return OwnerRef(owner.kind, owner.id)
