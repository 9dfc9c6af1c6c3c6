"""A log that decodes requests late keeps the same as one that keeps them at once."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
from cart_mock.messages import Answer, Request
from cart_mock.shared.replay import ReplicaLog
from cart_mock.shared.state import RecordLine, Records, decode_records, encode_records
from cart_mock.tenants.request_log import LogMemory, RequestLog
from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = st.integers(0, 3)
"""Bodies of that many thousand bytes."""
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reads"), st.lists(SIZES, min_size=1, max_size=4)),
        st.tuples(st.just("order"), SIZES),
        st.tuples(st.sampled_from(["look", "restart", "clear"]), st.none()),
    ),
    max_size=25,
)


def line(number: int, size: int) -> RecordLine:
    """Return a request with a body of that many thousand bytes."""
    request = Request(f"id-{number}", "GET", "/v2/carts", {}, b"", {}, b"x" * 1000 * size)
    answer = Answer(404, refused_by="cart-unknown") if size == 1 else Answer(200)
    if size == 2:
        answer = Answer(200, delivery="drop")  # it is not counted
    return RecordLine(request, "getCarts", answer, None, {})


def content_of(log: RequestLog) -> Any:
    """Return what the workbench sees of a log."""
    kept = [(entry.at, entry.request.id, entry.answer.status) for entry in log.entries]
    return kept, log.forgotten, log.exercised


@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps=STEPS, length=st.integers(0, 5), memory=st.sampled_from([9_000, 40_000, 10**6]))
def test_late_log_keeps_counts_and_forgets_what_an_early_one_does(
    steps: list[tuple[str, Any]], length: int, memory: int
) -> None:
    def new() -> ReplicaLog:
        log = ReplicaLog(length, LogMemory(memory), store="s", sink=lambda _: None)
        log.keeps, log.machine_time = True, lambda: float(now)
        return log

    now, numbers = 0, itertools.count()
    early, late = RequestLog(length, LogMemory(memory)), new()
    early.machine_time = lambda: float(now)
    for now, (step, content) in enumerate(steps, 1):
        if step == "reads":
            lines = [line(next(numbers), size) for size in content]
            late.add(now, decode_records(encode_records(lines)))
            for each in lines:
                early.record(each.request, each.operation_id, each.answer)
        elif step == "order":
            each = line(next(numbers), content)
            for log in (early, late):
                log.record(each.request, each.operation_id, each.answer)
        elif step == "look":
            assert content_of(late) == content_of(early)
        elif step == "restart":
            before, late = late, new()
            late.take_up(*before.kept())
            late.exercised.update(before.exercised)
        else:
            early.clear()
            late.clear()
    assert content_of(late) == content_of(early)


def test_records_that_cannot_be_read_count_as_forgotten() -> None:
    log = ReplicaLog(store="s", sink=lambda _: None)
    log.add(1.0, Records(2, [("getCarts", 200, None, False, 2)], msgspec.Raw(b"\xc1")))
    assert content_of(log) == ([], 2, {("getCarts", 200, None, False): 2})
