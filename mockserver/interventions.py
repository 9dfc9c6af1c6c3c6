"""What may stand between a store's requests and its rules: faults outside, broken rules inside.

A layer answers a request itself or calls ``proceed`` for the answer of what stands behind it, the
rules last. A store without layers has no intervention at all, so that its requests pay nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from mockserver.http import Answer

if TYPE_CHECKING:
    from mockserver.engine import Endpoint

Intervention = Callable[["Endpoint", Any], Awaitable[Answer]]
"""Answers a request, given its endpoint and its facts."""
Layer = Callable[["Endpoint", Any, Intervention], Awaitable[Answer]]
"""Answers a request, given its endpoint, its facts and how to proceed to what stands behind."""
LayerName = Literal["faults", "breaks"]

_OUTERMOST_FIRST: tuple[LayerName, ...] = ("faults", "breaks")


class Layers:
    """The layers of one store."""

    def __init__(self) -> None:
        self._layers: dict[LayerName, Layer] = {}

    def put(self, name: LayerName, layer: Layer | None) -> Intervention | None:
        """Put a layer in its place, or take it out; what then answers the store's requests.

        None if the rules do, with nothing in between.
        """
        if layer is None:
            self._layers.pop(name, None)
        else:
            self._layers[name] = layer
        intervention: Intervention | None = None
        for layer_name in reversed(_OUTERMOST_FIRST):
            outer = self._layers.get(layer_name)
            if outer is not None:
                intervention = _in_front_of(intervention or _judge, outer)
        return intervention


def _in_front_of(proceed: Intervention, layer: Layer) -> Intervention:
    async def answer(endpoint: Endpoint, facts: Any) -> Answer:
        return await layer(endpoint, facts, proceed)

    return answer


async def _judge(endpoint: Endpoint, facts: Any) -> Answer:
    return await endpoint.judge_and_act(facts)
