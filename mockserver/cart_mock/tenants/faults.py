"""Faults: a share of a tenant's requests fails, repeatably, until the fault is used up.

This module selects the requests of a fault; ``cart_mock.api.faults`` applies it to them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from cart_mock.tenants.interceptors import Interceptor, InterceptorChain

Kind = Literal["latency", "error", "drop", "stall", "truncate", "malform", "lose-reply"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LONGEST = 3600.0
"""Maximum of an injected latency in seconds, for every distribution."""


class Plan(NamedTuple):
    """The requests of a fault, and its effect on them.

    ``operation``, ``cart``, ``customer`` and ``account`` narrow it to requests of that operation
    and about those ids. It applies to ``share`` of these, ``times`` times; then it is used up. A
    latency is ``seconds``, or lognormal with that ``median`` in seconds and that ``sigma``.
    ``rule`` is the id of the rule or protocol error that an error answers with, ``retry_after`` in
    seconds.
    """

    kind: Kind
    seed: int
    operation: str | None = None
    cart: str | None = None
    customer: str | None = None
    account: str | None = None
    times: int | None = None
    share: float | None = None
    seconds: float | None = None
    median: float | None = None
    sigma: float | None = None
    rule: str | None = None
    retry_after: int | None = None


class InjectedFault:
    """An active plan."""

    def __init__(self, fault_id: str, plan: Plan) -> None:
        self.id = fault_id
        self.plan = plan
        self.applied = 0
        self._random = random.Random(plan.seed)  # noqa: S311  # repeatable on purpose

    def to_dict(self) -> dict[str, Any]:
        """Return the fault as the control API describes it."""
        plan = {name: value for name, value in self.plan._asdict().items() if value is not None}
        plan.setdefault("times", "until-removed")
        return {"id": self.id, "applied": self.applied, **plan}

    def takes(self, applies: Callable[[Plan], bool]) -> bool:
        """Return whether the fault takes a request that its plan ``applies`` to, and count it."""
        plan = self.plan
        if self.is_used_up or not applies(plan):
            return False
        if plan.share is not None and self._random.random() >= plan.share:
            return False
        self.applied += 1
        return True

    def random_state(self) -> list[Any]:
        """Return the state of the random numbers, for ``restore_random``."""
        version, numbers, rest = self._random.getstate()
        return [version, list(numbers), rest]

    def restore_random(self, state: list[Any]) -> None:
        """Go on with the random numbers from that state."""
        version, numbers, rest = state
        self._random.setstate((version, tuple(numbers), rest))

    @property
    def is_used_up(self) -> bool:
        """Whether the fault was applied as often as planned."""
        return self.plan.times is not None and self.applied >= self.plan.times

    def latency(self) -> float:
        """Return the delay of this request in seconds."""
        if self.plan.median is None:
            return self.plan.seconds or 0.0
        return min(
            self._random.lognormvariate(math.log(self.plan.median), self.plan.sigma or 0.0), LONGEST
        )


class Faults:
    """The faults of one tenant, in the order in which they were added.

    Latencies add up. Of the other faults, the first that takes a request decides its answer. While
    there
    are faults, ``injector`` stands among the tenant's interceptors.
    """

    def __init__(self, interceptors: InterceptorChain) -> None:
        self._interceptors = interceptors
        self.injector: Interceptor | None = None
        """The interceptor that applies the faults; the API sets it when the tenant is created."""
        self._faults: dict[str, InjectedFault] = {}
        self._made = 0

    def __iter__(self) -> Iterator[InjectedFault]:
        return iter(list(self._faults.values()))

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, plan: Plan) -> InjectedFault:
        """Activate a plan."""
        self._made += 1
        fault = InjectedFault(f"fault-{self._made}", plan)
        self._faults[fault.id] = fault
        self._interceptors.set("faults", self.injector)
        return fault

    def remove(self, fault_id: str) -> bool:
        """Remove a fault, and return whether it existed."""
        found = self._faults.pop(fault_id, None) is not None
        if not self._faults:
            self._interceptors.set("faults", None)
        return found

    def clear(self) -> None:
        """Remove every fault."""
        self._faults.clear()
        self._interceptors.set("faults", None)

    def state(self) -> list[Any]:
        """Return the faults and how far each has come, for ``restore``."""
        faults = [
            (fault.id, fault.plan._asdict(), fault.applied, fault.random_state()) for fault in self
        ]
        return [self._made, faults]

    def restore(self, state: list[Any]) -> None:
        """Take the faults of a ``state``, as far as they had come."""
        self.clear()
        self._made, faults = state
        for fault_id, plan, applied, random_state in faults:
            fault = self._faults[fault_id] = InjectedFault(fault_id, Plan(**plan))
            fault.applied = applied
            fault.restore_random(random_state)
        if self._faults:
            self._interceptors.set("faults", self.injector)

    def take(
        self, applies: Callable[[Plan], bool]
    ) -> tuple[list[InjectedFault], InjectedFault | None]:
        """Return the latencies that apply to a request, and at most one other fault."""
        latencies, decisive = [], None
        for fault in self:
            if fault.plan.kind != "latency" and decisive is not None:
                continue
            if fault.takes(applies):
                if fault.plan.kind == "latency":
                    latencies.append(fault)
                else:
                    decisive = fault
            if fault.is_used_up:
                self.remove(fault.id)
        return latencies, decisive


def problem_of(plan: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return the problem of a new fault, how to fix it, and the field; None if it is valid."""
    kind = plan["kind"]
    if kind == "latency":
        if ("seconds" in plan) == ("median" in plan):
            advice = 'Send "seconds", or "median" with "sigma".'
            return "a latency has either seconds or a median", advice, "seconds"
    elif "seconds" in plan or "median" in plan:
        return f"{kind} has no duration", 'Leave it out, or send "kind":"latency".', "seconds"
    if "sigma" in plan and "median" not in plan:
        return "sigma goes with a median", 'Send "median" too, or leave it out.', "sigma"
    if (kind == "error") != ("rule" in plan):
        if kind == "error":
            advice = 'Send "rule" with the id of a rule; GET /_mock/rules has them.'
            return "an error needs a rule", advice, "rule"
        return f"{kind} has no rule", 'Leave it out, or send "kind":"error".', "rule"
    if "retry_after" in plan and kind != "error":
        return f"{kind} has no Retry-After", "Leave retry_after out.", "retry_after"
    return None
