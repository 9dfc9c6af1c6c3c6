"""What may stand between a store's requests and its rules: faults outside, broken rules inside.

A layer answers a request itself or calls ``proceed`` for the answer of what stands behind it, the
rules last. A store without layers has no intervention at all, so that its requests pay nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from cart_mock.http.messages import Answer

if TYPE_CHECKING:
    from cart_mock.api.endpoints import Endpoint

Handler = Callable[["Endpoint", Any], Awaitable[Answer]]
"""Answers a request, given its endpoint and its ctx."""
Layer = Callable[["Endpoint", Any, Handler], Awaitable[Answer]]
"""Answers a request, given its endpoint, its facts and how to proceed to what stands behind."""
InterceptorName = Literal["faults", "breaks"]

_OUTERMOST_FIRST: tuple[InterceptorName, ...] = ("faults", "breaks")


class InterceptorChain:
    """The layers of one store."""

    def __init__(self) -> None:
        self._layers: dict[InterceptorName, Layer] = {}

    def put(self, name: InterceptorName, layer: Layer | None) -> Handler | None:
        """Put a layer in its place, or take it out; what then answers the store's requests.

        None if the rules do, with nothing in between.
        """
        if layer is None:
            self._layers.pop(name, None)
        else:
            self._layers[name] = layer
        intervention: Handler | None = None
        for layer_name in reversed(_OUTERMOST_FIRST):
            outer = self._layers.get(layer_name)
            if outer is not None:
                intervention = _in_front_of(intervention or _judge, outer)
        return intervention


def _in_front_of(proceed: Handler, layer: Layer) -> Handler:
    async def answer(endpoint: Endpoint, ctx: Any) -> Answer:
        return await layer(endpoint, ctx, proceed)

    return answer


async def _judge(endpoint: Endpoint, ctx: Any) -> Answer:
    return await endpoint.judge_and_act(ctx)
