"""Files that are watched: taken up again as a whole, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from cart_mock.app import create_app
from cart_mock.cli import main
from cart_mock.state.seed import seed_of
from cart_mock.tenants.watched import Watched
from cart_mock.testing import CartMock, in_process
from cart_mock.watch import take_up, watch
from cart_spec.cli_errors import InputError
from click.testing import CliRunner

PATIENCE = 20.0


def test_change_is_noticed_and_read_once(tmp_path: Path) -> None:
    path, reads = tmp_path / "a.json", list[str]()
    path.write_text("1")

    def read() -> Callable[[], None]:
        reads.append(path.read_text())
        return lambda: None

    watched = Watched((path,))
    stop = watch(watched, read, every=0.02)
    try:
        part = tmp_path / "part"
        part.write_text("22")
        part.replace(path)  # as editors save
        until = time.monotonic() + PATIENCE
        while watched.changes == 0 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)
        assert reads == ["22"]
        assert watched.at is not None
    finally:
        stop.set()


def test_files_are_taken_up_together_or_not_at_all() -> None:
    done: list[int] = []

    def fails() -> Callable[[], None]:
        raise InputError("shop.json, line 3: not this")

    watched = Watched((Path("shop.json"),))
    take_up(watched, fails)
    assert (watched.problem, watched.changes) == ("shop.json, line 3: not this", 0)
    take_up(watched, lambda: lambda: done.append(1))
    assert (watched.problem, watched.changes, done) == (None, 1, [1])


def test_new_seed_is_for_new_stores_and_for_resets() -> None:
    app = create_app()
    with in_process(app) as client:
        old = CartMock(client, "old")
        assert old.workbench("GET", "/watched")["data"]["files"] == []
        seed = seed_of({"carts": [{"id": "c"}]}, "seed")
        app.tenants.watched = Watched((Path("shop.json"),))
        take_up(app.tenants.watched, lambda: lambda: app.tenants.take_up({"old": "s"}, seed))
        assert old.summary()["carts"] == 0
        old.reset()
        assert old.summary()["carts"] == 1
        watched = old.workbench("GET", "/watched")["data"]
        assert (watched["files"], watched["problem"], watched["changes"]) == (
            ["shop.json"],
            None,
            1,
        )
        form = {"grant_type": "implicit", "client_id": "new"}
        assert client.post("/oauth/access_token", data=form).status_code == 401  # it is not pinned


def test_watch_without_a_file_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--watch", "--seed", "one-shopper", "--port", "0"])
    assert done.exit_code == 2
    assert "--watch needs a file to watch" in done.output
