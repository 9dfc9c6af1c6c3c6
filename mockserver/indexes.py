"""Carts by their last update, kept beside the tables so that nothing is ever scanned for."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice


class ByLastUpdate:
    """Cart ids in the order of their last update. Every operation costs the same at any size."""

    __slots__ = ("_in_order", "_last", "_updated_at")

    def __init__(self) -> None:
        self._updated_at: OrderedDict[str, int] = OrderedDict()
        self._last = 0
        self._in_order = True

    def __len__(self) -> int:
        return len(self._updated_at)

    def __contains__(self, cart_id: str) -> bool:
        return cart_id in self._updated_at

    def touch(self, cart_id: str, updated_at: int) -> None:
        """Note that a cart was updated at that time, in seconds since the epoch."""
        self._updated_at[cart_id] = updated_at
        self._updated_at.move_to_end(cart_id)
        if updated_at < self._last:
            self._in_order = False  # the clock was set back
        self._last = updated_at

    def discard(self, cart_id: str) -> None:
        """Forget a cart, if it is there."""
        self._updated_at.pop(cart_id, None)

    def newest_first(self, offset: int, limit: int) -> list[str]:
        """A page of ids, the most recently updated first."""
        return list(islice(reversed(self._ordered()), offset, offset + limit))

    def oldest(self) -> tuple[str, int] | None:
        """The cart that was not updated for longest and when it was, or None if there is none."""
        ordered = self._ordered()
        return next(iter(ordered.items())) if ordered else None

    def _ordered(self) -> OrderedDict[str, int]:
        if not self._in_order:
            # Sorting is stable: of two carts of one second, the one updated last stays last.
            self._updated_at = OrderedDict(
                sorted(self._updated_at.items(), key=lambda entry: entry[1])
            )
            self._last = next(reversed(self._updated_at.values()), 0)
            self._in_order = True
        return self._updated_at
