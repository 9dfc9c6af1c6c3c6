"""Carts by their last update, kept next to the tables so that no table is ever scanned."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, takewhile


class UpdateOrderIndex:
    """Cart ids in the order of their last update.

    Every operation costs the same at any size, except the first read after a cart was added that is
    older than the newest: it sorts.

    A dict keeps its keys in the order in which they were added, and adds to its end: carts that
    change often lie together there, which they do not in an ``OrderedDict``.
    """

    __slots__ = ("_in_order", "_last", "_updated_at")

    def __init__(self) -> None:
        self._updated_at: dict[str, int] = {}
        self._last = 0
        self._in_order = True

    def __len__(self) -> int:
        return len(self._updated_at)

    def __contains__(self, cart_id: str) -> bool:
        return cart_id in self._updated_at

    def set(self, cart_id: str, updated_at: int, *, in_place: bool = False) -> None:
        """Add a cart, or move it to its time of update, in seconds since the epoch.

        With ``in_place``, a cart that already has that time keeps its place.
        """
        if in_place and self._updated_at.get(cart_id) == updated_at:
            return
        self._updated_at.pop(cart_id, None)
        self._updated_at[cart_id] = updated_at
        if updated_at < self._last:
            self._in_order = False  # an older cart was associated, or the clock set back
        self._last = updated_at

    def discard(self, cart_id: str) -> None:
        """Remove a cart, if it is there."""
        self._updated_at.pop(cart_id, None)

    def newest_first(self, offset: int, limit: int) -> list[str]:
        """Return a page of ids, the most recently updated first."""
        return list(islice(reversed(self._ordered()), offset, offset + limit))

    def older_than(self, moment: float) -> list[str]:
        """Return the ids of the carts that were last updated at that moment or before it."""
        return [cart_id for cart_id, _ in takewhile(lambda e: e[1] <= moment, self._items())]

    def min_updated_at(self) -> int | None:
        """Return the time of the least recent update, or None if there is no cart.

        This may scan deleted slots: do not call it for every request.
        """
        return next((updated_at for _, updated_at in self._items()), None)

    def _items(self) -> Iterable[tuple[str, int]]:
        return self._ordered().items()

    def _ordered(self) -> dict[str, int]:
        if not self._in_order:
            # Sorting is stable: of two carts of one second, the one updated last stays last.
            self._updated_at = dict(sorted(self._updated_at.items(), key=lambda entry: entry[1]))
            self._last = next(reversed(self._updated_at.values()), 0)
            self._in_order = True
        return self._updated_at
