"""Servers to test the suite with: correct ones with different choices, and broken ones."""
