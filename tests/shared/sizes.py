"""How large tests are: small for each change, large if ``scripts/test-shared`` asks."""

from __future__ import annotations

import os

IS_LARGE = os.environ.get("CART_MOCK_TEST_LARGE") == "1"
"""Whether the tests are as large as they can usefully be. They take an hour then."""
SHARE = float(os.environ.get("CART_MOCK_TEST_SHARE", "1"))
"""The share of the large size that the large tests have, for machines with less time."""


def size(small: int, large: int) -> int:
    """Return one of two sizes."""
    return max(small, round(large * SHARE)) if IS_LARGE else small
