"""Redaction: by value, by name and by shape, in linear time, without the product's own words."""

from __future__ import annotations

import base64
import html
import json
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from cart_spec import load_contract
from cart_spec.redaction import MARK, Redactor, ShortSecretError, require_redactable

SECRET = 'p&ss "wörd"/+=\\<x>'
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln"


@pytest.mark.parametrize("by_name", [True, False])
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
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
    ],
)
def test_text_with_a_form_of_a_secret_is_redacted(form: str, *, by_name: bool) -> None:
    redacted = Redactor([SECRET], by_name=by_name).text(f"before {form} after")
    assert MARK in redacted
    assert form not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


def test_text_with_a_secret_learned_encoded_is_redacted_decoded() -> None:
    redactor = Redactor(["hunter%2F22"])
    assert redactor.text("was hunter/22") == f"was {MARK}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"password":"hunter22', f'{{"password":{MARK}'),
        ('{"password" : "hunt\\"er22", "a": 1}', f'{{"password" : {MARK}, "a": 1}}'),
        ("{'password': 'hunter22', 'a': 1}", f"{{'password': {MARK}, 'a': 1}}"),
        ('{\\"token\\":\\"hunter22\\"}', f'{{\\"token\\":{MARK}\\"}}'),
        ('{"password":12345}', f'{{"password":{MARK}}}'),
        ("client_secret=hunter22&a=b", f"client_secret={MARK}&a=b"),
        ("a=b&access_token=hunter22", f"a=b&access_token={MARK}"),
        ("a: b\n  password: hunter22", f"a: b\n  password: {MARK}"),
        (f"Bearer {JWT}", f"Bearer {MARK}"),
        (f"x{JWT},", f"x{MARK},"),
        (f"%22{JWT}%22", f"%22{MARK}%22"),
        (f"a.{JWT}", f"a.{MARK}"),
        ("Authorization: Basic aWQ6c2VjcmV0", f"Authorization: Basic {MARK}"),
        ("bearer 0123456789abcdef.", f"bearer {MARK}"),
    ],
)
def test_text_with_an_unknown_secret_is_redacted_by_name_and_shape(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown
    assert Redactor(by_name=False).text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Invalid token: it has expired",
        "A Bearer token is required; Bearer tokens expire.",
        "Send Authorization: Bearer, then the token",
        "the password is too short",
        "www.example.com/v2.1/carts",
        "eyJ.a.b",
        "Basic authentication is not supported here",
        "Unauthorized",
    ],
)
def test_text_that_is_prose_stays(text: str) -> None:
    assert Redactor(["secret-value"]).text(text) == text


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]


def test_text_of_the_contract_stays() -> None:
    # Named examples hold tokens and passwords, which are to be redacted.
    document = {key: part for key, part in load_contract().document.items() if key != "components"}
    texts = _texts(document)
    rules = load_contract().rules
    texts += [text for rule in rules for text in (rule.text, rule.detail) if text]
    for text in texts:
        if not text.startswith(("eyJ", "Bearer ey")):
            assert Redactor().text(text) == text


def test_text_with_own_words_sent_as_secrets_stays() -> None:
    redactor = Redactor(own_words="Unauthorized\nInvalid token")
    redactor.learn_headers([("Authorization", "Bearer Unauthorized")])
    redactor.learn_body(b'{"password": "token"}')
    error = {"title": "Unauthorized", "detail": "The token is missing"}
    assert redactor.value(error) == error
    assert redactor.headers([("Authorization", "Bearer Unauthorized")]) == (
        ("Authorization", MARK),
    )
    assert redactor.body(b'{"password": "token"}') == {"password": MARK}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"data":{"password":"hunter22"}}', {"data": {"password": MARK}}),
        (b'{"data":{"password":true}}', {"data": {"password": True}}),
        (b'{"data":{"password":null}}', {"data": {"password": None}}),
        (b'{"data":{"password":["a"]}}', {"data": {"password": MARK}}),
        (b'{"data":{"password":7}}', {"data": {"password": MARK}}),
        (b'{"a":"hunter22","password":"hunter22"}', {"a": MARK, "password": MARK}),
        (b'{"hunter22":1,"password":"hunter22"}', {MARK: 1, "password": MARK}),
        (b"client_secret=hunter%2022&a=hunter+22", f"client_secret={MARK}&a={MARK}"),
        (f'"{JWT}"'.encode(), MARK),
        (b"", None),
        (b"\xff", "\ufffd"),
        (b"NaN", "NaN"),
        (b'{"name":"Ada"}', {"name": "Ada"}),
    ],
)
def test_body_is_shown_without_secrets(body: bytes, shown: object) -> None:
    redactor = Redactor()
    redactor.learn_body(body)
    assert redactor.body(body) == shown


def test_body_that_nests_deep_is_hidden_or_text() -> None:
    for depth in (100, 600, 2_000, 100_000):
        body = b'{"a":' * depth + b'{"password":"hunter22"}' + b"}" * depth
        redactor = Redactor()
        redactor.learn_body(body)
        try:
            shown: Any = json.dumps(redactor.body(body))
        except RecursionError:
            continue
        assert "hunter22" not in shown


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("Authorization", "Bearer abc.def", "abc.def"),
        ("authorization", "opaque-key", "opaque-key"),
        ("Authorization", f"Basic {base64.b64encode(b'id:s3cret-one').decode()}", "s3cret-one"),
        ("X-Moltin-Customer-Token", "ghijk", "ghijk"),
        ("Cookie", "a=first-one; b=second-one", "second-one"),
        ("Set-Cookie", "session=first-one; Path=/", "first-one"),
    ],
)
def test_headers_that_hold_secrets_are_hidden_and_known_elsewhere(
    name: str, value: str, secret: str
) -> None:
    redactor = Redactor()
    redactor.learn_headers([(name, value), ("a", "b")])
    assert redactor.headers([(name, value), ("a", secret)]) == ((name, MARK), ("a", MARK))
    assert redactor.text(f"got {secret} here") == f"got {MARK} here"


def test_headers_without_by_name_keep_the_scheme() -> None:
    redactor = Redactor(["abc.def"], by_name=False)
    headers = [("Authorization", "Bearer abc.def")]
    assert redactor.headers(headers) == (("Authorization", f"Bearer {MARK}"),)


def test_body_text_is_redacted_before_it_is_cut() -> None:
    redactor = Redactor(["the-secret"])
    body = redactor.body_text(b"x" * 15 + b"the-secret" + b"y" * 50, limit=20)
    assert "the-s" not in body
    assert redactor.body_text(None) == ""


def test_add_later_redacts_from_then_on() -> None:
    redactor = Redactor([""])
    assert redactor.text("first-token") == "first-token"
    redactor.add("first-token", None)
    redactor.add("second-token")
    assert redactor.text("first-token second-token") == f"{MARK} {MARK}"


def test_require_redactable_short_secret_raises_and_names_it() -> None:
    require_redactable("abcd", "the client secret")
    with pytest.raises(ShortSecretError, match=r"the client secret has fewer than 4 characters"):
        require_redactable("abc", "the client secret")


def test_add_short_secret_leaves_words_alone() -> None:
    assert Redactor(["cat"]).text("concatenate") == "concatenate"


HOSTILE = [
    "eyJ", "eyJaaaaaaaa.", "eyJ.", "a.", "a", "a-", ".", '"password":"', '"password":', "password=",
    "password:", "password", '\\"password\\":\\"', "'token'", "Bearer ", "Bearer", "basic a", "%2",
    "%", "\\", '"', "'", "\\'", " ", "\t", "\n", "\n ", '"password"\n', "Bearer  ", "Bearer %20",
    "secret-secre", "\uf8ff", "ß", "password : ", "token =",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_text_of_a_megabyte_takes_less_than_a_second(piece: str) -> None:
    redactor = Redactor(["secret-secret-secret", "aaaaaaaaaaaaaaab", "\\" * 20])
    text = piece * (1_000_000 // len(piece))
    for hostile in (text, '{"password":"' + text, "\\" + text, "'token': '" + text):
        started = time.process_time()
        redactor.text(hostile)
        redactor.learn_body(hostile.encode())
        assert time.process_time() - started < 1
        redactor = Redactor(["secret-secret-secret", "aaaaaaaaaaaaaaab", "\\" * 20])


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("new_password", True),
        ("Client_Secret", True),
        ("clientSecret", True),
        ("CLIENT-SECRET", True),
        ("X-Api-Key", True),
        ("api_key", True),
        ("X-Auth-Token", True),
        ("Cookie", True),
        ("token_type", False),
        ("email", False),
        ("key", False),
        ("Content-Type", False),
    ],
)
def test_secret_names_are_known_however_they_are_written(name: str, *, secret: bool) -> None:
    value = "hunter-twenty-two"
    shown = [
        Redactor().text(json.dumps({name: value})),
        Redactor().text(json.dumps(json.dumps({name: value}))),
        Redactor().text(f"a=b&{name}={value}&c=d") if name != "Cookie" else "",
        Redactor().text(f"GET / HTTP/1.1\n{name}: {value}\n") if name != "Cookie" else "",
        str(Redactor().body(json.dumps({name: value}).encode())),
        str(Redactor().headers([(name, value)])),
    ]
    for text in shown if name != "Cookie" else shown[4:]:
        assert (value not in text) is secret or not text, text


def test_part_of_a_multipart_form_is_redacted_by_name() -> None:
    body = (
        '--b\r\nContent-Disposition: form-data; name="new_password"\r\n'
        "Content-Type: text/plain\r\n\r\nhunter 22\r\n"
        '--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n--b--\r\n'
    )
    redactor = Redactor()
    redactor.learn_body(body.encode())
    shown = redactor.body(body.encode())
    assert "hunter" not in shown
    assert "ada@example.com" in shown
    assert "hunter" not in Redactor().text(body)
    assert redactor.text("was hunter 22") == f"was {MARK}"


def test_secret_with_a_lone_surrogate_is_redacted() -> None:
    redactor = Redactor()
    redactor.learn_body(b'{"password":"hunter\\ud800"}')
    assert redactor.text("was hunter\ud800") == f"was {MARK}"


@pytest.mark.parametrize(
    "piece", ['; name="a"', 'name="password"\r\n', "password", "x-api-key:", "a" * 50 + "="]
)
def test_hostile_names_take_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    Redactor().text(text)
    Redactor().learn_body(text.encode())
    assert time.process_time() - started < 3
