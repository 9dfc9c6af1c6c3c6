"""What commands share: errors in one line, with exit status 2, and where their reports go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

import click
from click.core import ParameterSource


class InputError(click.ClickException):
    """Input that a command cannot work with. Ends it with one line and exit status 2.

    ``command`` is the name that begins the line; by default that of the running command's root.
    """

    exit_code = 2

    def __init__(self, message: str, command: str | None = None) -> None:
        """Say in one line what is wrong and how to fix it."""
        super().__init__(" ".join(message.split()))
        context = click.get_current_context(silent=True)
        self._command = command or (context.find_root().info_name if context else None)

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line to standard error, or to a file."""
        text = f"{self._command}: {self.message}" if self._command else self.message
        click.echo(text, file=file, err=file is None)


def write_report(text: str, output: Path | None) -> None:
    """Write a report to a file, or to standard output, coloured only on a terminal.

    Raises InputError if the file cannot be written.
    """
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(click.unstyle(text).rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from error


class OneLineGroup(click.Group):
    """A group of commands whose usage errors are one line each.

    If a bad value came from the environment, the line names the variable.
    """

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Parse the arguments. Raises InputError."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise _one_line(error, self.name) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises InputError."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _one_line(error, self.name) from error


def _one_line(error: click.UsageError, group: str | None) -> InputError:
    _name_variable(error)
    root = error.ctx.find_root().info_name if error.ctx else None
    command = root or group or ""
    path = error.ctx.command_path if error.ctx else command
    return InputError(f"{error.format_message()} See {path} --help.", command)


def _name_variable(error: click.UsageError) -> None:
    """Name the environment variable or the file in the error if the bad value came from there."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return
    name, ctx = error.param.name, error.ctx
    if name and ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT:
        error.param_hint = f"the environment variable {_variable(error.param, ctx, name)}"
    elif name and ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP:
        error.param_hint = f"{name.replace('_', '-')} in the configuration file"


def _variable(param: click.Parameter, ctx: click.Context, name: str) -> str:
    declared = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or ())
    guessed = f"{ctx.auto_envvar_prefix}_{name.upper()}" if ctx.auto_envvar_prefix else ""
    for variable in (*declared, guessed):
        if variable in os.environ:
            return variable
    return declared[0] if declared else guessed
