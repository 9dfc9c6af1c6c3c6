"""The predicates: one pure function for each refusal in the catalogue, named after its rule.

``rule-id`` is the function ``rule_id``. It takes the facts of a request and returns how the request
breaks the rule, or None. It sends nothing, stores nothing, and knows neither statuses nor texts:
those are in the contract. The order of judgement is the catalogue's. One that looks at nothing but
the request may be marked ``of_request``: it is then not asked again about the same request.
"""

from cart_mock.rules import association, caller, carts, customers, pages, tokens
from cart_mock.rules.registry import PREDICATES, Predicate

__all__ = [
    "PREDICATES",
    "Predicate",
    "association",
    "caller",
    "carts",
    "customers",
    "pages",
    "tokens",
]
