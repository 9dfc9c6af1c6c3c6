"""Runs ``cart-mock``."""

from cart_mock.cli import main

main()
