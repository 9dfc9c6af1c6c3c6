"""Tenants: a deleted one is gone for the requests that are under way, too."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.auth import passwords
from cart_mock.state.entities import Cart
from cart_mock.state.journal_storage import DataError, JournalStorage
from cart_mock.state.scenarios import scenario
from cart_mock.state.seed import parse_seed
from cart_mock.state.tinydb_tables import InMemoryStorage, StorageClosed
from cart_mock.tenants.faults import Plan
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.testing import in_process

from tests.mock.world import World

LATENCY = Plan("latency", 0, seconds=60.0)


async def deleted_while_it_waits(world: World, request: dict[str, Any]) -> httpx.Response:
    """The answer to a request whose tenant is deleted while the request waits."""
    transport = httpx.ASGITransport(app=world.site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
        sent = asyncio.ensure_future(client.request(**request))
        await asyncio.sleep(0.05)
        assert not sent.done()
        tenant = world.tenant
        world.site.tenants.delete(world.client_id)
        tenant.clock.advance(60)
        return await sent


@pytest.mark.parametrize("data", [False, True], ids=["memory", "disk"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_request_whose_tenant_is_deleted_while_it_waits_gets_the_answer_of_an_unknown_token(
    tmp_path: Path, data: bool, method: str
) -> None:
    with World(data=tmp_path if data else None) as world:
        world.tenant.faults.add(LATENCY)
        body = {"data": {"name": "Groceries"}} if method == "POST" else None
        request = {"method": method, "url": "/v2/carts", "headers": world.admin, "json": body}
        answer = asyncio.run(deleted_while_it_waits(world, request))
        unknown = world.send(method, "/v2/carts", request["headers"], json=body)
        assert (answer.status_code, answer.json()) == (401, unknown.json())
        assert "does not exist any more" in answer.text
        assert [path.name for path in (tmp_path / "stores").glob("*")] == []


def test_login_whose_tenant_is_deleted_while_its_password_is_checked_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with World() as world:
        tenant = world.tenant

        async def slowly(_password: str, _hash: str | None) -> bool:
            await tenant.clock.sleep(60)
            return True

        monkeypatch.setattr(passwords, "matches_in_thread", slowly)
        data = {"type": "token", "email": "ada@example.com", "password": "correct horse"}
        request = {
            "method": "POST", "url": "/v2/customers/tokens", "headers": world.anonymous,
            "json": {"data": data},
        }  # fmt: skip
        answer = asyncio.run(deleted_while_it_waits(world, request))
        assert (answer.status_code, "does not exist any more" in answer.text) == (401, True)


def test_grant_whose_tenant_is_deleted_while_it_waits_makes_the_tenant_anew() -> None:
    with World() as world:
        old = world.tenant
        old.faults.add(LATENCY)
        form = {"grant_type": "implicit", "client_id": world.client_id}
        request = {"method": "POST", "url": "/oauth/access_token", "data": form}
        answer = asyncio.run(deleted_while_it_waits(world, request))
        assert answer.status_code == 200
        assert world.tenant is not old


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_storage_after_close_refuses_every_change(tmp_path: Path, kind: str) -> None:
    storage = InMemoryStorage() if kind == "memory" else JournalStorage(tmp_path)
    storage.close()
    storage.close()
    with pytest.raises(StorageClosed):
        storage.commit({"carts": {"a": b"{}"}})
    with pytest.raises(StorageClosed), storage.transaction():
        storage.commit({"carts": {"a": b"{}"}})
    assert storage.read() == {}


def test_files_of_a_data_directory_are_for_their_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    tenants = TenantRegistry(data=data)
    store = tenants.use("shop").store
    store.put_cart(Cart("c", "Groceries", 1, 1))
    store._storage.compact()  # type: ignore[attr-defined]  # it is one on disk
    store.put_cart(Cart("d", "Groceries", 1, 1))
    tenants.close()
    made = [data, *data.rglob("*")]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert {"snapshot.json", "journal.jsonl", "name.json", "cart-mock.json"} <= set(modes)
    for path in made:
        assert modes[path.name] == (0o700 if path.is_dir() else 0o600), path


def test_store_over_the_most_is_refused_until_one_is_deleted() -> None:
    tenants = TenantRegistry(most=2)
    with in_process(create_app(tenants=tenants)) as client:

        def asked(name: str) -> httpx.Response:
            form = {"grant_type": "implicit", "client_id": name}
            return client.post("/oauth/access_token", data=form)

        assert [asked(name).status_code for name in ("a", "b", "c", "a")] == [200, 200, 503, 200]
        assert "there are 2 stores already" in asked("c").json()["errors"][0]["detail"]
        assert client.post("/_mock/stores", json={"client_id": "c"}).status_code == 503
        assert client.delete("/_mock/stores/a").status_code == 204
        assert asked("c").status_code == 200


def test_carts_made_by_reading_have_a_bound_and_the_oldest_leave(tmp_path: Path) -> None:
    with World(data=tmp_path, most_read_carts=3) as world:
        for cart in ("a", "b", "c"):
            world.send("GET", f"/v2/carts/{cart}", world.admin)
        world.associate("a", world.ada)
        world.send("PUT", "/v2/carts/b", world.admin, json={"data": {"name": "Mine"}})
        imported = [Cart(f"i{number}", "Cart", 1, 2**31) for number in range(5)]
        for made in imported:
            world.store.put_cart(made)
        for number in range(10):
            path = f"/v2/carts/r{number}" + ("/items" if number % 2 else "")
            assert world.send("GET", path, world.admin).status_code == 200
        kept = {"a", "b", *(cart.id for cart in imported), "r7", "r8", "r9"}
        assert {cart.id for cart in world.store.everything()[1]} == kept
    # A start knows them again.
    tenants = TenantRegistry(data=tmp_path, most_read_carts=2)
    store = tenants.use("shop").store
    store.put_read_cart(Cart("new", "Cart", 2**31, 2**31))
    left = {cart.id for cart in store.everything()[1]}
    assert left == (kept | {"new"}) - {"r7", "r8"}
    tenants.close()


def owner_headers(world: World) -> list[dict[str, str]]:
    """The headers of an administrator, of a customer and of an account's member."""
    return [
        world.admin,
        {**world.anonymous, "X-Moltin-Customer-Token": world.customer("ada")},
        {**world.admin, "X-Moltin-Customer-Token": world.customer("ada")},
    ]


@pytest.mark.parametrize("data", [False, True], ids=["memory", "disk"])
def test_tokens_of_a_deleted_tenant_stay_invalid_when_its_client_id_is_used_again(
    tmp_path: Path, data: bool
) -> None:
    with World(data=tmp_path if data else None) as world:
        old = owner_headers(world)
        assert {world.send("GET", "/v2/carts", each).status_code for each in old} == {200}
        world.site.tenants.delete(world.client_id)
        world.site.tenants.use(world.client_id)
        answers = [world.send("GET", "/v2/carts", each) for each in old]
        assert {answer.status_code for answer in answers} == {401}
        # The new access token is valid; the old customer token next to it is not.
        new = world.access("client_credentials")
        mixed = {**old[2], "Authorization": f"Bearer {new}"}
        refused = world.send("GET", "/v2/carts", mixed)
        assert refused.status_code == 403
        assert "its store was deleted" in refused.text


def test_tokens_stay_valid_over_a_restart_and_end_with_a_deletion_that_was_killed(
    tmp_path: Path,
) -> None:
    tenants = TenantRegistry(data=tmp_path)
    first = tenants.use("shop").incarnation
    tenants.close()
    tenants = TenantRegistry(data=tmp_path)
    assert tenants.use("shop").incarnation == first != ""
    (directory,) = (tmp_path / "stores").iterdir()
    tenants.close()
    # A deletion takes the name first; then the process was killed.
    (directory / "name.json").unlink()
    tenants = TenantRegistry(data=tmp_path)
    assert tenants.get("shop") is None
    assert tenants.use("shop").incarnation not in ("", first)
    tenants.close()


def test_remains_of_a_killed_deletion_or_making_are_removed_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("kept", "deleted", "foreign"):
        with World(data=tmp_path, client_id=name) as world:
            world.put_cart("c")
    stores = tmp_path / "stores"
    for name in ("deleted", "foreign"):  # as a deletion leaves them that is killed after this
        (stores / f"store-{name}" / "name.json").unlink()
    (stores / "store-foreign" / "notes.txt").write_text("mine")
    made = stores / "store-made"  # killed before it was named
    made.mkdir()
    for name in (".name.json.abc", ".snapshot.json.abc", "journal.jsonl"):
        (made / name).write_text("x")
    (stores / "notes").mkdir()
    with pytest.raises(DataError, match="another cart-mock uses it"), World(data=tmp_path):
        TenantRegistry(data=tmp_path)
    left = ["notes", "store-foreign", "store-kept"]
    assert sorted(p.name for p in stores.iterdir() if p.name != "store-shop") == left
    with World(data=tmp_path, client_id="foreign"):
        assert len(list((stores / "store-foreign").iterdir())) == 3
    assert caplog.text == ""


def test_remains_that_cannot_be_removed_do_not_keep_a_mock_from_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with World(data=tmp_path):
        pass
    (tmp_path / "stores" / "store-shop" / "name.json").unlink()

    def refused(_path: Path, **_options: bool) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rmdir", refused)
        registry = TenantRegistry(data=tmp_path)
        registry.close()
    assert "store-shop: cannot be removed now: [Errno 13] Permission denied" in caplog.text


def test_store_of_an_older_version_keeps_its_tokens(tmp_path: Path) -> None:
    tenants = TenantRegistry(data=tmp_path)
    tenants.use("shop")
    tenants.close()
    (directory,) = (tmp_path / "stores").iterdir()
    (directory / "name.json").write_text('"shop"')
    tenants = TenantRegistry(data=tmp_path)
    tenant = tenants.get("shop")
    assert tenant is not None
    assert tenant.incarnation == ""
    tenants.close()


def test_changed_incarnation_is_found_to_be_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tenants = TenantRegistry(data=tmp_path)
    made = tenants.use("shop").incarnation
    tenants.close()
    (directory,) = (tmp_path / "stores").iterdir()
    path = directory / "name.json"
    path.write_text(path.read_text().replace(made, made[::-1]))
    tenants = TenantRegistry(data=tmp_path)
    assert tenants.get("shop") is None
    tenants.close()
    assert "is damaged" in caplog.text


def test_large_seed_is_written_in_a_thread_once_and_is_there_after_a_restart(
    tmp_path: Path,
) -> None:
    seed = scenario("big-shop", 1_200)
    registry = TenantRegistry(data=tmp_path, seed=seed)
    assert registry.takes_long("shop")
    form = {"grant_type": "implicit", "client_id": "shop"}
    with in_process(create_app(tenants=registry)) as client, ThreadPoolExecutor(2) as at_once:
        first = [at_once.submit(client.post, "/oauth/access_token", data=form) for _ in range(2)]
        assert [each.result().status_code for each in first] == [200, 200]
        assert not registry.takes_long("shop")
        token = first[0].result().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/v2/carts/new", headers=headers).status_code == 200
    registry.close()
    again = TenantRegistry(data=tmp_path, seed=seed)
    tenant = again.get("shop")
    assert tenant is not None
    assert tenant.store.counts()["carts"] == 1_201
    again.close()


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder of the user who runs the tests; if that is root, of another user, for a while."""
    with World() as world:
        # What is imported on first use may be in a folder that only root can read.
        assert world.send("GET", "/_mock/ready").status_code == 200
    folder = Path(tempfile.mkdtemp())
    user, nobody = os.geteuid(), 65_534
    if user == 0:
        os.chown(folder, nobody, nobody)
        os.seteuid(nobody)
    try:
        yield folder
    finally:
        os.seteuid(user)
        shutil.rmtree(folder)


def set_modes(folder: Path, folders: int, files: int) -> None:
    """Set the permissions of a folder and of what is below it."""
    folder.chmod(0o700)
    for path in folder.iterdir():
        if path.is_dir():
            set_modes(path, folders, files)
        else:
            path.chmod(files)
    folder.chmod(folders)


@pytest.mark.parametrize("data", [False, True], ids=["memory", "disk"])
@pytest.mark.parametrize("times", [{}, {"created_at": "2026-01-01T00:00:00Z"}], ids=["now", "some"])
def test_store_is_reset_to_the_seed_every_time(
    tmp_path: Path, data: bool, times: dict[str, str]
) -> None:
    seed = parse_seed(json.dumps({"carts": [{"id": "a", **times}, {"id": "b"}]}).encode(), "seed")
    folder = tmp_path if data else None
    with World(data=folder, seed=seed) as world:
        for _ in range(3):
            world.send("DELETE", "/v2/carts/a", world.admin)
            world.put_cart("c")
            world.wait(60)
            assert world.send("POST", "/_mock/stores/shop/reset").status_code == 200
            _, carts = world.tenant.store.everything()
            assert sorted(cart.id for cart in carts) == ["a", "b"]
            assert world.tenant.store.cart("b") == next(c for c in carts if c.id == "b")
            assert carts[-1].updated_at == world.tenant.now()
    if data:
        tenants = TenantRegistry(data=tmp_path)
        tenant = tenants.get("shop")
        assert tenant is not None
        assert tenant.store.everything()[1] == carts
        tenants.close()


def test_lost_permissions_fail_only_what_must_write(own_folder: Path) -> None:
    with World(data=own_folder / "data") as world:
        cart, tenants = world.cart("c"), world.site.tenants
        tenants.use("other")
        before = world.everything()
        set_modes(own_folder / "data", 0o500, 0o400)
        tenants._journals.close(tenants._directories["shop"] / "journal.jsonl")
        form = {"grant_type": "implicit", "client_id": "new"}
        assert world.associate(cart, world.ada).status_code == 507
        assert world.send("POST", "/oauth/access_token", data=form).status_code == 507
        deleted = world.send("DELETE", "/_mock/stores/other")
        assert (deleted.status_code, tenants.get("other") is None) == (507, False)
        assert world.send("GET", "/_mock/ready").status_code == 503
        assert world.send("GET", f"/v2/carts/{cart}", world.admin).status_code == 200
        assert world.everything() == before
        set_modes(own_folder / "data", 0o700, 0o600)
        assert world.associate(cart, world.ada).status_code == 200
        assert world.send("DELETE", "/_mock/stores/other").status_code == 204
        assert world.send("GET", "/_mock/ready").status_code == 200


def test_claims_of_long_headers_are_not_remembered(world_of_tokens: World) -> None:
    callers = world_of_tokens.site.app.mock.callers
    before = callers._read_access.cache_info().currsize
    for number in range(5):
        long = {b"authorization": b"Bearer %d" % number + b"x" * 60_000}
        assert callers.of(long).tenant is None
    assert callers._read_access.cache_info().currsize == before
    # The longest name that a store may have still fits.
    headers = World(world_of_tokens.site, client_id="\U0001f352" * 255).admin
    token = headers["Authorization"].encode()
    assert callers.of({b"authorization": token}).tenant is not None
    assert callers._read_access.cache_info().currsize > before


@pytest.fixture
def world_of_tokens() -> Iterator[World]:
    with World() as world:
        yield world
