"""Two versions of a contract compared: what changed, and whom it breaks.

A change is classed twice, because a contract has two sides. *Clients* send requests and read
answers; *servers* take requests and answer. Accepting more requests, or promising more in an
answer, is safe for clients and asks more of servers; accepting fewer, or promising less, is the
other way round.
"""

from cart_spec.diff.changes import KINDS, Change, Impact
from cart_spec.diff.compare import Comparison, compare
from cart_spec.diff.schemas import TooEntangledError

__all__ = ["KINDS", "Change", "Comparison", "Impact", "TooEntangledError", "compare"]
