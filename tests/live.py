"""Starts the commands in their own processes, as users do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

LISTENING = "Listening on "


@contextmanager
def running_mock(
    *arguments: str, command: Sequence[str] = (sys.executable, "-m", "cart_mock")
) -> Iterator[str]:
    """Start a mock on a free port and give its URL; it is terminated afterwards.

    Raises RuntimeError with the output of the process if it does not start to listen.
    """
    process = subprocess.Popen(
        [*command, "--port", "0", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield _url(process.stdout)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _url(output: Iterator[str]) -> str:
    printed = []
    for line in output:
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING).strip()
        printed.append(line)
    raise RuntimeError("the mock did not come to listen: " + "".join(printed))
