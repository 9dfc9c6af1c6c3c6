"""How large the tests of this folder are: small in CI, large if ``scripts/test-shared`` asks."""

from __future__ import annotations

import os

IS_LARGE = os.environ.get("CART_MOCK_TEST_LARGE") == "1"
"""Whether the tests are as large as they can usefully be. They take an hour then."""


def size(small: int, large: int) -> int:
    """Return one of two sizes."""
    return large if IS_LARGE else small
