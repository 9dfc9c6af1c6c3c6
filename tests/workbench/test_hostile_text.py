"""The control API reads hostile text in time proportional to its length."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from cart_mock.inspection.request_view import request_to_dict
from cart_mock.inspection.verification import path_matches, verify
from cart_mock.messages import Answer, Request
from cart_mock.tenants.request_log import Entry
from cart_mock.workbench.connexion_errors import to_refusal
from connexion.exceptions import BadRequestProblem

MEGABYTE = 1_000_000
PIECES = [
    "eyJ", "eyJaaaaa.a.", "password", "password=", '"password":"', "bearer ", " - '",
    "Missing x parameter '", "a=b&", "\\\"", " ", '{"a":', "%2", "*a",
]  # fmt: skip


def text_of(piece: str) -> str:
    return piece * (MEGABYTE // len(piece))


def entry_of(
    *, path: str = "/", query: str = "", header: str = "", body: str = "", answer: str = ""
) -> Entry:
    headers = {b"x": header.encode(), b"cookie": header.encode()}
    request = Request("id", "POST", path, {}, query.encode(), headers, body.encode())
    return Entry(0.0, request, "", Answer(200, (), answer.encode()), None, {})


USES: dict[str, Callable[[str], object]] = {
    "path": lambda text: request_to_dict(entry_of(path=text), None),
    "query": lambda text: request_to_dict(entry_of(query=text), None),
    "headers": lambda text: request_to_dict(entry_of(header=text), None),
    "body": lambda text: request_to_dict(entry_of(body=text), None),
    "JSON body": lambda text: request_to_dict(entry_of(body=json.dumps({"a": text})), None),
    "answer": lambda text: request_to_dict(entry_of(answer=text), None),
    "path filter": lambda text: path_matches("/v2/*/a*b*c*d", text),
    "path filter with many wildcards": lambda text: path_matches("*a" * 40 + "!", text),
    "error of Connexion": lambda text: to_refusal(
        BadRequestProblem(detail=text), {"query_string": text.encode()}
    ),
    "verification": lambda text: verify(
        {"query": {"a": "c"}, "body": [text]},
        [{"query": text, "body": [text + "."], "headers": {}}],
    ),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_hostile_text_ends(use: str, piece: str) -> None:
    text = text_of(piece)
    started = time.process_time()
    USES[use](text)
    # About 0.1 s is usual. What grows with the square of the length takes hours.
    assert time.process_time() - started < 60
