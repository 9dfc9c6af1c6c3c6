"""Broken rules: the mock violates exactly one rule in exactly one way, and is otherwise intact.

They show that a test suite notices. ``BREAKS`` has every break, ``parse_break`` finds one by name,
and ``interceptor_of`` makes the interceptor of a tenant that breaks some. May import api and below.
Start with ``generic.py`` for what any refusal can get wrong, then with the table of a rule's group.
"""

from cart_mock.breaks.global_scope import break_process, losing_headers
from cart_mock.breaks.hooks import Break, Scope
from cart_mock.breaks.interceptor import BreakRules
from cart_mock.breaks.registry import BREAKS, BreakError, interceptor_of, listing, parse_break

__all__ = [
    "BREAKS",
    "Break",
    "BreakError",
    "BreakRules",
    "Scope",
    "break_process",
    "interceptor_of",
    "listing",
    "losing_headers",
    "parse_break",
]
