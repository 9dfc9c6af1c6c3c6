"""A recorded visit, which several files of tests share."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.state.clock import Clock

from tests.openapi.har import Entry, entry_of
from tests.openapi.recorder import RELATIONSHIPS, Stage


@pytest.fixture(scope="session")
def visit() -> list[Entry]:
    """A short visit: two logins, two customers, three carts, and one association shown."""
    entries: list[Entry] = []

    async def keep(response: httpx.Response) -> None:
        await response.aread()
        entries.append(entry_of(response))

    async def go() -> None:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(
            transport=transport, base_url="http://mock", event_hooks={"response": [keep]}
        ) as client:
            stage = Stage(client, Clock(), "visited-store")
            await stage.set_up()
            await stage.associate("Ada", caller="SHOPPER", customer="ADA")
            two = [*stage.identifier("Ada")["data"], *stage.identifier("Bob")["data"]]
            await stage.show("POST", RELATIONSHIPS.format("weekend-list"), {"data": two})

    asyncio.run(go())
    for entry in entries:
        entry["startedDateTime"] = datetime.now(UTC).isoformat()
    return entries
