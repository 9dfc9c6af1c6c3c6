"""Starts faster: what Connexion and uvicorn import and this server never uses is kept back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

# Connexion fetches remote documents with requests, asks remote token services with httpx, and
# offers a test client; uvicorn watches files and starts workers. Importing these would take about a
# third of the time to start.
_UNUSED = ("httpx", "requests", "starlette.testclient", "uvicorn.supervisors")


class _StandIn(ModuleType):
    """Has whatever is imported from it."""

    def __getattr__(self, name: str) -> type[object]:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


@contextmanager
def light_imports() -> Iterator[None]:
    """While the two are imported, put stand-ins in the place of what is never used.

    Whoever imports these modules afterwards gets the real ones; modules that are loaded already
    stay as they are.
    """
    stand_ins = {name: _StandIn(name) for name in _UNUSED if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
