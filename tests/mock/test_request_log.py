"""The request logs of a process: each has a length, and all have one bound in bytes."""

from __future__ import annotations

from cart_mock.messages import Answer, Request
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.tenants.request_log import LogMemory, RequestLog
from hypothesis import given
from hypothesis import strategies as st

SMALL, LARGE = 10, 5000
STEPS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([SMALL, LARGE, None])), max_size=40)


def record(log: RequestLog, number: int, size: int) -> None:
    request = Request(str(number), "POST", "/", {}, b"", {b"cookie": b"x" * size}, b"")
    log.record(request, "getACart", Answer(200))


@given(steps=STEPS, length=st.integers(0, 5), limit=st.integers(0, 30_000))
def test_request_logs_keep_the_last_of_each_and_within_the_bound_of_all(
    steps: list[tuple[int, int | None]], length: int, limit: int
) -> None:
    memory = LogMemory(limit)
    logs = [RequestLog(length, memory) for _ in range(3)]
    sizes: dict[str, int] = {}
    recorded: list[tuple[int, str]] = []
    for number, (which, size) in enumerate(steps):
        if size is None:
            logs[which].clear()
            recorded = [(log, name) for log, name in recorded if log != which]
            continue
        record(logs[which], number, size)
        recorded.append((which, str(number)))
        own = [entry for entry in recorded if entry[0] == which]
        for entry in own[: max(0, len(own) - length)]:
            recorded.remove(entry)
        if logs[which].entries:
            sizes[str(number)] = logs[which].kept[-1].size
        while recorded and sum(sizes.get(name, limit + 1) for _, name in recorded) > limit:
            recorded.pop(0)
        for at, log in enumerate(logs):
            assert [e.request.id for e in log.entries] == [n for o, n in recorded if o == at]
        assert memory.used == sum(kept.size for log in logs for kept in log.kept) <= limit


def test_request_log_size_grows_with_what_was_sent_and_answered() -> None:
    log = RequestLog()
    for size in (0, 1000):
        filler = b"x" * size
        headers = {b"cookie": filler}
        request = Request("1", "POST", "/" + "x" * size, {}, filler, headers, filler)
        log.record(request, "getACart", Answer(200, (), filler))
    small, large = log.kept
    assert 5 * 1000 <= large.size - small.size <= 5 * 1010


def test_registry_stores_share_one_bound_and_a_deleted_one_takes_none() -> None:
    tenants = TenantRegistry()
    one, two = tenants.use("one").request_log, tenants.use("two").request_log
    record(one, 1, SMALL)
    record(two, 2, SMALL)
    assert one.memory is two.memory
    tenants.delete("one")
    assert two.memory.used == two.kept[0].size
    tenants.delete("two")
    assert two.memory.used == 0
