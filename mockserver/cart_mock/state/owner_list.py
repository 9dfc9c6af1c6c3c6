"""The owners of a cart that has many: a list that never changes, and is cheap to derive from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from cart_mock.owners import Owner


class OwnerList(Sequence[Owner]):
    """Owners, oldest first. It never changes; a list with one more or less shares its data.

    A tuple of 10,000 owners is copied for each association, and searched from its beginning. Here
    the newest list has the data. An older one knows how the next list differs from it, and builds
    data of its own if it is ever read again. Owners are kept with running numbers, which say
    their order.
    """

    __slots__ = ("_version",)

    def __init__(self, owners: Iterable[Owner]) -> None:
        self._version = _Version({o: at for at, o in enumerate(owners)})

    def with_owner(self, owner: Owner) -> OwnerList:
        """Return the list with one more at its end. The owner must not be in it."""
        numbers = self._version.own()
        number = 1 + (numbers[next(reversed(numbers))] if numbers else 0)
        numbers[owner] = number
        return self._next(numbers, added=owner)

    def without_owner(self, owner: Owner) -> OwnerList:
        """Return the list without an owner. Raises KeyError if the owner is not in it."""
        numbers = self._version.own()
        number = numbers.pop(owner)
        return self._next(numbers, removed=(owner, number))

    def __contains__(self, owner: object) -> bool:
        return owner in self._version.own()

    def __len__(self) -> int:
        return len(self._version.own())

    def __iter__(self) -> Iterator[Owner]:
        return iter(self._version.own())

    @overload
    def __getitem__(self, at: int) -> Owner: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Owner, ...]: ...
    def __getitem__(self, at: int | slice) -> Owner | tuple[Owner, ...]:
        return tuple(self)[at]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OwnerList | tuple):
            return NotImplemented
        return tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # it equals a tuple, and has not its hash

    def _next(
        self, numbers: dict[Owner, int], *, added: Owner | None = None,
        removed: tuple[Owner, int] | None = None,
    ) -> OwnerList:  # fmt: skip
        later = OwnerList(())
        later._version = _Version(numbers)
        self._version.hand_over(later._version, added, removed)
        return later


class _Version:
    """The data of one list, or how the next one differs from it.

    ``removed`` is an owner with its number, which gives its position.
    """

    __slots__ = ("added", "later", "numbers", "removed")

    def __init__(self, numbers: dict[Owner, int]) -> None:
        self.numbers: dict[Owner, int] | None = numbers
        self.later: _Version | None = None
        self.added: Owner | None = None
        self.removed: tuple[Owner, int] | None = None

    def hand_over(
        self, later: _Version, added: Owner | None, removed: tuple[Owner, int] | None
    ) -> None:
        self.numbers, self.later, self.added, self.removed = None, later, added, removed

    def own(self) -> dict[Owner, int]:
        """Return the data, rebuilt from the newest version if it was handed over."""
        if self.numbers is not None:
            return self.numbers
        changes: list[_Version] = []
        version: _Version = self
        while version.numbers is None:
            changes.append(version)
            assert version.later is not None
            version = version.later
        numbers = dict(version.numbers)
        for version in reversed(changes):
            if version.added is not None:
                del numbers[version.added]
            if version.removed is not None:
                owner, number = version.removed
                numbers[owner] = number
        self.numbers = dict(sorted(numbers.items(), key=lambda entry: entry[1]))
        self.later = self.added = self.removed = None
        return self.numbers
