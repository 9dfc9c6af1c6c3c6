"""The workbench of a mock of many: its operations on stores go through their logs, too."""

from __future__ import annotations

import asyncio
import functools
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from connexion.lifecycle import ConnexionResponse

from cart_mock.api.endpoints import Mock
from cart_mock.auth.passwords import salted
from cart_mock.errors import no_more_stores
from cart_mock.shared.errors import StoreDamaged, StoreUnavailable, TenantGone
from cart_mock.shared.replay import WouldChange
from cart_mock.shared.replica import Replica, Work, too_large
from cart_mock.shared.state import Order, encode_orders
from cart_mock.shared.tenants import STORELESS, SharedTenants
from cart_mock.telemetry.metrics import Metrics
from cart_mock.tenants.tenant import Tenant, TooManyTenants
from cart_mock.workbench.control import Control, acting, name_in_path
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.routes import OPERATIONS
from cart_mock.workbench.slices import json_lists
from cart_mock.workbench.stores_api import tenant_to_dict

Body = dict[str, Any]
Operation = Callable[..., Awaitable[Any]]

_CHANGES = {
    "resetStore", "seedStore", "importState", "takeSnapshot", "deleteSnapshot", "restoreSnapshot",
    "addFault", "removeFaults", "removeFault", "changeClock", "setBreaks", "clearRequests",
    "clearCoverage", "addCustomer", "setForward", "removeForward", "setStubs", "removeStubs",
}  # fmt: skip
"""The operations that every replica carries out at their place in the log."""
_READS = {
    "getStore", "exportState", "listSnapshots", "exportSnapshot", "diffStates", "listRequests",
    "verifyRequests", "listFaults", "getClock", "getBreaks", "getCoverage",
    "listPeople", "logIn", "getForward", "listStubs",
}  # fmt: skip
"""The operations that read one store."""
_ATTEMPTS = 5
_AT_ONCE = 64
"""How many stores a list loads at a time."""


def _in_place_of(operation: Operation, own: Operation) -> Operation:
    """Return a function with the signature of an operation, which Connexion reads."""

    @functools.wraps(operation)
    async def call(**parameters: Any) -> Any:
        return await own(**parameters)

    return call


class SharedControl:
    """The operations of the workbench in one process of many."""

    def __init__(self, mock: Mock, tenants: SharedTenants) -> None:
        self._tenants = tenants
        self._control = Control(mock, Metrics())
        own: Mapping[str, Operation] = {
            "listStores": self._list_stores,
            "createStore": self._create_store,
            "deleteStore": self._delete_store,
            "explainRequest": self._explain_request,
            "listStorelessRequests": self._after_storeless(OPERATIONS["listStorelessRequests"]),
            "getReadiness": self._get_readiness,
        }
        self.operations: dict[str, Operation] = {}
        """The function of each ``operationId``."""
        for operation_id, operation in OPERATIONS.items():
            if operation_id in own:
                self.operations[operation_id] = _in_place_of(operation, own[operation_id])
            elif operation_id in _CHANGES:
                self.operations[operation_id] = self._ordered(operation_id, operation)
            elif operation_id in _READS:
                self.operations[operation_id] = self._after_catching_up(operation_id, operation)
            else:
                self.operations[operation_id] = operation

    async def carry_out(self, order: Order, tenant: Tenant) -> Any:
        """Carry out an operation that changes a tenant, as every replica does."""
        with acting(self._control), salted(tenant.new_id()):
            return await OPERATIONS[order.operation_id](**(order.parameters or {}))

    async def refresh(self, store: str | None) -> None:
        """Bring in what other processes did to a store, or to the requests without one."""
        replica = await self._tenants.hold(STORELESS if store is None else store)
        if replica is not None:
            try:
                await replica.catch_up()
            except TenantGone:
                await self.refresh(store)

    def _ordered(self, operation_id: str, operation: Operation) -> Operation:
        most_bytes = self._tenants.most_bytes

        @functools.wraps(operation)
        async def ordered(**parameters: Any) -> Any:
            if operation_id == "addFault":
                body = {"seed": secrets.randbelow(1_000_000), **parameters["body"]}
                parameters["body"] = body
            seed = self._tenants.seed_digest if operation_id == "resetStore" else ""
            order = Order(operation_id, parameters=parameters, seed=seed)
            if operation_id == "importState" and len(encode_orders([order])) > most_bytes:
                raise too_large()  # one entry of a log must not stop the server for long

            async def write(replica: Replica) -> Any:
                return (await replica.submit(Work(order))).result

            return await self._with_replica(operation, parameters, write)

        return ordered

    def _after_catching_up(self, operation_id: str, operation: Operation) -> Operation:
        @functools.wraps(operation)
        async def reading(**parameters: Any) -> Any:
            async def read(replica: Replica) -> Any:
                await replica.catch_up()
                if operation_id == "getCoverage":
                    await self.refresh(None)
                return await operation(**parameters)

            return await self._with_replica(operation, parameters, read)

        return reading

    async def _with_replica(
        self, operation: Operation, parameters: Body, use: Callable[[Replica], Awaitable[Any]]
    ) -> Any:
        for _ in range(_ATTEMPTS):
            replica = await self._tenants.hold(name_in_path(parameters["store"]))
            if replica is None:
                return await operation(**parameters)  # it refuses
            try:
                return await use(replica)
            except (TenantGone, WouldChange):
                continue
        raise StoreUnavailable("the store of this request changes too often")

    def _after_storeless(self, operation: Operation) -> Operation:
        async def reading(**parameters: Any) -> Any:
            await self._tenants.settle()
            return await operation(**parameters)

        return reading

    async def _list_stores(self) -> ConnexionResponse:
        names = sorted(await self._tenants.names())
        found: list[Body] = []
        damaged: list[Body] = []
        for start in range(0, len(names), _AT_ONCE):
            part = names[start : start + _AT_ONCE]
            made = await asyncio.gather(*map(self._summary_or_damage, part))
            for name, each in zip(part, made, strict=True):
                if isinstance(each, StoreDamaged):
                    damaged.append({"client_id": name, "problem": str(each)})
                elif each is not None:
                    found.append(each)
        return await json_lists({"data": found}, **({"damaged": damaged} if damaged else {}))

    async def _summary_or_damage(self, name: str) -> Body | StoreDamaged | None:
        try:
            return await self._summary(name)
        except StoreDamaged as error:
            return error

    async def _summary(self, name: str) -> Body | None:
        for _ in range(_ATTEMPTS):
            replica = await self._tenants.hold(name)
            if replica is None:
                return None
            try:
                await replica.catch_up()
                return tenant_to_dict(replica.tenant)
            except (TenantGone, WouldChange):
                continue
        raise StoreUnavailable("a store changes too often")

    async def _create_store(self, body: Body) -> tuple[Body, int]:
        name = body["client_id"]
        if await self._tenants.hold(name) is None and self._tenants.accepts(name):
            try:
                is_new = await self._tenants.create(name)
            except TooManyTenants as error:
                raise Refusal("service-unavailable", *no_more_stores(error)[:2]) from None
            if is_new:
                summary = await self._summary(name)
                if summary is not None:
                    return {"data": summary}, 201
            await self._tenants.hold(name)
        made: tuple[Body, int] = await OPERATIONS["createStore"](body=body)  # it refuses
        return made

    async def _delete_store(self, store: str) -> tuple[None, int]:
        if not await self._tenants.delete_everywhere(name_in_path(store)):
            await OPERATIONS["getStore"](store=store)  # it refuses
        return None, 204

    async def _explain_request(self, request: str) -> Any:
        await self._tenants.settle()
        if not any(tenant.request_log.find(request) for tenant in self._tenants):
            for name in (STORELESS, *await self._tenants.names()):
                with suppress(StoreDamaged):  # the request is in another store, or nowhere
                    await self.refresh(name or None)
                    replica = await self._tenants.hold(name)
                    if replica is not None and replica.tenant.request_log.find(request):
                        break
        return await OPERATIONS["explainRequest"](request=request)

    async def _get_readiness(self) -> Body:
        problem = await self._tenants.check()
        if problem is not None:
            hint = "It is ready again by itself when the shared store can be used."
            raise Refusal("not-ready", problem, hint)
        return {"status": "ok", "stores": len(await self._tenants.names())}
