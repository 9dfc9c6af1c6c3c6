"""Secrets are removed by value, in whatever form they come back."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from cart_conformance.target.redaction import MARK, Redactor

SECRET = 'p&ss "wörd"/+=\\<x>'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps({"inner": json.dumps(SECRET)}),
        json.dumps(SECRET).replace("/", "\\/"),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        html.escape(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"id:{SECRET}".encode()).decode(),
        base64.b64encode(f"i:{SECRET}:and more".encode()).decode(),
        base64.b64encode(f"xy:{SECRET}".encode()).decode(),
        SECRET.encode().hex(),
    ],
)
def test_every_form_of_a_secret_is_removed(form: str) -> None:
    redacted = Redactor([SECRET]).text(f"before {form} after")
    assert MARK in redacted
    assert form not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    # What stays of a longer base64 text must not give the secret away.
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + SECRET.encode()).decode()
        assert whole[4:-4] not in redacted


def test_other_text_stays() -> None:
    assert Redactor(["secret-value"]).text("a secret and a value") == "a secret and a value"


def test_nothing_known_removes_nothing() -> None:
    assert Redactor([""]).text("text") == "text"


def test_secrets_can_be_added_later() -> None:
    redactor = Redactor()
    redactor.add("first-token", None)
    redactor.add("second-token")
    assert redactor.text("first-token second-token") == f"{MARK} {MARK}"


def test_a_body_is_redacted_before_it_is_cut() -> None:
    redactor = Redactor(["the-secret"])
    body = redactor.body(b"x" * 15 + b"the-secret" + b"y" * 50, limit=20)
    assert "the-s" not in body
