"""Removes what a run made, newest first: carts with their associations, then customers.

It works at the end of a session, or later with only the journal.
"""

from __future__ import annotations

import time
from typing import Any

from cart_conformance.bodies import owners_of
from cart_conformance.errors import CouldNotRun, Untestable
from cart_conformance.exchange import Answer
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.request_view import is_safe_id
from cart_conformance.results import CleanupFinished
from cart_conformance.target.ledger import Remains, Thing
from cart_conformance.target.requests import DISSOCIATE, identifiers, operation_for
from cart_conformance.target.session import Session
from cart_conformance.target.transport import Interruption, NetworkError, Throttled

GONE = frozenset({404, 410})
PAGE, MOST_PAGES = 100, 100
"""Accounts on a page, and pages that are read to find those of a run."""
PAUSES = (0.0, 0.5, 2.0, 5.0)
"""Seconds to wait before each attempt of one request."""
ERRORS_IN_A_ROW = 8
"""Requests without an answer after which the server is taken to be down."""


class _GaveUp(Exception):
    """The end of a clean-up because the server no longer answers."""


class _Cleaner:
    def __init__(self, session: Session, given: list[str]) -> None:
        self._session = session
        self._owners = [
            *(("customer", each) for each in (*session.ledger.customers, *given)),
            *(("account", each) for each in session.ledger.accounts),
        ]
        self._errors = 0
        self._failing: set[str] = set()
        """Operations whose last request was answered 5xx at each attempt: they get one attempt."""
        self.removed = 0
        self.refused: str | None = None
        """The answer to the last request that did not remove something."""
        self.left: list[str] = []

    def carts(self, carts: list[str]) -> list[str]:
        """Remove these carts; return those that are still there."""
        return [cart for cart in carts if not self._cart(cart)]

    def owners(self) -> None:
        """Remove the customers and accounts that the run made, newest first.

        The API has no request that removes an account's member.
        """
        ledger = self._session.ledger
        self.left.clear()
        made: tuple[tuple[Thing, list[str]], ...] = (
            ("customer", ledger.customers),
            ("account", ledger.accounts),
        )
        for kind, ids in made:
            for owner in reversed([*ids]):
                of_owner: dict[str, Any] = {kind: owner}
                answer = self._try(f"delete{kind.capitalize()}", **of_owner)
                if answer is not None and self._is_gone(answer, owner):
                    ledger.gone(kind, owner)
                else:
                    self.left.append(f"{kind} {owner}")

    def _cart(self, cart: str) -> bool:
        answer = self._try("deleteACart", cart=cart)
        if answer is not None and answer.refused and answer.status not in GONE:
            # The last cart of an owner cannot be deleted, so disassociate it first.
            for kind, owner in self._owners_of(cart):
                body = identifiers(owner, kind=kind)
                self._try(operation_for(kind, DISSOCIATE), cart=cart, body=body)
            answer = self._try("deleteACart", cart=cart)
        if answer is None or not self._is_gone(answer, cart):
            return False
        self._session.ledger.gone("cart", cart)
        return True

    def _owners_of(self, cart: str) -> list[tuple[str, str]]:
        """Return the run's owners that the cart names; all of them if it cannot be read."""
        answer = self._try("getACart", cart=cart)
        if answer is None or not answer.ok or not isinstance(answer.data, dict):
            return self._owners
        data = answer.data
        return [(kind, owner) for kind, owner in self._owners if owner in owners_of(data, kind)]

    def _is_gone(self, answer: Answer, thing: str) -> bool:
        """Return whether a thing is gone, or never existed: no cart can have an unsafe id."""
        self.removed += answer.ok
        gone = answer.ok or answer.status in GONE or (answer.refused and not is_safe_id(thing))
        if not gone:
            self.refused = shown(answer)
        return gone

    def _try(self, operation: str, **parts: Any) -> Answer | None:
        """Send a request until it is answered; removing a thing twice does no harm.

        After a 5xx it is sent again, too, unless the operation failed like this before: each wait
        would be for every thing. Returns None if no attempt was answered.
        """
        session, answer = self._session, None
        for pause in PAUSES[:1] if operation in self._failing else PAUSES:
            session.transport.budget.pause(pause)
            try:
                answer = session.send(session.administrator, operation, **parts)
            except (NetworkError, Throttled) as error:
                self._errors += 1
                if self._errors >= ERRORS_IN_A_ROW:
                    raise _GaveUp(f"the server no longer answers: {error}") from error
                continue
            except Untestable as problem:
                raise _GaveUp(str(problem)) from problem
            self._errors = 0
            if answer.status < 500:
                self._failing.discard(operation)
                return answer
        self._failing.add(operation)
        return answer


def clean_up(session: Session, given: list[str] | None = None) -> CleanupFinished:
    """Remove everything that the run made; for ``given`` customers, only their associations.

    If nothing is left, the journal is removed too.
    """
    ledger, budget = session.ledger, session.transport.budget
    sent, started = budget.sent, time.monotonic()
    things = len(ledger.carts) + len(ledger.customers) + len(ledger.accounts)
    session.checks.take_findings()
    session.patience.slowly = False
    budget.grant_more(requests=200 + 20 * things, seconds=max(120.0, things * 4.0))
    fixtures = [each.id for each in session.actors.customers.values() if each.given]
    cleaner = _Cleaner(session, [*fixtures, *(given or [])])
    carts, problem = _remove_all(session, cleaner)
    left = [f"cart {cart}" for cart in carts] + cleaner.left
    if left and not problem and cleaner.refused:
        problem = f"the deployment does not remove them: {cleaner.refused}"
    passing, _ = session.checks.take_findings()
    problems = [f"while cleaning up, {each.rule}: {each.actual}" for each in passing]
    if problem:
        problems.append(problem)
    if left:
        ledger.close()
    else:
        ledger.finish()
    return CleanupFinished(
        removed=cleaner.removed,
        left=tuple(map(session.redactor.text, left)),
        problems=tuple(map(session.redactor.text, problems)),
        requests=budget.sent - sent,
        elapsed=time.monotonic() - started,
    )


def _remove_all(session: Session, cleaner: _Cleaner) -> tuple[list[str], str | None]:
    """Remove everything; return the carts that are left, and why it ended early, if it did."""
    ledger = session.ledger
    carts, unsure = [*reversed(ledger.carts)], ledger.maybe()
    try:
        if carts or ledger.customers or ledger.accounts or unsure:
            _log_in_again(session)
        # The deployment may still be at a request that was interrupted, so look for it twice.
        for _ in range(2 if unsure else 1):
            _find(session, unsure)
            carts = cleaner.carts([*reversed(ledger.carts)])
            cleaner.owners()
            # A cart that could not be deleted may be deletable after its customer is gone.
            carts = cleaner.carts(carts)
    except (_GaveUp, Interruption) as reason:
        cleaner.left = [f"customer {each}" for each in ledger.customers]
        cleaner.left += [f"account {each}" for each in ledger.accounts]
        return [each for each in carts if each in ledger.carts], f"clean-up ended early: {reason}"
    return carts, None


def _log_in_again(session: Session) -> None:
    """Get a new access token, because the old one may have ended with a restart of the server."""
    try:
        session.actors.adopt("administrator", session.actors.token("client_credentials"))
    except (NetworkError, Untestable):
        return  # the token of the run may still be valid


def clean_up_later(session: Session, remains: Remains) -> CleanupFinished:
    """Remove what a journal lists as left. Raises CouldNotRun or an Interruption."""
    answer = session.actors.token("client_credentials")
    if not answer.ok:
        raise CouldNotRun(f"the credentials were refused ({answer.status})")
    session.ledger.carts += remains.carts
    session.ledger.customers += remains.customers
    session.ledger.accounts += remains.accounts
    session.ledger.unsure += [("customer", email) for email in remains.emails]
    session.ledger.unsure += [("account", name) for name in remains.names]
    return clean_up(session, remains.given)


def _find(session: Session, unsure: list[tuple[Thing, str]]) -> None:
    """Find what requests without an answer may have made."""
    for thing, key in unsure:
        if thing == "cart" and key not in session.ledger.carts:
            session.ledger.carts.append(key)
        elif thing == "customer":
            customers = session.ledger.customers
            customers += [each for each in _by_email(session, key) if each not in customers]
        elif thing == "account":
            known = session.ledger.accounts
            known += [each for each in _by_name(session, key) if each not in known]


def _by_name(session: Session, name: str) -> list[str]:
    """Return the ids of accounts with exactly that name, which contains the id of the run."""
    found: list[str] = []
    for page in range(MOST_PAGES):
        query = f"page[limit]={PAGE}&page[offset]={page * PAGE}"
        answer = session.send(session.administrator, "getAccounts", query=query)
        entries = answer.data if answer.ok and isinstance(answer.data, list) else []
        accounts = [each for each in entries if isinstance(each, dict)]
        found += [str(each["id"]) for each in accounts if each.get("name") == name and "id" in each]
        if len(entries) < PAGE:
            break
    return found


def _by_email(session: Session, email: str) -> list[str]:
    """Return the ids of customers with exactly that email. Do not rely on the server's filter."""
    answer = session.send(
        session.administrator, "getCustomers", query=f"filter=eq(email,{email})&page[limit]=100"
    )
    found = answer.data if answer.ok and isinstance(answer.data, list) else []
    return [
        str(each["id"])
        for each in found
        if isinstance(each, dict) and each.get("email") == email and "id" in each
    ]
