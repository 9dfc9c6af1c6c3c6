"""Starts a mock: listens, builds the application, prints its URLs, and serves it."""

from __future__ import annotations

from cart_mock import lean_connexion  # noqa: F401  # before anything else imports Connexion

# isort: split
import errno
import ipaddress
import logging
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
from cart_spec.cli_errors import InputError
from cart_spec.extras import how_to_install

from cart_mock.app import MockApp, create_app
from cart_mock.auth.clients import Clients, ClientsError, load_clients
from cart_mock.http.book import BOOK_PATH
from cart_mock.http.documentation import DOCUMENTATION_PATH
from cart_mock.server import Tls, serve, server_of
from cart_mock.settings import Settings
from cart_mock.state.journal_storage import DataError
from cart_mock.state.scenarios import scenario_or_file
from cart_mock.state.seed import Seed, SeedError
from cart_mock.telemetry.logs import announced, log_to
from cart_mock.telemetry.tracing import TelemetryMissing, instrumented
from cart_mock.tenants.forward import Forward, ForwardError, forward_of
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.tenants.request_log import LogMemory, RequestLog
from cart_mock.tenants.watched import Watched
from cart_mock.watch import watch
from cart_mock.workbench import BASE_PATH

logger = logging.getLogger(__name__)

_OTHER_FILES = 200
"""How many open files a process may need besides its connections: data, code, other servers."""

_MORE_THAN_BODY = 1024 * 1024
"""How many bytes larger than a body a cart may grow by many changes."""


def run(settings: Settings) -> None:
    """Serve a mock until SIGINT or SIGTERM. Raises click.ClickException if it cannot start."""
    log_to(sys.stderr, settings.log_level, settings.log_format)
    try:
        tls = _tls(settings)
        allow_files(settings.max_connections)
        with _listen(settings.host, settings.port) as listening:
            _run(settings, tls, listening)
    except click.ClickException as error:
        if settings.log_format == "text":
            raise
        logger.error("%s", error.format_message())
        sys.exit(error.exit_code)


def allow_files(connections: int) -> None:
    """Let the process have a file for each connection, as far as the system allows it."""
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        text = "--max-connections %d needs %d open files, and the system allows %d: see ulimit -n"
        logger.warning(text, connections, wanted, allowed)


def _run(settings: Settings, tls: Tls | None, listening: socket.socket) -> None:
    key, generated = settings.control_key, None
    if key is None and _is_reachable_from_other_hosts(listening):
        key = generated = secrets.token_urlsafe(24)
    if settings.shared is not None:
        tenants, attach = _shared(settings)
    else:
        tenants, attach = _registry(settings), None
    app = create_app(
        tenants=tenants,
        envelope_only=settings.envelope_only,
        body_limit=settings.body_limit,
        head_limit=settings.head_limit,
        control_body_limit=settings.control_body_limit,
        control_key=key,
        hosts=settings.allow_host,
        breaks=settings.breaks,
        forward=_forward(settings),
    )
    if attach is not None:
        attach(app)
    try:
        server = server_of(
            instrumented(app),
            settings.log_level,
            settings.breaks,
            tls,
            accelerator=not settings.no_accelerator,
            head_limit=settings.head_limit,
            keep_alive=settings.keep_alive,
            max_connections=settings.max_connections,
        )
    except OSError as error:  # ssl.SSLError is a subclass
        raise InputError(
            f"the certificate or its key cannot be used: {error}; send both in PEM"
        ) from error
    except TelemetryMissing as error:
        raise InputError(str(error)) from error
    if settings.watch:
        _watch(settings, app)
    _announce(settings, _url(listening, "http" if tls is None else "https"), generated)
    serve(server, listening)


def _clients(settings: Settings) -> Clients | None:
    return None if settings.clients is None else load_clients(settings.clients)


def _seed(settings: Settings) -> Seed | None:
    return None if settings.seed is None else scenario_or_file(settings.seed)


def _watch(settings: Settings, app: MockApp) -> None:
    """Read the files of the options again whenever they change."""
    files = [path for path in (settings.seed, settings.clients) if path is not None]
    credential = settings.forward_authorization or ""
    if credential.startswith("@"):
        files.append(Path(credential[1:]))
    files = [path for path in files if path.exists()]
    if not files:
        raise click.UsageError(
            "--watch needs a file to watch: --seed, --clients or --forward-authorization @FILE."
        )

    def read() -> Callable[[], None]:
        try:
            clients, seed, forward = _clients(settings), _seed(settings), _forward(settings)
        except (ClientsError, SeedError) as error:
            raise InputError(str(error)) from error

        def put_in_force() -> None:
            app.tenants.take_up(clients, seed)
            app.mock.forward = forward

        return put_in_force

    app.tenants.watched = Watched(tuple(files))
    watch(app.tenants.watched, read)


def _registry(settings: Settings) -> TenantRegistry:
    if settings.sync == "always" and settings.data is None:
        raise click.UsageError("--sync always needs --data. Send both.")
    memory = LogMemory(settings.journal_memory * 1024 * 1024)
    try:
        return TenantRegistry(
            data=settings.data,
            clients=_clients(settings),
            seed=_seed(settings),
            most=settings.max_stores,
            most_read_carts=settings.max_read_carts,
            snapshot_memory=settings.snapshot_memory * 1024 * 1024,
            store_memory=settings.store_memory * 1024 * 1024,
            most_of_document=settings.body_limit + _MORE_THAN_BODY,
            sync=settings.sync == "always",
            new_request_log=partial(RequestLog, settings.journal, memory),
        )
    except (ClientsError, DataError, SeedError) as error:
        raise InputError(str(error)) from error


def _shared(settings: Settings) -> tuple[TenantRegistry, Callable[[MockApp], None]]:
    """Return the tenants of a mock of many, and what makes an application one of them."""
    for other, option in ((settings.data, "--data"), (settings.breaks, "--break")):
        if other:
            raise click.UsageError(f"{option} and --shared exclude each other. Leave one out.")
    try:
        from cart_mock.shared.launch import shared_mock
    except ImportError as error:
        raise InputError(
            f"--shared needs the package {error.name}. {how_to_install('shared')}"
        ) from error
    try:
        return shared_mock(settings)
    except (ClientsError, SeedError) as error:
        raise InputError(str(error)) from error


def _forward(settings: Settings) -> Forward | None:
    if settings.forward is None:
        if settings.forward_authorization is not None:
            raise click.UsageError("--forward-authorization needs --forward. Send both.")
        return None
    try:
        authorization = _value_or_file(settings.forward_authorization)
        return forward_of(settings.forward, authorization, settings.forward_timeout)
    except ForwardError as error:
        raise InputError(f"--forward: {error}") from error


def _value_or_file(value: str | None) -> str | None:
    if value is None or not value.startswith("@"):
        return value
    path = Path(value[1:])
    try:
        return path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{path}: cannot be read: {reason}; name a file with the value") from error


def _announce(settings: Settings, url: str, generated_key: str | None) -> None:
    for line in _announcement(settings, url, generated_key):
        click.echo(announced(line, settings.log_format))


def _announcement(settings: Settings, url: str, generated_key: str | None) -> Iterator[str]:
    yield f"Listening on {url}"
    yield f"Documentation at {url}{DOCUMENTATION_PATH}"
    yield f"Rule book at {url}{BOOK_PATH}"
    yield f"Workbench at {url}{BASE_PATH}/"
    if generated_key is not None:
        text = "Generated control key (the server is reachable from other hosts)"
        yield f"{text}: {generated_key}"
    yield f"Try: curl -X POST {url}/oauth/access_token -d grant_type=implicit -d client_id=my-store"
    if settings.forward is not None:
        yield f"Other paths go to {settings.forward}"
    for broken in settings.breaks:
        yield f"Broken on purpose: {broken.id}: {broken.sentence}"


def _is_reachable_from_other_hosts(listening: socket.socket) -> bool:
    host = str(listening.getsockname()[0])
    return not ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _tls(settings: Settings) -> Tls | None:
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise click.UsageError("--tls-cert and --tls-key go together. Send both.")
    return Tls(settings.tls_cert, settings.tls_key)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Listen at once, so that a port in use is reported before anything else is done.
        listening.listen(2048)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"cannot listen on {host} port {port}: {reason}; {_listen_hint(error)}"
        ) from error
    return listening


def _listen_hint(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return (
            "--host must be an address of this machine: 127.0.0.1 for this machine alone, "
            "0.0.0.0 for all that can reach it"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return "ports below 1024 need special rights, so name another with --port"
    return "name another with --port, or 0 for a free one"


def _url(listening: socket.socket, scheme: str) -> str:
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
