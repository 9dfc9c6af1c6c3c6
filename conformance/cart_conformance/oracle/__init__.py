"""The oracle: which answers the contract allows to a request, from what was sent and is known.

Pure: nothing here sends. Written from the contract's sentences, apart from every implementation of
them, and permissive wherever they leave a choice: of several rules that a request breaks, any
refusal will do, and where it cannot be known whether one is broken, both answers will.
"""

from cart_conformance.oracle.effects import learn
from cart_conformance.oracle.judge import Judgement, Oracle
from cart_conformance.oracle.knowledge import (
    ADMINISTRATOR,
    CART_SIDE,
    SHOPPER,
    AccessToken,
    CustomerToken,
    KnownCart,
    KnownCustomer,
    TargetState,
    list_side,
)
from cart_conformance.oracle.request_view import RequestView

__all__ = [
    "ADMINISTRATOR",
    "CART_SIDE",
    "SHOPPER",
    "AccessToken",
    "CustomerToken",
    "Judgement",
    "KnownCart",
    "KnownCustomer",
    "Oracle",
    "RequestView",
    "TargetState",
    "learn",
    "list_side",
]
