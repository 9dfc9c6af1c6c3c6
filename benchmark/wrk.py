"""Runs wrk, the load generator, and reads the figures that its script prints."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmark.server import HOST

TIMEOUT_SECONDS = 10


class WrkError(Exception):
    """A missing wrk, or one that ended without figures."""


@dataclass(frozen=True)
class Figures:
    """The figures of one run of wrk.

    ``refused`` counts the answers with a status of 400 or more.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    socket_errors: int
    p999_ms: float = 0.0
    max_ms: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def wrk_path() -> str:
    """Return the path of wrk. Raises WrkError, which says how to install it."""
    path = shutil.which("wrk")
    if path is None:
        raise WrkError("wrk is not installed: apt-get install wrk")
    return path


def run_wrk(port: int, script: Path, connections: int, seconds: int) -> Figures:
    """Load a server on loopback with one thread of wrk. Raises WrkError."""
    command = [
        wrk_path(), "--threads", "1", "--connections", str(connections),
        "--duration", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s",
        "--script", str(script), f"http://{HOST}:{port}",
    ]  # fmt: skip
    try:
        run = subprocess.run(  # noqa: S603 - the command is built above
            command, capture_output=True, text=True, timeout=seconds + 60, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WrkError(f"wrk did not end in time: {error}") from error
    if run.returncode != 0:
        raise WrkError(f"wrk ended with status {run.returncode}: {run.stderr or run.stdout}")
    return parse_figures(run.stdout)


def parse_figures(output: str) -> Figures:
    """Parse the output of wrk, whose last JSON object has the figures. Raises WrkError."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            return Figures(**json.loads(line))
    raise WrkError(f"wrk printed no figures:\n{output}")
