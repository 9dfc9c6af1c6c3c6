"""What goes through the shared store: orders, records of requests, and a tenant's whole state."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from cart_mock.breaks.hooks import memory
from cart_mock.formats import NOT_JSON
from cart_mock.messages import Request
from cart_mock.owners import Owner
from cart_mock.state.entities import Account, AccountMember, Cart, Customer, Membership
from cart_mock.state.items import Item
from cart_mock.state.shop import Address, Product
from cart_mock.state.shop import Order as ShopOrder
from cart_mock.state.snapshots import Snapshot
from cart_mock.state.tinydb_tables import Tables
from cart_mock.tenants.forward import Forward
from cart_mock.tenants.request_log import Exercised, Kept
from cart_mock.tenants.stubs import Stub
from cart_mock.tenants.tenant import Tenant

FORMAT = b"cart-mock shared 2\n"
"""The first line of every state."""

_encode = msgspec.msgpack.Encoder().encode


class Unreadable(Exception):
    """Bytes of the shared store that this version of the mock did not write."""


# ---- Orders -------------------------------------------------------------------------------------


class TakenFaults(msgspec.Struct, array_like=True, frozen=True):
    """The faults that took a request before it was delayed.

    ``latency`` describes the last latency; ``decisive`` is the plan of the other fault.
    """

    latency: dict[str, Any]
    decisive: dict[str, Any] | None = None
    decisive_id: str = ""
    applied: int = 0


class Order(msgspec.Struct, array_like=True, frozen=True):
    """What every replica carries out at its place in the log.

    Either the ``request`` of an API operation, or an operation of the workbench with its
    ``parameters``. Without both, only the time goes on: carts expire. A reset names the ``seed`` of
    the process that was asked for it, by its digest.
    """

    operation_id: str = ""
    request: Request | None = None
    prepared: dict[str, Any] | None = None
    taken: TakenFaults | None = None
    parameters: dict[str, Any] | None = None
    seed: str = ""


TICK = Order()
"""Lets carts expire."""


def encode_orders(orders: list[Order]) -> bytes:
    """Return orders as bytes, or nothing for an empty list."""
    return _encode(orders) if orders else b""


# ---- Records ------------------------------------------------------------------------------------


class Records(msgspec.Struct, array_like=True, frozen=True):
    """Records of one entry.

    ``exercised`` is what their answers exercise, and how often. ``lines`` are the ids of the
    requests, and their lines as the request log keeps them.
    """

    exercised: list[tuple[str, int, str | None, bool, int]]
    lines: list[tuple[str, bytes]]


def encode_records(exercised: Iterable[Exercised | None], lines: list[tuple[str, bytes]]) -> bytes:
    """Return records as bytes, or nothing for an empty list. None exercised nothing."""
    if not lines:
        return b""
    counted = Counter(each for each in exercised if each is not None)
    return _encode(Records([(*each, count) for each, count in counted.items()], lines))


def _decoder(kind: Any) -> Callable[[bytes], Any]:
    decode = msgspec.msgpack.Decoder(kind).decode

    def read(content: bytes) -> Any:
        try:
            return decode(content)
        except (*NOT_JSON, TypeError) as error:
            raise Unreadable("an entry is of another version of cart-mock") from error

    return read


decode_orders: Callable[[bytes], list[Order]] = _decoder(list[Order])
"""Return the orders in bytes. Raises Unreadable."""
decode_records: Callable[[bytes], Records] = _decoder(Records)
"""Return the records in bytes. Raises Unreadable."""


# ---- The whole state ----------------------------------------------------------------------------


class State(msgspec.Struct, frozen=True):
    """Everything that belongs to a tenant."""

    tables: Tables
    cart_order: list[str]
    clock: tuple[float, float | None]
    faults: Any
    breaks: list[str]
    memory: Any
    snapshots: dict[str, Snapshot]
    requests: list[Kept]
    exercised: list[tuple[str, int, str | None, bool, int]]
    forgotten: int
    forward: Forward | None
    stubs: tuple[Stub, ...]


def state_of(tenant: Tenant, tables: Tables) -> State:
    """Return a tenant's state. Its parts never change, so a thread may encode it later."""
    log = tenant.request_log
    return State(
        {name: documents.copy() for name, documents in tables.items()},
        tenant.store.cart_ids_by_update(),
        tenant.clock.state(),
        tenant.faults.state(),
        list(tenant.breaks),
        _tagged(memory(tenant)),
        dict(tenant.snapshots),
        list(log.kept),
        [(*key, count) for key, count in log.exercised.items()],
        log.forgotten,
        tenant.forward,
        tenant.stubs.all,
    )


def encode_state(state: State) -> bytes:
    """Return a state as bytes."""
    return FORMAT + zlib.compress(msgspec.msgpack.encode(state, enc_hook=_encode_other), 1)


def _encode_other(value: Any) -> Any:
    return tuple(value)  # the customers of a cart that has many


_decode_state = msgspec.msgpack.Decoder(State).decode


def decode_state(content: bytes) -> State:
    """Return the state in bytes. Raises Unreadable."""
    if not content.startswith(FORMAT):
        raise Unreadable("a store is of another version of cart-mock")
    try:
        return _decode_state(zlib.decompress(content[len(FORMAT) :]))
    except (*NOT_JSON, zlib.error, TypeError) as error:
        raise Unreadable("a store is damaged, or of another version of cart-mock") from error


# What breaks remember has sets, tuples and entities in it, which the encoding would not give back.

_ENTITIES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        Account,
        AccountMember,
        Address,
        Cart,
        Customer,
        Item,
        Membership,
        Product,
        ShopOrder,
    )
}


def _named(value: Any) -> tuple[str, Any]:
    if isinstance(value, Cart):
        value = replace(value, owners=tuple(value.owners))
    return type(value).__name__, msgspec.to_builtins(value)


def _entity(named: tuple[str, Any]) -> Any:
    kind, fields = named
    return None if fields is None else msgspec.convert(fields, _ENTITIES[kind])


def _tagged(value: Any) -> Any:
    if isinstance(value, set | tuple | list):
        return [type(value).__name__, [_tagged(each) for each in value]]
    if isinstance(value, dict):
        return ["dict", [[_tagged(k), _tagged(v)] for k, v in value.items()]]
    if type(value).__name__ in _ENTITIES:
        return ["entity", list(_named(value))]
    return ["plain", value]


def untagged(tagged: Any) -> Any:
    """Return what breaks remember, from its encoding."""
    kind, value = tagged
    if kind == "dict":
        return {untagged(k): untagged(v) for k, v in value}
    if kind == "entity":
        return _entity(tuple(value))
    if kind == "plain":
        return value
    parts = [untagged(each) for each in value]
    if kind == "Owner":
        return Owner(*parts)
    return {"set": set, "tuple": tuple, "list": list}[kind](parts)
