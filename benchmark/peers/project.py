"""The mock, and its foundations: raw ASGI as the upper limit, stock Connexion as the lower one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

from cart_mock.auth.tokens import Tokens as Issuer
from cart_mock.owners import Owner
from cart_mock.tenants.registry import random_id

from benchmark.loads import (
    SUCCESS,
    Load,
    Request,
    Tokens,
    contract_loads,
    json_request,
    login_request,
)
from benchmark.peers.base import (
    PROJECT_ENVIRONMENT,
    SMALL,
    ContractPeer,
    Peer,
    Site,
    module_command,
)
from benchmark.population import Population
from benchmark.server import HOST, Client

CARTS = 100_000
STORE = "benchmark"
"""The ``client_id`` of the benchmark's store."""
UVICORN = (
    "--host", HOST, "--loop", "uvloop", "--http", "httptools",
    "--no-access-log", "--no-server-header", "--log-level", "warning",
)  # fmt: skip


class Mock(Peer):
    """The mock of this project with its default options."""

    name = "cart-mock"
    title = "Cart Associations mock"
    environment = PROJECT_ENVIRONMENT
    work_done = (
        "Every rule of the contract, both tokens verified, state changed and indexed; records "
        "each request."
    )

    def __init__(self, carts: int = CARTS, data: Path | None = None, seeded: bool = True) -> None:
        """Choose its state.

        ``data`` enables the journal; ``seeded=False`` starts on the state in it.
        """
        self._population = Population(carts)
        self._data = data
        self._seeded = seeded

    def at_cold_start(self) -> Mock:
        """Return the mock without carts, because peers start without state too."""
        return Mock(seeded=False)

    def configure(self, site: Site) -> None:
        """Write the seed file."""
        if self._seeded:
            self._population.write_seed(site.work / "seed.json")

    def command(self, site: Site) -> list[str]:
        """Return the command with the seed file, and the journal if there is a data folder."""
        seed = ("--seed", str(site.work / "seed.json")) if self._seeded else ()
        data = ("--data", str(self._data)) if self._data is not None else ()
        return module_command("cart_mock", "--port", str(site.port), *seed, *data)

    def loads(self, client: Client) -> Mapping[str, Load]:
        """Log in as every reader and the writer, and return the contract's requests."""
        access, writer = access_token(client), self._population.writer
        tokens = {writer: _token(client, login_request(self._population, writer, access))}
        # The workbench asks for no password, which would take half a minute for all readers.
        for reader in self._population.readers:
            body = {"type": "customer", "id": reader}
            made = client.expect(json_request("POST", f"/_mock/stores/{STORE}/logins", body, {}))
            tokens[reader] = json.loads(made.body)["data"]["headers"]["X-Moltin-Customer-Token"]
        return contract_loads(self._population, Tokens(access, tokens))


class MockApp(Mock):
    """The mock without its accelerator: the Connexion app behind uvicorn."""

    name = "cart-mock-app"
    title = "Cart Associations mock, app alone"
    work_done = "The same, with --no-accelerator."

    def at_cold_start(self) -> MockApp:
        """Return the mock with no carts."""
        return MockApp(seeded=False)

    def command(self, site: Site) -> list[str]:
        """Return the mock's command with its accelerator off."""
        return [*super().command(site), "--no-accelerator"]


def access_token(client: Client) -> str:
    """Return an access token of the implicit grant for the benchmark's store."""
    answer = client.expect(
        Request(
            "POST",
            "/oauth/access_token",
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode({"grant_type": "implicit", "client_id": STORE}),
        )
    )
    return str(json.loads(answer.body)["access_token"])


def _token(client: Client, login: Request) -> str:
    return str(json.loads(client.expect(login).body)["data"]["token"])


class Hello(ContractPeer):
    """A hello on raw ASGI, with the mock's HTTP server."""

    name = "hello"
    title = "raw ASGI hello"
    environment = PROJECT_ENVIRONMENT
    work_done = (
        "None: the same 200 to every request, which are the mock's own, with tokens like its. The "
        "ceiling of an application behind uvicorn."
    )

    def command(self, site: Site) -> list[str]:
        """Return the command: uvicorn with the hello."""
        return module_command(
            "uvicorn", "benchmark.apps.hello:app", "--port", str(site.port), *UVICORN
        )

    def loads(self, client: Client) -> Mapping[str, Load]:  # noqa: ARG002 - needs no preparation
        """Return the requests for the mock, none of which this server refuses."""
        issuer = Issuer(bytes(32))
        access, _ = issuer.issue_access(STORE, "implicit", time.time(), random_id())
        customers = {
            name: issuer.issue_owner(STORE, Owner("customer", name), time.time(), random_id())[0]
            for name in (*SMALL.readers, SMALL.writer)
        }
        return {
            name: Load(
                name, tuple(replace(r, expected=SUCCESS) for r in load.requests), note="hello"
            )
            for name, load in contract_loads(SMALL, Tokens(access, customers)).items()
        }


class StockConnexion(ContractPeer):
    """Unmodified Connexion on the contract."""

    name = "connexion"
    title = "stock Connexion"
    environment: ClassVar[Mapping[str, str]] = {
        **PROJECT_ENVIRONMENT,
        "BENCHMARK_CARTS": str(SMALL.carts),
    }
    work_done = (
        "Routing, bearer token and JSON schema by the framework; naive handlers, state in dicts, "
        f"{SMALL.carts:,} carts; no rules, no password check."
    )

    def command(self, site: Site) -> list[str]:
        """Return the command: uvicorn with the app."""
        return module_command(
            "uvicorn", "benchmark.apps.stock_connexion:app", "--port", str(site.port), *UVICORN
        )
