"""Broken rules: with a break, the mock violates exactly one rule in exactly one way.

Use them to check that a test suite notices. ``BREAKS`` contains every break, ``parse_break`` finds
one by name, and ``interceptor_of`` makes the interceptor for a tenant with breaks. May
import api and below. Start with ``generic.py`` for the breaks of every refusal, then read the table
of a rule's group.
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
