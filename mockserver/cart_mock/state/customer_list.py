"""The customers of a cart that has many: a list that never changes, and is cheap to derive from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload


class CustomerList(Sequence[str]):
    """Customer ids, oldest first. It never changes; a list with one more or less shares its data.

    A tuple of 10,000 ids is copied for each association, and searched from its beginning. Here the
    newest list owns the data. An older one knows how the next list differs from it, and builds its
    own data if it is ever read again. Ids are kept with running numbers, which say their order.
    """

    __slots__ = ("_version",)

    def __init__(self, customers: Iterable[str]) -> None:
        self._version = _Version({c: at for at, c in enumerate(customers)})

    def with_customer(self, customer_id: str) -> CustomerList:
        """Return the list with one more at its end. The customer must not be in it."""
        numbers = self._version.own()
        number = 1 + (numbers[next(reversed(numbers))] if numbers else 0)
        numbers[customer_id] = number
        return self._next(numbers, added=customer_id)

    def without_customer(self, customer_id: str) -> CustomerList:
        """Return the list without a customer. Raises KeyError if the customer is not in it."""
        numbers = self._version.own()
        number = numbers.pop(customer_id)
        return self._next(numbers, removed=(customer_id, number))

    def __contains__(self, customer_id: object) -> bool:
        return customer_id in self._version.own()

    def __len__(self) -> int:
        return len(self._version.own())

    def __iter__(self) -> Iterator[str]:
        return iter(self._version.own())

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        return tuple(self)[at]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CustomerList | tuple):
            return NotImplemented
        return tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # it equals a tuple, and has not its hash

    def _next(
        self, numbers: dict[str, int], *, added: str | None = None,
        removed: tuple[str, int] | None = None,
    ) -> CustomerList:  # fmt: skip
        later = CustomerList(())
        later._version = _Version(numbers)
        self._version.hand_over(later._version, added, removed)
        return later


class _Version:
    """The data of one list, or how the next one differs from it.

    ``removed`` is a customer with its number, which gives its position.
    """

    __slots__ = ("added", "later", "numbers", "removed")

    def __init__(self, numbers: dict[str, int]) -> None:
        self.numbers: dict[str, int] | None = numbers
        self.later: _Version | None = None
        self.added: str | None = None
        self.removed: tuple[str, int] | None = None

    def hand_over(
        self, later: _Version, added: str | None, removed: tuple[str, int] | None
    ) -> None:
        self.numbers, self.later, self.added, self.removed = None, later, added, removed

    def own(self) -> dict[str, int]:
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
                customer_id, number = version.removed
                numbers[customer_id] = number
        self.numbers = dict(sorted(numbers.items(), key=lambda entry: entry[1]))
        self.later = self.added = self.removed = None
        return self.numbers
