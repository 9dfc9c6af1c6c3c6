"""Audits the installed packages without the network: versions, and files that were changed.

Each package must have the version of a lock in ``requirements/``, and each of its files the hash
that its wheel recorded. What the network knows is another question:

    python -m scripts.audit                                     # offline
    uvx pip-audit --require-hashes -r requirements/mock.txt     # known vulnerabilities, online
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
_OWN = "cart-associations"
_INSTALLERS = ("pip", "setuptools", "wheel")
"""What makes an environment before a lock is installed into it."""


def pinned(lock: str) -> dict[str, str]:
    """Return the version of each package that a lock has for this Python, by its name."""
    found: dict[str, str] = {}
    for line in lock.splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.removesuffix("\\").strip())
            if requirement.marker is None or requirement.marker.evaluate():
                found[canonicalize_name(requirement.name)] = str(requirement.specifier)[2:]
    return found


def problems(installed: Iterable[Distribution], pins: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with each package."""
    for package in installed:
        name = canonicalize_name(package.metadata["Name"])
        if name == _OWN or name in _INSTALLERS:
            continue
        if name not in pins:
            yield f"{name} {package.version}: no lock has it"
        elif package.version != pins[name]:
            yield f"{name} {package.version}: the lock has {pins[name]}"
        yield from (f"{name}: {path} is not the file of its wheel" for path in _changed(package))


def _changed(package: Distribution) -> Iterator[str]:
    """Yield the files that are missing, or have another content than their wheel recorded."""
    for file in package.files or ():
        if file.hash is None:  # the record itself, and what is compiled later
            continue
        path = Path(str(file.locate()))
        digest = hashlib.new(file.hash.mode, path.read_bytes()).digest() if path.exists() else b""
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            yield str(file)


@click.command()
def main() -> None:
    """Audit the packages of this environment against requirements/test.txt."""
    lock = (ROOT / "requirements/test.txt").read_text(encoding="utf-8")
    installed = list(distributions())
    found = list(problems(installed, pinned(lock)))
    click.echo("\n".join((*found, f"{len(installed)} packages, {len(found)} problems")))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
