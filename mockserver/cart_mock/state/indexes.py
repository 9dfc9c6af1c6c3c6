"""Carts by their last update, kept next to the tables so that no table is ever scanned."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice, takewhile
from math import floor
from operator import gt

from cart_mock.state.turns import in_slices

_CHUNK = 1024
"""How many places a chunk has at most."""
_NUMBERS = 1 << 40
"""How many carts can be updated before the running numbers of their places end."""


class SortedPlaces:
    """Places of carts in ascending order. Every operation costs about the same at any size.

    A place is a number that grows with the cart's last update. They lie in chunks, so that adding
    or removing one moves only the rest of its chunk, and a position is found by the lengths of the
    chunks.
    """

    __slots__ = ("_chunks", "_lasts", "_length")

    def __init__(self) -> None:
        self._chunks: list[list[int]] = []
        self._lasts: list[int] | None = None
        self._length = 0

    @classmethod
    def of(cls, places: list[int]) -> SortedPlaces:
        """Return these places, which ascend."""
        made = cls()
        made._fill(places)
        return made

    def _fill(self, places: list[int]) -> None:
        self._chunks = [places[at : at + _CHUNK] for at in range(0, len(places), _CHUNK)]
        self._lasts = None
        self._length = len(places)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._chunks)

    def copy(self) -> SortedPlaces:
        """Return places that change apart from these."""
        copied = SortedPlaces()
        copied._chunks = [chunk.copy() for chunk in self._chunks]
        copied._length = self._length
        return copied

    def add(self, place: int) -> None:
        """Add a place that is not there."""
        self._length += 1
        chunks = self._chunks
        if not chunks:
            chunks.append([place])
            return
        chunk = chunks[-1]
        if place > chunk[-1]:
            if len(chunk) < _CHUNK:
                chunk.append(place)
                if self._lasts is not None:
                    self._lasts[-1] = place
            else:
                chunks.append([place])
                self._lasts = None
            return
        chunk = chunks[self._chunk_of(place)]
        insort(chunk, place)
        if len(chunk) > _CHUNK:
            at, half = self._chunk_of(place), len(chunk) // 2
            chunks[at : at + 1] = [chunk[:half], chunk[half:]]
            self._lasts = None

    def remove(self, place: int) -> None:
        """Remove a place that is there."""
        chunks = self._chunks
        at = self._chunk_of(place)
        chunk = chunks[at]
        del chunk[bisect_left(chunk, place)]
        self._length -= 1
        if not chunk:
            del chunks[at]
            self._lasts = None
        elif at > 0 and len(chunk) < _CHUNK // 4 and len(chunks[at - 1]) < _CHUNK // 4:
            # Small chunks are joined, or many of them would be walked to find a position.
            chunks[at - 1 : at + 1] = [chunks[at - 1] + chunk]
            self._lasts = None
        elif self._lasts is not None:
            self._lasts[at] = chunk[-1]

    def remove_all(self, places: Collection[int]) -> None:
        """Remove places that are there."""
        if len(places) * 12 < self._length:
            for place in places:
                self.remove(place)
            return
        # Of many places, building the chunks again is cheaper than one removal after the other.
        removed = set(places)
        self._fill([place for place in self if place not in removed])

    def after(self, place: int) -> Iterator[int]:
        """Yield the places behind that one, which may be missing, in ascending order."""
        if not self._chunks:
            return iter(())
        at = self._chunk_of(place)
        chunks = self._chunks[at:]
        if chunks:
            chunks[0] = chunks[0][bisect_right(chunks[0], place) :]
        return chain.from_iterable(chunks)

    def newest_first(self, offset: int, limit: int) -> list[int]:
        """Return the places of a page, the most recent update first."""
        end = self._length - offset
        found: list[int] = []
        if end <= 0 or limit <= 0:
            return found
        start = self._length
        for chunk in reversed(self._chunks):
            start -= len(chunk)
            if start >= end:
                continue
            part = chunk[max(0, end - start - limit + len(found)) : end - start]
            part.reverse()
            found += part
            if len(found) == limit:
                break
            end = start
        return found

    def _chunk_of(self, place: int) -> int:
        """Return the position of the first chunk that does not end before a place."""
        if len(self._chunks) == 1:
            return 0
        if self._lasts is None:
            self._lasts = [chunk[-1] for chunk in self._chunks]
        return bisect_left(self._lasts, place)


class UpdateOrderIndex:
    """The place of every cart in the order of the last update. Other indexes use its places."""

    __slots__ = ("_cart_at", "_number", "_place_of", "_shift", "places")

    def __init__(self) -> None:
        self._shift = 0
        self.places = SortedPlaces()
        """The places of all carts, to be read and not changed."""
        self._place_of: dict[str, int] = {}
        self._cart_at: dict[int, str] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._place_of)

    def __contains__(self, cart_id: object) -> bool:
        return cart_id in self._place_of

    def copy(self, shift: int) -> UpdateOrderIndex:
        """Return an index that changes apart from this one.

        ``shift`` is how many seconds later all of its carts were updated. Their places stay as they
        are, so that other indexes can be shared.
        """
        copied = UpdateOrderIndex()
        copied._shift = self._shift + shift
        copied.places = self.places.copy()
        copied._place_of = self._place_of.copy()
        copied._cart_at = self._cart_at.copy()
        copied._number = self._number
        return copied

    def fill(self, cart_ids: Sequence[str], times: Sequence[int]) -> list[int]:
        """Add carts to an index that is empty, and return their places.

        ``times`` are those of their updates, the least recent one first. This takes a tenth of the
        time of ``set``.
        """
        places = [time * _NUMBERS + number for number, time in enumerate(times, start=1)]
        for ids, slice_ in zip(in_slices(cart_ids), in_slices(places), strict=True):
            self._place_of.update(zip(ids, slice_, strict=True))
            self._cart_at.update(zip(slice_, ids, strict=True))
        self._number = len(places)
        self.places = SortedPlaces.of(places)
        return places

    def place(self, cart_id: str) -> int:
        """Return a cart's place. Raises KeyError if the cart is not there."""
        return self._place_of[cart_id]

    def carts_at(self, places: Iterable[int]) -> Iterator[str]:
        """Return the ids of the carts at places. Raises KeyError if one of them is empty."""
        return map(self._cart_at.__getitem__, places)

    def places_for(self, cart_ids: Iterable[str]) -> list[int]:
        """Return the places of carts. Raises KeyError if one of them is not there."""
        return list(map(self._place_of.__getitem__, cart_ids))

    def set(
        self, cart_id: str, updated_at: int, *, in_place: bool = False
    ) -> tuple[int | None, int]:
        """Add a cart, or move it to its time of update, in seconds since the epoch.

        Of carts of one second, the one that was set last is the newest. With ``in_place``, a cart
        that already has that time keeps its place. Return the place that it had, and that it has.
        """
        old = self._place_of.get(cart_id)
        if old is not None:
            if in_place and old // _NUMBERS == updated_at - self._shift:
                return old, old
            self.places.remove(old)
            del self._cart_at[old]
        self._number += 1
        place = self._place_of[cart_id] = (updated_at - self._shift) * _NUMBERS + self._number
        self._cart_at[place] = cart_id
        self.places.add(place)
        return old, place

    def discard(self, cart_id: str) -> None:
        """Remove a cart, if it is there."""
        place = self._place_of.pop(cart_id, None)
        if place is not None:
            self.places.remove(place)
            del self._cart_at[place]

    def discard_all(self, cart_ids: Sequence[str]) -> None:
        """Remove carts that are there."""
        places = self.places_for(cart_ids)
        self.places.remove_all(places)
        for place in places:
            del self._cart_at[place]
        for cart_id in cart_ids:
            del self._place_of[cart_id]

    def older_than(self, moment: float, after: float = float("-inf")) -> list[str]:
        """Return the ids of the carts that were last updated at that moment or before it.

        Leave out those that were updated at the moment ``after`` or before it.
        """
        moment -= self._shift
        old = takewhile(lambda place: place // _NUMBERS <= moment, self._after(after))
        return list(self.carts_at(old))

    def min_updated_at(self, after: float = float("-inf")) -> float:
        """Return the time of the least recent update after a moment, or infinity."""
        first = next(self._after(after), None)
        return float("inf") if first is None else first // _NUMBERS + self._shift

    def _after(self, moment: float) -> Iterator[int]:
        if moment == float("-inf"):
            return iter(self.places)
        return self.places.after((floor(moment) - self._shift + 1) * _NUMBERS)


def ascend(times: Sequence[int]) -> bool:
    """Return whether the times ascend."""
    return not any(map(gt, times, islice(times, 1, None)))
