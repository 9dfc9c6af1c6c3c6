"""The directed cases: what breaks each rule, one fault at a time, beside its control.

One module for each group of rules. They are written from the contract, and know no implementation.
"""

from cart_conformance.cases.registry import Case, all_cases, names_by_rule

__all__ = ["Case", "all_cases", "names_by_rule"]
