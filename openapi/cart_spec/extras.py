"""The extras of this distribution: whether one is installed, and what to say if it is not.

The wheel always has all three packages, so that an extra only adds libraries. A command asks for
its extra before it imports anything else; the review asks before it loads another room.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

LIBRARIES = {
    "cart_spec": ("review", ("openapi_spec_validator", "jinja2", "jsonschema_path")),
    "cart_mock": ("mock", ("connexion", "tinydb", "argon2", "uvicorn")),
    "cart_conformance": ("conformance", ("schemathesis", "rich", "openapi_schema_validator")),
}
"""For each package its extra, and libraries that are only there if that extra is installed."""

SETUP = Path(__file__).parents[2] / "scripts" / "setup"
"""What installs every extra, if this module runs from a checkout."""


def missing_library(package: str) -> str | None:
    """Return a library that ``package`` needs and that is not installed, or None."""
    _, libraries = _extra_of(package)
    return next((library for library in libraries if find_spec(library) is None), None)


def require_extra(package: str, command: str) -> None:
    """Exit with status 2 and one line on standard error if the extra of ``package`` is missing."""
    library = missing_library(package)
    if library is not None:
        import click

        extra, _ = _extra_of(package)
        message = (
            f"{command} needs the extra '{extra}', and {library} is not installed. "
            f"{how_to_install(extra)}"
        )
        click.echo(message, err=True)
        raise SystemExit(2)


def how_to_install(extra: str) -> str:
    """Return what to run to have an extra, as a sentence."""
    # pip finds the extras by name in an index, which a checkout does not need.
    if SETUP.is_file():
        return "In this checkout, run: scripts/setup fast"
    return f"Run: pip install 'cart-associations[{extra}]', or '.[{extra}]' in a checkout"


def _extra_of(package: str) -> tuple[str, tuple[str, ...]]:
    """Return the extra of a package, module or entry point; empty if it is not one of ours."""
    return LIBRARIES.get(re.split("[.:]", package)[0], ("", ()))
