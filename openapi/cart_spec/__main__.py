"""Runs ``cart-spec`` as ``python -m cart_spec``."""

from cart_spec.cli import main

if __name__ == "__main__":
    main(prog_name="cart-spec")
