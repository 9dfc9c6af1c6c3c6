"""Reads the state of a deployment: a cart, and the lists of its owners."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cart_conformance.bodies import owners_of, page_of, timestamp, total
from cart_conformance.errors import ServerFailed, Untestable
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


def read_state(
    session: Session,
    cart: str,
    owners: Iterable[CartOwner],
    listed: tuple[tuple[str, int], ...] | None = None,
) -> State:
    """Read the cart as administrator, and each owner's list with its token.

    With ``listed``, the lists are taken to be as that says, and are not read.

    A read that disagrees with what the run has written is repeated for some seconds. Raises
    ServerFailed after a 5xx, which is not evidence about the state.
    """
    watched = tuple(owners)
    written = session.written

    def agrees(state: State) -> bool:
        return state.missing is not None or written.agrees(cart, state.owners)

    if listed is None:
        listed = tuple((each.label, _times_listed(session, each, cart)) for each in watched)
    there = listed
    state = session.patience.until(lambda: _read_cart(session, cart, there), agrees)
    if not agrees(state):
        written.adopt(cart, state.owners)
    return state


def _read_cart(session: Session, cart: str, listed: tuple[tuple[str, int], ...]) -> State:
    answer = session.send(session.administrator, "getACart", cart=cart)
    session.need_answer("getACart", answer)
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
    except ServerFailed:
        raise
    except Untestable:
        return -1


def list_ids(session: Session, caller: Credentials) -> list[str]:
    """Return the ids of the carts in the list of ``caller``. Raises Untestable if it is refused.

    An owner's list that disagrees with what the run has written is read again for some seconds.
    """
    owner, written = session.owner_of(caller), session.written

    def agrees(ids: list[str]) -> bool:
        return owner is None or written.agrees_with_list(owner, ids)

    ids = session.patience.until(lambda: _list_ids(session, caller), agrees)
    if owner is not None:
        written.adopt_list(owner, ids)
    return ids


def _list_ids(session: Session, caller: Credentials) -> list[str]:
    try:
        carts = list_carts(session, caller)
    except ServerFailed:
        raise
    except Untestable:
        # The owner's token may have ended early, as after a restart.
        if not session.renew_owner(caller):
            raise
        carts = list_carts(session, caller)
    return [str(cart.get("id")) for cart in carts]


def list_carts(
    session: Session, caller: Credentials, pages: int = MOST_PAGES
) -> list[dict[str, Any]]:
    """Return the carts in the list of ``caller``, page by page. Raises Untestable."""
    carts: list[dict[str, Any]] = []
    for _ in range(pages):
        query = f"page[limit]={PAGE}&page[offset]={len(carts)}"
        answer = session.send(caller, "getCarts", query=query)
        page = page_of(session.need_answer("getCarts", answer))
        seen = {cart.get("id") for cart in carts}
        if page and carts and all(cart.get("id") in seen for cart in page):
            break
        carts += page
        if len(page) < PAGE and len(carts) >= total(answer, len(carts)):
            break
        if not page:
            break
    return carts
