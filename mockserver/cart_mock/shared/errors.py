"""Why the shared store cannot be used, in words for the client."""

from __future__ import annotations

from cart_mock.errors import Unavailable


class StoreUnavailable(Unavailable):
    """The shared store cannot answer now. The message says why, without addresses or secrets."""


class StoreDamaged(StoreUnavailable):
    """One tenant cannot be used, because its keys are of something else. Others can."""


class TenantGone(Exception):
    """The tenant was deleted, or its replica must be loaded again. Try again with another one."""
