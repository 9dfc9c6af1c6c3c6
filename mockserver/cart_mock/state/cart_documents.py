"""The documents of carts and of their owners, as they are stored.

The document of a cart lists up to ``CROWD`` owners. Those of a cart that once had more, a crowded
one, are documents of their own, its links, so that one more of them is one small document more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from cart_mock.owners import Owner, owners
from cart_mock.state.entities import CART_LIFETIME, Cart, Owners
from cart_mock.state.owner_list import OwnerList
from cart_mock.state.shared_documents import own_string
from cart_mock.state.tinydb_tables import Documents, encoded
from cart_mock.state.turns import in_turns

_decode = msgspec.json.Decoder().decode

CROWD = 32


class _IndexedCart(msgspec.Struct, gc=False):
    id: str
    name: str
    updated_at: int
    owners: Owners = ()
    lifetime: int = CART_LIFETIME
    by_reading: bool = False


read_indexed = msgspec.json.Decoder(_IndexedCart).decode
"""Read what the indexes need of a cart, in half of the time that the whole ``Cart`` takes."""


def documents_of_carts(carts: Iterable[Cart]) -> tuple[Documents, Documents]:
    """Return the documents of carts, and their links."""
    documents: Documents = {}
    links: Documents = {}
    for cart in in_turns(carts):
        is_crowded = len(cart.owners) > CROWD
        if is_crowded:
            links.update(link(cart.id, owner) for owner in cart.owners)
        sparse = replace(cart, owners=()) if is_crowded else cart
        documents[own_string(cart.id)] = encoded(sparse)
    return documents, links


def link_id(cart_id: str, owner: Owner) -> str:
    """Return the id of the link of a crowded cart with an owner."""
    cart = cart_id if "/" not in cart_id else quote(cart_id, "")
    # Links of customers have the form that they had before there were accounts.
    return f"{cart}/{owner.id}" if owner.type == "customer" else f"/{owner.type}/{cart}/{owner.id}"


def link(cart_id: str, owner: Owner) -> tuple[str, bytes]:
    """Return the id and the JSON of such a link."""
    return link_id(cart_id, owner), encoded({"cart": cart_id, "owner": owner})


def crowds_of(links: Documents) -> dict[str, OwnerList]:
    """Return the owners of each crowded cart that has some. Links get their present form."""
    crowds: defaultdict[str, list[Owner]] = defaultdict(list)
    for id_, text in links.items():
        fields = _decode(text)
        if "customer" in fields:  # from before there were accounts
            fields["owner"] = Owner("customer", fields.pop("customer"))
            links[id_] = encoded(fields)
        crowds[fields["cart"]].append(Owner(*fields["owner"]))
    return {cart_id: OwnerList(ids) for cart_id, ids in crowds.items()}


def upgraded_cart(cart: bytes) -> bytes:
    """Return the document of a cart from before there were accounts in its present form."""
    fields = _decode(cart)
    if "customers" in fields:
        fields["owners"] = owners("customer", fields.pop("customers"))
    return encoded(fields)
