"""Waits until a deployment shows what the run has written, because reads may lag behind writes.

Nothing published promises that a list is up to date at once. A read that disagrees with what the
run has written is repeated for some seconds; only the last read counts. A deployment whose reads
agree at once costs no time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from cart_conformance.exchange import Answer
from cart_conformance.oracle.effects import shown_owners
from cart_conformance.oracle.knowledge import OwnerRef
from cart_conformance.oracle.request_view import ASSOCIATING, ASSOCIATION_OPERATIONS
from cart_conformance.target.requests import RequestParts

_Read = TypeVar("_Read")

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
"""Seconds between the reads of one wait, at the start and at most."""

MOST_IN_VAIN = 2
"""Number of whole waits without success after which the run waits only as long as it has to.

Until then each disagreement may be a long lag. After that it is more likely a deviation, and the
waits would take longer than the run.
"""
SHORTEST_WAIT = 0.05
MARGIN = 3.0
"""Factor between the longest lag seen so far and the time to wait."""


class Patience:
    """How long a run waits for its own changes to be seen. ``lag`` is the longest lag so far."""

    def __init__(self, settle: float, pause: Callable[[float], None]) -> None:
        """Wait at most ``settle`` seconds for a change. ``pause`` waits within the run's time."""
        self.lag = 0.0
        self.slowly = False
        """Whether every read waits first: a suspected deviation is tried again like this."""
        self._settle = settle
        self._pause = pause
        self._in_vain = 0
        self._changed_at = float("-inf")

    def waited_in_vain(self) -> None:
        """Note that a suspected deviation came again after waiting."""
        self._in_vain += 1

    def changed(self) -> None:
        """Note that a change was accepted just now."""
        self._changed_at = time.monotonic()

    def before_read(self) -> None:
        """Wait until the last change should be visible, as far as the lag is known."""
        wait = max(self.lag * 1.2, self._limit if self.slowly else 0.0)
        left = self._changed_at + wait - time.monotonic()
        if wait and left > 0:
            self._pause(left)

    def until(self, read: Callable[[], _Read], agrees: Callable[[_Read], bool]) -> _Read:
        """Return the first read that ``agrees`` with what was written, or the last one."""
        found = read()
        if agrees(found) or not self._settle:
            return found
        started, delay = time.monotonic(), FIRST_PAUSE
        while time.monotonic() - started < self._limit:
            self._pause(delay)
            delay = min(2 * delay, LONGEST_PAUSE)
            found = read()
            if agrees(found):
                since = min(started, self._changed_at)
                self.lag = max(self.lag, min(self._settle, time.monotonic() - since))
                return found
        self._in_vain += 1
        return found

    @property
    def _limit(self) -> float:
        if self._in_vain < MOST_IN_VAIN:
            return self._settle
        return min(self._settle, max(SHORTEST_WAIT, MARGIN * self.lag))


class Written:
    """The associations that a run has written, by cart.

    A cart is missing if the run cannot know its owners.
    """

    def __init__(self) -> None:
        """Start without carts."""
        self._carts: dict[str, set[OwnerRef]] = {}

    def note(self, parts: RequestParts, answer: Answer, owners: Iterable[OwnerRef]) -> None:
        """Note an accepted request; ``owners`` are those whose tokens were sent."""
        if parts.operation == "createACart":
            data = answer.data
            if isinstance(data, dict) and isinstance(data.get("id"), str):
                self._carts[data["id"]] = {*shown_owners(data), *owners}
        elif parts.operation in ASSOCIATION_OPERATIONS:
            self._associated(parts)
        elif parts.operation == "deleteACart":
            self._carts.pop(parts.cart or "", None)
        elif parts.operation == "deleteCustomer":
            self._forget_owner(OwnerRef("customer", str(parts.customer)))
        elif parts.operation == "deleteAccount":
            self._forget_owner(OwnerRef("account", str(parts.account)))

    def _forget_owner(self, owner: OwnerRef) -> None:
        for cart in [cart for cart, has in self._carts.items() if owner in has]:
            del self._carts[cart]

    def _associated(self, parts: RequestParts) -> None:
        kind = "account" if "Account" in parts.operation else "customer"
        cart, named = self._carts.get(parts.cart or ""), _named(kind, parts.document)
        if cart is None:
            return
        if named is None:
            del self._carts[parts.cart or ""]
        elif parts.operation in ASSOCIATING:
            cart.add(named)
        else:
            cart.discard(named)

    def carts_of(self, owner: OwnerRef) -> list[str]:
        """Return the carts that were associated with an owner, oldest first."""
        return [cart for cart, has in self._carts.items() if owner in has]

    def agrees(self, cart: str, owners: Iterable[tuple[str, str]]) -> bool:
        """Return whether a cart shows the owners that were written."""
        written = self._carts.get(cart)
        return written is None or written == {*owners}

    def agrees_with_list(self, owner: OwnerRef, listed: Iterable[str]) -> bool:
        """Return whether the whole list of an owner shows the carts that were written."""
        there = {*listed}
        return all((owner in has) == (cart in there) for cart, has in self._carts.items())

    def adopt(self, cart: str, owners: Iterable[tuple[str, str]]) -> None:
        """Take what a cart shows for what was written, so that the next read does not wait."""
        if cart in self._carts:
            self._carts[cart] = {OwnerRef(*owner) for owner in owners}

    def adopt_list(self, owner: OwnerRef, listed: Iterable[str]) -> None:
        """Forget the carts that disagree with an owner's list."""
        there = {*listed}
        for cart, has in [*self._carts.items()]:
            if (owner in has) != (cart in there):
                del self._carts[cart]


def _named(kind: str, document: Any) -> OwnerRef | None:
    """Return the id in an association request with one identifier, else None."""
    entries = document.get("data") if isinstance(document, dict) else document
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        return None
    named = entries[0].get("id")
    return OwnerRef(kind, named) if isinstance(named, str) else None
