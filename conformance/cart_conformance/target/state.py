"""Reads the state of a deployment: a cart, and the lists of its owners."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cart_conformance.bodies import owners_of, page_of, timestamp, total
from cart_conformance.errors import Untestable
from cart_conformance.exchange import OWNER_TOKENS
from cart_conformance.target.credentials import CartOwner, Credentials
from cart_conformance.target.session import Session

PAGE = 50
"""Entries requested at a time, well within the bounds. Separate cases test the bounds."""
MOST_PAGES = 10


@dataclass(frozen=True, slots=True)
class State:
    """One cart, as the deployment returns it.

    ``owners`` are the kinds and ids in the cart's relationships, sorted, with duplicates.
    ``listed`` maps an owner's label to the number of times the cart is in that owner's list, or to
    -1 if the list could not be read. ``missing`` is the status if the cart could not be read.
    """

    owners: tuple[tuple[str, str], ...]
    listed: tuple[tuple[str, int], ...]
    fields: tuple[tuple[str, Any], ...]
    updated_at: str | None
    expires_at: str | None = None
    missing: int | None = None

    def names(self, owner: CartOwner) -> int:
        """Return how often the cart names that owner."""
        return self.owners.count((owner.kind, owner.id))

    def count(self, label: str) -> int:
        """Return how often the cart is in the list of the owner with that label."""
        return dict(self.listed).get(label, 0)

    def associations(self) -> tuple[Any, ...]:
        """Return the associations that are visible from either side."""
        return (self.owners, self.listed, self.missing)


def read_state(session: Session, cart: str, owners: Iterable[CartOwner]) -> State:
    """Read the cart as administrator, and each owner's list with its token."""
    listed = tuple((each.label, _times_listed(session, each, cart)) for each in owners)
    answer = session.send(session.administrator, "getACart", cart=cart)
    data = answer.data
    if not answer.ok or not isinstance(data, dict):
        return State((), listed, (), None, missing=answer.status)
    names = ("id", "name", "description", "contact")
    return State(
        owners=tuple(
            sorted((kind, each) for kind in OWNER_TOKENS for each in owners_of(data, kind))
        ),
        listed=listed,
        fields=tuple((name, repr(data.get(name) or None)) for name in names),
        updated_at=timestamp(data, "updated_at"),
        expires_at=timestamp(data, "expires_at"),
    )


def _times_listed(session: Session, owner: CartOwner, cart: str) -> int:
    try:
        return list_ids(session, session.shopper(owner)).count(cart)
    except Untestable:
        return -1


def list_ids(session: Session, caller: Credentials) -> list[str]:
    """Return the ids of the carts in the list of ``caller``. Raises Untestable if it is refused."""
    return [str(cart.get("id")) for cart in list_carts(session, caller)]


def list_carts(
    session: Session, caller: Credentials, pages: int = MOST_PAGES
) -> list[dict[str, Any]]:
    """Return the carts in the list of ``caller``, page by page. Raises Untestable."""
    carts: list[dict[str, Any]] = []
    for _ in range(pages):
        query = f"page[limit]={PAGE}&page[offset]={len(carts)}"
        answer = session.send(caller, "getCarts", query=query)
        page = page_of(answer)
        seen = {cart.get("id") for cart in carts}
        if page and carts and all(cart.get("id") in seen for cart in page):
            break
        carts += page
        if len(page) < PAGE and len(carts) >= total(answer, len(carts)):
            break
        if not page:
            break
    return carts
