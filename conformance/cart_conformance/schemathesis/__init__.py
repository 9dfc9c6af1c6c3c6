"""Everything that uses Schemathesis: the oracle as checks, and the two generating phases.

It may import ``oracle``, ``target`` and the run's aggregator; only ``run`` imports it. Other test
suites use :func:`load_schema`, ``checks`` and ``hooks``. Start reading in ``checks`` (how answers
are judged), then ``fixtures`` (the customers and carts of
requests) and ``transport`` (how they are sent). ``fuzzing`` and ``stateful`` are phases of a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemathesis.specs.openapi.schemas import OpenApiSchema

__all__ = ["load_schema"]


def load_schema(
    url: str,
    client_id: str,
    client_secret: str,
    *,
    seed: int | None = None,
    rate: float | None = None,
) -> OpenApiSchema:
    """Return the contract as a Schemathesis schema, bound to fixtures made at the deployment.

    ``url`` is the base URL of the deployment; ``rate`` is in requests a second (0: no limit).
    The fixtures are removed when the process ends, or by
    :func:`cart_conformance.schemathesis.loading.close`. Raises CouldNotRun if the fixtures cannot
    be made.
    """
    # Schemathesis takes a second to import, and a run of directed cases does not need it.
    from cart_conformance.schemathesis import loading

    return loading.load(loading.settings_for(url, client_id, client_secret, seed=seed, rate=rate))
