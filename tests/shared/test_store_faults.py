"""While the shared store cannot answer, the mock says so; afterwards it goes on by itself."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cart_mock.shared.client import Batch, Position, StoreClient
from cart_mock.shared.errors import StoreUnavailable
from cart_mock.shared.link import OneServer, servers_at
from redis.asyncio.connection import SSLConnection
from redis.exceptions import ConnectionError as LinkBroken

from tests.probes import CONTRACT
from tests.shared.servers import RedisServer, free_port, redis_server
from tests.shared.site import SharedSite, Shop

PATIENCE = 0.3


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that the tests of this file disturb."""
    with redis_server(tmp_path_factory.mktemp("own-redis")) as server:
        yield server


@pytest.fixture(scope="module")
def own_site(own_server: RedisServer) -> Iterator[SharedSite]:
    """Two mocks that share it, with little patience."""
    site = SharedSite(own_server.url, 2, patience=PATIENCE)
    yield site
    site.close()


@pytest.fixture
def shop(own_site: SharedSite, own_server: RedisServer) -> Shop:
    """A fresh store in a server that answers."""
    if own_server.process is None:
        own_server.start()
    return Shop(own_site)


def is_unavailable(answer: httpx.Response, reason: str) -> None:
    """Check that an answer is the documented 503, with when to come again."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"] == "1"
    [error] = answer.json()["errors"]
    assert error["status"] == 503
    assert error["title"] == CONTRACT.protocol_error("service-unavailable").text
    assert reason in error["detail"]


def check_unavailable(shop: Shop, reason: str) -> None:
    """Check reads, writes, the workbench and the readiness of each mock, and that none hangs."""
    for at in range(2):
        began = time.monotonic()
        is_unavailable(shop.send("GET", "/v2/carts", at=at), reason)
        is_unavailable(shop.send("POST", "/v2/carts", {"data": {"name": "Lost"}}, at=at), reason)
        path = f"/_mock/stores/{shop.client_id}"
        is_unavailable(shop.site.send("GET", path, at=at), reason)
        ready = shop.site.send("GET", "/_mock/ready", at=at)
        assert ready.status_code == 503
        assert reason in ready.json()["errors"][0]["detail"]
        assert time.monotonic() - began < 60  # they end; machines may be slow


def is_back(shop: Shop) -> None:
    """Wait until both mocks answer, and check that nothing of the refused requests is there."""
    deadline = time.monotonic() + 10
    for at in range(2):
        while shop.send("GET", "/v2/carts", at=at).status_code != 200:
            assert time.monotonic() < deadline
        carts = shop.send("GET", "/v2/carts", at=at).json()["data"]
        assert [cart["id"] for cart in carts] == ["kept"]
        assert shop.site.send("GET", "/_mock/ready", at=at).status_code == 200


def test_frozen_store_is_waited_for_no_longer_than_the_limit(
    shop: Shop, own_server: RedisServer
) -> None:
    shop.cart("kept")
    own_server.signal(signal.SIGSTOP)
    try:
        for at in range(2):
            lost = shop.send("POST", "/v2/carts", {"data": {"name": "Lost"}}, at=at)
            is_unavailable(lost, "cannot be reached")
        check_unavailable(shop, "cannot be reached")
    finally:
        own_server.signal(signal.SIGCONT)
    # The server got the first requests, and carries none of them out when it goes on so late.
    time.sleep(1.5)
    is_back(shop)


def test_slow_store_is_waited_for_and_each_request_counts_once(
    shop: Shop, own_server: RedisServer
) -> None:
    shop.cart("kept")
    for at in range(2):
        own_server.send("CLIENT", "PAUSE", "150", "ALL")
        answer = shop.send("PUT", "/v2/carts/kept", {"data": {"name": str(at)}}, at=at)
        assert answer.status_code == 200
        own_server.send("CLIENT", "PAUSE", "150", "ALL")
        assert shop.send("GET", "/v2/carts/kept", at=at).json()["data"]["name"] == str(at)
    requests = shop.control("GET", "/requests?operation=updateACart")["data"]
    assert len(requests) == 2


def test_full_store_is_named_and_nothing_is_half_written(
    shop: Shop, own_server: RedisServer
) -> None:
    shop.cart("kept")
    own_server.send("CONFIG", "SET", "maxmemory", "1")
    try:
        is_unavailable(shop.send("GET", "/v2/carts"), "full")
        is_unavailable(shop.send("POST", "/v2/carts", {"data": {"name": "Lost"}}), "full")
        ready = shop.site.send("GET", "/_mock/ready", at=0)
        assert "full" in ready.text
    finally:
        own_server.send("CONFIG", "SET", "maxmemory", "0")
    is_back(shop)


def test_store_that_was_emptied_forgets_stores_and_their_tokens(
    shop: Shop, own_server: RedisServer
) -> None:
    shop.cart("kept")
    own_server.stop()
    check_unavailable(shop, "cannot be reached")
    own_server.start()
    deadline = time.monotonic() + 10
    while shop.site.send("GET", "/_mock/ready", at=0).status_code != 200:
        assert time.monotonic() < deadline
    for at in range(2):
        assert shop.send("GET", "/v2/carts", at=at).status_code == 401
    again = Shop(shop.site, shop.client_id)
    for at in range(2):
        assert again.send("GET", "/v2/carts", at=at).json()["data"] == []
        # The store is another one, so a token of before is not valid there.
        assert shop.send("GET", "/v2/carts", at=at).status_code == 401


def test_store_that_is_loading_or_lost_for_a_moment_is_not_noticed(
    shop: Shop, own_server: RedisServer
) -> None:
    shop.cart("kept")
    own_server.send("CLIENT", "KILL", "TYPE", "normal")
    for at in range(2):
        answer = shop.send("PUT", "/v2/carts/kept", {"data": {"name": str(at)}}, at=at)
        assert answer.status_code == 200
    requests = shop.control("GET", "/requests?operation=updateACart")["data"]
    assert len(requests) == 2  # none was carried out twice


def test_call_whose_reply_was_lost_is_not_tried_on_another_store(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = StoreClient(servers_at(server.url, None, None), prefix="unsure")

    async def check() -> None:
        await client.create("s", b"one", b"state")
        link = await client._servers.link_to(b"", 1.0)
        call = link.call

        async def lossy(*commands: Any, seconds: float) -> list[Any]:
            monkeypatch.setattr(link, "call", call)
            await call(*commands, seconds=seconds)
            await client.delete("s", b"one")
            raise LinkBroken("the reply is lost")

        monkeypatch.setattr(link, "call", lossy)
        place, batch = Position(b"0-0", b"one"), Batch(b"tag", writes=b"x")
        with pytest.raises(StoreUnavailable, match="it is not known"):
            await client.append("s", b"one", place, b"0-0", batch)
        await client.close()

    asyncio.run(check())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("SET", "other:identity", "not ours"), "something else"),
        (("LPUSH", "other:identity", "not ours"), "something else"),
        (
            ("SET", "other:identity", json.dumps({"format": "cart-mock shared", "version": "0.1",
                                                  "options": {}, "signing_key": ""})),
            "version 0.1",
        ),
        (
            ("SET", "other:identity",
             json.dumps({"format": "cart-mock shared", "version": "test",
                         "options": {"clients": False, "journal": 3, "max-read-carts": 2,
                                     "seed": ""}, "signing_key": ""})),
            "another --journal, --max-read-carts",
        ),
    ],
)  # fmt: skip
def test_keys_of_others_or_of_another_version_are_named_and_left_alone(
    server: RedisServer, change: tuple[str, ...], reason: str
) -> None:
    server.send("DEL", "other:identity")
    server.send(*change)
    site = SharedSite(server.url, 1, patience=PATIENCE, prefix="other")
    try:
        form = {"grant_type": "implicit", "client_id": "shop"}
        is_unavailable(site.send("POST", "/oauth/access_token", data=form), reason)
        ready = site.send("GET", "/_mock/ready")
        assert ready.status_code == 503
        assert reason in ready.text
        # It is used as soon as it can be.
        server.send("DEL", "other:identity")
        assert site.send("POST", "/oauth/access_token", data=form).status_code == 200
    finally:
        site.close()


@pytest.mark.parametrize(
    "change",
    [
        ("HSET", "meta", "a", "b"),
        ("SET", "meta", "x"),
        ("SET", "log", "x"),
        ("SET", "snapshot", "x"),
    ],
)
def test_foreign_keys_of_one_store_do_not_disturb_others(
    site: SharedSite, server: RedisServer, change: tuple[str, ...]
) -> None:
    good, bad = Shop(site), Shop(site)
    command, part, *rest = change
    key = f"cart-mock:{{{bad.client_id}}}:{part}"
    server.send("DEL", key)
    server.send(command, key, *rest)
    site.add()  # it has to load the store
    try:
        last = len(site.clients) - 1
        if part != "snapshot":
            is_unavailable(bad.send("GET", "/v2/carts", at=0), "in place of this store")
        is_unavailable(bad.send("GET", "/v2/carts", at=last), "shared store")
        assert good.send("GET", "/v2/carts", at=last).status_code == 200
        # Whatever looks at all stores names the damaged one, and goes on with the others.
        assert site.send("GET", "/_mock/ready", at=last).status_code == 200
        listed = site.control("GET", "/stores", at=last)
        assert [each["client_id"] for each in listed["damaged"]] == [bad.client_id]
        assert "shared store" in listed["damaged"][0]["problem"]
        names = {each["client_id"] for each in listed["data"]}
        assert good.client_id in names
        assert bad.client_id not in names
        assert site.send("GET", "/_mock/requests/unknown", at=last).status_code == 404
        # Only its own part is deleted with it; a key of something else in its place stays.
        deleted = site.send("DELETE", f"/_mock/stores/{bad.client_id}", at=last)
        assert deleted.status_code == (503 if part == "meta" else 204)
    finally:
        server.send("DEL", key)
        _remove_last(site)
    if part == "meta":
        assert site.send("DELETE", f"/_mock/stores/{bad.client_id}", at=0).status_code == 404
    assert "damaged" not in site.control("GET", "/stores")


def test_store_whose_log_was_removed_is_named_and_never_answers_from_a_part(
    site: SharedSite, server: RedisServer
) -> None:
    shop = Shop(site)
    for number in range(3):
        shop.cart(f"cart-{number}")
    server.send("DEL", f"cart-mock:{{{shop.client_id}}}:log")
    site.add()  # it has the snapshot of the beginning, and nothing after it
    try:
        is_unavailable(shop.send("GET", "/v2/carts", at=len(site.clients) - 1), "")
    finally:
        _remove_last(site)
        shop.control("DELETE")


def _remove_last(site: SharedSite) -> None:
    client, tenants = site.clients.pop(), site.tenants.pop()
    site.apps.pop()
    site.run(client.aclose())
    site.run(tenants.aclose())


def test_process_that_missed_a_failover_takes_up_what_the_store_has(
    site: SharedSite, server: RedisServer
) -> None:
    """The store goes back to an older state, as after a failover that loses the last changes."""
    shop = Shop(site)
    shop.cart("kept")
    keys = [f"cart-mock:{{{shop.client_id}}}:{part}" for part in ("meta", "log", "snapshot")]
    saved = {key: _dumped(server, key) for key in keys}
    shop.cart("lost")
    assert {len(a.json()["data"]) for a in site.each("GET", "/v2/carts", headers=shop.admin)} == {2}
    for key, content in saved.items():
        _restore(server, key, content)
    shop.cart("other")
    for answer in site.each("GET", "/v2/carts", headers=shop.admin):
        assert [cart["id"] for cart in answer.json()["data"]] == ["other", "kept"]


def _dumped(server: RedisServer, key: str) -> bytes:
    raw = server.send("DUMP", key)
    head, _, rest = raw.partition(b"\r\n")
    return rest[: int(head[1:])]


def _restore(server: RedisServer, key: str, content: bytes) -> None:
    import socket

    parts = [b"RESTORE", key.encode(), b"0", content, b"REPLACE"]
    command = b"*5\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(command)
        assert connection.recv(100) == b"+OK\r\n"


def test_idle_store_leaves_the_memory_of_a_mock_and_comes_back(server: RedisServer) -> None:
    site = SharedSite(server.url, 1, prefix="idle", held=2, idle=3600)
    try:
        [tenants] = site.tenants
        shops = [Shop(site) for _ in range(5)]
        for shop in shops:
            shop.cart("kept")
        tenants._forget_idle()
        held = {tenant.name for tenant in tenants}
        assert held < {shop.client_id for shop in shops}
        assert shops[-1].client_id in held
        for shop in shops:
            assert len(shop.send("GET", "/v2/carts").json()["data"]) == 1
        tenants._idle = 0.0
        tenants._forget_idle()
        assert not list(tenants)
    finally:
        site.close()


def test_store_behind_tls_and_a_password_is_used(tmp_path: Path) -> None:
    certificate, key, port = tmp_path / "certificate", tmp_path / "key", free_port()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    tls = ("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file",
           str(key), "--tls-auth-clients", "no")  # fmt: skip
    with redis_server(tmp_path, *tls) as server:
        server.send("CONFIG", "SET", "requirepass", "hunter2")
        place = f"127.0.0.1:{port}?ssl_ca_certs={certificate}"
        for login, status in ((":hunter2@", 200), (":wrong@", 503), ("", 503)):
            site = SharedSite(f"rediss://{login}{place}", 1)
            form = {"grant_type": "implicit", "client_id": "shop"}
            answer = site.send("POST", "/oauth/access_token", data=form)
            site.close()
            assert answer.status_code == status, answer.text
            assert status == 200 or "refuses the user or the password" in answer.text


@pytest.mark.parametrize(("scheme", "is_encrypted"), [("redis", False), ("rediss", True)])
def test_sentinels_are_asked_over_tls_if_the_url_says_so(scheme: str, is_encrypted: bool) -> None:
    servers = servers_at(f"{scheme}+sentinel://127.0.0.1:1/shop", None, None)
    assert isinstance(servers, OneServer)
    connection: Any = servers._link._new_connection()
    assert isinstance(connection, SSLConnection) is is_encrypted
    [asked] = connection.connection_pool.sentinel_manager.sentinels
    made = asked.connection_pool.make_connection()
    assert isinstance(made, SSLConnection) is is_encrypted


def test_idle_store_expires_and_leaves_the_list(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        site = SharedSite(server.url, 2, ttl=1.5)
        try:
            site.each("GET", "/_mock/stores")  # the workbench is made on first use
            used, idle, damaged = Shop(site), Shop(site), Shop(site)
            server.send("SET", f"cart-mock:{{{damaged.client_id}}}:meta", "not ours")
            for _ in range(8):
                time.sleep(0.25)
                assert used.send("GET", "/v2/carts").status_code == 200
            listed = site.control("GET", "/stores")
            assert [store["client_id"] for store in listed["data"]] == [used.client_id]
            assert [store["client_id"] for store in listed["damaged"]] == [damaged.client_id]
            deadline = time.monotonic() + 10
            while set(site.run(site.tenants[0].names())) != {used.client_id, damaged.client_id}:
                site.run(site.tenants[0]._sweep())
                used.send("GET", "/v2/carts")
                assert time.monotonic() < deadline
            assert idle.send("GET", "/v2/carts").status_code == 401
        finally:
            site.close()
