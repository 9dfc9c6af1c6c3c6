"""Usage errors are one line that names the variable that a bad value came from."""

from __future__ import annotations

import click
import pytest
from cart_spec.cli_errors import InputError, OneLineGroup
from click.testing import CliRunner


@click.group(cls=OneLineGroup, name="tool", context_settings={"auto_envvar_prefix": "TOOL"})
@click.option("--level", type=int)
def tool(level: int | None) -> None:
    """A command to try."""


@tool.command()
@click.option("--port", type=int)
@click.option("--key", type=int, envvar=["TOOL_KEY", "KEY"])
@click.option("--fail", is_flag=True)
def run(port: int | None, key: int | None, *, fail: bool) -> None:
    """Run it."""
    if fail:
        raise InputError("no such\n  thing")


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (["run", "--fail"], {}, "tool: no such thing"),
        (["--level", "x"], {}, "tool: Invalid value for '--level': 'x' is not a valid integer."),
        (["run", "--port", "x"], {}, "tool: Invalid value for '--port': 'x' is not a valid"),
        (["run", "--nothing"], {}, "tool: No such option '--nothing'"),
        (["nothing"], {}, "tool: No such command 'nothing'."),
        (
            ["run"], {"TOOL_RUN_PORT": "x"},
            "tool: Invalid value for the environment variable TOOL_RUN_PORT: 'x' is not a valid",
        ),
        (["run"], {"KEY": "x"}, "tool: Invalid value for the environment variable KEY: 'x'"),
        (["run"], {"TOOL_LEVEL": "x"}, "tool: Invalid value for the environment variable TOOL_LEV"),
    ],
)  # fmt: skip
def test_one_line_group_with_wrong_arguments_says_so_in_one_line(
    arguments: list[str], environment: dict[str, str], line: str
) -> None:
    result = CliRunner().invoke(tool, arguments, env=environment)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    path = "tool run" if "run" in arguments and "TOOL_LEVEL" not in environment else "tool"
    assert (f"See {path} --help." in result.stderr) == ("--fail" not in arguments)


def test_one_line_group_with_right_arguments_runs() -> None:
    assert CliRunner().invoke(tool, ["run"]).exit_code == 0
