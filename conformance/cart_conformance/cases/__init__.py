"""The directed cases: each breaks one rule with one fault, next to its control.

There is a module for each group of rules. It is written from the contract alone, without
knowledge of any implementation. They may import the oracle and the target. Start reading at
:mod:`cart_conformance.cases.registry`, then at :mod:`cart_conformance.cases.pages`, a short group.
"""

from cart_conformance.cases.registry import Case, all_cases, names_by_rule

__all__ = ["Case", "all_cases", "names_by_rule"]
