"""Checks of a document beyond openapi-spec-validator: complete, consistent, implemented, checked.

Start in ``registry.py``: a check is a generator, registered under a permanent id, that yields a
``Problem`` for each place that fails it. ``run.py`` runs all checks; the other modules hold them,
by what they look at. May import the modules of ``cart_spec`` itself, not ``diff`` or ``book``.
"""

from cart_spec.lint.registry import CHECKS, Checked, Problem, Subject
from cart_spec.lint.run import check_document

__all__ = ["CHECKS", "Checked", "Problem", "Subject", "check_document"]
