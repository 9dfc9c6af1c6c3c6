"""How large proofs are: small for each change; ``scripts/prove`` asks for more."""

from __future__ import annotations

import os

SHARE = float(os.environ.get("CART_MOCK_PROOF_SHARE", "0"))
"""The share of the whole size; 1 takes hours."""


def portion(small: int, whole: int) -> int:
    """Return a share of the whole size of a proof, at least the small one."""
    return max(small, round(whole * SHARE))


def said(figures: str) -> None:
    """Print what a proof has done, for ``scripts/prove``, which shows it."""
    print(f"\n    {figures}")  # noqa: T201 - pytest captures it
