"""Entry point of ``cart-mock`` and of ``python -m cart_mock``."""

from __future__ import annotations

from cart_spec.extras import require_extra


def main() -> None:
    """Run the command, or name the extra that must be installed first."""
    require_extra("cart_mock", "cart-mock")
    from cart_mock.cli import main as command

    command(prog_name="cart-mock")


if __name__ == "__main__":
    main()
