"""Long lists are written in slices, and are valid JSON."""

from __future__ import annotations

import asyncio
import json
from time import sleep
from typing import Any

import pytest
from cart_mock.workbench.slices import convert_all, in_parts, json_lists
from starlette.types import Message


def test_convert_all_with_slow_items_lets_the_loop_turn() -> None:
    turns = 0

    async def serve_others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def convert(item: int) -> int:
        sleep(0.003)
        return item * 2

    async def run() -> list[int]:
        others = asyncio.create_task(serve_others())
        try:
            return await convert_all(convert, range(20))
        finally:
            others.cancel()

    assert asyncio.run(run()) == [item * 2 for item in range(20)]
    # 60 ms of work in slices of 5 ms, each ended by the item that goes beyond it.
    assert turns >= 8


def test_json_lists_with_further_fields_gives_one_object() -> None:
    lists: dict[str, list[dict[str, Any]]] = {"data": [{"a": "ä"}, {"a": None}], "empty": []}
    answer = asyncio.run(json_lists(lists, meta={"last": 1}))
    assert json.loads(answer.body) == {**lists, "meta": {"last": 1}}
    assert answer.content_type == "application/json"


@pytest.mark.parametrize("length", [0, 10, 256 * 1024, 256 * 1024 + 1, 1_000_000])
def test_long_body_is_sent_in_parts(length: int) -> None:
    body = bytes(number % 251 for number in range(length))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    message = {"type": "http.response.body", "body": body, "more_body": False}

    async def run() -> None:
        await in_parts(send)(message)

    asyncio.run(run())
    assert b"".join(part["body"] for part in sent) == body
    assert max(len(part["body"]) for part in sent) <= 256 * 1024
    assert [part["more_body"] for part in sent] == [True] * (len(sent) - 1) + [False]
