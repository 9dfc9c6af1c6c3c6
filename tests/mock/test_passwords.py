"""Passwords: stored as Argon2id hashes, never returned, and equally slow if right or wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from cart_mock.auth import passwords
from cart_mock.auth.passwords import hash_password, is_hash, matches
from cart_mock.tenants.registry import TenantRegistry
from msgspec.structs import replace

from tests.mock.world import PASSWORD, World

OTHER = "a password of somebody else"


def test_a_hash_is_argon2id_in_the_phc_format_with_a_salt_of_its_own() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first != second
    assert first.startswith("$argon2id$v=19$m=7168,t=5,p=1$")
    parameters = extract_parameters(first)
    assert parameters.type is Type.ID
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)
    assert PasswordHasher().verify(first, PASSWORD)


# Written out, so that a hash made by an earlier version is known to match.
KNOWN = (
    "$argon2id$v=19$m=7168,t=5,p=1$ImmO9K5iZpqgx6RN3tDf2Q$"
    "O0KfDLgKG7gMwSr3CEYvwAkimg1OghcJbcUX6dEODHE"
)
IN_UNICODE = (
    "$argon2id$v=19$m=7168,t=5,p=1$H4EpMTycD95xhKmc37tkng$"
    "XaE7oy0wmsr/z+QngNseXqahjz5a6taRFeamjcoM9wg"
)
OF_OTHER_COST = (
    "$argon2id$v=19$m=65536,t=3,p=4$nlb1z9wMX2OqW3NOFb3E1g$"
    "ayKqXXoIZVv+n/nLXI5CA3MAyRPLINgVIkuYb8ddhXg"
)


@pytest.mark.parametrize(
    ("password", "password_hash", "expected"),
    [
        (PASSWORD, KNOWN, True),
        (OTHER, KNOWN, False),
        ("", KNOWN, False),
        (PASSWORD + "\0", KNOWN, False),
        (PASSWORD.upper(), KNOWN, False),
        ("ünï🛒", IN_UNICODE, True),
        (PASSWORD, None, False),
        ("nobody", None, False),
        (PASSWORD, "no hash", False),
        (PASSWORD, PASSWORD, False),
    ],
)
def test_only_the_password_itself_matches(
    password: str, password_hash: str | None, expected: bool
) -> None:
    assert matches(password, password_hash) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (KNOWN, True),
        (OF_OTHER_COST, True),
        ("", False),
        ("plain", False),
        ("$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZBpOvL0vbNwL6W5.e7v7v7v7v7v7v7", False),
        (KNOWN.replace("m=7168", "m=1048576"), False),
        (KNOWN.replace("t=5", "t=1000"), False),
    ],
)
def test_a_hash_that_is_too_dear_to_check_is_none(text: str, expected: bool) -> None:
    assert is_hash(text) is expected


class Counting(PasswordHasher):
    """Counts what it verifies, and remembers the cost of each."""

    def __init__(self) -> None:
        super().__init__(time_cost=5, memory_cost=7 * 1024, parallelism=1)
        self.verified: list[tuple[int, int, int]] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # the parent's name
        """Whether that is the password of a hash."""
        parameters = extract_parameters(hash if isinstance(hash, str) else hash.decode())
        self.verified.append((parameters.memory_cost, parameters.time_cost, parameters.parallelism))
        return super().verify(hash, password)


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Counting:
    hasher = Counting()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    return hasher


@pytest.mark.rule("credentials-wrong")
def test_every_login_does_the_same_work_whether_or_not_there_is_such_a_customer(
    world: World, hasher: Counting
) -> None:
    data = {"type": "customer", "name": "Eve", "email": "eve@example.com"}
    made = world.send("POST", "/v2/customers", world.anonymous, json={"data": data})
    assert made.json()["data"]["password"] is False
    answers, work = [], []
    for email, password in [
        ("ada@example.com", PASSWORD),
        ("ada@example.com", OTHER),
        ("nobody@example.com", PASSWORD),
        ("eve@example.com", PASSWORD),
    ]:
        hasher.verified.clear()
        login = {"type": "token", "email": email, "password": password,
                 "authentication_mechanism": "password"}  # fmt: skip
        answer = world.send("POST", "/v2/customers/tokens", world.anonymous, json={"data": login})
        answers.append((answer.status_code, "" if answer.is_success else answer.text))
        work.append(list(hasher.verified))
    assert work == [[(7168, 5, 1)]] * 4
    assert answers[0][0] == 200
    assert answers[1] == answers[2] == answers[3]
    assert answers[1][0] == 401


@pytest.mark.rule("password-never-returned")
def test_a_password_and_its_hash_are_in_no_answer(world: World) -> None:
    headers, path = world.anonymous, "/v2/customers"
    data = {"type": "customer", "name": "Eve", "email": "eve@example.com", "password": OTHER}
    login = {"type": "token", "email": "eve@example.com", "password": OTHER,
             "authentication_mechanism": "password"}  # fmt: skip
    made = world.send("POST", path, headers, json={"data": data})
    eve = f"{path}/{made.json()['data']['id']}"
    answers = [
        made,
        world.send("POST", path, headers, json={"data": data}),
        world.send("POST", path, headers, json={"data": {**data, "email": "no address"}}),
        world.send("POST", f"{path}/tokens", headers, json={"data": login}),
        world.send(
            "POST", f"{path}/tokens", headers, json={"data": {**login, "email": "x@example.com"}}
        ),
        world.send("PUT", eve, world.admin, json={"data": data}),
        world.send("GET", eve, world.admin),
        world.send("GET", path, world.admin),
        world.send("GET", path, world.admin, params={"filter": "eq(email,eve@example.com)"}),
        world.send("DELETE", eve, world.admin),
    ]
    assert [answer.status_code for answer in answers] == [
        201, 409, 422, 200, 401, 200, 200, 200, 200, 204,
    ]  # fmt: skip
    for answer in answers:
        assert OTHER not in answer.text
        assert "argon2" not in answer.text


def test_a_password_is_in_no_file_and_in_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with World(data=tmp_path, client_id="shop") as world:
        data = {"type": "customer", "name": "Eve", "email": "eve@example.com", "password": OTHER}
        made = world.send("POST", "/v2/customers", world.anonymous, json={"data": data})
        assert made.status_code == 201
        storage = world.store._storage
        storage.compact()  # type: ignore[attr-defined]  # it is one on disk
        eve = world.store.customers(0, 1)[0][0]
        world.store.put_customer(replace(eve, name="Eva"))
    contents = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"snapshot.json", "journal.jsonl"} <= set(contents)
    for content in contents.values():
        assert OTHER.encode() not in content
        assert b"secret" not in content.replace(b"signing_key", b"")
    assert b"$argon2id$" in contents["snapshot.json"]
    assert b"$argon2id$" in contents["journal.jsonl"]
    assert OTHER not in caplog.text
    tenants = TenantRegistry(data=tmp_path)
    tenant = tenants.get("shop")
    assert tenant is not None
    found = tenant.store.customer_with_email("eve@example.com")
    assert found is not None
    assert matches(OTHER, found.password_hash)
    tenants.close()
