"""Says what is wrong with a command's arguments in one line, as it says everything else."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource


class Misused(click.ClickException):
    """The arguments make no sense. Ends the command with status 2."""

    exit_code = 2

    def __init__(self, error: click.UsageError, command: str) -> None:
        super().__init__(error.format_message())
        self._command = command

    def show(self, file: Any = None) -> None:
        """Print it to standard error, or to a file."""
        text = f"{self._command}: {self.message} See {self._command} --help."
        click.echo(text, file=file, err=file is None)


class OneLineGroup(click.Group):
    """A group of commands whose usage errors are one line each, and name environment variables."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the arguments. Raises Misused."""
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            _name_variable(error)
            raise Misused(error, str(self.name)) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises Misused."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise Misused(error, str(self.name)) from error


def _name_variable(error: click.UsageError) -> None:
    """Where a bad value came from the environment, say from which variable."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return
    name, ctx = error.param.name, error.ctx
    if name and ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT:
        variable = error.param.envvar or f"{ctx.auto_envvar_prefix}_{name.upper()}"
        error.param_hint = f"the environment variable {variable}"
