"""Carts by their last update, kept beside the tables so that nothing is ever scanned for."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, islice, takewhile

_versions = count(1)


class UpdateOrderIndex:
    """Cart ids in the order of their last update. Every operation costs the same at any size.

    A dict keeps its keys in the order in which they were added, and adds to its end: those that
    change often lie together there, as they do not in an ``OrderedDict``. ``version`` is another
    after each change, and never one that any had before.
    """

    __slots__ = ("_in_order", "_last", "_updated_at", "version")

    def __init__(self) -> None:
        self.version = next(_versions)
        self._updated_at: dict[str, int] = {}
        self._last = 0
        self._in_order = True

    def __len__(self) -> int:
        return len(self._updated_at)

    def __contains__(self, cart_id: str) -> bool:
        return cart_id in self._updated_at

    def touch(self, cart_id: str, updated_at: int) -> None:
        """Note that a cart was updated at that time, in seconds since the epoch."""
        self.version = next(_versions)
        self._updated_at.pop(cart_id, None)
        self._updated_at[cart_id] = updated_at
        if updated_at < self._last:
            self._in_order = False  # the clock was set back
        self._last = updated_at

    def discard(self, cart_id: str) -> None:
        """Forget a cart, if it is there."""
        self.version = next(_versions)
        self._updated_at.pop(cart_id, None)

    def bump_version(self) -> None:
        """Note that a cart is other than it was, and not for an update."""
        self.version = next(_versions)

    def newest_first(self, offset: int, limit: int) -> list[str]:
        """A page of ids, the most recently updated first."""
        return list(islice(reversed(self._ordered()), offset, offset + limit))

    def until(self, moment: float) -> list[str]:
        """The ids of the carts that were not updated after that moment, the oldest first."""
        return [cart_id for cart_id, _ in takewhile(lambda e: e[1] <= moment, self._items())]

    def oldest(self) -> int | None:
        """When the cart that was not updated for longest was; None if there is no cart.

        That has to go past what was taken from the beginning: it is not for every request.
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
