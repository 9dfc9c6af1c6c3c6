"""Entry point of ``cart-spec`` and of ``python -m cart_spec``."""

from __future__ import annotations

from cart_spec.extras import require_extra


def main() -> None:
    """Run the command, or name the extra that it needs."""
    require_extra("cart_spec", "cart-spec")
    from cart_spec.cli import main as command

    command(prog_name="cart-spec")


if __name__ == "__main__":
    main()
