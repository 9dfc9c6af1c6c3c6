"""For those who run the mock: health, readiness, metrics, and the rules it plays."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from connexion.lifecycle import ConnexionResponse

from cart_mock.inspection.explanation import rule_shown
from cart_mock.telemetry.metrics import Metrics
from cart_mock.telemetry.prometheus import exposition
from cart_mock.tenants.tenant import Benches
from cart_mock.workbench.errors import Refusal

Body = dict[str, Any]

_METRICS_TYPE = "text/plain; version=0.0.4"


class ServiceOperations:
    """The operations of the service, each named after its ``operationId``."""

    def __init__(self, benches: Benches, metrics: Metrics) -> None:
        self._engine = benches.engine
        self._metrics = metrics
        self._started = time.monotonic()

    async def get_health(self) -> Body:
        """That the process answers."""
        return {
            "status": "ok",
            "version": _version(),
            "contract": self._engine.contract.version,
            "uptime": round(time.monotonic() - self._started, 3),
        }

    async def get_readiness(self) -> Body:
        """That the API can be used."""
        problem = self._engine.stores.problem()
        if problem is not None:
            raise Refusal("not-ready", problem, "Look at its log, and start it again.")
        return {"status": "ok", "stores": len(list(self._engine.stores))}

    async def get_metrics(self) -> ConnexionResponse:
        """The metrics."""
        text = exposition(self._metrics, self._engine.stores)
        return ConnexionResponse(status_code=200, content_type=_METRICS_TYPE, body=text)

    async def list_rules(self) -> Body:
        """The rules of the contract and its operations."""
        contract = self._engine.contract
        return {
            "data": [rule_shown(contract, rule) for rule in contract.rules],
            "operations": list(contract.operations),
        }


def _version() -> str:
    try:
        return version("cart-associations")
    except PackageNotFoundError:
        return "not installed"
