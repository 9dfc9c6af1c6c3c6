"""Operations on a store's clock."""

from __future__ import annotations

from typing import Any

from cart_mock.workbench.control import tenant_named
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.times import clock_to_dict, parse_time

Body = dict[str, Any]

# The times that a clock can have: 1970 to 9999, with a day left for time zones.
_EARLIEST, _LATEST = 0.0, 253402214400.0


async def get_clock(store: str) -> Body:
    """Return a store's time."""
    return {"data": clock_to_dict(tenant_named(store).clock)}


async def change_clock(store: str, body: Body) -> Body:
    """Freeze, advance, set or resume a store's clock, or let it follow the machine's again."""
    tenant, action = tenant_named(store), body["action"]
    clock = tenant.clock
    _check_field("seconds", "advance", body)
    _check_field("at", "set", body)
    if action == "advance":
        clock.set(_in_range(clock.now() + body["seconds"], "seconds"))
    elif action == "set":
        clock.set(_parse(body["at"]))
    else:
        changes = {"freeze": clock.freeze, "resume": clock.resume, "follow": clock.follow_machine}
        changes[action]()
    tenant.now()  # removes the carts that have expired by the new time
    return {"data": clock_to_dict(clock)}


def _check_field(field: str, action: str, body: Body) -> None:
    if (field in body) == (body["action"] == action):
        return
    if field in body:
        reason, hint = f"{body['action']} has no {field}", f'Leave it out, or send "{action}".'
    else:
        example = 3600 if field == "seconds" else '"2030-01-31T12:00:00Z"'
        reason, hint = f"{action} needs {field}", f'Send it, such as "{field}":{example}.'
    raise Refusal("clock-invalid", reason, hint, field)


def _parse(text: str) -> float:
    try:
        return _in_range(parse_time(text), "at")
    except ValueError:
        raise Refusal(
            "clock-invalid",
            f"{text[:100]!r} is not a time with its zone",
            "Send one such as 2030-01-31T12:00:00Z.",
            "at",
        ) from None


def _in_range(epoch: float, field: str) -> float:
    if _EARLIEST <= epoch <= _LATEST:
        return epoch
    hint = "Stay between the years 1970 and 9999."
    raise Refusal("clock-invalid", "the new time is out of range", hint, field)
