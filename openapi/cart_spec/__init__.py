"""The contract of the cart-association endpoints: its loader, its review, and shared helpers.

``contract.py`` loads the document that ships with this package; start there. ``cli.py`` is
``cart-spec``: ``lint`` checks a document, ``diff`` compares two, ``book`` renders the rule book,
and all three read a document of any sender by ``document.py``. ``paths.py``, ``redaction.py``,
``curl.py``, ``junit.py``, ``files.py`` and ``cli_errors.py`` are shared by the mock and the suite.
This package may import libraries only, never the mock or the suite.
"""

from cart_spec.contract import (
    Contract,
    ContractError,
    Disagreement,
    OwnerKind,
    ProtocolError,
    RetiredRule,
    Rule,
    Source,
    load_contract,
)

__all__ = [
    "Contract",
    "ContractError",
    "Disagreement",
    "OwnerKind",
    "ProtocolError",
    "RetiredRule",
    "Rule",
    "Source",
    "load_contract",
]
