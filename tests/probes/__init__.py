"""The probe table: for each refusal of the catalogue, requests that violate exactly that rule.

All tests of the mock that need "a request that violates rule R" draw on it: a module for each group
of rules, whose rows say how the violating request differs from one that passes, its control. Rows
are data: ``rendered`` makes a request of one, given the tokens of a test bed and its ids.

Every test bed has the same shop: the customers Ada and Bob, the accounts Acme and Bolt, Acme's
member Ann, ``weekend-list`` without an owner, ``adas-list``, ``bobs-list``, ``acmes-list`` and
``bolts-list``, and what ``shop`` has. ``{ada}``, ``{acme}``, ``{anns-membership}``, ``{password}``
(Ada's and Ann's), ``{client_id}`` and so on in a row stand for what the test bed calls them. Start
reading in ``row``.
"""

from itertools import chain

from tests.probes import account, association, caller, cart, customer, page, token
from tests.probes.rendering import Rendered, Tokens, rendered
from tests.probes.row import ACCOUNT_CARTS, CARTS, CASTS, CONTRACT, MEMBER, TABLE, Probe, Sent

MODULES = (caller, association, cart, page, customer, account, token)
"""The modules with rows, one for each group of rules that has refusals."""
PROBES: tuple[Probe, ...] = tuple(chain.from_iterable(TABLE.values()))
"""Every row."""


def probes_of(rule_id: str) -> tuple[Probe, ...]:
    """Return the rows of one rule; the first is the plainest."""
    return TABLE.get(rule_id, ())


__all__ = [
    "ACCOUNT_CARTS",
    "CARTS",
    "CASTS",
    "CONTRACT",
    "MEMBER",
    "PROBES",
    "TABLE",
    "Probe",
    "Rendered",
    "Sent",
    "Tokens",
    "probes_of",
    "rendered",
]
