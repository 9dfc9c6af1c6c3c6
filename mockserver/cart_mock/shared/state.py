"""What goes through the shared store: orders, records of requests, and a tenant's whole state."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from cart_mock.api.endpoints import ApiEndpoint, Mock
from cart_mock.breaks.hooks import memory
from cart_mock.formats import NOT_JSON
from cart_mock.messages import Answer, Request
from cart_mock.owners import Owner
from cart_mock.rules.context import Caller, RequestContext, TokenRequestContext
from cart_mock.state.entities import Account, AccountMember, Cart, Customer, Membership
from cart_mock.state.items import Item
from cart_mock.state.shop import Address, Product
from cart_mock.state.shop import Order as ShopOrder
from cart_mock.state.snapshots import Snapshot
from cart_mock.state.tinydb_tables import Tables
from cart_mock.tenants.forward import Forward
from cart_mock.tenants.request_log import kept_part
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


class ContextLine(msgspec.Struct, array_like=True, frozen=True):
    """What a log entry keeps of the context of a request that was judged."""

    caller: Caller | None
    envelope_only: bool = False
    looked_up: dict[str, tuple[str, Any]] = {}
    form: dict[str, str] | None = None
    secret_matches: bool = False
    has_tenant: bool = True


class RecordLine(msgspec.Struct, array_like=True, frozen=True):
    """A request of a request log. ``at`` is 0 if it is the time of the entry that it is in."""

    request: Request
    operation_id: str
    answer: Answer
    context: ContextLine | None
    refusal_context: dict[str, Any]
    at: float = 0.0


def record_line(
    request: Request, operation_id: str, answer: Answer, ctx: object,
    refusal_context: Mapping[str, Any], at: float = 0.0,
) -> RecordLine:  # fmt: skip
    """Return a request of a log as it goes through the store."""
    request, answer, ctx, refusal_context = kept_part(request, answer, ctx, refusal_context)
    line = _context_line(ctx, is_refused=answer.refused_by is not None)
    return RecordLine(request, operation_id, answer, line, dict(refusal_context), at)


def _context_line(ctx: object, *, is_refused: bool) -> ContextLine | None:
    if isinstance(ctx, TokenRequestContext):
        return ContextLine(
            None,
            form=ctx.form,
            secret_matches=ctx.secret_matches,
            has_tenant=ctx.tenant is not None,
        )
    if not isinstance(ctx, RequestContext):
        return None
    looked_up = {}
    if is_refused:  # only then an explanation has them
        looked_up = {
            name: _named(value)
            for name, value in vars(ctx).items()
            if name in _LOOKED_UP or type(value).__name__ in _ENTITIES
        }
    caller = replace(ctx.caller, tenant=None)
    return ContextLine(caller, ctx.envelope_only, looked_up)


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
_LOOKED_UP = {"cart", "customer"}
"""Names whose value may be None: then it was looked up without success."""


def _named(value: Any) -> tuple[str, Any]:
    if isinstance(value, Cart):
        value = replace(value, owners=tuple(value.owners))
    return type(value).__name__, msgspec.to_builtins(value)


def _entity(named: tuple[str, Any]) -> Any:
    kind, fields = named
    return None if fields is None else msgspec.convert(fields, _ENTITIES[kind])


def context_of(line: RecordLine, tenant: Tenant | None, mock: Mock) -> object:
    """Return the context of a request of a log, for its explanation."""
    kept = line.context
    if kept is None:
        return None
    if kept.form is not None:
        token_ctx = TokenRequestContext.__new__(TokenRequestContext)
        token_ctx.request, token_ctx.form = line.request, kept.form
        token_ctx.grant = TokenRequestContext.grant_of(kept.form)
        token_ctx.tenant = tenant if kept.has_tenant else None
        token_ctx.secret_matches = kept.secret_matches
        token_ctx.has_pinned_secret = mock.tenants.pins_secrets
        return token_ctx
    if tenant is None or kept.caller is None:
        return None
    caller = replace(kept.caller, tenant=tenant)
    endpoint = mock.endpoints.get(line.operation_id)
    kind = endpoint.owner_kind if isinstance(endpoint, ApiEndpoint) else None
    ctx = RequestContext(
        line.request, caller, tenant, envelope_only=kept.envelope_only, owner_kind=kind
    )
    for name, value in kept.looked_up.items():
        setattr(ctx, name, _entity(value))
    return ctx


class Records(msgspec.Struct, array_like=True, frozen=True):
    """Records of one entry: counted at once, and decoded when the workbench looks at them.

    ``exercised`` is what their answers exercise, as ``RequestLog`` counts it. ``lines`` are the
    encoded records.
    """

    number: int
    exercised: list[tuple[str, int, str | None, bool, int]]
    lines: msgspec.Raw


class KeptRecords(msgspec.Struct, array_like=True, frozen=True):
    """Records of a request log. ``at`` is the time of a line whose own is 0."""

    at: float
    number: int
    lines: msgspec.Raw


def encoded_lines(lines: list[RecordLine]) -> msgspec.Raw:
    """Return lines as they are in records."""
    return msgspec.Raw(_encode(lines))


def encode_records(lines: list[RecordLine]) -> bytes:
    """Return records as bytes, or nothing for an empty list."""
    if not lines:
        return b""
    exercised: dict[tuple[str, int, str | None, bool], int] = {}
    for line in lines:
        answer = line.answer
        if answer.delivery is None:
            key = (line.operation_id, answer.status, answer.refused_by, answer.is_injected)
            exercised[key] = exercised.get(key, 0) + 1
    counted = [(*key, count) for key, count in exercised.items()]
    return _encode(Records(len(lines), counted, encoded_lines(lines)))


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
"""Return the records in bytes, their lines encoded. Raises Unreadable."""
decode_lines: Callable[[msgspec.Raw], list[RecordLine]] = _decoder(list[RecordLine])
"""Return the lines of records. Raises Unreadable."""


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
    requests: list[KeptRecords]
    exercised: list[tuple[str, int, str | None, bool, int]]
    forgotten: int
    forward: Forward | None
    stubs: tuple[Stub, ...]


def state_of(tenant: Tenant, tables: Tables, requests: list[KeptRecords], forgotten: int) -> State:
    """Return a tenant's state. Its parts never change, so a thread may encode it later.

    ``requests`` are those of its log, which forgot so many.
    """
    log = tenant.request_log
    return State(
        {name: documents.copy() for name, documents in tables.items()},
        tenant.store.cart_ids_by_update(),
        tenant.clock.state(),
        tenant.faults.state(),
        list(tenant.breaks),
        _tagged(memory(tenant)),
        dict(tenant.snapshots),
        requests,
        [(*key, count) for key, count in log.exercised.items()],
        forgotten,
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
