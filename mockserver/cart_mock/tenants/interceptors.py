"""The interceptors that run before a tenant's rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from cart_mock.messages import Answer

Interceptor = Callable[..., Answer | Awaitable[Answer]]
"""Answers a request; its parameters are of the layer above: see ``cart_mock.api.interceptors``."""
InterceptorName = Literal["faults", "breaks"]

_OUTERMOST_FIRST: tuple[InterceptorName, ...] = ("faults", "breaks")


class InterceptorChain:
    """The interceptors of one tenant: faults outside, broken rules inside."""

    def __init__(self) -> None:
        self._interceptors: dict[InterceptorName, Interceptor] = {}
        self.active: tuple[Interceptor, ...] = ()
        """The active interceptors, outermost first."""

    def set(self, name: InterceptorName, interceptor: Interceptor | None) -> None:
        """Install an interceptor under its name, or remove it."""
        if interceptor is None:
            self._interceptors.pop(name, None)
        else:
            self._interceptors[name] = interceptor
        found = (self._interceptors.get(each) for each in _OUTERMOST_FIRST)
        self.active = tuple(each for each in found if each is not None)
