"""Every operation of the workbench, by its ``operationId``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cart_mock.api.endpoints import Engine
from cart_mock.telemetry.metrics import Metrics
from cart_mock.tenants.tenant import Benches
from cart_mock.workbench.coverage import CoverageOperations
from cart_mock.workbench.requests import RequestOperations
from cart_mock.workbench.service import ServiceOperations
from cart_mock.workbench.situations import BreakOperations, ClockOperations, FaultOperations
from cart_mock.workbench.state import StateOperations
from cart_mock.workbench.stores import StoreOperations


def operations(engine: Engine, metrics: Metrics) -> dict[str, Callable[..., Awaitable[Any]]]:
    """Each operation's function, a public method of that name in Python's spelling."""
    benches = Benches(engine)
    groups = (
        StoreOperations(benches),
        StateOperations(benches),
        RequestOperations(benches),
        FaultOperations(benches),
        ClockOperations(benches),
        BreakOperations(benches),
        CoverageOperations(benches),
        ServiceOperations(benches, metrics),
    )
    return {
        _operation_id(name): getattr(group, name)
        for group in groups
        for name in vars(type(group))
        if not name.startswith("_")
    }


def _operation_id(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
