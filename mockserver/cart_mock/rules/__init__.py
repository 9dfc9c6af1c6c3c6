"""The predicates: one pure function for each refusal in the catalogue, named after its rule.

``rule-id`` is the function ``rule_id``. It takes a RequestContext and returns the Violation, or
None. It does not send or store anything.
Statuses, texts and the order of judgement are in the contract. May import tenants and below. Start
with ``association.py`` for the rules, and with ``context.py`` for their input.
"""

from cart_mock.rules import accounts, association, caller, carts, customers, pages, tokens
from cart_mock.rules.registry import PREDICATES, Check, Checks, Predicate, judgement

__all__ = [
    "PREDICATES",
    "Check",
    "Checks",
    "Predicate",
    "accounts",
    "association",
    "caller",
    "carts",
    "customers",
    "judgement",
    "pages",
    "tokens",
]
