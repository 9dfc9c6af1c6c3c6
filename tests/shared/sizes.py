"""How large tests are: small for each change, large if ``scripts/test --large`` asks."""

from __future__ import annotations

import os

IS_LARGE = os.environ.get("CART_MOCK_TEST_LARGE") == "1"
"""Whether the tests are as large as they can usefully be. They take an hour then."""


def size(small: int, large: int) -> int:
    """Return one of two sizes."""
    return large if IS_LARGE else small
