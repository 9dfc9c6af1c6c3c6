"""The probe table: for each refusal of the catalogue, requests that violate exactly that rule.

All tests of the mock that need "a request that violates rule R" draw on it: a module for each group
of rules, whose rows say how the violating request differs from one that passes, its control. Rows
are data: ``rendered`` makes a request of one, given the tokens of a test bed and its ids.

Every test bed has the same shop: the customers Ada and Bob, ``weekend-list`` without a customer,
``adas-list`` and ``bobs-list``, and what ``shop`` has. ``{ada}``, ``{bob}``, ``{password}``
(Ada's), ``{client_id}`` and ``{client_secret}`` in a row stand for what the test bed calls them.
Start reading in ``row``.
"""

from itertools import chain

from tests.probes import association, caller, cart, customer, page, token
from tests.probes.rendering import Rendered, Tokens, rendered
from tests.probes.row import CARTS, CONTRACT, TABLE, Probe, Sent

MODULES = (caller, association, cart, page, customer, token)
"""The modules with rows, one for each group of rules that has refusals."""
PROBES: tuple[Probe, ...] = tuple(chain.from_iterable(TABLE.values()))
"""Every row."""


def probes_of(rule_id: str) -> tuple[Probe, ...]:
    """Return the rows of one rule; the first is the plainest."""
    return TABLE.get(rule_id, ())


__all__ = [
    "CARTS",
    "CONTRACT",
    "PROBES",
    "TABLE",
    "Probe",
    "Rendered",
    "Sent",
    "Tokens",
    "probes_of",
    "rendered",
]
