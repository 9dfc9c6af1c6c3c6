"""``python -m cart_conformance`` is the same as ``cart-conformance``."""

from cart_conformance.cli import main

if __name__ == "__main__":
    main()
