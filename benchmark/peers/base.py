"""The description of a server for the benchmark: its packages, its start, its loads."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmark.loads import Load, Request, Tokens, contract_loads
from benchmark.population import Population
from benchmark.server import Client

ROOT = Path(__file__).parents[2]
APPS = ROOT / "benchmark" / "apps"
"""The small programs that start peers which are libraries."""

ACCESS_TOKEN = "benchmark-access-token"  # noqa: S105 - an invented token
"""The token for peers that only check its presence."""

SMALL = Population(1_000)
"""The state of the peers. It is small, because their rates fall as their state grows."""


@dataclass(frozen=True)
class Site:
    """The place of a server: its installed packages, a new folder of this run, and its port."""

    packages: Path
    work: Path
    port: int

    @property
    def python(self) -> str:
        """Return the Python of the folder with the peer's packages."""
        return str(self.packages / "venv" / "bin" / "python")

    def node_bin(self, name: str) -> str:
        """Return the path of a command of the peer's npm packages."""
        return str(self.packages / "node_modules" / ".bin" / name)


class Peer(ABC):
    """A server of the benchmark.

    ``work_done`` says in one sentence what it does for a request. ``warm_up`` is in seconds,
    divided among the loads. ``environment`` is added to that of the benchmark. ``npm`` and ``pip``
    are its packages with versions; ``needs`` are the commands that must be installed already.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    work_done: ClassVar[str]
    npm: ClassVar[tuple[str, ...]] = ()
    pip: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    environment: ClassVar[Mapping[str, str]] = {}
    warm_up: ClassVar[float] = 5.0
    first_request: ClassVar[Request] = Request("GET", "/v2/carts/weekend-list")

    def at_cold_start(self) -> Peer:
        """Return the server as it is started to measure a cold start."""
        return self

    def configure(self, site: Site) -> None:  # noqa: B027 - most peers have nothing to configure
        """Write configuration files into ``site.work``, if the server needs any."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """Return the command that starts the server on ``site.port`` of the loopback interface."""

    @abstractmethod
    def loads(self, client: Client) -> Mapping[str, Load]:
        """Create the state of the running server, and return its loads by name.

        A load without a similar operation is left out.
        """


class ContractPeer(Peer):
    """A peer that serves the contract and only checks the presence of tokens."""

    def loads(self, client: Client) -> Mapping[str, Load]:  # noqa: ARG002 - needs no preparation
        """Return the requests of the contract."""
        # A peer that needs the customer's id uses the token as the id.
        tokens = Tokens(ACCESS_TOKEN, {name: name for name in (*SMALL.readers, SMALL.writer)})
        return contract_loads(SMALL, tokens)


_PATHS = (str(ROOT), os.environ.get("PYTHONPATH", ""))
PROJECT_ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(filter(None, _PATHS)),
    "PYTHONDONTWRITEBYTECODE": "",
}
"""The environment in which a server in another folder can import the project."""


def module_command(module: str, *arguments: str) -> list[str]:
    """Return a command that runs a module with the Python of the benchmark."""
    return [sys.executable, "-m", module, *arguments]
