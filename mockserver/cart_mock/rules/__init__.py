"""The predicates: one pure function for each refusal in the catalogue, named after its rule.

``rule-id`` is the function ``rule_id``. It takes a RequestContext and returns the Violation, or
None. It sends nothing, stores nothing, and knows neither statuses nor texts: those are in the
contract, and so is the order of judgement. May import tenants and below. Start with
``association.py`` for the rules, and with ``context.py`` for what they see.
"""

from cart_mock.rules import association, caller, carts, customers, pages, tokens
from cart_mock.rules.registry import PREDICATES, Check, Checks, Predicate, judgement

__all__ = [
    "PREDICATES",
    "Check",
    "Checks",
    "Predicate",
    "association",
    "caller",
    "carts",
    "customers",
    "judgement",
    "pages",
    "tokens",
]
