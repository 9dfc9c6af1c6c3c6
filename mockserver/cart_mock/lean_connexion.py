"""Imports Connexion without five libraries of which a mock's start needs none.

Connexion imports two HTTP clients, a test client and templates, but calls them only for its own
tokens, test client and Swagger UI. They take more than half of the time that Connexion takes. While
it is imported here, something else stands in for each of them, and imports it when Connexion calls
a function of it. Only a process of the mock's own does this, before it has a second thread.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_LATE = ("httpx", "jinja2", "requests", "starlette.templating", "starlette.testclient")


class _StandIn(ModuleType):
    """A module whose functions and classes can be called, but not looked at."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(importlib.import_module(self.__name__), name)(*arguments, **named)

        return call


_stand_ins = {name: _StandIn(name) for name in _LATE if name not in sys.modules}
sys.modules.update(_stand_ins)
try:
    from cart_mock import quiet_connexion  # noqa: F401  # imported for its side effect
finally:
    # Another module that imports one of them gets the real one.
    for _name in _stand_ins:
        del sys.modules[_name]
