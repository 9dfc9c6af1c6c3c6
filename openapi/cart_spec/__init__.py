"""The contract of the cart-association endpoints: one document, and the loader that types it."""

from cart_spec.contract import (
    Contract,
    ContractError,
    Disagreement,
    ProtocolError,
    Rule,
    Source,
    load_contract,
)

__all__ = [
    "Contract",
    "ContractError",
    "Disagreement",
    "ProtocolError",
    "Rule",
    "Source",
    "load_contract",
]
