"""Runs ``cart-mock`` as ``python -m cart_mock``."""

from cart_mock.cli import main

main(prog_name="cart-mock")
