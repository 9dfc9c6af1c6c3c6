"""Makes an application one of many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from cart_mock.api.faults import FaultInjector
from cart_mock.app import MockApp
from cart_mock.shared.control import SharedControl
from cart_mock.shared.front import Front
from cart_mock.shared.tenants import SharedTenants


def attach(app: MockApp, tenants: SharedTenants) -> None:
    """Let an application that was made with these tenants answer through the shared store."""
    tenants.mock = app.mock
    tenants.injector = FaultInjector(app.mock)
    control = SharedControl(app.mock, tenants)
    tenants.workbench = control.carry_out
    front = Front(app.mock, tenants)
    app.requests.shared = front.answer
    app.requests.refresh, app.requests.settle = front.refresh, tenants.settle
    app.workbench_options.update(operations=control.operations, refresh=control.refresh)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        watching = asyncio.create_task(tenants.watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await tenants.aclose()

    app.background.append(running())
