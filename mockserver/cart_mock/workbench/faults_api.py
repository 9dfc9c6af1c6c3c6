"""Operations on faults: inject, list and remove them."""

from __future__ import annotations

import secrets
from typing import Any

from cart_spec import Contract

from cart_mock.tenants.faults import Plan, problem_of
from cart_mock.workbench.control import control, tenant_named
from cart_mock.workbench.errors import Refusal

Body = dict[str, Any]

_TOO_MANY = "too-many-requests"
_RETRY_AFTER = 1
_UNTIL_REMOVED = "until-removed"
MAX_FAULTS = 1000
"""How many faults a store may have at a time."""


async def list_faults(store: str) -> Body:
    """List the active faults."""
    return {"data": [fault.to_dict() for fault in tenant_named(store).faults]}


async def add_fault(store: str, body: Body) -> tuple[Body, int]:
    """Inject a fault."""
    tenant = tenant_named(store)
    _check(body, control().mock.contract)
    if len(tenant.faults) >= MAX_FAULTS:
        reason = f"this store has {MAX_FAULTS} faults"
        raise Refusal("fault-invalid", reason, "Remove one first.")
    if body.get("times") == _UNTIL_REMOVED:
        body = {name: value for name, value in body.items() if name != "times"}
    plan = Plan(**{"seed": secrets.randbelow(1_000_000), **body})
    if plan.rule == _TOO_MANY and plan.retry_after is None:
        plan = plan._replace(retry_after=_RETRY_AFTER)
    return {"data": tenant.faults.add(plan).to_dict()}, 201


async def remove_faults(store: str) -> tuple[None, int]:
    """Remove every fault."""
    tenant_named(store).faults.clear()
    return None, 204


async def remove_fault(store: str, fault: str) -> tuple[None, int]:
    """Remove one fault."""
    tenant = tenant_named(store)
    if not tenant.faults.remove(fault):
        known = ", ".join(f.id for f in tenant.faults) or "none"
        raise Refusal(
            "fault-unknown",
            f"the fault {fault[:200]!r} is not in force",
            f"Those in force are: {known}.",
            "fault",
        )
    return None, 204


def _check(body: Body, contract: Contract) -> None:
    times = body.get("times", 1)
    if times != _UNTIL_REMOVED and (type(times) is not int or times < 1):
        hint = f'Send a whole number from 1 on, or "{_UNTIL_REMOVED}".'
        raise Refusal("fault-invalid", f"{times!r} is not a number of requests", hint, "times")
    problem = problem_of(body)
    if problem is not None:
        raise Refusal("fault-invalid", *problem)
    operation, rule_id = body.get("operation"), body.get("rule")
    if operation is not None and operation not in contract.operations:
        known = ", ".join(contract.operations)
        reason = f"the operation {operation[:200]!r} does not exist"
        raise Refusal("fault-invalid", reason, f"The operations are: {known}.", "operation")
    if rule_id is not None:
        _check_rule(rule_id, operation, contract)


def _check_rule(rule_id: str, operation: str | None, contract: Contract) -> None:
    operations_of = {rule.id: rule.operations for rule in contract.rules if rule.is_refusal}
    known = {*operations_of, *(error.id for error in contract.protocol_errors)}
    if rule_id not in known:
        reason = f"the contract has no error of a rule {rule_id[:200]!r}"
        hint = f"Those with an error are: {', '.join(sorted(known))}."
        raise Refusal("fault-invalid", reason, hint, "rule")
    operations = operations_of.get(rule_id)
    if operation is not None and operations is not None and operation not in operations:
        reason = f"{operation} never answers with {rule_id}"
        hint = f"That is documented for: {', '.join(operations)}."
        raise Refusal("fault-invalid", reason, hint, "operation")
