"""What the benchmark needs to know of a server: its packages, its start, its loads."""

from __future__ import annotations

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
"""The small programs that start the peers which are libraries."""

ACCESS_TOKEN = "benchmark-access-token"  # noqa: S105 - a made-up token
"""What peers that look at no token beyond its presence are sent."""

SMALL = Population(1_000)
"""What the peers hold: their rates fall with their state, so theirs is kept small."""


@dataclass(frozen=True)
class Site:
    """Where a server runs: its installed packages, a fresh folder of this run, and its port."""

    packages: Path
    work: Path
    port: int

    @property
    def python(self) -> str:
        """The Python of the folder that the peer was installed into."""
        return str(self.packages / "venv" / "bin" / "python")

    def node_bin(self, name: str) -> str:
        """A command of the npm packages of the peer."""
        return str(self.packages / "node_modules" / ".bin" / name)


class Peer(ABC):
    """A server of the benchmark.

    ``work_done`` says in one sentence what it does for its figures. ``warm_up`` is in seconds,
    shared by the loads. ``environment`` goes beside that of the benchmark. ``npm`` and ``pip`` are
    what is installed for it, with versions; ``needs`` are the commands that must be there already.
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
        """The same server as it is started to measure a cold start."""
        return self

    def configure(self, site: Site) -> None:  # noqa: B027 - most peers have nothing to configure
        """Write the configuration files into ``site.work``. By default there are none."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """The command that starts the server on ``site.port`` of the loopback interface."""

    @abstractmethod
    def loads(self, client: Client) -> Mapping[str, Load]:
        """Bring the started server's state about, and give its loads by name.

        A load that the server has no operation for is left out.
        """


class ContractPeer(Peer):
    """A peer that is given the contract and looks at no token beyond its presence."""

    def loads(self, client: Client) -> Mapping[str, Load]:  # noqa: ARG002 - needs no preparation
        """The contract's own requests."""
        # Who needs to know the customer takes the token for its id.
        tokens = Tokens(ACCESS_TOKEN, {name: name for name in (*SMALL.readers, SMALL.writer)})
        return contract_loads(SMALL, tokens)


PROJECT_ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
"""Lets a server that runs elsewhere import the project."""


def module_command(module: str, *arguments: str) -> list[str]:
    """A command that runs a module with the Python that runs the benchmark."""
    return [sys.executable, "-m", module, *arguments]
