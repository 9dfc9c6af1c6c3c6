"""The command ``cart-mock coverage``: reports what a test run exercised, from a running mock."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
from cart_spec.cli_errors import InputError

if TYPE_CHECKING:
    # Imported when the command runs, so that --help does not wait for it.
    import httpx


@click.command(
    name="coverage",
    short_help="Report which rules and answers the tests of a store tried.",
    epilog="""
\b
Try it:
  cart-mock coverage http://127.0.0.1:8080 my-store
  cart-mock coverage http://127.0.0.1:8080 my-store --require payload-not-array,last-cart
""",
)
@click.argument("url")
@click.argument("store")
@click.option(
    "--require",
    default="",
    metavar="RULE,RULE",
    help="Rules that must be covered. If one is missing, the exit status is 1.",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JUnit file to write, with a test case for each rule and answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the coverage as JSON.")
@click.option(
    "--control-key",
    envvar="CART_MOCK_CONTROL_KEY",
    show_envvar=True,
    help="Control key, if the mock requires one.",
)
def coverage_command(
    url: str, store: str, require: str, junit: Path | None, as_json: bool, control_key: str | None
) -> None:
    """Report which documented rules and answers the requests to a store exercised.

    URL is the mock's, STORE the client_id that the tests used. The exit status is 0 if every
    required rule is covered, 1 if not, and 2 if the mock cannot be asked.
    """
    path = f"{url.rstrip('/')}/_mock/stores/{quote(store, safe='')}/coverage"
    headers = {} if control_key is None else {"X-Control-Key": control_key}
    measured = _ask(path, headers, require=require).json()
    if junit is not None:
        content = _ask(path, headers, require=require, output="junit").content
        try:
            junit.write_bytes(content)
        except OSError as error:
            raise _failure(
                f"{junit} cannot be written: {error.strerror or error}; name another file"
            ) from error
    if as_json:
        click.echo(json.dumps(measured, indent=2))
    else:
        _print(measured)
    missing = measured["missing"]
    if missing:
        click.secho(f"required, and not covered: {', '.join(missing)}", fg="red", err=True)
        sys.exit(1)


def _ask(path: str, headers: dict[str, str], **query: str) -> httpx.Response:
    import httpx

    try:
        answer = httpx.get(path, headers=headers, params=query, timeout=30)
        if answer.is_success:
            return answer
        reason = str(answer.json()["errors"][0]["detail"])
    except httpx.InvalidURL as error:
        reason = f"{path} is not a URL: {error}; send one such as http://127.0.0.1:8080"
    except httpx.HTTPError as error:
        reason = f"no mock answers at {path}: {error}; start one with cart-mock"
    except (ValueError, LookupError, TypeError):
        reason = f"what answers at {path} is not cart-mock ({answer.status_code}); send its URL"
    raise _failure(reason)


def _print(measured: dict[str, Any]) -> None:
    for line in measured["rules"]:
        mark = click.style("covered", fg="green") if line["covered"] else "   -   "
        injected = f"  ({line['injected']} by a fault)" if line["injected"] else ""
        click.echo(f"{mark}  {line['answered']:6}  {line['rule']}{injected}")
    for name, share in measured["summary"].items():
        click.echo(f"{name}: {share['covered']} of {share['total']} covered")


def _failure(reason: str) -> InputError:
    return InputError(reason, "cart-mock coverage")
