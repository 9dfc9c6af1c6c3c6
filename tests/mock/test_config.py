"""Options of ``cart-mock`` from its configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest
from cart_mock.cli import main
from cart_mock.settings import Settings
from click.testing import CliRunner


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Settings]:
    """Return the settings of the mocks that are started, which do not really start."""
    settings: list[Settings] = []
    monkeypatch.setattr("cart_mock.launch.run", settings.append)
    monkeypatch.chdir(tmp_path)
    return settings


def run(*arguments: str, **env: str) -> str:
    return CliRunner().invoke(main, arguments, env=env).output


def test_options_of_the_file_are_defaults(started: list[Settings]) -> None:
    Path("cart-mock.toml").write_text(
        'port = 9\nkeep-alive = 5\nbreak = ["last-cart"]\nno-accelerator = true\nhost = "::1"\n'
        'allow-host = ["mock.test", "shop.test"]\n',
        encoding="utf-8-sig",
    )
    run("--keep-alive", "6", CART_MOCK_HOST="127.0.0.2")
    [settings] = started
    assert (settings.port, settings.keep_alive, settings.host) == (9, 6, "127.0.0.2")
    assert [broken.rule for broken in settings.breaks] == ["last-cart"]
    assert settings.no_accelerator
    assert settings.allow_host == ("mock.test", "shop.test")


def test_files_are_named_from_where_the_configuration_is(started: list[Settings]) -> None:
    Path("sub").mkdir()
    Path("sub/my.toml").write_text(
        '[mock]\nseed = "shop.json"\ndata = "kept"\nforward = "http://x"\n'
        'forward-authorization = "@token"\n'
    )
    Path("sub/shop.json").write_text("{}")
    run(CART_MOCK_CONFIG="sub/my.toml")
    [settings] = started
    assert (settings.seed, settings.data) == (Path("sub/shop.json"), Path("sub/kept"))
    assert settings.forward_authorization == "@sub/token"


def test_scenario_in_the_file_is_not_a_path(started: list[Settings]) -> None:
    Path("sub").mkdir()
    Path("sub/my.toml").write_text('seed = "one-shopper"')
    run("--config", "sub/my.toml")
    assert started[0].seed == Path("one-shopper")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prt = 1", "unknown key prt; the keys are: allow-host, body-limit, break,"),
        ('port = "x"', "port in the configuration file: 'x' is not"),
        ("seed = [1]", "seed must be one value"),
        ('control-key = "abcdef"', "environment variable CART_MOCK_CONTROL_KEY"),
        ('forward-authorization = "Bearer abcdef"', 'forward-authorization = "@token.txt"'),
        ("port =", "is not TOML"),
        ("mock = 1", "'mock' must be a table"),
    ],
)
def test_file_that_cannot_be_used_is_refused_in_one_line(
    started: list[Settings], text: str, says: str
) -> None:
    Path("cart-mock.toml").write_text(text)
    output = run()
    assert says in output
    assert output.count("\n") == 1
    assert "abcdef" not in output
    assert started == []
