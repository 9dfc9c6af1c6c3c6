"""Client files, which list the accepted keys. Errors say what to send, without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from cart_mock.auth.clients import ClientsError, load_clients
from cart_mock.tenants.registry import TenantRegistry, UnknownTenant

SHAPE = 'it must be a JSON object such as {"my-store": "my-secret", "shoppers-only": null}'
EMPTY = "no id and no secret may be empty"
BAD: list[tuple[bytes, str]] = [
    (b"", SHAPE),
    (b"my-store=hunter2", SHAPE),
    (b'{"my-store": "hunter2"', SHAPE),
    (b'{"my-store": "hunter2\xff"}', SHAPE),
    (b"\xff\xfehunter2", SHAPE),
    (b"[" * 100_000, SHAPE),
    (b'["my-store", "hunter2"]', SHAPE),
    (b'"hunter2"', SHAPE),
    (b"null", SHAPE),
    (b'{"my-store": {"secret": "hunter2"}}', SHAPE),
    (b'{"my-store": ["hunter2"]}', SHAPE),
    (b'{"my-store": 5}', SHAPE),
    (b'{"my-store": true}', SHAPE),
    (b"{}", EMPTY),
    (b'{"": "hunter2"}', EMPTY),
    (b'{"my-store": "", "other": "hunter2"}', EMPTY),
]


@pytest.mark.parametrize(("content", "message"), BAD, ids=[str(c[:30]) for c, _ in BAD])
def test_a_file_that_cannot_be_used_is_refused_without_its_secrets(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "clients.json"
    path.write_bytes(content)
    with pytest.raises(ClientsError) as raised:
        load_clients(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ")
    assert message in text
    assert "\n" not in text
    assert "hunter2" not in text


@pytest.mark.parametrize(("name", "reason"), [("none.json", "No such file"), (".", "Is a dir")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ClientsError, match=f"cannot be read: {reason}") as raised:
        load_clients(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)


def test_a_file_pins_which_keys_there_are_and_their_secrets(tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    path.write_text('{"my-store": "hunter2", "shoppers-only": null, "ключ": "пароль"}')
    tenants = TenantRegistry(clients=load_clients(path))
    accepted = {
        (name, secret): tenants.has_secret(tenants.use(name), secret)
        for name in ("my-store", "shoppers-only", "ключ")
        for secret in ("hunter2", "", "пароль", "None", "null")
    }
    assert {pair for pair, accepts in accepted.items() if accepts} == {
        ("my-store", "hunter2"),
        ("ключ", "пароль"),
    }
    with pytest.raises(UnknownTenant):
        tenants.use("another")


def test_a_pinned_secret_outranks_the_one_that_was_used_first(tmp_path: Path) -> None:
    tenants = TenantRegistry(data=tmp_path)
    assert tenants.has_secret(tenants.use("shop"), "first")
    tenants.close()
    tenants = TenantRegistry(data=tmp_path, clients={"shop": "pinned"})
    shop = tenants.use("shop")
    assert [tenants.has_secret(shop, secret) for secret in ("first", "pinned")] == [False, True]
    tenants.close()
