"""The settings of one mock process, from the options of the command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cart_mock.telemetry.logs import LogFormat

if TYPE_CHECKING:
    # Imported on first use, because most mocks never need the breaks.
    from cart_mock.breaks import Break


Sync = Literal["never", "always"]
"""When changes are brought to the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of ``cart-mock``, one field each. The option's help describes it."""

    host: str
    port: int
    data: Path | None
    sync: Sync
    shared: str | None
    shared_username: str | None
    shared_password: str | None
    shared_password_file: Path | None
    shared_prefix: str
    shared_replicas: int
    shared_timeout: float
    store_ttl: float
    store_size: int
    clients: Path | None
    seed: Path | None
    watch: bool
    forward: str | None
    forward_authorization: str | None
    forward_timeout: float
    envelope_only: bool
    body_limit: int
    control_body_limit: int
    head_limit: int
    keep_alive: int
    max_connections: int
    breaks: tuple[Break, ...]
    journal: int
    max_stores: int
    max_read_carts: int
    journal_memory: int
    store_memory: int
    snapshot_memory: int
    control_key: str | None
    allow_host: tuple[str, ...]
    tls_cert: Path | None
    tls_key: Path | None
    no_accelerator: bool
    log_format: LogFormat
    log_level: str
