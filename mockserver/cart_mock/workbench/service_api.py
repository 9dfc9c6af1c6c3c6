"""Operations for administrators: health, readiness, metrics, and the rules of the contract."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from connexion.lifecycle import ConnexionResponse

from cart_mock.inspection.explanation import rule_to_dict
from cart_mock.telemetry.prometheus import CONTENT_TYPE, exposition
from cart_mock.workbench.control import control
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.times import format_time

Body = dict[str, Any]


async def get_health() -> Body:
    """Report that the process answers, and its versions."""
    return {
        "status": "ok",
        "version": _version(),
        "contract": control().mock.contract.version,
        "uptime": round(time.monotonic() - control().started, 3),
    }


async def get_readiness() -> Body:
    """Report that the API can be used."""
    tenants = control().mock.tenants
    problem = tenants.problem()
    if problem is not None:
        raise Refusal(
            "not-ready",
            problem,
            "Free some space, or make it writable; it need not be started again.",
        )
    return {"status": "ok", "stores": len(list(tenants))}


async def get_watched() -> Body:
    """Return the files that the mock watches, and whether their last change is in force."""
    watched = control().mock.tenants.watched
    if watched is None:
        return {"data": {"files": [], "at": None, "problem": None, "changes": 0}}
    return {
        "data": {
            "files": [str(path) for path in watched.files],
            "at": None if watched.at is None else format_time(watched.at),
            "problem": watched.problem,
            "changes": watched.changes,
        }
    }


async def get_metrics() -> ConnexionResponse:
    """Return the metrics in Prometheus' text format."""
    text = await asyncio.to_thread(exposition, control().metrics, control().mock.tenants)
    return ConnexionResponse(status_code=200, content_type=CONTENT_TYPE, body=text)


async def list_rules() -> Body:
    """List the rules of the contract and its operations."""
    contract = control().mock.contract
    return {
        "data": [rule_to_dict(contract, rule) for rule in contract.rules],
        "operations": list(contract.operations),
    }


def _version() -> str:
    try:
        return version("cart-associations")
    except PackageNotFoundError:
        return "not installed"
