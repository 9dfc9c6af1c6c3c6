"""The operations that a storefront calls around an association, and that a deployment may lack.

No rule is tried on them, but that a new item updates its cart. Generated requests check only that
their successes have the published form.
"""

from __future__ import annotations

from cart_spec import Contract

_TAGS = frozenset({"items", "orders", "settings", "addresses"})


def is_supporting(contract: Contract, operation: str) -> bool:
    """Return whether a deployment may lack the operation."""
    method, path = contract.operations[operation]
    return not _TAGS.isdisjoint(contract.document["paths"][path][method.lower()]["tags"])
