"""Mocks in their own processes, which tests stop in different ways."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from tests.live import LISTENING

COMMAND = (sys.executable, "-m", "cart_mock")


class Running(NamedTuple):
    """A mock that listens at ``url``."""

    process: subprocess.Popen[str]
    url: str


@contextmanager
def mock(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start a mock on a free port; it is killed afterwards if it still runs.

    Raises RuntimeError with the output of the process if it does not start to listen.
    """
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "CART_MOCK_PORT": "0", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.search(rf'{LISTENING}([^\s"]+)', first)
        if found is None:
            raise RuntimeError(first + "".join(process.communicate(timeout=30)))
        yield Running(process, found[1])
    finally:
        process.kill()
        process.communicate(timeout=30)


def run(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
