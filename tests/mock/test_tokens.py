"""Tokens: only what this mock signed counts, for what it was signed, as long as it lasts."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from cart_mock.auth.tokens import (
    ACCESS_TOKEN_LIFETIME,
    GRANTS,
    OWNER_TOKEN_LIFETIME,
    AccessToken,
    Grant,
    OwnerToken,
    TokenInvalid,
    Tokens,
)
from cart_mock.owners import Owner
from cart_mock.tenants.registry import TenantRegistry

from tests.mock.world import START, World

KEY = secrets.token_bytes(32)
TOKENS = Tokens(KEY)
NOW = int(START)
ADA, ACME = Owner("customer", "ada"), Owner("account", "acme")


def access(tokens: Tokens = TOKENS) -> str:
    return tokens.issue_access("shop", "client_credentials", START + 0.9, "t1")[0]


def customer(tokens: Tokens = TOKENS) -> str:
    return tokens.issue_owner("shop", ADA, START + 0.9, "t2")[0]


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("grant", GRANTS)
def test_an_access_token_says_its_store_and_grant(grant: Grant) -> None:
    token, expires = TOKENS.issue_access("shop", grant, START + 0.9, "t1")
    assert expires == NOW + ACCESS_TOKEN_LIFETIME == NOW + 3600
    assert TOKENS.read_access(token) == AccessToken("shop", grant, expires)


def test_a_customer_token_says_its_store_and_customer() -> None:
    token, expires = TOKENS.issue_owner("shop", ADA, START + 0.9, "t2")
    assert expires == NOW + OWNER_TOKEN_LIFETIME == NOW + 24 * 3600
    assert TOKENS.read_owner(token, "customer") == OwnerToken("shop", ADA, expires)


def test_an_account_token_says_its_store_account_and_member() -> None:
    token, expires = TOKENS.issue_owner("shop", ACME, START + 0.9, "t2", "ann")
    assert TOKENS.read_owner(token, "account") == OwnerToken("shop", ACME, expires, "ann")
    with pytest.raises(TokenInvalid):
        TOKENS.read_owner(token, "customer")
    assert TOKENS.kind_of(token) == "account"
    assert TOKENS.kind_of("junk") is None


def test_a_token_can_be_read_by_any_jwt_library_and_holds_no_secret() -> None:
    claims = jwt.decode(customer(), options={"verify_signature": False})
    assert claims == {
        "aud": "customer", "store": "shop", "sub": "ada", "exp": NOW + 24 * 3600, "jti": "t2",
        "inc": "",
    }  # fmt: skip


def with_header(token: str, signature: str | None = None, **header: Any) -> str:
    _, payload, signed = token.split(".")
    return f"{part(header)}.{payload}.{signed if signature is None else signature}"


def with_claims(token: str, **claims: Any) -> str:
    header, payload, signature = token.split(".")
    known = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{part({**known, **claims})}.{signature}"


def signed_without(claim: str) -> Callable[[str], str]:
    def forge(token: str) -> str:
        claims = jwt.decode(token, options={"verify_signature": False})
        del claims[claim]
        return jwt.encode(claims, KEY, "HS256")

    return forge


def flipped(token: str) -> str:
    """The token with one bit of its signature's first byte changed."""
    head, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[0] ^= 1
    return f"{head}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


FORGERIES: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "no token": lambda _: "secret",
    "two parts": lambda t: t.rpartition(".")[0],
    "four parts": lambda t: f"{t}.x",
    "not ASCII": lambda t: f"{t}é",
    "a null byte": lambda t: f"{t}\0",
    "white space before": lambda t: f" {t}",
    "alg none": lambda t: with_header(t, "", alg="none", typ="JWT"),
    "alg None": lambda t: with_header(t, "", alg="None", typ="JWT"),
    "alg none with the signature": lambda t: with_header(t, alg="none", typ="JWT"),
    "alg HS512": lambda t: with_header(t, alg="HS512", typ="JWT"),
    "alg missing": lambda t: with_header(t, typ="JWT"),
    "HS384 with our key": lambda t: jwt.encode(
        jwt.decode(t, options={"verify_signature": False}), KEY, "HS384"
    ),
    "no signature": lambda t: t.rpartition(".")[0] + ".",
    "a flipped bit": flipped,
    "another store": lambda t: with_claims(t, store="other"),
    "another customer": lambda t: with_claims(t, sub="bob"),
    "a longer life": lambda t: with_claims(t, exp=NOW * 2),
    "another key": lambda t: jwt.encode(
        jwt.decode(t, options={"verify_signature": False}), secrets.token_bytes(32), "HS256"
    ),
    "an empty key": lambda t: f"{t.rpartition('.')[0]}.{part('')}",
    "without audience": signed_without("aud"),
    "without store": signed_without("store"),
    "without expiry": signed_without("exp"),
}


@pytest.mark.parametrize("kind", ["access", "customer"])
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_token_is_invalid(forge: Callable[[str], str], kind: str) -> None:
    token = forge(access() if kind == "access" else customer())
    read = TOKENS.read_access if kind == "access" else partial(TOKENS.read_owner, kind="customer")
    with pytest.raises(TokenInvalid):
        read(token)


def test_the_two_kinds_cannot_be_swapped() -> None:
    with pytest.raises(TokenInvalid):
        TOKENS.read_access(customer())
    with pytest.raises(TokenInvalid):
        TOKENS.read_owner(access(), "customer")


def test_tokens_of_another_data_directory_are_invalid_and_of_the_same_stay_valid(
    tmp_path: Path,
) -> None:
    keys = []
    for name in ("one", "two", "one"):
        tenants = TenantRegistry(data=tmp_path / name)
        keys.append(tenants.signing_key)
        tenants.close()
    one, two, one_again = (Tokens(key) for key in keys)
    assert one_again.read_access(access(one)) == one.read_access(access(one))
    assert one_again.read_owner(customer(one), "customer") == one.read_owner(
        customer(one), "customer"
    )
    with pytest.raises(TokenInvalid):
        two.read_access(access(one))
    with pytest.raises(TokenInvalid):
        two.read_owner(customer(one), "customer")


def test_the_signing_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    TenantRegistry(data=tmp_path).close()
    assert (tmp_path / "cart-mock.json").stat().st_mode & 0o077 == 0


def test_access_token_without_a_scheme_is_accepted(world: World) -> None:
    bare = world.admin["Authorization"].removeprefix("Bearer ")
    assert world.send("GET", "/v2/carts", {"Authorization": bare}).status_code == 200
    for wrong in ("Bearer", "bearer ", f"Basic {bare}", f"{bare}x"):
        assert world.send("GET", "/v2/carts", {"Authorization": wrong}).status_code == 401


@pytest.mark.parametrize(
    ("wait", "status"), [(ACCESS_TOKEN_LIFETIME - 1, 200), (ACCESS_TOKEN_LIFETIME, 401)]
)
def test_an_access_token_expires_by_the_clock_of_its_store(
    world: World, wait: int, status: int
) -> None:
    other = World(world.site, client_id=f"{world.client_id}-other")
    world.wait(wait)
    assert world.send("GET", "/v2/carts", world.admin).status_code == status
    assert other.send("GET", "/v2/carts", other.admin).status_code == 200


@pytest.mark.parametrize(
    ("wait", "status"), [(OWNER_TOKEN_LIFETIME - 1, 200), (OWNER_TOKEN_LIFETIME, 403)]
)
def test_a_customer_token_expires_by_the_clock_of_its_store(
    world: World, wait: int, status: int
) -> None:
    ada = world.as_ada()
    world.wait(wait)
    headers = {**ada, **world.token("implicit")}
    assert world.send("GET", "/v2/carts", headers).status_code == status


def test_a_token_is_valid_again_when_the_clock_is_set_back(world: World) -> None:
    world.wait(ACCESS_TOKEN_LIFETIME)
    assert world.send("GET", "/v2/carts", world.admin).status_code == 401
    world.wait(-1)
    assert world.send("GET", "/v2/carts", world.admin).status_code == 200


def test_tokens_that_were_issued_here_are_read_without_the_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens = access(), customer()

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("the library was asked")

    monkeypatch.setattr(jwt, "decode", fail)
    TOKENS.read_access(tokens[0])
    TOKENS.read_owner(tokens[1], "customer")


@pytest.mark.parametrize("payload", [b"{}", b"[]", b"{", b"", b'{"aud":"customer","store":"s"}'])
def test_tokens_signed_with_the_key_but_without_the_claims_are_invalid(payload: bytes) -> None:
    signed = customer().partition(".")[0] + "." + base64.urlsafe_b64encode(payload).decode()
    signed = signed.rstrip("=")
    signature = hmac.digest(KEY, signed.encode(), "sha256")
    token = f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    with pytest.raises(TokenInvalid):
        TOKENS.read_owner(token, "customer")
