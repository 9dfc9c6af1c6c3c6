"""Sends through a session and holds every answer against the oracle."""

from __future__ import annotations

from typing import Any

from cart_conformance.oracle import (
    ADMINISTRATOR,
    SHOPPER,
    AccessToken,
    CustomerToken,
    Judgement,
    KnownCustomer,
    Oracle,
    TargetState,
)
from cart_conformance.oracle.effects import learn, lost
from cart_conformance.target.credentials import Credentials, Customer
from cart_conformance.target.session import Session
from cart_conformance.target.transport import Answer, Interruption, Request


class JudgingClient:
    """A session whose answers are judged; what they teach is kept in ``known``.

    Only what this run made is known, and nobody else acts on that, so what is known stays true.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.oracle = Oracle(session.contract)
        self.known = TargetState(complete=True)
        settings = session.settings
        self.known.secrets[settings.client_id] = settings.client_secret
        for customer in session.customers.values():
            self.introduce(customer, has_no_carts=False)

    def introduce(self, customer: Customer, *, has_no_carts: bool) -> None:
        """Make a customer known. ``has_no_carts`` says that every cart to come will be known."""
        self.known.customers[customer.id] = KnownCustomer(
            email=customer.email, password=customer.password, complete=has_no_carts
        )
        if customer.token:
            self.known.customer_tokens[customer.token] = CustomerToken(customer.id)

    def callers(self) -> tuple[Credentials, Credentials]:
        """The administrator, and a shopper without a customer token. Raises Untestable."""
        administrator, implicit = self.session.administrator, self.session.implicit
        for caller, grant in ((administrator, ADMINISTRATOR), (implicit, SHOPPER)):
            if caller.access_token:
                self.known.access_tokens[caller.access_token] = AccessToken(grant)
        return administrator, implicit

    def send(
        self, caller: Credentials | None, operation: str, **request: Any
    ) -> tuple[Answer, Judgement]:
        """Send one operation, judge its answer and learn from it.

        See :meth:`cart_conformance.target.session.Session.send` for ``request``. Raises an Interruption, after
        which nothing is known any more of the cart that a changing request was about.
        """
        self.callers()
        try:
            answer = self.session.send(caller, operation, **request)
        except Interruption:
            self._lost(operation, request)
            raise
        judgement = self.oracle.judge(answer, self.known)
        reading = self.oracle.read(answer.request, self.known)
        rule = judgement.rules[0] if judgement.rules else None
        learn(reading, answer, rule, odd=judgement.doubt is not None)
        # The oracle looks at what the observer looks at, with more knowledge of the request.
        self.session.observer.drain()
        return answer, judgement

    def _lost(self, operation: str, request: dict[str, Any]) -> None:
        method, path = self.session.contract.operations[operation]
        cart = str(request.get("cart") or "")
        url = self.session.settings.target + path.replace("{cartID}", cart)
        lost(self.oracle.read(Request(method, url, {}), self.known))
