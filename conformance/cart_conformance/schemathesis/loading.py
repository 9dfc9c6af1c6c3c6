"""Makes fixtures at a deployment, binds the contract to them, and removes them at the end."""

from __future__ import annotations

import atexit
import os
import secrets
from collections.abc import Mapping
from typing import Final

import schemathesis
from cart_spec import load_contract
from schemathesis.specs.openapi.schemas import OpenApiSchema

from cart_conformance.config import Settings, SettingsError, default_rate, normal_target
from cart_conformance.errors import CouldNotRun, Untestable
from cart_conformance.results import CleanupFinished
from cart_conformance.schemathesis import checks
from cart_conformance.schemathesis.fixtures import Fixtures
from cart_conformance.schemathesis.transport import JudgedTransport, attach
from cart_conformance.target.cleanup import clean_up
from cart_conformance.target.ledger import Ledger, default_path
from cart_conformance.target.session import Session
from cart_conformance.target.transport import Interruption, Transport

__all__ = ["CONFIG", "Target", "checks", "close", "load", "settings_for"]

CONFIG: Final = {
    # Stored examples and constants of earlier runs name carts that no longer exist.
    "generation": {"database": "none"},
    "cache": {"enabled": False},
    "phases": {
        # The contract does not define answers to undeclared methods.
        "coverage": {"unexpected-methods": []},
        # The contract has links. Links inferred from names lead to carts of other clients.
        "stateful": {"inference": {"algorithms": []}},
    },
}
"""The Schemathesis settings for a deployment with other clients."""

URL, CLIENT_ID, CLIENT_SECRET, RATE, TIMEOUT = (
    f"CART_CONFORMANCE_{name}" for name in ("URL", "CLIENT_ID", "CLIENT_SECRET", "RATE", "TIMEOUT")
)


class Target:
    """A deployment with fixtures. :meth:`close` removes them; it is also called at exit."""

    def __init__(self, settings: Settings) -> None:
        """Make the fixtures. If it raises CouldNotRun, it has removed what it made."""
        self._closed = False
        run_id = secrets.token_hex(4)
        transport = Transport(
            rate=settings.rate,
            max_requests=settings.max_requests,
            timeout=settings.timeout,
            max_time=settings.max_time,
            target=settings.target,
        )
        ledger = Ledger(settings.journal or default_path(run_id), run_id, settings.target)
        self.session = Session(settings, load_contract(), transport, ledger, run_id)
        atexit.register(self.close)
        try:
            self.session.provision()
            self.fixtures = Fixtures(self.session)
        except (Untestable, Interruption) as problem:
            self.close()
            raise CouldNotRun(self.session.redactor.text(str(problem))) from problem

    def close(self) -> CleanupFinished | None:
        """Remove everything that was made. Later calls have no effect."""
        if self._closed:
            return None
        self._closed = True
        atexit.unregister(self.close)
        try:
            return clean_up(self.session)
        finally:
            self.session.transport.close()


_TARGETS: dict[str, Target] = {}
"""The targets of loaded schemas, by the id of the run."""


def load(settings: Settings) -> OpenApiSchema:
    """Return the contract bound to fixtures. Raises CouldNotRun."""
    target = Target(settings)
    config = schemathesis.Config.from_dict({"seed": settings.seed, **CONFIG})
    schema = schemathesis.openapi.from_dict(target.fixtures.document(), config=config)
    schema.config.update(base_url=settings.target)
    # Built-in checks would report the refusal of a cart that is absent on purpose.
    schema.config.checks.update(included_check_names=[checks.cart_associations.__name__])
    attach(schema, JudgedTransport(target.fixtures))
    _TARGETS[target.session.run_id] = target
    return schema


def close(schema: OpenApiSchema) -> CleanupFinished | None:
    """Remove the fixtures of a schema returned by :func:`load` before the process ends."""
    transport = schema.transport
    assert isinstance(transport, JudgedTransport), "the schema is one that load() gave"
    return _TARGETS[transport.fixtures.session.run_id].close()


def settings_for(
    url: str,
    client_id: str,
    client_secret: str,
    *,
    seed: int | None = None,
    rate: float | None = None,
    timeout: float = 10.0,
) -> Settings:
    """Return the settings of a run. Raises SettingsError if the URL is not one."""
    target = normal_target(url)
    return Settings(
        target=target,
        client_id=client_id,
        client_secret=client_secret,
        seed=secrets.randbelow(2**32) if seed is None else seed,
        rate=default_rate(target) if rate is None else rate,
        timeout=timeout,
    )


def settings_from(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings from environment variables. Raises SettingsError."""
    missing = [name for name in (URL, CLIENT_ID, CLIENT_SECRET) if not environment.get(name)]
    if missing:
        raise SettingsError(f"Set the environment variable {' and '.join(missing)}.")
    try:
        rate = float(environment[RATE]) if RATE in environment else None
        timeout = float(environment.get(TIMEOUT, "10"))
    except ValueError:
        raise SettingsError(f"{RATE} and {TIMEOUT} must be numbers.") from None
    return settings_for(
        environment[URL],
        environment[CLIENT_ID],
        environment[CLIENT_SECRET],
        rate=rate,
        timeout=timeout,
    )
