"""Ready scenarios: named contents of a store. The files are seed files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cart_mock.state.seed import Seed, SeedAssociation, SeedCart, SeedCustomer, SeedError, load_seed

BIG_SHOP = "big-shop"
BIG_SHOP_CARTS = 100_000
"""Default number of carts in the big shop."""
_CARTS_PER_CUSTOMER = 10

SCENARIOS: Mapping[str, str] = {
    "empty-shop": "No customers and no carts.",
    "one-shopper": "Ada with two carts, and a third cart without a customer.",
    "shared-cart": "Ada and Bob share a cart; Ada has one of her own, and so has Cleo.",
    "contact-email": "A guest's cart with a contact email, and Ada with a cart of her own.",
    "shop": "Products, one of them sold out; Ada with an address and a paid order; Bob. No carts.",
    "guest-cart": "A guest's cart with items, for Ada to take over when she logs in; she has one.",
    "two-devices": "Ada with a cart from her phone and another from her laptop, both with items.",
    "merge": "A guest's cart to merge into Ada's; together they want a poster more than there is.",
    "account-member": "Ann, a member of two accounts with a cart each; a guest's cart with items.",
    BIG_SHOP: f"{BIG_SHOP_CARTS:,} carts, {_CARTS_PER_CUSTOMER} for each customer, Ada the first.",
}
"""Descriptions by name. The password of Ada, Ann, Bob and Cleo is their id and ``-password``."""


def scenario(name: str, carts: int | None = None) -> Seed:
    """Return the seed of a ready scenario; ``carts`` is for the big shop. Raises KeyError."""
    if name not in SCENARIOS:
        raise KeyError(name)
    if name == BIG_SHOP:
        return _big_shop(BIG_SHOP_CARTS if carts is None else carts)
    return _shipped(name)


@cache
def _shipped(name: str) -> Seed:
    # Cached, because the hashes of its passwords are slow to compute.
    return load_seed(Path(__file__).with_name(f"{name}.json"))


def scenario_or_file(path: Path) -> Seed:
    """Return the seed in a file, or the ready scenario of that name if the file does not exist.

    Raises SeedError, naming the scenarios.
    """
    name = str(path)
    if name in SCENARIOS and not path.exists():
        return scenario(name)
    try:
        return load_seed(path)
    except SeedError as error:
        if path.exists():
            raise
        known = ", ".join(SCENARIOS)
        raise SeedError(name, f"{error.reason}; the ready scenarios are: {known}") from error


def _big_shop(carts: int) -> Seed:
    others = [f"shopper-{n:06}" for n in range(2, -(-carts // _CARTS_PER_CUSTOMER) + 1)]
    customers = ["ada", *others]
    cart_ids = [f"cart-{n:06}" for n in range(1, carts + 1)]
    return Seed(
        customers=(
            SeedCustomer("ada", "Ada", "ada@example.com", password="ada-password"),  # noqa: S106  # a scenario's password is public
            *(SeedCustomer(c, f"Shopper {c[8:]}", f"{c}@example.com") for c in others),
        ),
        carts=tuple(SeedCart(c, f"Cart {c[5:]}") for c in cart_ids),
        associations=tuple(
            SeedAssociation(cart, customers[n // _CARTS_PER_CUSTOMER])
            for n, cart in enumerate(cart_ids)
        ),
    )
