"""The oracle: which answers the contract allows to a request, from what was sent and is known.

Pure: nothing here sends. Written from the contract's sentences, apart from every implementation of
them, and permissive wherever they leave a choice: of several rules that a request breaks, any
refusal will do, and where it cannot be known whether one is broken, both answers will.
"""

from conformance.oracle.judge import Judgement, Oracle
from conformance.oracle.known import (
    ADMINISTRATOR,
    CART_SIDE,
    SHOPPER,
    AccessToken,
    CustomerToken,
    Known,
    KnownCart,
    KnownCustomer,
    list_side,
)
from conformance.oracle.learn import learn
from conformance.oracle.reading import Reading, Router

__all__ = [
    "ADMINISTRATOR",
    "CART_SIDE",
    "SHOPPER",
    "AccessToken",
    "CustomerToken",
    "Judgement",
    "Known",
    "KnownCart",
    "KnownCustomer",
    "Oracle",
    "Reading",
    "Router",
    "learn",
    "list_side",
]
