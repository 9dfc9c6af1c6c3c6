"""Installs each peer once, from its registry into its own folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmark.peers import Peer

_MARK = "installed.json"
_TIMEOUT_SECONDS = 900


class InstallError(Exception):
    """A peer that could not be installed.

    The message contains the end of the installer's output.
    """


def missing_commands(peer: type[Peer]) -> list[str]:
    """Return the commands that the peer needs and that this machine lacks."""
    return [command for command in peer.needs if shutil.which(command) is None]


def install(peer: type[Peer], cache: Path) -> Path:
    """Install a peer's packages unless they are installed, and return their folder.

    Raises InstallError.
    """
    folder = cache / peer.name
    wanted = [*peer.npm, *peer.pip]
    mark = folder / _MARK
    if mark.exists() and json.loads(mark.read_text("utf-8")) == wanted:
        return folder
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    if peer.npm:
        quiet = ("--no-audit", "--no-fund", "--no-progress", "--loglevel=error")
        _run(peer, ["npm", "install", "--prefix", str(folder), *quiet, *peer.npm])
    if peer.pip:
        environment = folder / "venv"
        _run(peer, [sys.executable, "-m", "venv", str(environment)])
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _run(peer, [*pip, *peer.pip])
    mark.write_text(json.dumps(wanted), "utf-8")
    return folder


def _run(peer: type[Peer], command: list[str]) -> None:
    try:
        run = subprocess.run(  # noqa: S603 - the commands are built above
            command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{peer.title} could not be installed: {error}") from error
    if run.returncode != 0:
        last = (run.stderr or run.stdout)[-2000:]
        raise InstallError(f"{peer.title} could not be installed:\n{last}")
