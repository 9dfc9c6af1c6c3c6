"""What a run is told: from options, the environment and ``conformance.toml``."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from cart_conformance.results import Phase

Texts = Literal["fail", "advise", "ignore"]
TEXTS: tuple[Texts, ...] = get_args(Texts)

DEFAULT_RATE = 20.0
"""Requests a second against anything but loopback: below the limit of a development store."""


class SettingsError(ValueError):
    """What a run was told makes no sense. The message says what to give instead."""


@dataclass(frozen=True, slots=True)
class GivenCustomer:
    """A customer from a fixtures file: an id, and a login or a token."""

    id: str
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """One run, fully decided.

    ``rate`` is in requests a second, 0 for no limit; ``timeout`` in seconds for one request,
    ``max_time`` in seconds for the whole run; ``rules`` limits the run to these ids where it is not
    empty.
    """

    target: str
    client_id: str
    client_secret: str = field(repr=False)
    seed: int
    layers: tuple[Phase, ...] = tuple(Phase)
    rate: float = 0.0
    max_requests: int = 20_000
    timeout: float = 10.0
    max_time: float = 1800.0
    strict: bool = False
    texts: Texts = "fail"
    rules: tuple[str, ...] = ()
    customers: tuple[GivenCustomer, ...] | None = None
    report_dir: Path | None = None
    journal: Path | None = None


def normal_target(url: str) -> str:
    """The base URL without its closing slash. Raises SettingsError where it is no http(s) URL."""
    if "@" in url:  # before anything is said that repeats the URL
        raise SettingsError(
            "The base URL carries credentials. Give --client-id and a secret instead."
        )
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SettingsError(f"{url!r} is no URL: {error}. Give one as in https://HOST.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{url!r} is no base URL. Give one as in https://HOST[:PORT][/PATH].")
    if parts.query or parts.fragment:
        raise SettingsError("The base URL ends with a query or fragment. Leave it out.")
    return url.rstrip("/")


def default_rate(target: str) -> float:
    """No limit against loopback, else :data:`DEFAULT_RATE`."""
    host = urlsplit(target).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return 0.0
    try:
        return 0.0 if ip_address(host).is_loopback else DEFAULT_RATE
    except ValueError:
        return DEFAULT_RATE


TOML_KEYS = {
    "target", "client_id", "client_secret_file", "layers", "rate", "max_requests", "timeout",
    "max_time", "seed", "strict", "texts", "rules", "fixtures", "report_dir", "journal",
}  # fmt: skip


def read_toml(path: Path) -> dict[str, Any]:
    """The table ``[conformance]`` of a TOML file, or its top level where there is none.

    Raises SettingsError for a file that cannot be read, an unknown key, or a secret in it: the file
    is meant to be committed.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    table = document.get("conformance", document)
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: 'conformance' must be a table")
    table = {key.replace("-", "_"): value for key, value in table.items()}
    if "client_secret" in table:
        raise SettingsError(
            f"{path}: holds client_secret. Name a file in client_secret_file, or set the"
            " environment variable CART_CONFORMANCE_CLIENT_SECRET."
        )
    unknown = set(table) - TOML_KEYS
    if unknown:
        raise SettingsError(
            f"{path}: unknown key {', '.join(sorted(unknown))}. The keys are:"
            f" {', '.join(sorted(TOML_KEYS))}."
        )
    return table


def read_fixtures(path: Path) -> tuple[GivenCustomer, ...]:
    """The customers of a fixtures file, JSON or TOML.

    ``{"customers": [{"id": …, "email": …, "password": …}, {"id": …, "token": …}]}``: two or more;
    the third, where given, must have no cart. Raises SettingsError and says what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    entries = document.get("customers") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) < 2:
        raise SettingsError(f"{path}: needs 'customers', a list of two or more")
    return tuple(_given(path, i, entry) for i, entry in enumerate(entries))


def _given(path: Path, index: int, entry: object) -> GivenCustomer:
    where = f"{path}: customers[{index}]"
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{where} is no object")
    unknown = set(entry) - {"id", "email", "password", "token"}
    if unknown:
        raise SettingsError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    if not all(isinstance(value, str) and value for value in entry.values()):
        raise SettingsError(f"{where}: every value must be a string that is not empty")
    if "id" not in entry:
        raise SettingsError(f"{where}: 'id' is missing")
    if "token" not in entry and not {"email", "password"} <= set(entry):
        raise SettingsError(f"{where}: give 'email' and 'password', or a 'token'")
    return GivenCustomer(**entry)
