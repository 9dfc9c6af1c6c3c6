"""The command ``cart-mock mcp``: the workbench of a running mock for assistants."""

from __future__ import annotations

import click
from cart_spec.cli_errors import InputError
from cart_spec.extras import how_to_install


@click.command("mcp")
@click.option(
    "--url",
    default="http://127.0.0.1:8080",
    envvar="CART_MOCK_URL",
    show_envvar=True,
    help="The address of a running mock.",
)
@click.option(
    "--control-key",
    envvar="CART_MOCK_CONTROL_KEY",
    show_envvar=True,
    help="The key of its control API, if it has one.",
)
@click.option(
    "--allow-changes",
    is_flag=True,
    envvar="CART_MOCK_MCP_ALLOW_CHANGES",
    show_envvar=True,
    help="Add tools that change stores. Without it, every tool only reads.",
)
def mcp_command(url: str, control_key: str | None, allow_changes: bool) -> None:
    """Serve the workbench of a running mock to an assistant, as an MCP server on stdio.

    Register it with your assistant as the command `cart-mock mcp`.
    """
    try:
        from cart_mock.mcp_server import mcp_server
    except ImportError as error:
        raise InputError(
            f"mcp needs the package {error.name or error}. {how_to_install('mcp')}"
        ) from error
    import httpx

    from cart_mock.client import AsyncCartMock

    if control_key is not None and not (control_key.isascii() and control_key.isprintable()):
        raise InputError("--control-key has characters that a header cannot have")
    try:
        mock = AsyncCartMock(url, control_key=control_key)
    except httpx.InvalidURL as error:
        raise InputError(f"--url: {error}; send one such as http://127.0.0.1:8080") from error
    mcp_server(mock, allow_changes=allow_changes).run("stdio")
