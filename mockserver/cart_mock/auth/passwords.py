"""Makes and checks Argon2id hashes of passwords, in threads so that other requests go on."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache, partial

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

# One of the parameter sets that OWASP recommends for Argon2id, the one with the least memory: a
# mock runs next to the rest of a developer's stack.
_hasher = PasswordHasher(time_cost=5, memory_cost=7 * 1024, parallelism=1)

# One core is left for other requests, even if many customers log in at the same time.
_threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "password")

# In KiB and in passes: the usual values, with a margin.
_MOST_MEMORY, _MOST_TIME = 256 * 1024, 20


_salt_seed: ContextVar[str | None] = ContextVar("salt_seed", default=None)


@cache
def _hash_of_no_customer() -> str:
    # Checked if the customer does not exist, so that both failures of a login take the same time.
    return _hasher.hash("no customer")


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password, salted, in the PHC string format."""
    seed = _salt_seed.get()
    if seed is None:
        return _hasher.hash(password)
    salt = hashlib.sha256(f"{seed}/{password}".encode()).digest()[:16]
    return _hasher.hash(password, salt=salt)


@contextmanager
def salted(seed: str) -> Iterator[None]:
    """Let the hashes that a block makes depend only on a seed and the passwords."""
    token = _salt_seed.set(seed)
    try:
        yield
    finally:
        _salt_seed.reset(token)


def is_salted() -> bool:
    """Return whether hashes depend only on a seed now, see ``salted``."""
    return _salt_seed.get() is not None


def matches(password: str, password_hash: str | None) -> bool:
    """Return whether the password has that hash.

    Without a hash, do the same work and return False.
    """
    stand_in = _hash_of_no_customer()
    try:
        _hasher.verify(password_hash or stand_in, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_hash(text: str) -> bool:
    """Return whether a text is an Argon2 hash that is not too costly to check."""
    try:
        parameters = extract_parameters(text)
    except InvalidHashError:
        return False
    return parameters.memory_cost <= _MOST_MEMORY and parameters.time_cost <= _MOST_TIME


async def hash_in_thread(password: str) -> str:
    """Call ``hash_password`` in a thread."""
    hashing = partial(copy_context().run, hash_password, password)
    return await asyncio.get_running_loop().run_in_executor(_threads, hashing)


async def matches_in_thread(password: str, password_hash: str | None) -> bool:
    """Call ``matches`` in a thread."""
    running = asyncio.get_running_loop()
    return await running.run_in_executor(_threads, matches, password, password_hash)
