"""The command ``cart-mock``: its options, and the settings made from them."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from cart_spec.cli_errors import OneLineGroup

from cart_mock.config_file import CONFIG, read_config
from cart_mock.inspection.coverage_command import coverage_command
from cart_mock.mcp_command import mcp_command
from cart_mock.settings import Settings
from cart_mock.telemetry.logs import LOG_FORMATS

if TYPE_CHECKING:
    from cart_mock.breaks import Break

    _BreakType = click.ParamType["Break"]
else:
    _BreakType = click.ParamType  # older versions of click have no generic ParamType

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_DIRECTORY = click.Path(path_type=Path, file_okay=False)

EPILOG = """
\b
Try it:
  cart-mock
  curl -X POST http://127.0.0.1:8080/oauth/access_token \\
       -d grant_type=implicit -d client_id=my-store

\b
A client_id names a store. Stores share no carts, customers or tokens, so give
each parallel test a client_id of its own.

\b
With `grant_type=client_credentials` and any client_secret you are the store's
administrator. With `grant_type=implicit` you are a shopper: register at
POST /v2/customers, then log in at POST /v2/customers/tokens.
"""


class _BreakName(_BreakType):
    """The type of an option that takes the name of a break."""

    name = "break"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Break:
        """Return the break of that name. Fails with the list of valid names."""
        from cart_mock.breaks import Break, BreakError, parse_break

        try:
            return value if isinstance(value, Break) else parse_break(str(value))
        except BreakError as error:
            self.fail(f"{error}. See cart-mock --list-breaks.", param, ctx)


def _list_breaks(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from cart_mock.breaks import listing

        click.echo("\n".join(listing()))
        ctx.exit()


def _not_empty(_ctx: click.Context, _param: click.Parameter, key: str | None) -> str | None:
    if key == "":
        raise click.UsageError(
            "--control-key must not be empty. Leave it out to have a key generated."
        )
    return key


def _prefix(_ctx: click.Context, _param: click.Parameter, prefix: str) -> str:
    if not prefix or not prefix.isascii() or not prefix.isprintable() or set(prefix) & set("{} "):
        raise click.UsageError(
            "--shared-prefix must be plain ASCII text without braces and spaces, such as cart-mock."
        )
    return prefix


@click.group(
    "cart-mock",
    cls=OneLineGroup,
    invoke_without_command=True,
    context_settings={
        "auto_envvar_prefix": "CART_MOCK",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
    epilog=EPILOG,
)
@click.option(
    "--config",
    type=_EXISTING_FILE,
    show_envvar=True,
    is_eager=True,
    callback=read_config,
    help=f"TOML file with options, named as here without the dashes. {CONFIG} in the current "
    "directory is read if it exists. Options of the command and of the environment go first.",
)
@click.option("--host", default="127.0.0.1", show_envvar=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_envvar=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on. 0 takes a free port.",
)
@click.option(
    "--data",
    type=_DIRECTORY,
    show_envvar=True,
    help="Directory to keep the state in. Without it, state is lost when the mock stops.",
)
@click.option(
    "--sync",
    default="never",
    show_envvar=True,
    type=click.Choice(("never", "always")),
    help="When to bring each change of --data to the disk: always is before the request is "
    "answered, never leaves it to the operating system. Then a power failure may cost the last "
    "changes; a killed mock loses nothing in either case.",
)
@click.option(
    "--shared",
    show_envvar=True,
    metavar="URL",
    help="Share all state with other mocks over Redis or Valkey, such as redis://HOST:6379, "
    "redis+cluster://HOST,HOST or redis+sentinel://HOST,HOST/NAME; rediss is with TLS. "
    "Cannot be used with --data.",
)
@click.option("--shared-username", show_envvar=True, help="User name for --shared.")
@click.option(
    "--shared-password",
    show_envvar=True,
    help="Password for --shared. Set it in the environment, where other users cannot read it.",
)
@click.option(
    "--shared-password-file",
    type=_EXISTING_FILE,
    show_envvar=True,
    help="File with the password for --shared.",
)
@click.option(
    "--shared-prefix",
    default="cart-mock",
    show_envvar=True,
    callback=_prefix,
    metavar="TEXT",
    help="Beginning of all keys of --shared. Mocks with the same prefix share their state.",
)
@click.option(
    "--shared-replicas",
    default=0,
    show_envvar=True,
    type=click.IntRange(0, 10),
    metavar="N",
    help="Answer a request only when N replicas of --shared have what it did.",
)
@click.option(
    "--shared-timeout",
    default=2.0,
    show_envvar=True,
    type=click.FloatRange(0.1, 60),
    metavar="SECONDS",
    help="How long to wait for --shared before a request is answered with 503.",
)
@click.option(
    "--store-ttl",
    default=0.0,
    show_envvar=True,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Delete a store of --shared that was not used for that long; 0 keeps it.",
)
@click.option(
    "--store-size",
    default=64,
    show_envvar=True,
    type=click.IntRange(1, 400),
    metavar="MB",
    help="Add nothing to a store of --shared whose compressed snapshot is larger.",
)
@click.option(
    "--clients",
    type=_FILE,
    show_envvar=True,
    help="JSON file with the application keys to accept: an object of client_id to secret, or to "
    "null for a key that only shoppers use. Without it any client_id is accepted, and the first "
    "secret sent with it becomes its secret.",
)
@click.option(
    "--seed",
    type=_FILE,
    show_envvar=True,
    help="Initial content of every new store: a JSON file with customers, carts and associations, "
    "or the name of a built-in scenario, such as one-shopper or big-shop.",
)
@click.option(
    "--watch",
    is_flag=True,
    show_envvar=True,
    help="Read the files of --seed, --clients and --forward-authorization again when they change: "
    "all of them, or none if one cannot be used. A new seed is for new stores and for resets.",
)
@click.option(
    "--forward",
    metavar="URL",
    show_envvar=True,
    help="Server for requests with a path that the contract does not have, such as a development "
    "store. Without it they are answered with 404.",
)
@click.option(
    "--forward-authorization",
    metavar="VALUE",
    show_envvar=True,
    help='Authorization header for that server, such as "Bearer TOKEN", or @FILE to read it from a '
    "file. Requests without a valid access token of the mock, and those from pages of other "
    "machines, go without it. That server never gets tokens of the mock.",
)
@click.option(
    "--forward-timeout",
    default=30.0,
    show_envvar=True,
    type=click.FloatRange(0.1, 3600),
    metavar="SECONDS",
    help="How long to wait for that server.",
)
@click.option(
    "--envelope-only",
    is_flag=True,
    show_envvar=True,
    help='Accept identifiers only as {"data": [...]}, not as a bare array.',
)
@click.option(
    "--body-limit",
    default=1024 * 1024,
    show_envvar=True,
    type=click.IntRange(1),
    metavar="BYTES",
    help="Maximum size of a request body.",
)
@click.option(
    "--control-body-limit",
    default=256 * 1024 * 1024,
    show_envvar=True,
    type=click.IntRange(1024),
    metavar="BYTES",
    help="Maximum size of a state to import, and of stubs. Other bodies for the control API may "
    "have 1 MB.",
)
@click.option(
    "--head-limit",
    default=64 * 1024,
    show_envvar=True,
    type=click.IntRange(1024, 16 * 1024 * 1024),
    metavar="BYTES",
    help="Maximum size of a request's head: its target and its headers.",
)
@click.option(
    "--keep-alive",
    default=65,
    show_envvar=True,
    type=click.IntRange(1, 86_400),
    metavar="SECONDS",
    help="How long a connection may be silent before it is closed, also in the handshake of TLS.",
)
@click.option(
    "--max-connections",
    default=1000,
    show_envvar=True,
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Number of connections at a time, handshakes of TLS included; a further one is refused "
    "with 503.",
)
@click.option(
    "--break",
    "breaks",
    type=_BreakName(),
    multiple=True,
    envvar="CART_MOCK_BREAK",
    show_envvar=True,
    metavar="RULE[:VARIANT]",
    help="Break one rule on purpose, to check that your tests fail. Can be repeated.",
)
@click.option(
    "--list-breaks",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_breaks,
    help="List the rules and variants for --break, and exit.",
)
@click.option(
    "--journal",
    default=500,
    show_envvar=True,
    type=click.IntRange(0, 1_000_000),
    metavar="N",
    help="Number of requests to remember for each store; 0 remembers none.",
)
@click.option(
    "--journal-memory",
    default=256,
    show_envvar=True,
    type=click.IntRange(1, 1_000_000),
    metavar="MB",
    help="Memory for the remembered requests of all stores. The oldest are forgotten first.",
)
@click.option(
    "--store-memory",
    default=4096,
    show_envvar=True,
    type=click.IntRange(1, 1_000_000),
    metavar="MB",
    help="Memory for the content of all stores, at most half of it for one. What would add to a "
    "full store is refused with 507. Of --shared, a mock forgets what was not used for longest; "
    "--store-size is what refuses there.",
)
@click.option(
    "--snapshot-memory",
    default=1024,
    show_envvar=True,
    type=click.IntRange(1, 1_000_000),
    metavar="MB",
    help="Memory for the snapshots of all stores, with --shared for those of each store; a further "
    "one is refused.",
)
@click.option(
    "--max-stores",
    default=100_000,
    show_envvar=True,
    type=click.IntRange(1),
    metavar="N",
    help="Number of stores to make; a request for another one is refused.",
)
@click.option(
    "--max-read-carts",
    default=10_000,
    show_envvar=True,
    type=click.IntRange(1),
    metavar="N",
    help="Number of carts that a store keeps because an unknown id was read. The oldest leave "
    "first; carts that were changed stay.",
)
@click.option(
    "--control-key",
    show_envvar=True,
    callback=_not_empty,
    help="Key required by the control API at /_mock. By default none is required on loopback; on "
    "any other address a key is generated and printed.",
)
@click.option(
    "--allow-host",
    multiple=True,
    show_envvar=True,
    metavar="NAME",
    help="Name of this machine under which the control API is open without a key, for requests and "
    "for pages, such as mock.test. Can be repeated.",
)
@click.option(
    "--tls-cert",
    type=_EXISTING_FILE,
    show_envvar=True,
    help="Serve HTTPS with this certificate chain (PEM).",
)
@click.option(
    "--tls-key",
    type=_EXISTING_FILE,
    show_envvar=True,
    help="Private key of the certificate (PEM).",
)
@click.option(
    "--no-accelerator",
    is_flag=True,
    show_envvar=True,
    help="Send every request through the Connexion application. The answers are the same; each "
    "takes longer.",
)
@click.option(
    "--log-format",
    default="text",
    show_envvar=True,
    type=click.Choice(LOG_FORMATS),
    help="Format of log lines. With json, each line that is written, to standard output too, is a "
    "JSON object. At level info each request is logged, without secrets.",
)
@click.option(
    "--log-level",
    default="warning",
    show_envvar=True,
    type=click.Choice(("debug", "info", "warning", "error")),
    help="Lowest level that is logged to standard error.",
)
@click.version_option(package_name="cart-associations", prog_name="cart-mock")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Mock Elastic Path's customer-cart associations, with every documented rule.

    The mock keeps state, checks each request against the rules of the contract and answers with
    their documented texts. Each option can also be set in the environment, for example as
    CART_MOCK_PORT, or in cart-mock.toml.
    """
    if context.invoked_subcommand is not None:
        return
    options.pop("config")
    settings = Settings(**options)
    # What a start makes is long-lived, so keep the collector off until the server runs.
    gc.disable()
    # Imported here so that --help and usage errors do not wait for the server's libraries.
    from cart_mock.launch import run

    run(settings)


main.add_command(coverage_command)
main.add_command(mcp_command)


if __name__ == "__main__":
    main()
