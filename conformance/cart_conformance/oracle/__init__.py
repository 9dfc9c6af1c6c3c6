"""The oracle: decides which answers the contract allows to a request, given the known state.

It is pure: it sends nothing, and may import only the values at the top of the package. It is
written from the contract's sentences and not from any implementation. If the contract leaves a
choice, the oracle allows both. If several rules are broken, it allows the refusal of any of them.
If it is unknown whether a rule is broken, it allows any answer.
Start reading at :meth:`cart_conformance.oracle.judge.Oracle.judge`.
"""

from cart_conformance.oracle.effects import learn
from cart_conformance.oracle.judge import Judgement, Oracle
from cart_conformance.oracle.knowledge import (
    ADMINISTRATOR,
    CART_SIDE,
    SHOPPER,
    AccessToken,
    KnownCart,
    KnownOwner,
    OwnerRef,
    OwnerToken,
    TargetState,
    list_side,
)
from cart_conformance.oracle.request_view import RequestView

__all__ = [
    "ADMINISTRATOR",
    "CART_SIDE",
    "SHOPPER",
    "AccessToken",
    "Judgement",
    "KnownCart",
    "KnownOwner",
    "Oracle",
    "OwnerRef",
    "OwnerToken",
    "RequestView",
    "TargetState",
    "learn",
    "list_side",
]
