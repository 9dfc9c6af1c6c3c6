"""The settings of a run, from options, the environment and ``conformance.toml``."""

from __future__ import annotations

import json
import os
import random
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from cart_spec.contract import Contract
from cart_spec.redaction import ShortSecretError, require_redactable

from cart_conformance.results import Phase

Texts = Literal["fail", "advise", "ignore"]
TEXTS: tuple[Texts, ...] = get_args(Texts)

OwnerKinds = Literal["customers", "accounts"]
OWNERS: tuple[OwnerKinds, ...] = get_args(OwnerKinds)
Profile = Literal["pr", "default", "nightly"]
PROFILES: tuple[Profile, ...] = get_args(Profile)

CONFIG = "conformance.toml"
ENVIRONMENT = "CART_CONFORMANCE"

DEFAULT_RATE = 20.0
"""Requests a second to any target but loopback: below the rate limit of a development store."""


_Text = Annotated[str, msgspec.Meta(min_length=1)]


class SettingsError(ValueError):
    """Unusable settings of a run. The message says what to give instead."""


@dataclass(frozen=True, slots=True)
class GivenCustomer:
    """A customer from a fixtures file: an id, and a login or a token."""

    id: str
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """The complete settings of one run.

    ``rate`` is in requests a second, 0 for no limit. ``timeout`` is in seconds for one request,
    ``max_time`` in seconds for the whole run. ``rules`` limits the run to these ids, unless it is
    empty; ``cases`` to these directed cases; ``exclude`` leaves rules and cases out. ``settle`` is
    how many seconds a change may take until it is seen. ``wait`` is how many seconds the target may
    take until it answers at all. ``headers`` go with every request, and may be secret.
    """

    target: str
    client_id: str
    client_secret: str = field(repr=False)
    seed: int
    layers: tuple[Phase, ...] = tuple(Phase)
    rate: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    max_requests: Annotated[int, msgspec.Meta(ge=1)] = 50_000
    timeout: Annotated[float, msgspec.Meta(ge=0.05)] = 10.0
    max_time: Annotated[float, msgspec.Meta(ge=1)] = 3600.0
    strict: bool = False
    texts: Texts = "fail"
    rules: tuple[str, ...] = ()
    customers: tuple[GivenCustomer, ...] | None = None
    report_dir: Path | None = None
    journal: Path | None = None
    owners: tuple[OwnerKinds, ...] = ("customers", "accounts")
    profile: Profile = "default"
    settle: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    wait: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    cases: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    email_domain: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    token_url: str | None = None
    cacert: Path | None = None
    insecure: bool = False
    cert: Path | None = None
    key: Path | None = None
    baseline: Path | None = None
    har: Path | None = None

    def leaves_out(self, rule: str, case: str) -> bool:
        """Return whether ``cases`` or ``exclude`` leave out a case; a name may end with ``*``."""
        if self.cases and not any(_names_case(name, rule, case) for name in self.cases):
            return True
        return any(_names_case(name, rule, case) for name in self.exclude)


def _names_case(name: str, rule: str, case: str) -> bool:
    if name.endswith("*"):
        return case.startswith(name[:-1])
    return name in (rule, case)


TOML_KEYS = {
    "target", "client_id", "client_secret_file", "layers", "rate", "max_requests", "timeout",
    "max_time", "seed", "strict", "texts", "rules", "fixtures", "report_dir", "journal",
    "owners",
    "profile", "settle", "wait", "cases", "exclude", "email_domain", "token_url", "cacert",
    "insecure", "cert", "key", "baseline", "har",
}  # fmt: skip


def settings_of(base_url: str | None, options: Mapping[str, Any], contract: Contract) -> Settings:
    """Return the settings of a run. Options override the environment; that overrides the TOML file.

    ``options`` are those of ``run``, including those from the environment; None means not given.
    Raises SettingsError.
    """
    given = {name: value for name, value in options.items() if value not in (None, ())}
    path = given.pop("config", None)
    if path is None and Path(CONFIG).is_file():
        path = Path(CONFIG)
    values = (read_toml(path) if path else {}) | given
    target = base_url or values.pop("target", None)
    values.pop("target", None)
    if not isinstance(target, str):
        raise SettingsError("give the base URL of the deployment, as in http://127.0.0.1:8080")
    target = normal_target(target)
    secret_file = values.pop("client_secret_file", None)
    secret = values.pop("client_secret", None) or (
        _read_secret(Path(secret_file)) if secret_file else None
    )
    if not values.get("client_id") or not secret:
        raise SettingsError(
            "give --client-id and --client-secret, or set"
            f" {ENVIRONMENT}_CLIENT_ID and {ENVIRONMENT}_CLIENT_SECRET"
        )
    fixtures = values.pop("fixtures", None)
    values["layers"] = _phases(values.get("layers"))
    if values.get("profile") == "pr" and not given.get("layers"):
        values["layers"] = (Phase.DIRECTED,)
    values["rules"] = _rules(values.get("rules"), contract)
    values["owners"] = _owners(values.get("owners"))
    values["cases"] = _cases(values.get("cases"), "cases")
    values["exclude"] = _cases(values.get("exclude"), "exclude")
    values["headers"] = read_headers(values.pop("header", ()))
    values["email_domain"] = _domain(values.get("email_domain"))
    if values.get("token_url") is not None:
        values["token_url"] = normal_target(str(values["token_url"]))
    _check_files(values)
    values.setdefault("seed", random.SystemRandom().randrange(2**32))
    values.setdefault("rate", default_rate(target))
    values["customers"] = read_fixtures(Path(fixtures)) if fixtures else None
    settings = _converted(values | {"target": target, "client_secret": secret})
    _require_redactable(secret, "the client secret")
    for name, value in settings.headers:
        if name.lower() not in _OPEN_HEADERS:
            _require_redactable(value, f"the value of the header {name}")
    return settings


def _require_redactable(secret: str, what: str) -> None:
    try:
        require_redactable(secret, what)
    except ShortSecretError as error:
        raise SettingsError(str(error)) from None


_OPEN_HEADERS = frozenset({"accept", "accept-language", "user-agent"})
"""Headers that never carry a secret, so that their value is not redacted."""
_OWN_HEADERS = frozenset(
    {"authorization", "content-length", "content-type", "host", "x-moltin-customer-token"}
)


def read_headers(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the headers in lines like ``Name: value``. Raises SettingsError."""
    found = []
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not value:
            raise SettingsError("A header is 'Name: value', as in --header 'X-Preview: on'.")
        if name.lower() in _OWN_HEADERS:
            raise SettingsError(f"The run sends its own {name}. Leave --header {name} out.")
        if not value.isascii() or not value.isprintable():
            raise SettingsError(f"The header {name} may contain printable ASCII characters only.")
        found.append((name, value))
    return tuple(found)


def _domain(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+", value):
        raise SettingsError("email_domain must be a domain, as in shop-tests.example.org")
    return value


def _check_files(values: Mapping[str, Any]) -> None:
    """Raise SettingsError if a file for TLS is missing, or does not go with the other options."""
    if values.get("key") is not None and values.get("cert") is None:
        raise SettingsError("--key belongs to a client certificate: give --cert too")
    if values.get("insecure") and values.get("cacert") is not None:
        raise SettingsError("--insecure trusts any certificate: leave it or --cacert out")
    for name in ("cacert", "cert", "key"):
        path = values.get(name)
        if path is not None and not Path(path).is_file():
            raise SettingsError(f"{name}: the file {path} does not exist")


def _cases(value: object, what: str) -> tuple[str, ...]:
    """Return names of cases. They may contain commas, so options give one at a time."""
    if value is None:
        return ()
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise SettingsError(
        f"{what} must be a list of cases or rules; see: cart-conformance plan --cases"
    )


def _converted(values: Mapping[str, Any]) -> Settings:
    """Return typed settings. Raises SettingsError, which names the setting and its valid values."""
    hints = get_type_hints(Settings, include_extras=True)
    typed = {}
    for name, value in values.items():
        try:
            typed[name] = msgspec.convert(value, hints[name], dec_hook=_of_own_type)
        except msgspec.ValidationError:
            raise SettingsError(f"{name} must be {_described(hints[name])}") from None
    return Settings(**typed)


def _of_own_type(kind: type[Any], value: object) -> object:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if kind is GivenCustomer and isinstance(value, GivenCustomer):
        return value
    raise msgspec.ValidationError(f"not a {kind.__name__}")


_WORDS = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a text",
}  # fmt: skip


def _described(hint: Any) -> str:
    """Describe the valid values of a setting of that type."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(get_args(hint))
    if get_origin(hint) is Annotated:
        kind, bounds = get_args(hint)
        return f"{_WORDS[kind]} of at least {bounds.ge}"
    return _WORDS.get(hint, "a path")


def from_environment(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with the credentials of the environment.

    The names of these variables need not contain the name of a command.
    """
    names = ("client_id", "client_secret", "client_secret_file")
    return {**options} | {
        name: options.get(name) or os.environ.get(f"{ENVIRONMENT}_{name.upper()}") for name in names
    }


def normal_target(url: str) -> str:
    """Return the base URL without a trailing slash. Raises SettingsError if it is not one."""
    if "@" in url:  # before any message that quotes the URL
        raise SettingsError(
            "The base URL carries credentials. Give --client-id and a secret instead."
        )
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SettingsError(
            f"{url!r} is not a URL: {error}. Give one as in https://HOST."
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{url!r} is not a base URL, as in https://HOST[:PORT][/PATH].")
    if parts.query or parts.fragment:
        raise SettingsError("The base URL ends with a query or fragment. Leave it out.")
    return url.rstrip("/")


def default_rate(target: str) -> float:
    """Return 0 (no limit) for a target on loopback, else :data:`DEFAULT_RATE`."""
    host = urlsplit(target).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return 0.0
    try:
        return 0.0 if ip_address(host).is_loopback else DEFAULT_RATE
    except ValueError:
        return DEFAULT_RATE


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table ``[conformance]`` of a TOML file, or its top level without that table.

    Raises SettingsError if the file cannot be read, or contains an unknown key or a secret. It
    must not contain secrets because it is meant to be committed.
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
    """Return the customers of a fixtures file, JSON or TOML.

    ``{"customers": [{"id": …, "email": …, "password": …}, {"id": …, "token": …}]}``: two or more;
    the third must not have a cart. Raises SettingsError, which says what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    entries = document.get("customers") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) < 2:
        raise SettingsError(f"{path}: needs 'customers', a list of two or more")
    return tuple(_given(f"{path}: customers[{i}]", entry) for i, entry in enumerate(entries))


class _GivenEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An entry of a fixtures file."""

    id: _Text
    email: _Text | msgspec.UnsetType = msgspec.UNSET
    password: _Text | msgspec.UnsetType = msgspec.UNSET
    token: _Text | msgspec.UnsetType = msgspec.UNSET


def _given(where: str, entry: object) -> GivenCustomer:
    try:
        given = msgspec.convert(entry, _GivenEntry)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{where}: {error}. Give 'id', and 'email' and 'password', or 'token':"
            " each a string that is not empty; unknown keys are refused."
        ) from None
    fields = msgspec.to_builtins(given)
    for name in ("password", "token"):
        if name in fields:
            _require_redactable(fields[name], f"{where}: the {name}")
    if "token" not in fields and not {"email", "password"} <= set(fields):
        raise SettingsError(f"{where}: give 'email' and 'password', or a 'token'")
    return GivenCustomer(**fields)


def _read_secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the secret cannot be read: {error}") from None
    if not secret:
        raise SettingsError(f"{path}: holds no secret")
    return secret


def _names(value: object, what: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value
    raise SettingsError(f"{what} must be names, by comma or in a list")


def _phases(value: object) -> tuple[Phase, ...]:
    names = _names(value, "layers")
    known = [phase.value for phase in Phase]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(f"no layer {', '.join(unknown)}; the layers are: {', '.join(known)}")
    return tuple(phase for phase in Phase if not names or phase.value in names)


def _owners(value: object) -> tuple[OwnerKinds, ...]:
    names = _names(value, "owners")
    unknown = [name for name in names if name not in OWNERS]
    if unknown:
        raise SettingsError(f"no owners {', '.join(unknown)}; the owners are: {', '.join(OWNERS)}")
    return tuple(kind for kind in OWNERS if not names or kind in names)


def _rules(value: object, contract: Contract) -> tuple[str, ...]:
    names = _names(value, "rules")
    known = {rule.id for rule in contract.rules}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(f"no rule {', '.join(unknown)}; see: cart-conformance rules")
    return tuple(names)
