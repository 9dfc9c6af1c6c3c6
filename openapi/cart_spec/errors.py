"""The root of the errors that a user mends by giving another input."""

from __future__ import annotations


class RefusedInputError(ValueError):
    """Input that cannot be worked with. The message is one line: what is wrong, what to give."""
