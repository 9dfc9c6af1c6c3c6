"""The plans that a collection has, as far as the document has their operations."""

from __future__ import annotations

from contextlib import suppress

from cart_spec.document import OpenApiDocument
from cart_spec.export.steps import Plan
from cart_spec.export.tour import tour
from cart_spec.export.two_devices import UnsuitedDocumentError, two_devices


def plans_of(document: OpenApiDocument) -> list[Plan]:
    """Return the tour of the operations and, if its operations are there, the two-device flows."""
    plans = [tour(document)]
    with suppress(UnsuitedDocumentError):
        plans += two_devices(document)
    return plans
