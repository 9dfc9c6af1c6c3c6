"""Passwords: Argon2id hashes, made and checked in threads so that other requests go on."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

# One of the parameter sets that OWASP recommends for Argon2id, the one with the least memory: a
# mock runs next to the rest of a developer's stack.
_hasher = PasswordHasher(time_cost=5, memory_cost=7 * 1024, parallelism=1)

# One core is left to the other requests, however many log in at once.
_threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "password")

# In KiB and in passes: what others commonly choose, with room.
_MOST_MEMORY, _MOST_TIME = 256 * 1024, 20


@cache
def _hash_of_no_customer() -> str:
    # Checked when there is no such customer, so that both failures of a login take the same time.
    return _hasher.hash("no customer")


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password, salted, in the PHC string format."""
    return _hasher.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password has that hash; with no hash, False after the same work."""
    stand_in = _hash_of_no_customer()
    try:
        _hasher.verify(password_hash or stand_in, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_hash(text: str) -> bool:
    """Whether a text is an Argon2 hash, of a cost that checking it can be asked for."""
    try:
        parameters = extract_parameters(text)
    except InvalidHashError:
        return False
    return parameters.memory_cost <= _MOST_MEMORY and parameters.time_cost <= _MOST_TIME


async def hash_in_thread(password: str) -> str:
    """Like ``hash_password``, in one of the threads for it."""
    return await asyncio.get_running_loop().run_in_executor(_threads, hash_password, password)


async def matches_in_thread(password: str, password_hash: str | None) -> bool:
    """Like ``matches``, in one of the threads for it."""
    running = asyncio.get_running_loop()
    return await running.run_in_executor(_threads, matches, password, password_hash)
