"""Password hashes that cost next to nothing, for tests that log in many customers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from cart_mock.auth import passwords


@contextmanager
def cheap_hashes() -> Iterator[None]:
    """Make hashes in this process cheap meanwhile; a usual one takes 33 ms of CPU."""
    usual = passwords._hasher
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords._hash_of_no_customer.cache_clear()
    try:
        yield
    finally:
        passwords._hasher = usual
        passwords._hash_of_no_customer.cache_clear()
