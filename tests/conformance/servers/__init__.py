"""Servers to try the suite on: correct ones that differ in what is free, and broken ones."""
