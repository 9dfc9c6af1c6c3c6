"""Runs ``cart-mock``."""

from mockserver.cli import main

main()
