"""Broken rules: the mock violates exactly one rule in exactly one way, and is otherwise intact.

They show people that their own tests notice, and the conformance suite that it does. ``BREAKS`` are
all there are; ``parse_break`` finds one by its name, and ``layer_of`` makes a store break some.
"""

from cart_mock.breaks.global_scope import break_process, losing_headers
from cart_mock.breaks.hooks import Break, Scope
from cart_mock.breaks.interceptor import Broken
from cart_mock.breaks.registry import BREAKS, BreakError, layer_of, listing, parse_break

__all__ = [
    "BREAKS",
    "Break",
    "BreakError",
    "Broken",
    "Scope",
    "break_process",
    "layer_of",
    "listing",
    "losing_headers",
    "parse_break",
]
