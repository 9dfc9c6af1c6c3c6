"""Options from ``cart-mock.toml``, for those that neither the command nor the environment gives."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click
from cart_spec.cli_errors import InputError

CONFIG = "cart-mock.toml"
"""The file that is read if it is in the current directory."""
_TABLE = "mock"
_SECRETS = {
    "control_key": "Set the environment variable CART_MOCK_CONTROL_KEY instead.",
    "forward_authorization": 'Name a file with it, as in forward-authorization = "@token.txt".',
}


def read_config(ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    """Make the values of a configuration file the defaults of a command. Raises InputError.

    The file must not contain secrets because it is meant to be committed.
    """
    if path is None:
        if not Path(CONFIG).is_file():
            return None
        path = Path(CONFIG)
    options = {
        option.name: option
        for option in ctx.command.params
        if isinstance(option, click.Option) and option.name and option.expose_value
    }
    del options["config"]
    ctx.default_map = {
        name: _value(path, options[name], value)
        for name, value in _table(path, options.keys()).items()
    }
    return path


def _table(path: Path, known: Any) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: is not TOML: {error}") from error
    table = document.get(_TABLE, document)
    if not isinstance(table, dict):
        raise InputError(f"{path}: {_TABLE!r} must be a table")
    # The option --break is named after what it gives.
    names = {"break": "breaks"}
    found = {names.get(key, key.replace("-", "_")): value for key, value in table.items()}
    unknown = sorted(set(found) - set(known))
    if unknown:
        keys = ", ".join(sorted("break" if name == "breaks" else _spelled(name) for name in known))
        raise InputError(f"{path}: unknown key {_spelled(unknown[0])}; the keys are: {keys}")
    return found


def _value(path: Path, option: click.Option, value: Any) -> Any:
    name = option.name or ""
    if isinstance(value, dict) or (isinstance(value, list) and not option.multiple):
        raise InputError(f"{path}: {_spelled(name)} must be one value")
    is_secret = name in _SECRETS and not str(value).startswith("@")
    if name == "control_key" or is_secret:
        raise InputError(f"{path}: holds {_spelled(name)}, a secret. {_SECRETS[name]}")
    # A file is named from where the configuration is.
    if name == "forward_authorization":
        return f"@{path.parent / str(value)[1:]}"
    is_path = isinstance(option.type, click.Path)
    if is_path and (name != "seed" or (path.parent / str(value)).exists()):
        return str(path.parent / str(value))
    return value


def _spelled(name: str) -> str:
    return name.replace("_", "-")
