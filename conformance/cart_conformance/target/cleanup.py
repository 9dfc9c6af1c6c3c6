"""Removes what a run made, in reverse order: carts, with their associations, then customers.

It works from a session, or later from the journal alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cart_conformance.run.events import CleanupFinished
from cart_conformance.target.ledger import Remains, Thing
from cart_conformance.target.session import (
    DISSOCIATE,
    CouldNotRun,
    Session,
    Untestable,
    identifiers,
)
from cart_conformance.target.state import customers_of
from cart_conformance.target.transport import Answer, Interruption, NetworkFault

GONE = frozenset({404, 410})
FAULTS_IN_A_ROW = 3


class _GaveUp(Exception):
    """The server answers no more."""


class _Cleaning:
    def __init__(self, session: Session, given: list[str]) -> None:
        self._session = session
        self._people = [*session.made_customers, *given]
        self._faults = 0
        self.removed = 0
        self.problems: list[str] = []
        self.left: list[str] = []

    def carts(self, carts: list[str]) -> list[str]:
        """Remove these, the newest first; return those that are still there."""
        return [cart for cart in carts if not self._cart(cart)]

    def customers(self) -> None:
        """Remove the customers that the run made, the newest first."""
        for customer in list(reversed(self._session.made_customers)):
            answer = self._try("deleteCustomer", customer=customer)
            if answer is not None and self._is_gone(answer):
                self._session.journal.gone("customer", customer)
            else:
                self.left.append(f"customer {customer}")

    def _cart(self, cart: str) -> bool:
        answer = self._try("deleteACart", cart=cart)
        if answer is not None and answer.refused and answer.status not in GONE:
            # The last cart of a customer cannot be deleted: take it from everybody first.
            for person in self._customers_of(cart):
                self._try(DISSOCIATE, cart=cart, body=identifiers(person))
            answer = self._try("deleteACart", cart=cart)
        if answer is None or not self._is_gone(answer):
            return False
        self._session.journal.gone("cart", cart)
        return True

    def _customers_of(self, cart: str) -> list[str]:
        """Those of the run's customers whom the cart names; all, where it cannot be read."""
        answer = self._try("getACart", cart=cart)
        if answer is None or not answer.ok or not isinstance(answer.data, dict):
            return self._people
        named = customers_of(answer.data)
        return [person for person in self._people if person in named]

    def _is_gone(self, answer: Answer) -> bool:
        self.removed += answer.ok
        return answer.ok or answer.status in GONE

    def _try(self, operation: str, **request: object) -> Answer | None:
        session = self._session
        try:
            send: Callable[..., Answer] = session.send
            answer = send(session.administrator, operation, **request)
        except NetworkFault as fault:
            self._faults += 1
            if self._faults >= FAULTS_IN_A_ROW:
                raise _GaveUp(f"the server answers no more: {fault}") from fault
            return None
        except Untestable as problem:
            raise _GaveUp(str(problem)) from problem
        self._faults = 0
        return answer


def clean_up(session: Session, given: list[str] | None = None) -> CleanupFinished:
    """Remove everything; ``given`` are customers whose associations go and who stay.

    The journal is removed with the last thing, and kept where something is left.
    """
    client = session.client
    sent, started = client.sent, time.monotonic()
    things = len(session.carts) + len(session.made_customers)
    session.observer.drain()
    client.grant_more(requests=100 + 8 * things, seconds=max(60.0, things * 1.0))
    fixtures = [each.id for each in session.customers.values() if each.given]
    cleaning = _Cleaning(session, [*fixtures, *(given or [])])
    problem: str | None = None
    carts = list(reversed(session.carts))
    unsure = [*session.lost, *session.unsure]
    try:
        _find(session, unsure)
        carts = cleaning.carts(list(reversed(session.carts)))
        cleaning.customers()
        # What hung on a customer may be free now.
        carts = cleaning.carts(carts)
    except (_GaveUp, Interruption) as reason:
        problem = f"clean-up ended early: {reason}"
        cleaning.left = [f"customer {each}" for each in session.made_customers]
        carts = [each for each in carts if each in session.carts]
    left = [f"cart {cart}" for cart in carts] + cleaning.left
    passing, _ = session.observer.drain()
    problems = [f"while cleaning up, {each.rule}: {each.actual}" for each in passing]
    if problem:
        problems.append(problem)
    if left:
        session.journal.close()
    else:
        session.journal.finish()
    return CleanupFinished(
        removed=cleaning.removed,
        left=tuple(map(session.redactor.text, left)),
        problems=tuple(map(session.redactor.text, [*cleaning.problems, *problems])),
        requests=client.sent - sent,
        elapsed=time.monotonic() - started,
    )


def clean_up_later(session: Session, remains: Remains) -> CleanupFinished:
    """Remove what a journal says is left. Raises CouldNotRun, or an Interruption."""
    answer = session.token("client_credentials")
    if not answer.ok:
        raise CouldNotRun(f"the credentials were refused ({answer.status})")
    session.carts += remains.carts
    session.made_customers += remains.customers
    _find(session, [("customer", email) for email in remains.emails])
    return clean_up(session, remains.given)


def _find(session: Session, unsure: list[tuple[Thing, str]]) -> None:
    """Take in what may have been made by requests whose answers never came."""
    for thing, key in unsure:
        if thing == "cart" and key not in session.carts:
            session.carts.append(key)
        elif thing == "customer":
            session.made_customers += _by_email(session, key)


def _by_email(session: Session, email: str) -> list[str]:
    """The ids of customers with exactly that email: an unknown filter would list others."""
    answer = session.send(
        session.administrator, "getCustomers", query=f"filter=eq(email,{email})&page[limit]=100"
    )
    found = answer.data if answer.ok and isinstance(answer.data, list) else []
    return [
        str(each["id"])
        for each in found
        if isinstance(each, dict) and each.get("email") == email and "id" in each
    ]
