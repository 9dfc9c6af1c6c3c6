"""Compares two versions of a contract, and says which changes break clients or servers.

A change is classed twice. *Clients* send requests and read answers; *servers* take requests and
answer. To accept more requests, or to promise more in an answer, is safe for clients and asks more
of servers; to accept fewer, or to promise less, is the reverse. Start in ``compare.py``;
``changes.py`` has the kinds of change. May import the modules of ``cart_spec`` itself only.
"""

from cart_spec.diff.changes import KINDS, Change, Impact
from cart_spec.diff.compare import Comparison, compare
from cart_spec.diff.schemas import TooEntangledError

__all__ = ["KINDS", "Change", "Comparison", "Impact", "TooEntangledError", "compare"]
