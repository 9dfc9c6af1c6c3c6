"""Situations: faults, the clock and broken rules."""

from __future__ import annotations

import secrets
from typing import Any

from cart_mock.breaks import BREAKS, BreakError
from cart_mock.tenants.faults import Plan, problem_of
from cart_mock.tenants.tenant import Benches
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.stores import set_breaks
from cart_mock.workbench.times import clock_shown, read_time

Body = dict[str, Any]

_TOO_MANY = "too-many-requests"
_RETRY_AFTER = 1
# The times that a clock can show: year 1970 to year 9999, and a day left for time zones.
_EARLIEST, _LATEST = 0.0, 253402214400.0


class FaultOperations:
    """The operations on faults, each named after its ``operationId``."""

    def __init__(self, benches: Benches) -> None:
        self._benches = benches
        self._contract = benches.engine.contract
        refusals = {rule.id for rule in self._contract.rules if rule.is_refusal}
        self._errors = refusals | {error.id for error in self._contract.protocol_errors}

    async def list_faults(self, store: str) -> Body:
        """The faults in force."""
        return {"data": [fault.shown() for fault in self._benches.named(store).faults]}

    async def add_fault(self, store: str, body: Body) -> tuple[Body, int]:
        """Put a fault in force."""
        bench = self._benches.named(store)
        self._check(body)
        plan = Plan(**{"seed": secrets.randbelow(1_000_000), **body})
        if plan.rule == _TOO_MANY and plan.retry_after is None:
            plan = plan._replace(retry_after=_RETRY_AFTER)
        return {"data": bench.faults.add(plan).shown()}, 201

    async def remove_faults(self, store: str) -> tuple[None, int]:
        """Take back every fault."""
        self._benches.named(store).faults.clear()
        return None, 204

    async def remove_fault(self, store: str, fault: str) -> tuple[None, int]:
        """Take back one fault."""
        bench = self._benches.named(store)
        if not bench.faults.remove(fault):
            known = ", ".join(f.id for f in bench.faults) or "none"
            raise Refusal(
                "fault-unknown",
                f"there is no fault {fault[:200]!r} in force",
                f"Those in force are: {known}.",
                "fault",
            )
        return None, 204

    def _check(self, body: Body) -> None:
        problem = problem_of(body)
        if problem is not None:
            raise Refusal("fault-invalid", *problem)
        operation, rule_id = body.get("operation"), body.get("rule")
        if operation is not None and operation not in self._contract.operations:
            known = ", ".join(self._contract.operations)
            what = f"there is no operation {operation[:200]!r}"
            raise Refusal("fault-invalid", what, f"The operations are: {known}.", "operation")
        if rule_id is None:
            return
        if rule_id not in self._errors:
            advice = f"Those with an error are: {', '.join(sorted(self._errors))}."
            what = f"there is no error of a rule {rule_id[:200]!r}"
            raise Refusal("fault-invalid", what, advice, "rule")
        operations = next((r.operations for r in self._contract.rules if r.id == rule_id), None)
        if operation is not None and operations is not None and operation not in operations:
            what = f"{operation} never answers with {rule_id}"
            advice = f"That is documented for: {', '.join(operations)}."
            raise Refusal("fault-invalid", what, advice, "operation")


class ClockOperations:
    """The operations on a store's clock, each named after its ``operationId``."""

    def __init__(self, benches: Benches) -> None:
        self._benches = benches

    async def get_clock(self, store: str) -> Body:
        """A store's time."""
        return {"data": clock_shown(self._benches.named(store).store.clock)}

    async def change_clock(self, store: str, body: Body) -> Body:
        """Freeze, advance, set or resume a store's time, or have it follow the machine's again."""
        held = self._benches.named(store).store
        action = body["action"]
        _only("seconds", "advance", body)
        _only("at", "set", body)
        if action == "advance":
            held.clock.set(_within(held.clock.now() + body["seconds"], "seconds"))
        elif action == "set":
            held.clock.set(_read(body["at"]))
        else:
            changes = {
                "freeze": held.clock.freeze,
                "resume": held.clock.resume,
                "follow": held.clock.follow_machine,
            }
            changes[action]()
        held.now()  # carts that are past their time now are gone at once
        return {"data": clock_shown(held.clock)}


def _only(field: str, action: str, body: Body) -> None:
    if (field in body) != (body["action"] == action):
        if field in body:
            what, advice = f"{body['action']} has no {field}", f'Leave it out, or send "{action}".'
        else:
            example = 3600 if field == "seconds" else '"2030-01-31T12:00:00Z"'
            what, advice = f"{action} needs {field}", f'Send it, such as "{field}":{example}.'
        raise Refusal("clock-invalid", what, advice, field)


def _read(text: str) -> float:
    try:
        return _within(read_time(text), "at")
    except ValueError:
        raise Refusal(
            "clock-invalid",
            f"{text[:100]!r} is not a time with its zone",
            "Send one such as 2030-01-31T12:00:00Z.",
            "at",
        ) from None


def _within(epoch: float, field: str) -> float:
    if _EARLIEST <= epoch <= _LATEST:
        return epoch
    advice = "Stay between the years 1970 and 9999."
    raise Refusal("clock-invalid", "that is out of its range", advice, field)


class BreakOperations:
    """The operations on broken rules, each named after its ``operationId``."""

    def __init__(self, benches: Benches) -> None:
        self._benches = benches

    async def list_breaks(self) -> Body:
        """The ways in which a rule can be broken."""
        return {
            "data": [
                {"id": name, "rule": b.rule, "sentence": b.sentence, "scope": str(b.scope)}
                for name, b in BREAKS.items()
            ]
        }

    async def get_breaks(self, store: str) -> Body:
        """The rules that a store breaks."""
        return {"data": list(self._benches.named(store).breaks)}

    async def set_breaks(self, store: str, body: Body) -> Body:
        """Let a store break exactly these rules."""
        bench = self._benches.named(store)
        try:
            set_breaks(bench, tuple(body["breaks"]))
        except BreakError as error:
            advice = "GET /_mock/breaks has the ways that there are."
            raise Refusal("break-unknown", str(error).rstrip("."), advice, "breaks") from None
        return {"data": list(bench.breaks)}
