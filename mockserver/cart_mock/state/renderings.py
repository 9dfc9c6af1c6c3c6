"""What carts look like in answers, kept until they are written or too many others are kept."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from msgspec import Raw

MOST = 65_536
"""How many renderings a process keeps. Those of carts without items take some 65 MB together."""
LARGEST = 4096
"""How many bytes a rendering may have that is kept."""


class Renderings:
    """The renderings of the carts of one store, ``kept`` by the carts' ids.

    All stores of a process share one bound: what was kept first goes first.
    """

    _order: ClassVar[deque[tuple[dict[str, Raw], str]]] = deque()
    """The carts whose renderings are or were kept, each with what its store keeps."""

    def __init__(self) -> None:
        self.kept: dict[str, Raw] = {}

    def keep(self, cart_id: str, rendering: bytes) -> Raw:
        """Return a rendering to be put into an answer. It is kept unless it is very long."""
        raw = Raw(rendering)
        if len(rendering) <= LARGEST:
            self.kept[cart_id] = raw
            self._order.append((self.kept, cart_id))
            if len(self._order) > MOST:
                kept, oldest = self._order.popleft()
                kept.pop(oldest, None)
        return raw

    def forget(self, cart_id: str) -> None:
        """Forget a cart that is written."""
        self.kept.pop(cart_id, None)

    def clear(self) -> None:
        """Forget every cart."""
        self.kept.clear()
