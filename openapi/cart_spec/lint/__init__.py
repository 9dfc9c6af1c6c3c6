"""The lint above openapi-spec-validator: what a reader of this contract may rely on.

Each check is a generator that is registered under its permanent id; it takes the document under
review and yields a :class:`Problem` for each place that fails it.
"""

from cart_spec.lint.registry import CHECKS, Checked, Problem, Subject
from cart_spec.lint.run import check_document

__all__ = ["CHECKS", "Checked", "Problem", "Subject", "check_document"]
