"""Keeps the former place of :class:`cart_conformance.findings.Finding` importable."""

from cart_conformance.findings import Finding

__all__ = ["Finding"]
