"""The command rejects invalid arguments before it starts anything."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from benchmark.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--peers", "prism,nosuch"],
            "no server nosuch; there are: cart-mock, cart-mock-app, hello",
        ),
        (["--ours", "--growth"], "choose one of --ours, --growth, --pauses and --peers"),
        (["--sizes", "1000"], "--sizes goes with --growth or --pauses"),
        (["--growth", "--sizes", "many"], "send numbers of carts, as 1000,100000"),
        (["--growth", "--sizes", "100"], "512 are needed"),
        (["--rounds", "0"], "0 is not in the range"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    arguments: list[str], said: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.__main__.wrk_path", lambda: "wrk")
    outcome = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path)])
    assert outcome.exit_code == 2
    assert said in " ".join(outcome.stderr.split())


def test_without_wrk_it_says_how_to_install_it(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = CliRunner().invoke(main, ["--ours", "--output", str(tmp_path)])
    assert outcome.exit_code == 1
    assert "apt-get install wrk" in outcome.stderr
