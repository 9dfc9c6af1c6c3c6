"""The command ``cart-mock``."""

from __future__ import annotations

import gc
import ipaddress
import secrets
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cart_mock.http.tls import Tls
from cart_mock.inspection.coverage_command import coverage_command
from cart_mock.telemetry.logs import LOG_FORMATS, LogFormat, log_to
from cart_mock.telemetry.tracing import TelemetryMissing, instrumented
from cart_mock.usage import OneLineGroup

if TYPE_CHECKING:
    from cart_mock.breaks import Break

    _BreakType = click.ParamType["Break"]
else:
    _BreakType = click.ParamType  # older versions of click have no generic ParamType

DEFAULT_PORT = 8080
_LOG_LEVELS = ("debug", "info", "warning", "error")


EPILOG = """
\b
Try it:
  cart-mock
  curl -X POST http://127.0.0.1:8080/oauth/access_token \\
       -d grant_type=implicit -d client_id=my-store

\b
A client_id names a store: carts, customers and tokens of one are never seen by
another. Parallel tests isolate themselves by using a client_id each.

\b
With `grant_type=client_credentials` and any client_secret you are the store's
administrator; with `grant_type=implicit` you are a shopper, who registers at
POST /v2/customers and logs in at POST /v2/customers/tokens.
"""


class _BreakName(_BreakType):
    """The name of a way to break a rule."""

    name = "break"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Break:
        """The break. Fails with the rules or the variants that there are."""
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


@click.group(
    "cart-mock",
    cls=OneLineGroup,
    invoke_without_command=True,
    context_settings={
        "auto_envvar_prefix": "CART_MOCK",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog=EPILOG,
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, show_envvar=True, help="Address to listen on."
)
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    show_envvar=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    show_envvar=True,
    help="Keep the state in this directory. Without it a mock starts clean.",
)
@click.option(
    "--clients",
    type=click.Path(path_type=Path, dir_okay=False),
    show_envvar=True,
    help="Pin the keys: a JSON object of client_id to secret, or to null for a key that "
    "only shoppers use. Without it any id is taken, and the first secret used with it "
    "becomes its secret.",
)
@click.option(
    "--seed",
    type=click.Path(path_type=Path, dir_okay=False),
    show_envvar=True,
    help="What every new store starts with: a JSON object of customers, carts and associations, "
    "or the name of a ready scenario, such as one-shopper or big-shop.",
)
@click.option(
    "--envelope-only",
    is_flag=True,
    show_envvar=True,
    help='Take identifiers only as {"data": [...]}, not as a bare array.',
)
@click.option(
    "--body-limit",
    default=1024 * 1024,
    show_default=True,
    show_envvar=True,
    type=click.IntRange(1),
    metavar="BYTES",
    help="How large a request body may be.",
)
@click.option(
    "--break",
    "breaks",
    type=_BreakName(),
    multiple=True,
    envvar="CART_MOCK_BREAK",
    show_envvar=True,
    metavar="RULE[:VARIANT]",
    help="Violate this rule in this way, and no other: to see that tests notice. Can be repeated.",
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
    show_default=True,
    show_envvar=True,
    type=click.IntRange(0, 1_000_000),
    metavar="N",
    help="How many requests of each store to remember for the workbench; 0 for none.",
)
@click.option(
    "--control-key",
    show_envvar=True,
    help="What the workbench at /_mock asks for. Without it the workbench is open on loopback, and "
    "on any other address a key is made and printed.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    show_envvar=True,
    help="Serve HTTPS with this certificate, in PEM with its chain.",
)
@click.option(
    "--tls-key",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    show_envvar=True,
    help="The private key of the certificate, in PEM.",
)
@click.option(
    "--log-format",
    default="text",
    show_default=True,
    show_envvar=True,
    type=click.Choice(LOG_FORMATS),
    help="How log lines are written. At level info each request is logged, without secrets.",
)
@click.option(
    "--log-level",
    default="warning",
    show_default=True,
    show_envvar=True,
    type=click.Choice(_LOG_LEVELS),
    help="What to log to standard error.",
)
@click.version_option(package_name="cart-associations", prog_name="cart-mock")
@click.pass_context
def main(
    context: click.Context,
    host: str,
    port: int,
    data: Path | None,
    clients: Path | None,
    seed: Path | None,
    envelope_only: bool,
    body_limit: int,
    journal: int,
    control_key: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    log_format: LogFormat,
    log_level: str,
    breaks: tuple[Break, ...],
) -> None:  # fmt: skip
    """A mock of Elastic Path's customer-cart associations that knows every documented rule.

    It keeps state, judges each request by the contract's rules and answers with their texts. Every
    option can also be set in the environment, as CART_MOCK_PORT and so on.
    """
    if context.invoked_subcommand is not None:
        return
    if control_key == "":
        raise click.UsageError("--control-key must not be empty; leave it out to have one made.")
    # Almost all that is made until the mock serves stays; the collector would look in vain.
    gc.disable()
    log_to(sys.stderr, log_level, log_format)
    # Imported here so that --help and usage errors do not wait for the server's libraries.
    from cart_mock.auth.clients import ClientsError, load_clients
    from cart_mock.state.journal_storage import DataError
    from cart_mock.state.scenarios import scenario_or_file
    from cart_mock.state.seed import SeedError
    from cart_mock.tenants.registry import TenantRegistry
    from cart_mock.tenants.request_log import RequestLog

    listening = _listen(host, port)
    tls = _tls(tls_cert, tls_key)
    made_key = secrets.token_urlsafe(24) if control_key is None and _is_open(listening) else None
    try:
        stores = TenantRegistry(
            data=data,
            clients=None if clients is None else load_clients(clients),
            seed=None if seed is None else scenario_or_file(seed),
            new_journal=lambda: RequestLog(journal),
        )
    except (ClientsError, DataError, SeedError) as error:
        _stop(str(error))
    from cart_mock.app import DOCUMENTATION_PATH, create_app
    from cart_mock.http.book import BOOK_PATH
    from cart_mock.http.server import serve, server_of

    app = create_app(
        stores=stores, envelope_only=envelope_only, body_limit=body_limit,
        control_key=control_key or made_key, breaks=breaks,
    )  # fmt: skip
    try:
        server = server_of(instrumented(app), log_level, breaks, tls)
    except OSError as error:  # an SSLError is one
        _stop(f"the certificate or its key cannot be used: {error}; send both in PEM")
    except TelemetryMissing as error:
        _stop(str(error))
    url = _url(listening, "http" if tls is None else "https")
    click.echo(f"Listening on {url}")
    click.echo(f"Documentation at {url}{DOCUMENTATION_PATH}")
    click.echo(f"Rule book at {url}{BOOK_PATH}")
    click.echo(f"Workbench at {url}/_mock/")
    if made_key is not None:
        click.echo(f"Workbench key, made for this run since others can reach it: {made_key}")
    click.echo(
        f"Try: curl -X POST {url}/oauth/access_token -d grant_type=implicit -d client_id=my-store"
    )
    for broken in breaks:
        click.echo(f"Broken on purpose: {broken.id}: {broken.sentence}")
    serve(server, listening)


def _is_open(listening: socket.socket) -> bool:
    """Whether others than this machine may reach what listens there."""
    return not ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key go together; send both.")
    return Tls(certificate, key)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Listening at once, so that a port in use is found before anything else is done.
        listening.listen(2048)
    except OSError as error:
        _stop(
            f"cannot listen on {host} port {port}: {error.strerror or error}; "
            "name another with --port, or 0 for a free one"
        )
    return listening


def _url(listening: socket.socket, scheme: str) -> str:
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _stop(reason: str) -> NoReturn:
    click.echo(f"cart-mock: {reason}", err=True)
    sys.exit(2)


main.add_command(coverage_command)


if __name__ == "__main__":
    main()
