"""Hooks for ``schemathesis run``: fixtures, credentials, checks and clean-up in one module.

``SCHEMATHESIS_HOOKS=cart_conformance.schemathesis.hooks schemathesis run URL/openapi.json`` with
``CART_CONFORMANCE_URL``, ``CART_CONFORMANCE_CLIENT_ID`` and ``CART_CONFORMANCE_CLIENT_SECRET`` set.
The document that Schemathesis loads is replaced by the contract, bound to the fixtures.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.hooks import HookContext
from schemathesis.specs.openapi.schemas import OpenApiSchema

from cart_conformance.schemathesis import loading
from cart_conformance.schemathesis.transport import JudgedTransport, attach

_TARGET: list[loading.Target] = []


@schemathesis.hook
def before_load_schema(_context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Make the fixtures once, and replace the document by the contract bound to them."""
    if not _TARGET:
        _TARGET.append(loading.Target(loading.settings_from()))
    fixtures = _TARGET[0].fixtures
    raw_schema.clear()
    raw_schema.update(fixtures.document())
    raw_schema["servers"] = [{"url": fixtures.session.settings.target}]


@schemathesis.hook
def after_load_schema(_context: HookContext, schema: OpenApiSchema) -> None:
    """Make Schemathesis send through the session that made the fixtures."""
    schema.config.phases.coverage.unexpected_methods.clear()
    schema.config.phases.stateful.inference.algorithms.clear()
    attach(schema, JudgedTransport(_TARGET[0].fixtures))
