"""A log in a shared store keeps what a log of one process keeps."""

from __future__ import annotations

import itertools
from typing import Any

from cart_mock.messages import Answer, Request
from cart_mock.shared.replay import Record, ReplicaLog
from cart_mock.shared.state import decode_records, encode_records
from cart_mock.tenants.request_log import LogMemory, RequestLog
from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = st.integers(0, 3)
"""Bodies of that many thousand bytes."""
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reads"), st.lists(SIZES, min_size=1, max_size=4)),
        st.tuples(st.just("order"), SIZES),
        st.tuples(st.just("clear"), st.none()),
    ),
    max_size=25,
)


def exchange(number: int, size: int) -> tuple[Request, str, Answer]:
    """Return a request with a body of that many thousand bytes, and its answer."""
    request = Request(f"id-{number}", "GET", "/v2/carts", {}, b"", {}, b"x" * 1000 * size)
    answer = Answer(404, refused_by="cart-unknown") if size == 1 else Answer(200)
    if size == 2:
        answer = Answer(200, delivery="drop")  # it is not counted
    return request, "getCarts", answer


def content_of(log: RequestLog) -> Any:
    """Return what the workbench sees of a log."""
    kept = [(entry.at, entry.request.id, entry.answer.status) for entry in log.entries]
    return kept, log.forgotten, log.exercised, log.memory.used


@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps=STEPS, length=st.integers(0, 5), memory=st.sampled_from([9_000, 40_000, 10**6]))
def test_log_of_a_replica_keeps_counts_and_forgets_what_that_of_one_process_does(
    steps: list[tuple[str, Any]], length: int, memory: int
) -> None:
    now, numbers = 0, itertools.count()
    passed: list[Record] = []
    alone = RequestLog(length, LogMemory(memory))
    replica = ReplicaLog(length, LogMemory(memory), store="s", sink=passed.append)
    alone.machine_time = replica.machine_time = lambda: float(now)
    for now, (step, content) in enumerate(steps, 1):
        if step == "reads":  # judged before they are in the shared log
            made = [exchange(next(numbers), size) for size in content]
            for each in made:
                replica.record(*each)
                alone.record(*each)
            lines = [(record.request_id, record.line) for record in passed]
            replica.add(
                now, decode_records(encode_records((each.exercised for each in passed), lines))
            )
            passed.clear()
        elif step == "order":
            each = exchange(next(numbers), content)
            replica.keeps = True
            for log in (alone, replica):
                log.record(*each)
            replica.keeps = False
        else:
            alone.clear()
            replica.clear()
        assert content_of(replica) == content_of(alone)
    assert not passed
