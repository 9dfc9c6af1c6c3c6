"""What reads foreign bytes refuses them in its own words, or reads what was meant."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cart_mock import bodies
from cart_mock.auth.tokens import TokenInvalid, Tokens
from cart_mock.owners import Owner
from cart_mock.rules.cart_filter import parse_cart_filter
from cart_mock.state.journal_storage import DataError, JournalStorage
from cart_mock.state.seed import SeedError, parse_seed
from cart_spec.paths import decoded_path

from tests.mock.documents import commit, tables
from tests.proofs.sizes import portion, said

Reads = Callable[[bytes], object]
TOKENS = Tokens(b"k" * 32)
ISSUED = TOKENS.issue_access("shop", "client_credentials", 1e9, "id", incarnation="i")[0]
OWNERS = TOKENS.issue_owner("shop", Owner("customer", "ada"), 1e9, "id")[0]
SEED = {
    "customers": [{"id": "ada", "name": "Ada", "email": "ada@example.com", "password": "x"}],
    "carts": [{"id": "c", "name": "C", "created_at": "2020-01-01T00:00:00Z"}],
    "associations": [{"cart": "c", "customer": "ada"}],
}


def read_body(content: bytes) -> None:
    """Open and read a body, whatever its encoding is."""
    for encoding in (b"gzip", b"deflate", b"br", b"gzip, br", content[:20]):
        try:
            opened = bodies.opened(content, encoding, 1000)
        except (bodies.Malformed, bodies.EncodingUnsupported, bodies.TooLarge):
            continue
        assert len(opened) <= max(1000, len(content))
    for read in (bodies.read_json, bodies.read_form):
        try:
            read(content)
        except bodies.Malformed:
            continue


def read_token(content: bytes) -> None:
    """Read a token: what is accepted says what was issued."""
    token = content.decode("latin-1")
    with suppress(TokenInvalid):
        assert TOKENS.read_access(token) == TOKENS.read_access(ISSUED), token
    with suppress(TokenInvalid):
        assert TOKENS.read_owner(token, "customer") == TOKENS.read_owner(OWNERS, "customer"), token


def read_filter(content: bytes) -> None:
    """Read a filter of the list of carts, and a path."""
    parse_cart_filter(content.decode("latin-1"))
    decoded_path(content)


def read_seed(content: bytes) -> None:
    """Read a seed."""
    with suppress(SeedError):
        parse_seed(content, "seed")


READERS: dict[str, tuple[Reads, list[bytes], int]] = {
    "bodies": (read_body, [json.dumps(SEED).encode(), b"a=b&c=%ff", b"\x1f\x8b\x08"], 2_500_000),
    "tokens": (read_token, [ISSUED.encode(), OWNERS.encode(), b"eyJ.eyJ.x"], 2_500_000),
    "filters": (read_filter, [b'eq(name,"x")|ilike(name,*y*):contains(account_ids,z)'], 4_000_000),
    "seeds": (read_seed, [json.dumps(SEED).encode()], 900_000),
}


def damaged(content: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Return the content with one or more random changes."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, length = rng.randrange(len(content) + 1), rng.choice((0, 1, 1, 4, 30))
        put = rng.choice((
            b"", rng.randbytes(1), rng.randbytes(length), content[at : at + length] * 3,
            rng.choice(others)[:length], b"[" * length * 50, b"9" * length * 200, b"%" * length,
            b'"\\ud800"', b"NaN", b"1e999", b"9999-12-31T23:59:59Z",
        ))  # fmt: skip
        content = content[:at] + put + content[at + rng.choice((0, len(put), length)) :]
    return content


@pytest.mark.parametrize("reader", READERS)
def test_damaged_input_is_refused_or_read(reader: str) -> None:
    read, whole, number = READERS[reader]
    rng = random.Random(1)
    number = portion(1_000, number)
    for _ in range(number):
        read(damaged(rng.choice(whole), whole, rng))
    said(f"{number} damaged {reader}")


def test_damaged_journal_is_refused_or_read_to_a_moment_that_was(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    storage = JournalStorage(whole)
    states: list[Any] = [{}]
    for number in range(8):
        commit(storage, {"carts": {str(number % 3): {"n": number, "text": "é\n" * number}}})
        states.append(tables(storage))
    storage.close()
    content = (whole / "journal.jsonl").read_bytes()
    rng, number, refused = random.Random(1), portion(300, 100_000), 0
    place = tmp_path / "damaged"
    for _ in range(number):
        place.mkdir()
        (place / "journal.jsonl").write_bytes(damaged(content, [content], rng))
        try:
            opened = JournalStorage(place)
        except DataError:
            refused += 1
        else:
            assert tables(opened) in states
            opened.close()
        shutil.rmtree(place)
    said(f"{number} damaged journals, {refused} refused")
