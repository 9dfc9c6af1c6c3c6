"""Entry point of ``cart-conformance`` and of ``python -m cart_conformance``."""

from __future__ import annotations

from cart_spec.extras import require_extra


def main() -> None:
    """Run the command, or name the extra that must be installed first."""
    require_extra("cart_conformance", "cart-conformance")
    from cart_conformance.cli import main as command

    command()


if __name__ == "__main__":
    main()
