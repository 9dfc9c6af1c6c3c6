"""A mock of many from the options of the command."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import click
from cart_spec import load_contract
from cart_spec.cli_errors import InputError

from cart_mock.app import MockApp
from cart_mock.auth.clients import load_clients
from cart_mock.settings import Settings
from cart_mock.shared.attach import attach
from cart_mock.shared.client import StoreClient
from cart_mock.shared.link import UrlError, check_url, servers_at
from cart_mock.shared.tenants import SharedTenants
from cart_mock.state.scenarios import scenario_or_file


def shared_mock(settings: Settings) -> tuple[SharedTenants, Callable[[MockApp], None]]:
    """Return the tenants of a mock of many, and what makes an application one of them.

    Raises click.ClickException, ClientsError, SeedError.
    """
    assert settings.shared is not None
    try:
        check_url(settings.shared)
    except UrlError as error:
        raise click.UsageError(f"--shared: {error}.") from error
    client = StoreClient(
        servers_at(settings.shared, settings.shared_username, _password(settings)),
        prefix=settings.shared_prefix,
        patience=settings.shared_timeout,
        replicas=settings.shared_replicas,
        ttl=settings.store_ttl,
    )
    tenants = SharedTenants(
        client,
        version=f"{_release()}, contract {load_contract().version}",
        options={
            "envelope-only": settings.envelope_only,
            "forward": hashlib.sha256((settings.forward or "").encode()).hexdigest(),
        },
        clients=None if settings.clients is None else load_clients(settings.clients),
        seed=None if settings.seed is None else scenario_or_file(settings.seed),
        journal=settings.journal,
        most=settings.max_stores,
        most_read_carts=settings.max_read_carts,
        most_bytes=settings.store_size * 1024 * 1024,
        snapshot_memory=settings.snapshot_memory * 1024 * 1024,
        store_memory=settings.store_memory * 1024 * 1024,
    )
    return tenants, partial(attach, tenants=tenants)


def _password(settings: Settings) -> str | None:
    if settings.shared_password_file is None:
        return settings.shared_password
    try:
        return settings.shared_password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{settings.shared_password_file}: cannot be read") from error


def _release() -> str:
    try:
        return version("cart-associations")
    except PackageNotFoundError:
        return "0"
