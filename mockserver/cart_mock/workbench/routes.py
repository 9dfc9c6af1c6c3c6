"""The function of each operation in ``workbench.yaml``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from cart_mock.workbench import (
    breaks_api,
    clock_api,
    coverage_api,
    faults_api,
    requests_api,
    service_api,
    snapshots_api,
    state_api,
    stores_api,
    uncontracted_api,
)

OPERATIONS: Final[Mapping[str, Callable[..., Awaitable[Any]]]] = {
    "getHealth": service_api.get_health,
    "getReadiness": service_api.get_readiness,
    "getMetrics": service_api.get_metrics,
    "listRules": service_api.list_rules,
    "listStores": stores_api.list_stores,
    "createStore": stores_api.create_store,
    "getStore": stores_api.get_store,
    "deleteStore": stores_api.delete_store,
    "resetStore": stores_api.reset_store,
    "listScenarios": state_api.list_scenarios,
    "seedStore": state_api.seed_store,
    "exportState": state_api.export_state,
    "importState": state_api.import_state,
    "listSnapshots": snapshots_api.list_snapshots,
    "takeSnapshot": snapshots_api.take_snapshot,
    "exportSnapshot": snapshots_api.export_snapshot,
    "deleteSnapshot": snapshots_api.delete_snapshot,
    "restoreSnapshot": snapshots_api.restore_snapshot,
    "diffStates": snapshots_api.diff_states,
    "listStorelessRequests": requests_api.list_storeless_requests,
    "listRequests": requests_api.list_requests,
    "clearRequests": requests_api.clear_requests,
    "explainRequest": requests_api.explain_request,
    "verifyRequests": requests_api.verify_requests,
    "listFaults": faults_api.list_faults,
    "addFault": faults_api.add_fault,
    "removeFaults": faults_api.remove_faults,
    "removeFault": faults_api.remove_fault,
    "getClock": clock_api.get_clock,
    "changeClock": clock_api.change_clock,
    "listBreaks": breaks_api.list_breaks,
    "getBreaks": breaks_api.get_breaks,
    "setBreaks": breaks_api.set_breaks,
    "getForward": uncontracted_api.get_forward,
    "setForward": uncontracted_api.set_forward,
    "removeForward": uncontracted_api.remove_forward,
    "listStubs": uncontracted_api.list_stubs,
    "setStubs": uncontracted_api.set_stubs,
    "removeStubs": uncontracted_api.remove_stubs,
    "getCoverage": coverage_api.get_coverage,
    "clearCoverage": coverage_api.clear_coverage,
}
